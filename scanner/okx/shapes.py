"""What the data of every endpoint are made of, and what is written in a request in the same way everywhere."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

__all__ = ["LONGEST_TEXT", "MalformedError", "canonical_chain", "salvage", "short_text", "written"]

T = TypeVar("T")

LONGEST_TEXT = 256
"""Characters that are kept of a text from outside."""


class MalformedError(ValueError):
    """Data that are not what the interface documents; says what is wrong, in words that quote nothing."""


def canonical_chain(value: object) -> str | None:
    """A chainIndex as text: it may come as a number. None where there is none. Raises MalformedError."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise MalformedError("a chainIndex is neither text nor a number")


def salvage(parts: Sequence[msgspec.Raw], decode: Callable[[msgspec.Raw], T]) -> tuple[list[T], int]:
    """Those of the parts that can be decoded, and how many cannot: one bad row must not cost the others."""
    good: list[T] = []
    for part in parts:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            good.append(decode(part))
    return good, len(parts) - len(good)


def short_text(value: object) -> str | None:
    """A name or a symbol as it came, cut where it is too long; None where there is none."""
    return value[:LONGEST_TEXT] or None if isinstance(value, str) else None


def written(owner: str) -> str:
    """An address as a request wants it: `0x` hex in lower case, every other form untouched."""
    return owner.lower() if owner[:2] in ("0x", "0X") else owner
