"""A rule's own thresholds: named values that its conditions read as `params.NAME`, and that a configuration can change.

A param is a constant: before a condition is run, the values stand in the places of the names. So all rules share the
facts of an approval, whatever their params are.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TypeAlias

from scanner.places import Data
from scanner.places import Path as Steps
from scanner.policy.fields import FieldType

__all__ = [
    "NO_PARAMS",
    "PARAM_HINT",
    "ParamValue",
    "Params",
    "WrongPart",
    "bind",
    "duration_of",
    "names_in",
    "param_type",
    "param_value",
    "read_params",
    "unbound_column",
    "written",
]

ParamValue: TypeAlias = float | timedelta | str | tuple[str, ...]
"""A number, a duration, a text, or a list of texts."""

Params: TypeAlias = Mapping[str, ParamValue]
"""A rule's params by name."""

WrongPart: TypeAlias = tuple[Steps, str, str, str]
"""What is wrong with a part of what was written: where, in words, a stable code, and a hint."""

PARAM_HINT = "a number, a duration such as 90d, a text, or a list of texts"

NO_PARAMS: Params = MappingProxyType({})

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,7}}){unit})?" for unit in "dhms"))
_TOKEN = re.compile(
    r"""(?P<other>//[^\n]*|[rR](?:"[^"]*"|'[^']*')|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?<![\w.])params\.(?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE,
)


def read_params(data: Data) -> tuple[tuple[Params, frozenset[str]], list[WrongPart]]:
    """What stands below a rule's `params:`: the sound ones, the names of the others, and what is wrong with those."""
    if not isinstance(data, dict) or not data:
        hint = "such as {usd: 1000, age: 90d}"
        return (NO_PARAMS, frozenset()), [((), "`params` is a mapping of names to defaults", "rule-shape", hint)]
    found: dict[str, ParamValue] = {}
    wrong: list[WrongPart] = []
    for name, default in data.items():
        value = param_value(default)
        if not _NAME.fullmatch(name):
            hint = "a lower-case letter, then letters, digits and _"
            wrong.append(((name,), f"{name!r} is not a name for a param", "bad-param", hint))
        elif value is None:
            wrong.append(((name,), f"the default of {name!r} is nothing that a param can be", "bad-param", PARAM_HINT))
        else:
            found[name] = value
    return (found, frozenset(data.keys() - found.keys())), wrong


def param_value(data: Data) -> ParamValue | None:
    """What somebody wrote as a value: `1000`, `90d`, `[a, b]`, or any other text. None where it is none of these."""
    if isinstance(data, list):
        texts = tuple(item for item in data if isinstance(item, str))
        return texts if len(texts) == len(data) else None
    if not isinstance(data, str) or not data.strip():
        return None
    if _NUMBER.fullmatch(data):
        return float(data)
    duration = duration_of(data)
    return data if duration is None else duration


def duration_of(text: str) -> timedelta | None:
    """A duration such as `90d` or `12h30m`; None where the text is none."""
    if not text or (found := _DURATION.fullmatch(text)) is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def param_type(value: ParamValue) -> FieldType:
    """What sort of value that is: a param keeps the type of its default."""
    match value:
        case float():
            return FieldType.NUMBER
        case timedelta():
            return FieldType.DURATION
        case str():
            return FieldType.TEXT
        case _:
            return FieldType.TEXTS


def written(value: ParamValue) -> str:
    """A value as people write it in a file: the other way of `param_value`."""
    match value:
        case float():
            return f"{value:.9f}".rstrip("0").rstrip(".")
        case timedelta():
            return _duration_text(value)
        case str():
            return value
        case _:
            return f"[{', '.join(value)}]"


def _duration_text(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    text = ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def names_in(text: str) -> frozenset[str]:
    """The params that a condition reads."""
    return frozenset(found["name"] for found in _uses(text))


def bind(text: str, params: Params) -> str:
    """A condition with the values of the params in the places of their names. The lines stay what they are."""

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        return _literal(params[name]) if name in params else found[0]

    return _TOKEN.sub(value, text)


def unbound_column(text: str, params: Params, line: int, column: int) -> int:
    """The column in a line of a condition of what stands at a column once its params are bound; all from 1."""
    added = 0
    for found in _uses(text.split("\n")[line - 1]):
        start = found.start() + 1
        length = len(_literal(params[found["name"]])) if found["name"] in params else len(found[0])
        if column < start + added + length:
            return min(column - added, start)
        added += length - len(found[0])
    return column - added


def _uses(text: str) -> Iterator[re.Match[str]]:
    return (found for found in _TOKEN.finditer(text) if found["name"])


def _literal(value: ParamValue) -> str:
    """A value as CEL writes it."""
    match value:
        case float():
            return f"({value!r})" if value < 0 else repr(value)
        case timedelta():
            seconds = int(value.total_seconds())
            return f'duration("{seconds}s")' if seconds % 86_400 else f"days({seconds // 86_400})"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return f"[{', '.join(map(_literal, value))}]"
