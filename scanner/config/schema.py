"""The JSON Schema of a configuration file, made from the sections of `model.py`: for editors, to complete and check.

A key's description is what its section's docstring says of it: `` `key`: meaning``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from inspect import getdoc
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from scanner.config.model import Sections
from scanner.config.patterns import Schema, either
from scanner.config.written import Written, WrittenIn

__all__ = ["config_schema"]

_NAMES = r"`\w+`(?:(?:, | and )`\w+`)*"
_TOLD = re.compile(rf"({_NAMES}): (.+?)(?=[.;] {_NAMES}: |\Z)")


def config_schema() -> dict[str, Any]:
    """The whole schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:approval-watch:config:1",
        "title": "Configuration of approval-watch",
        **_section(Sections),
    }


def _section(section: type) -> dict[str, Any]:
    """A mapping with the keys of a section. A key with nothing after it counts as left out."""
    hints = get_type_hints(section, include_extras=True)
    needed = {one.name for one in fields(section) if one.default is MISSING and one.default_factory is MISSING}
    meanings = dict(_meanings(section))
    properties = {}
    for one in fields(section):
        schema: Schema = _schema(hints[one.name])
        if one.name not in needed:
            schema = either(schema, {"type": "null"})
        meaning = meanings.get(one.name) or _summary(hints[one.name])
        properties[one.name.removesuffix("_")] = {**schema, "description": meaning}
    return {
        "type": "object",
        "description": _summary(section),
        "properties": properties,
        "required": sorted(name.removesuffix("_") for name in needed),
        "additionalProperties": False,
    }


def _schema(shape: Any) -> dict[str, Any]:
    """The schema of what has the shape of an annotation of `model.py`."""
    if isinstance(shape, type) and is_dataclass(shape):
        return _section(shape)
    for mark in getattr(shape, "__metadata__", ()):
        if isinstance(mark, Written | WrittenIn):
            return dict(mark.schema)
    origin, parts = get_origin(shape), get_args(shape)
    if origin in (Union, UnionType):
        return _schema(next(part for part in parts if part is not NoneType))
    if origin is tuple:
        return {"type": "array", "items": _schema(parts[0])}
    if origin is Mapping:
        return {"type": "object", "propertyNames": _key(parts[0]), "additionalProperties": _schema(parts[1])}
    return {}


def _key(shape: Any) -> dict[str, Any]:
    """The schema of keys, which JSON takes for texts whatever they look like."""
    schema = {name: value for name, value in _schema(shape).items() if name != "type"}
    return {"type": "string", **schema}


def _summary(shape: Any) -> str:
    """The first sentence of what a section is for."""
    if get_origin(shape) in (tuple, Mapping):
        shape = get_args(shape)[-1] if get_origin(shape) is Mapping else get_args(shape)[0]
    text = getdoc(shape) if isinstance(shape, type) and is_dataclass(shape) else ""
    return (text or "").partition("\n\n")[0].partition(". ")[0].replace("\n", " ").removesuffix(".")


def _meanings(section: type) -> Iterator[tuple[str, str]]:
    """What the docstring of a section says of its keys."""
    text = " ".join((getdoc(section) or "").split())
    for names, meaning in _TOLD.findall(text):
        said = meaning.rstrip(".")
        yield from ((name, said[:1].upper() + said[1:]) for name in re.findall(r"\w+", names.replace(" and ", " ")))
