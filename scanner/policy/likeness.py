"""What conditions can tell apart: two approvals of which all their tests say the same are judged the same.

A condition comes to what its tests come to, and most tests look at one field only. A truth is told by itself, a number
by the stretch between two cuts in which it lies, a text by what is asked of it. Together this is a likeness: small,
made without asking the engine, and the same for the many approvals between which no condition sees a difference.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from scanner.policy.cuts import FIRST, cuts_in, tests_of
from scanner.policy.engine import Condition, compile_condition, known_facts, value_of
from scanner.policy.fields import FIELDS, Facts, FieldType
from scanner.policy.splitting import comparison

__all__ = ["Likeness", "can_tell"]

REMEMBERED = 4096
"""Texts of which it is remembered what is said of them, and worths at first, of what they are held against."""

_EXACT = 2.0**53
"""Below this, whole numbers and floating point compare as they should; beyond, the engine rounds one to the other."""

_NUMBERS = frozenset({FieldType.COUNT, FieldType.NUMBER})
_TEXTS = frozenset({FieldType.TEXT, FieldType.TEXTS})
_FEW = frozenset(name for name, field in FIELDS.items() if field.type is FieldType.TRUTH or field.choices)

_Fields = tuple[str, ...]
_Ask = Callable[[Facts], Hashable]
"""What of some facts can be told apart, in one respect."""


class _Way(StrEnum):
    """What of the fields that a test reads decides it: all of their values, or only what the others say."""

    VALUES = "which values they have"
    NUMBER = "where a number lies among what it is held against"
    AGE = "where a duration lies among what it is held against"
    CONSTANT = "which of the constants it is, if any"
    SAME = "whether two are the same"
    TEXT = "what is said of a text, or of texts"


class Likeness:
    """Of facts, all that some conditions can tell apart. Each of these has to be one that `can_tell`."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        grouped: dict[tuple[_Way, _Fields], list[str]] = {}
        for text in dict.fromkeys(test for condition in conditions for test in tests_of(condition)):
            found = _way(text)
            if found is None:
                raise ValueError(f"what `{text}` tells apart is not known")
            grouped.setdefault(found, []).append(text)
        values = (name for way, fields in grouped if way is _Way.VALUES for name in fields)
        self._values = tuple(dict.fromkeys(values))
        self._asks = [_ASKS[way](fields, tests) for (way, fields), tests in grouped.items() if way in _ASKS]

    def of(self, facts: Facts) -> tuple[Hashable, ...]:
        """What the conditions can tell of some facts. Where it is the same of others, they say the same of both."""
        return (*map(facts.get, self._values), *[ask(facts) for ask in self._asks])


def can_tell(condition: Condition) -> bool:
    """Whether it is known what a condition tells apart; if not, it has to be asked of each approval."""
    return all(_way(text) is not None for text in tests_of(condition))


@cache
def _way(text: str) -> tuple[_Way, _Fields] | None:
    """What decides a test, and of which fields; None where that is not known."""
    test = compile_condition(text)
    if not isinstance(test, Condition):
        return None
    if _FEW.issuperset(test.reads):
        return _Way.VALUES, test.reads
    line = next((name for name in test.reads if _cut(text, name)), None)
    if line is not None:
        return _Way.AGE if FIELDS[line].type is FieldType.DURATION else _Way.NUMBER, (line,)
    types = {FIELDS[name].type for name in test.reads}
    if len(test.reads) == 2 and types == {FieldType.TEXT} and _compared(text) == {*test.reads}:
        return _Way.SAME, test.reads
    if len(test.reads) == 1 and types <= _TEXTS:
        [name] = test.reads
        constant = FIELDS[name].type is FieldType.TEXT and _constant(text, name) is not None
        return _Way.CONSTANT if constant else _Way.TEXT, test.reads
    return None


def _cut(text: str, field: str) -> bool:
    """Whether all that a test does with a number or a duration is to hold it against something."""
    cuts = cuts_in([text], field)
    if FIELDS[field].type in _NUMBERS:
        return not cuts.everywhere and all(abs(number) < _EXACT for number in cuts.numbers())
    return FIELDS[field].type is FieldType.DURATION and cuts.fixed


def _compared(text: str) -> set[str]:
    """The two sides of a test that asks only whether they are the same."""
    found = comparison(text)
    return set() if found is None or found.operator not in {"==", "!="} else {found.left, found.right}


def _constant(text: str, field: str) -> str | None:
    """The text that a test asks a field to be, or not to be; None where it asks for anything else."""
    others = _compared(text) - {field}
    value = value_of(others.pop(), {}) if field in _compared(text) and others else None
    return value if isinstance(value, str) else None


def _number(fields: _Fields, tests: Sequence[str]) -> _Ask:
    [name] = fields
    cuts = cuts_in(tests, name)
    edges, moving = cuts.numbers(), lru_cache(REMEMBERED)(cuts.moving)

    def ask(facts: Facts) -> Hashable:
        number: Any = facts.get(name)
        if number is None:
            return None
        first: Any = facts.get(FIRST) if cuts.expressions else None
        if not -_EXACT < number < _EXACT:
            return number, first
        place = _place(edges, number)
        return (place, *[_side(number, cut) for cut in moving(first)]) if cuts.expressions else place

    return ask


def _age(fields: _Fields, tests: Sequence[str]) -> _Ask:
    [name] = fields
    edges = cuts_in(tests, name).durations()

    def ask(facts: Facts) -> Hashable:
        age = facts.get(name)
        return None if age is None else _place(edges, age)

    return ask


def _place(edges: Sequence[Any], value: Any) -> int:
    """A number for each edge, and for each stretch between two of them."""
    return bisect_left(edges, value) + bisect_right(edges, value)


def _side(number: float, cut: Any) -> Hashable:
    # What is no number, the engine may hold a number against all the same, and says always the same of it.
    return (number <= cut, number >= cut) if isinstance(cut, int | float) else type(cut).__name__


def _among(fields: _Fields, tests: Sequence[str]) -> _Ask:
    [name] = fields
    constants = {constant: constant for text in tests if (constant := _constant(text, name)) is not None}

    def ask(facts: Facts) -> Hashable:
        text: Any = facts.get(name)
        return None if text is None else constants.get(text, False)

    return ask


def _same(fields: _Fields, _: Sequence[str]) -> _Ask:
    one, other = fields

    def ask(facts: Facts) -> Hashable:
        first, second = facts.get(one), facts.get(other)
        return None if first is None or second is None else first == second

    return ask


def _said(fields: _Fields, tests: Sequence[str]) -> _Ask:
    [name] = fields
    conditions = [test for text in tests if isinstance(test := compile_condition(text), Condition)]

    @lru_cache(REMEMBERED)
    def said(value: str | tuple[str, ...]) -> Hashable:
        known = known_facts({name: value if isinstance(value, str) else [*value]})
        return tuple(condition.judge(known) for condition in conditions)

    def ask(facts: Facts) -> Hashable:
        value: Any = facts.get(name)
        return None if value is None else said(value if isinstance(value, str) else tuple(value))

    return ask


_ASKS: Mapping[_Way, Callable[[_Fields, Sequence[str]], _Ask]] = {
    _Way.NUMBER: _number,
    _Way.AGE: _age,
    _Way.CONSTANT: _among,
    _Way.SAME: _same,
    _Way.TEXT: _said,
}
"""How to tell apart by anything but the values themselves."""
