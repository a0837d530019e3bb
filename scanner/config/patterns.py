"""How values look before anybody reads them, in the words of JSON Schema: what an editor can check while one types.

A schema refuses nothing that the reader takes. The other way round it says as much as it can: whether a checksum fits
or a folder exists is the reader's alone to say.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

__all__ = [
    "ANYTHING",
    "CHAIN",
    "DURATION",
    "NAME",
    "OFF",
    "RHYTHM",
    "SCALAR",
    "SECRET",
    "SECRET_OR_URL",
    "TEXT",
    "TRUTH",
    "Schema",
    "between",
    "either",
    "words",
]

Schema: TypeAlias = Mapping[str, Any]
"""A part of a JSON Schema, draft 2020-12."""


def words(choices: Iterable[str]) -> Schema:
    """One of some words."""
    return {"enum": [str(choice) for choice in choices]}


def either(*schemas: Schema) -> Schema:
    """Any of these."""
    return {"anyOf": list(schemas)}


def between(low: float, high: float) -> Schema:
    """A plain decimal number between two bounds, both included; also in quotes."""
    quoted = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$"}
    return either({"type": "number", "minimum": low, "maximum": high}, quoted)


ANYTHING: Schema = {}

SCALAR: Schema = {"type": ["string", "number", "boolean"]}
"""One value, however YAML takes it: the text that was written counts, in quotes or not."""

TEXT: Schema = {**SCALAR, "minLength": 1, "maxLength": 64}
NAME: Schema = {**SCALAR, "pattern": "^[A-Za-z0-9_-]{1,64}$"}
TRUTH: Schema = either(
    {"type": "boolean"},
    # In any case of letters, and a schema's pattern has no switch for that.
    words(case(word) for word in ("true", "yes", "on", "false", "no", "off") for case in (str, str.upper, str.title)),
)
CHAIN: Schema = {**SCALAR, "description": "A chain's name, such as ethereum, an alias, or the provider's chainIndex"}

_PART = r"([0-9]{1,9}(\.[0-9]{1,3})? *%s *)?"
DURATION: Schema = {
    "type": "string",
    "pattern": f"^ *(?=[0-9]){''.join(_PART % unit for unit in 'dhms')}$",
    "description": "A duration, such as 90s, 15m, 1h30m or 7d",
}
OFF: Schema = either({"const": False}, words(["off"]))  # YAML 1.1 reads an unquoted off as false
RHYTHM: Schema = either(OFF, words(["daily", "weekly", "monthly"]), DURATION)

SECRET: Schema = {
    "type": "object",
    "description": "Where a secret comes from: {env: NAME}, {file: PATH} or {credential: NAME}",
    "properties": {
        "env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "description": "An environment variable"},
        "file": {
            **SCALAR,
            "minLength": 1,
            "description": "A path; a relative one starts from the configuration's folder",
        },
        "credential": {
            **SCALAR,
            "pattern": r"^(?!\.)[A-Za-z0-9._@-]{1,255}$",
            "description": "A file in $CREDENTIALS_DIRECTORY, as systemd makes it",
        },
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
SECRET_OR_URL: Schema = either(SECRET, {"type": "string", "pattern": "://"})
