"""The JSON Schema of a rule file, made from the keys and the fields that the loader knows: for editors.

It refuses nothing that the loader takes. What a condition says is the loader's alone to judge.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from scanner.domain.alerts import Severity
from scanner.domain.changes import ChangeKind
from scanner.policy.fields import FIELDS, Field, FieldType
from scanner.policy.keys import GRADE_KEYS, RULE_KEYS, TEST_KEYS, Key
from scanner.policy.rules import EXCEPTABLE, Expectation, IfUnknown
from scanner.policy.trials import RAW, UNKNOWN

__all__ = ["rules_schema"]

_Schema: TypeAlias = Mapping[str, Any]

# The text that was written counts, however YAML takes it.
_SCALAR: _Schema = {"type": ["string", "number", "boolean"]}
_TEXT: _Schema = {**_SCALAR, "pattern": r"\S"}
_SEVERITY: _Schema = {"enum": [severity.value for severity in Severity]}
_TRUTHS = [case(word) for word in ("true", "yes", "false", "no") for case in (str, str.upper, str.title)]
_CONDITION: _Schema = _TEXT


def rules_schema() -> dict[str, Any]:
    """The whole schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:approval-watch:rules:1",
        "title": "Rules of approval-watch",
        "type": ["object", "null"],
        "properties": {"rules": {"type": ["array", "null"], "description": "The rules", "items": _rule()}},
        "additionalProperties": False,
    }


def _rule() -> _Schema:
    parts: dict[str, _Schema] = {
        "id": {**_SCALAR, "pattern": "^ *[A-Za-z0-9]+(-[A-Za-z0-9]+)* *$"},
        "title": _TEXT,
        "severity": _SEVERITY,
        "when": _CONDITION,
        "until": _CONDITION,
        "grades": _list(_mapping(GRADE_KEYS, {"severity": _SEVERITY, "when": _CONDITION, "until": _CONDITION})),
        "on": _list({"enum": [kind.value for kind in ChangeKind]}),
        "why": {"type": [*_SCALAR["type"], "null"]},
        "fix": {"type": [*_SCALAR["type"], "null"]},
        "noise": _TEXT,
        "if_unknown": {"enum": [word.value for word in IfUnknown]},
        "params": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,39}$"},
            "additionalProperties": _either(_TEXT, {"type": "array", "items": _SCALAR}),
        },
        "exceptions": {"type": "array", "items": _list({"enum": [*EXCEPTABLE]})},
        "tests": {"type": ["array", "null"], "items": _test()},
    }
    # What happened does not stop having happened.
    events = {"if": {"required": ["on"]}, "then": {"properties": {"until": False, "grades": False}}}
    return {**_mapping(RULE_KEYS, parts), **events}


def _test() -> _Schema:
    parts: dict[str, _Schema] = {
        "name": _SCALAR,
        "given": {
            "type": "object",
            "properties": {RAW: _raw(), **{field.name: _given(field) for field in FIELDS.values()}},
            "additionalProperties": False,
        },
        "expect": {"enum": [word.value for word in Expectation]},
        "severity": _SEVERITY,
        "open": {"enum": [True, "true", *_SEVERITY["enum"]]},
    }
    return _mapping(TEST_KEYS, parts)


def _given(field: Field) -> _Schema:
    """What a test can give for a field."""
    match field.type:
        case FieldType.TRUTH:
            shape = _either({"type": "boolean"}, {"enum": [*_TRUTHS, UNKNOWN]})
        case FieldType.TEXTS:
            shape = _either({"type": "array", "items": _SCALAR}, {"const": UNKNOWN})
        case FieldType.COUNT:
            written = {"type": "string", "pattern": f"^([0-9]{{1,18}}|{UNKNOWN})$"}
            shape = _either({"type": "integer", "minimum": 0}, written)
        case FieldType.NUMBER:
            written = {"type": "string", "pattern": r"^\s*[-+]?[0-9_]*\.?[0-9_]*([eE][-+]?[0-9]+)?\s*$"}
            shape = _either({"type": "number"}, written, {"const": UNKNOWN})
        case FieldType.DURATION:
            shape = {"type": "string", "pattern": rf"^([0-9]{{1,8}}\s*[smhd]|{UNKNOWN})$"}
        case _:
            shape = {"enum": [*field.choices, UNKNOWN]} if field.choices else _SCALAR
    unknown = f"; unknown {field.unknown}" if field.unknown else ""
    return {**shape, "description": f"{field.meaning} ({field.type}{unknown})"}


def _raw() -> _Schema:
    written = {"type": "string", "pattern": f"^([0-9]+|max|unlimited|{UNKNOWN})$"}
    said = "The amount in the token's smallest unit, max, unlimited (in words) or unknown; only for tests"
    return {**_either({"type": "integer", "minimum": 0}, written), "description": said}


def _mapping(keys: Mapping[str, Key], parts: Mapping[str, _Schema]) -> _Schema:
    """A mapping with these keys, each described. Raises KeyError for a key whose shape is not known."""
    return {
        "type": "object",
        "properties": {name: {**parts[name], "description": key.meaning} for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.needed],
        "additionalProperties": False,
    }


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "minItems": 1, "items": items}


def _either(*schemas: _Schema) -> _Schema:
    return {"anyOf": list[_Schema](schemas)}
