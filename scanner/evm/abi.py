"""Calldata, and what calls give back, by hex slicing: 32-byte words, and the one dynamic text there is.

Strangers write what is read here. Nothing raises: what cannot be read is None.
"""

from functools import lru_cache

from scanner.evm.values import Returned

__all__ = ["LONGEST_TEXT", "WORD", "calldata", "number", "text", "word"]

WORD = 64
"""Hex digits in a word of 32 bytes."""

LONGEST_TEXT = 256
"""Characters that are kept of a text."""


def word(value: str | int) -> str:
    """An address (hex with 0x) or a non-negative integer as a word of hex without 0x."""
    return value[2:].rjust(WORD, "0") if isinstance(value, str) else f"{value:064x}"


_argument = lru_cache(maxsize=10_000)(word)
"""`word`, remembered: an owner or a spender stands in many calls."""


def calldata(selector: str, *arguments: str | int) -> str:
    """A function's selector and its arguments, each an address or an integer, as hex with 0x."""
    return selector + "".join(map(_argument, arguments))


def number(data: Returned, index: int = 0) -> int | None:
    """The unsigned integer in a word of an answer; None where the answer is shorter than that, or was reverted."""
    if data is None or len(digits := data[index * WORD : (index + 1) * WORD]) < WORD:
        return None
    try:
        return int(digits, 16)
    except ValueError:
        return None


def text(data: Returned) -> str | None:
    """A text that is ABI's `string`, or `bytes32` as the first tokens had it; None where it is neither, or empty.

    Bytes that are no UTF-8 are replaced, zero bytes are left out, and what is longer than a name can be is cut; a
    length that claims more than there is is not believed.
    """
    if data is None or len(data) < WORD:
        return None
    raw = data if len(data) == WORD else _string(data)
    try:
        found = bytes.fromhex(raw[: 8 * LONGEST_TEXT])  # no character of UTF-8 takes more than four bytes
    except ValueError:
        return None
    return found.decode(errors="replace").replace("\0", "")[:LONGEST_TEXT] or None


def _string(data: str) -> str:
    """The digits of a dynamic string's bytes, as far as they are there; none where its offset leads astray."""
    offset = number(data)
    if offset is None:
        return ""
    begin = offset * 2 + WORD
    length = number(data[offset * 2 : begin])
    return "" if length is None else data[begin : begin + length * 2]
