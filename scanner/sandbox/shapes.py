"""Checks what a person wrote in a world against what may stand there; all problems at once, each with its place."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from scanner.errors import Problem, closest
from scanner.places import Data, Document, Path
from scanner.sandbox.chains import chain_index, in_base58

__all__ = [
    "Converter",
    "Sheet",
    "address",
    "chain",
    "decimal",
    "flag",
    "maybe",
    "number",
    "one_of",
    "suggestion",
    "text",
]

Converter: TypeAlias = Callable[[str], Any]
"""From the text that was written to a value. Raises ValueError with a sentence for a person."""


@dataclass(slots=True)
class Sheet:
    """A document being checked, and the problems found so far."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: Path, message: str, *, key: bool = False, code: str = "invalid", hint: str = "") -> None:
        """Note a problem with the value (or, with `key`, the key) at a path."""
        self.problems.append(Problem(self.document.place(path, key=key), message, code, hint))

    def mapping(self, data: Data, path: Path, what: str) -> dict[str, Data]:
        """The data as a mapping; an empty one where it is none, which is a problem unless nothing is written."""
        if isinstance(data, dict):
            return data
        if data is not None:
            self.refuse(path, f"{what} has to be a mapping")
        return {}

    def sequence(self, data: Data, path: Path, what: str) -> list[Data]:
        """The data as a list; an empty one where it is none, which is a problem unless nothing is written."""
        if isinstance(data, list):
            return data
        if data is not None:
            self.refuse(path, f"{what} has to be a list")
        return []

    def known(self, data: Mapping[str, Data], path: Path, names: Collection[str]) -> None:
        """Note every key that may not stand here."""
        for name in data.keys() - set(names):
            hint = suggestion(name, names)
            self.refuse((*path, name), f"unknown key {name!r}", key=True, code="unknown-key", hint=hint)

    def fields(
        self,
        data: Data,
        path: Path,
        what: str,
        required: Mapping[str, Converter],
        optional: Mapping[str, Converter] | None = None,
    ) -> dict[str, Any] | None:
        """The converted values of a mapping's keys, or None where anything is wrong with them."""
        before = len(self.problems)
        if not isinstance(data, dict):
            self.refuse(path, f"{what} has to be a mapping with {', '.join(required)}")
            return None
        converters = {**required, **(optional or {})}
        self.known(data, path, converters)
        for name in required.keys() - data.keys():
            self.refuse(path, f"{what} needs {name!r}", code="missing")
        values = {
            name: self.value(data[name], (*path, name), convert) for name, convert in converters.items() if name in data
        }
        return None if len(self.problems) > before else values

    def value(self, data: Data, path: Path, convert: Converter) -> Any:
        """The converted value, or None where it cannot be converted."""
        if not isinstance(data, str):
            self.refuse(path, f"{path[-1]!r} has to be a plain value")
            return None
        try:
            return convert(data)
        except ValueError as error:
            self.refuse(path, str(error))
            return None


def suggestion(word: str, known: Collection[str]) -> str:
    """What may have been meant by a word that is not known."""
    return closest(word, known) or (f"known here: {', '.join(known)}" if known else "nothing is known here")


def text(written: str) -> str:
    """Any text."""
    return written


def number(written: str) -> int:
    """A whole number from 0 on; digits may be grouped with `_`."""
    if not (written.isascii() and written.replace("_", "").isdigit()):
        raise ValueError(f"{written!r} is not a whole number")
    return int(written)


def decimal(written: str) -> Decimal:
    """A number from 0 on, with a fraction or without."""
    try:
        value = Decimal(written)
    except InvalidOperation:
        raise ValueError(f"{written!r} is not a number") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"{written!r} is not a number from 0 on")
    return value


def flag(written: str) -> bool:
    """true or false."""
    return one_of("true", "false")(written) == "true"


def chain(written: str) -> str:
    """A chain's name or chainIndex, as a chainIndex."""
    return chain_index(written)


def address(written: str) -> str:
    """An address: of an EVM chain, in lower case, or of a chain that writes them in base58, as it is."""
    if in_base58(written):
        return written
    if len(written) != 42 or not written.startswith("0x") or set(written[2:]) - set("0123456789abcdefABCDEF"):
        raise ValueError(f"{written!r} is not an address: 0x and 40 hexadecimal digits are expected")
    return written.lower()


def maybe(convert: Converter) -> Converter:
    """Nothing (""), or what the converter takes."""
    return lambda written: convert(written) if written else ""


def one_of(*words: str) -> Callable[[str], str]:
    """One of a few words."""

    def convert(written: str) -> str:
        if written in words:
            return written
        raise ValueError(f"{written!r} is not known here; {suggestion(written, words)}")

    return convert
