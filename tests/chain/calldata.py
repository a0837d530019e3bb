"""Calldata and what contracts give back, written by hand: it shares nothing with the encoding under test."""

from collections.abc import Sequence
from typing import TypeAlias

from eth_hash.auto import keccak

__all__ = ["Value", "called", "constructed", "number", "selector", "topic", "words"]

Value: TypeAlias = "int | str | bytes | Sequence[Value]"
"""A number (or truth), an address or other hex with 0x for one word, dynamic bytes, an array of values, or (as a tuple)
a struct of static values."""


def topic(event: str) -> str:
    """The first topic of an event, by its signature such as `Approval(address,address,uint256)`."""
    return "0x" + keccak(event.encode()).hex()


def selector(function: str) -> str:
    """The first four bytes of a call, as hex without 0x, by the function's signature."""
    return keccak(function.encode()).hex()[:8]


def words(values: Sequence[Value]) -> str:
    """Arguments by the contract ABI, as hex without 0x."""
    sizes = [len(value) if isinstance(value, tuple) else 1 for value in values]
    heads, tails = [], ""
    for value in values:
        if isinstance(value, bytes | list):
            heads.append(f"{32 * sum(sizes) + len(tails) // 2:064x}")
            tails += _dynamic(value)
        else:
            heads.append(_static(value))
    return "".join(heads) + tails


def called(function: str, *arguments: Value) -> str:
    """A call's data, as hex with 0x."""
    return "0x" + selector(function) + words(arguments)


def constructed(code: str, *arguments: Value) -> str:
    """Init code (hex, with or without 0x) with its constructor's arguments, as hex with 0x."""
    return "0x" + code.removeprefix("0x") + words(arguments)


def number(returned: str | None, word: int = 0) -> int | None:
    """One word of what a call gave back; None where it reverted or gave back less."""
    found = (returned or "0x")[2:][64 * word : 64 * (word + 1)]
    return int(found, 16) if len(found) == 64 else None


def _static(value: Value) -> str:
    if isinstance(value, tuple):
        return "".join(map(_static, value))
    if isinstance(value, int):
        return f"{value:064x}"
    assert isinstance(value, str), value
    return value.removeprefix("0x").lower().rjust(64, "0")


def _dynamic(value: bytes | list[Value]) -> str:
    if isinstance(value, list):
        return f"{len(value):064x}" + "".join(map(_static, value))
    return f"{len(value):064x}" + value.hex() + "00" * (-len(value) % 32)
