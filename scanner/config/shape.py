"""Holds what a file says against the sections of `model.py`, and puts pydantic's findings into a person's words."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from scanner.config.model import Sections
from scanner.config.written import WrongError, did_you_mean, listed
from scanner.errors import Problem
from scanner.places import Data, Document
from scanner.places import Path as Route

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

__all__ = ["dotted", "fit"]


def fit(document: Document, data: dict[str, Data], folder: Path) -> tuple[Sections | None, list[Problem]]:
    """The sections of a file, or None and everything that keeps it from having their shape.

    A key with nothing after it counts as left out, as people leave keys when they comment out what is below.
    """
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(_filled(data, Sections), context=folder), []
    except ValidationError as error:
        return None, [_problem(details, document) for details in error.errors(include_url=False, include_input=False)]


def dotted(route: Route) -> str:
    """A key's way through the file, as in `wallets[0].address`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in route).removeprefix(".")


@cache
def _adapter() -> "TypeAdapter[Sections]":
    from pydantic import TypeAdapter

    return TypeAdapter(Sections)


@cache
def _fields(section: type) -> dict[str, Any]:
    """The keys of a section, and the shape of what stands below each."""
    hints = get_type_hints(section, include_extras=True)
    return {name.removesuffix("_"): hint for name, hint in hints.items() if not name.startswith("__")}


def _below(shape: object, step: str | int) -> object:
    """The shape of what stands below a key or a number; None where that is a single value, or unknown."""
    if isinstance(shape, type) and is_dataclass(shape):
        return _fields(shape).get(str(step))
    if get_origin(shape) in (tuple, Mapping):
        return get_args(shape)[0 if get_origin(shape) is tuple else 1]
    return None


def _filled(data: Data, shape: object) -> Data:
    """The data without a section's empty keys, and with Python's own words spelled as fields are."""
    if isinstance(data, list):
        return [_filled(item, _below(shape, number)) for number, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    if not (isinstance(shape, type) and is_dataclass(shape)):
        return {key: _filled(value, _below(shape, key)) for key, value in data.items()}
    known = _fields(shape)
    return {
        f"{key}_" if iskeyword(key) else key: _filled(value, known.get(key))
        for key, value in data.items()
        if value is not None or key not in known
    }


def _problem(details: "ErrorDetails", document: Document) -> Problem:
    of_key = "[key]" in details["loc"]
    route = tuple(_written(step) for step in details["loc"] if step != "[key]")
    match details["type"]:
        case "value_error":
            return _wrong(details["ctx"]["error"], route, document, of_key=of_key)
        case "unexpected_keyword_argument":
            known = _fields(_section(route[:-1]))
            where = f" in {dotted(route[:-1])}" if len(route) > 1 else ""
            said = f"unknown key {str(route[-1])!r}{where}"
            return Problem(document.place(route, key=True), said, "unknown-key", did_you_mean(str(route[-1]), known))
        case "missing":
            return Problem(document.place(route[:-1], key=True), f"{dotted(route)} is missing", "missing-key")
        case "tuple_type":
            expected, hint = "a list is expected", "write [a, b], or each on its own line after a dash"
        case "dataclass_type":
            expected, hint = "a mapping is expected", f"keys: {listed(_fields(_section(route)))}"
        case _:
            expected, hint = "a mapping is expected", "write name: value, each on its own line"
    return Problem(document.place(route), f"{dotted(route) or 'the file'}: {expected}", "wrong-type", hint)


def _wrong(error: WrongError, route: Route, document: Document, *, of_key: bool) -> Problem:
    of_key = of_key or error.code in ("unknown-key", "conflict")
    place = document.place((*route, *error.at), key=of_key)
    return Problem(place, f"{dotted(route)}: {error.message}", error.code, error.hint)


def _written(step: str | int) -> str | int:
    return step.removesuffix("_") if isinstance(step, str) and iskeyword(step.removesuffix("_")) else step


def _section(route: Route) -> type:
    shape: object = Sections
    for step in route:
        shape = _below(shape, step)
    if not isinstance(shape, type):
        raise TypeError(f"{dotted(route)} is no section")
    return shape
