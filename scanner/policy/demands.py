"""What a test of a condition would take to come out otherwise, in words: the value as it is beside the threshold."""

import re
from collections.abc import Iterable
from datetime import timedelta

from scanner.domain.hostile import quoted
from scanner.domain.plain import counted
from scanner.policy.engine import Condition, value_of
from scanner.policy.fields import FIELDS, Facts, FieldType, in_words
from scanner.policy.splitting import comparison

__all__ = ["about", "demand"]

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_BOUNDS = {
    "==": "{}",
    "!=": "anything but {}",
    "<": "less than {}",
    "<=": "{} or less",
    ">": "more than {}",
    ">=": "{} or more",
}
_ENTRIES = re.compile(r"(?P<field>[\w.]+)\.size\(\) (?P<operator>==|!=|>) 0")
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def about(test: Condition, facts: Facts) -> str:
    """The values behind a test: `exposure.usd is 4,210`."""
    return ", ".join(_is(name, facts.get(name)) for name in test.reads)


def demand(test: Condition, wanted: bool, facts: Facts) -> str:
    """What a test would take to hold, or to fail if not `wanted`: `exposure.usd is 4,210; it would have to be …`."""
    text = test.bound
    if (counted := _ENTRIES.fullmatch(text)) and _is_list(counted["field"]):
        empty = (counted["operator"] == "==") is wanted
        return f"{_subject(counted['field'], facts)}; it would have to {'be empty' if empty else 'have an entry'}"
    if text in FIELDS:
        return f"{_subject(text, facts)}; it would have to be {_words(wanted)}"
    if (compared := comparison(text)) is not None:
        left, operator, right = compared.left, compared.operator, compared.right
        if operator == "in":
            return _membership(left, right, wanted, facts)
        if _is_constant(left):
            left, operator, right = right, _MIRRORED.get(operator, operator), left
        bound = _BOUNDS[operator if wanted else _OPPOSITE[operator]].format(_threshold(right, facts))
        return f"{_subject(left, facts)}; it would have to be {bound}"
    return f"{about(test, facts)}; `{text}` would have to {'hold' if wanted else 'fail'}"


def _is_list(name: str) -> bool:
    return name in FIELDS and FIELDS[name].type is FieldType.TEXTS


def _membership(left: str, right: str, wanted: bool, facts: Facts) -> str:
    if _is_constant(left):
        verb = "hold" if wanted else "be without"
        return f"{_subject(right, facts)}; it would have to {verb} {_threshold(left, facts)}"
    side = "one" if wanted else "none"
    return f"{_subject(left, facts)}; it would have to be {side} of {_threshold(right, facts)}"


def _subject(text: str, facts: Facts) -> str:
    """One side of a comparison and its value."""
    return _is(text, value_of(text, facts))


def _is(name: str, value: object) -> str:
    return f"{name} is {_words(value)}"


def _threshold(text: str, facts: Facts) -> str:
    """The other side: a constant's value; of what itself depends on the approval the text, too."""
    value = value_of(text, facts)
    if _is_constant(text):
        return _words(value)
    return f"`{text}` ({_words(value)})"


def _is_constant(text: str) -> bool:
    return value_of(text, {}) is not None


def _words(value: object) -> str:
    """A value for a person: like a field's, but texts in quotation marks and durations to their second unit."""
    match value:
        case None:
            return "not known"
        case str():
            return quoted(value) if value else "empty"
        case list():
            return _listed(value)
        case timedelta():
            return _span(value)
        case int() if not isinstance(value, bool):
            return f"{value:,}"
        case _:
            return in_words(value)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(_words(value) for value in values) or "empty"


def _span(value: timedelta) -> str:
    """A duration in its largest unit and the one below that."""
    rest = int(value.total_seconds())
    place = next((place for place, (size, _) in enumerate(_UNITS) if rest >= size), len(_UNITS) - 1)
    found: list[str] = []
    for size, unit in _UNITS[place : place + 2]:
        count, rest = divmod(rest, size)
        if count or not found:
            found.append(counted(count, unit))
    return " ".join(found)
