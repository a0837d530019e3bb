"""What stands around the words of every message: a title where there is room for one, and a reference as last line."""

from scanner.delivery.words import one_line, size

__all__ = ["REPEAT", "SEPARATOR", "has_title", "repeated", "room", "signed", "titled"]

REPEAT = "(possible repeat)"
SEPARATOR = "\n———\n"  # a line of its own: some channels swallow empty ones

LONGEST_ID = 16
LONGEST_TITLE = 110

UNTITLED_BELOW = 600
"""Where a message has less room than this, it has no title: its first line says as much."""


def has_title(budget: int) -> bool:
    """Whether a message of at most that size has a title."""
    return budget >= UNTITLED_BELOW


def titled(title: str, budget: int, part: str = "") -> str:
    """A message's title in one line, with the `part` that it is at its end; "" where there is no room for one."""
    return one_line(title, LONGEST_TITLE - size(part)) + part if has_title(budget) else ""


def room(budget: int) -> int:
    """How much a message of at most that size can say between its title and its reference, also when it is repeated.

    Sizes are as `words.size` counts.
    """
    title = LONGEST_TITLE if has_title(budget) else 0
    return budget - title - size(f"\n\n\n{REPEAT}\nref ") - LONGEST_ID


def signed(text: str, message_id: str) -> str:
    """The body of a message: its text, and its reference as the last line."""
    return f"{text}\nref {message_id}"


def repeated(body: str) -> str:
    """The body of a message that may have arrived before; its reference stays the last line."""
    text, _, reference = body.rpartition("\n")
    return f"{text}\n{REPEAT}\n{reference}"
