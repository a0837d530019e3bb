"""What a condition is made of, as the CEL library itself understood it.

The library hands out its checked tree only as protobuf bytes (`cel.expr.CheckedExpr`). The few fields that matter are
read here, so that whoever reasons about a condition reasons about the same one that is run.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Call", "Constant", "Listing", "Name", "Node", "Opaque", "parse_checked"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that was written out: a truth, a number, a text."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Name:
    """A field, by its name in the registry."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function, in the library's spelling: `_&&_`, `@in`, `size`. A method's object comes first."""

    function: str
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that was written out."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Opaque:
    """Anything else, such as a macro. No two of one condition are the same."""

    source: bytes


Node: TypeAlias = Constant | Name | Call | Listing | Opaque

_Value: TypeAlias = int | bytes

# The numbers of fields below are those of google.protobuf.Any, and of CEL's own checked.proto and syntax.proto.
_ANY_VALUE, _CHECKED_EXPR = 2, 4


def parse_checked(serialized: bytes) -> Node:
    """The tree of a compiled expression, from what the library's `serialize` gave."""
    return _node(_only(_only(serialized, _ANY_VALUE), _CHECKED_EXPR))


def _only(message: bytes, number: int) -> bytes:
    return next((value for key, value in _fields(message) if key == number and isinstance(value, bytes)), b"")


def _node(message: bytes) -> Node:
    for number, value in _fields(message):
        if not isinstance(value, bytes):
            continue  # the expression's own number
        match number:
            case 3:
                return _constant(value) or Opaque(value)
            case 4:
                return Name(_only(value, 1).decode())
            case 6:
                return _call(value)
            case 7:
                return Listing(
                    tuple(_node(item) for key, item in _fields(value) if key == 1 and isinstance(item, bytes))
                )
    return Opaque(message)


def _call(message: bytes) -> Call:
    parts = [(number, value) for number, value in _fields(message) if isinstance(value, bytes)]
    function = next(value.decode() for number, value in parts if number == 2)
    return Call(function, tuple(_node(value) for number, value in parts if number in {1, 3}))


def _constant(message: bytes) -> Constant | None:
    """A constant; its field is written even where it has its type's default value."""
    for number, value in _fields(message):
        match number, value:
            case 2, int():
                return Constant(bool(value))
            case 3, int():
                return Constant(value - (1 << 64) if value >> 63 else value)
            case 4, int():
                return Constant(value)
            case 5, bytes():
                return Constant(float(struct.unpack("<d", value)[0]))
            case 6, bytes():
                return Constant(value.decode())
    return None


def _fields(message: bytes) -> Iterator[tuple[int, _Value]]:
    """The fields of a protobuf message, in order: numbers for varints, bytes for the rest."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
                yield tag >> 3, value
                continue
            case 1:
                size = 8
            case 2:
                size, at = _varint(message, at)
            case _:
                size = 4
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
