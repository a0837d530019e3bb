"""Where the outcome of conditions can change while one number moves: at what the conditions hold it against.

Between two such cuts every condition says the same, so that a replay need not ask. A number that is used in any other
way has to be asked about wherever it moves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import isnan

from scanner.policy.engine import Condition, reads, value_of
from scanner.policy.fields import FIELDS
from scanner.policy.splitting import Part, comparison, split

__all__ = ["FIRST", "Cuts", "cuts_in", "cuts_of", "tests_of"]

REMEMBERED = 16_384
"""Worths at first of which it is remembered what an expression comes to."""

FIRST = "exposure.first_usd"
"""The field that stands still until an approval changes: what is reckoned from it alone is as good as a constant."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """What rules hold one number against: constants, and expressions that only `FIRST` decides.

    `everywhere` says that the number is used in some other way, too.
    """

    constants: tuple[object, ...] = ()
    expressions: tuple[str, ...] = ()
    everywhere: bool = False

    @property
    def fixed(self) -> bool:
        """Whether constants are all that the number is held against."""
        return not self.everywhere and not self.expressions

    def numbers(self, first: float | None = None) -> list[float]:
        """The cuts of a number, given what `FIRST` is, if that is known."""
        values = (*self.constants, *self.moving(first))
        return sorted({float(value) for value in values if isinstance(value, int | float)})

    def durations(self) -> list[timedelta]:
        """The cuts of a duration, of those that are constants."""
        return sorted({value for value in self.constants if isinstance(value, timedelta)})

    def moving(self, first: float | None) -> list[object | None]:
        """What each of the expressions comes to."""
        return [_given(text, first) for text in self.expressions]


# The same worths come again and again, and packs that are parts of one another ask the same of them.
@lru_cache(REMEMBERED)
def _given(text: str, first: float | None) -> object | None:
    return value_of(text, {} if first is None else {FIRST: first})


def cuts_of(conditions: Iterable[Condition], field: str) -> Cuts:
    """Where what conditions say can change while this field moves, if of all else only money and time move."""
    return cuts_in(dict.fromkeys(test for condition in conditions for test in tests_of(condition)), field)


def cuts_in(tests: Iterable[str], field: str) -> Cuts:
    """The same of single tests."""
    constants: dict[object, None] = {}
    expressions: dict[str, None] = {}
    everywhere = False
    for text in tests:
        if not reads(text, field):
            continue
        other = _other_side(text, field)
        constant = None if other is None else value_of(other, {})
        if _orders(constant):
            constants[constant] = None
        elif other is not None and _only_first(other):
            expressions[other] = None
        else:
            everywhere = True
    return Cuts(tuple(constants), tuple(expressions), everywhere)


def tests_of(condition: Condition) -> Iterator[str]:
    """The operands of a condition that are asked as a whole."""
    return _tests(split(condition.bound))


def _tests(part: Part) -> Iterator[str]:
    if not part.operands:
        yield part.text
    for operand in part.operands:
        yield from _tests(operand)


def _orders(value: object | None) -> bool:
    """Whether a value is one that numbers or durations lie below or above."""
    return isinstance(value, timedelta) or (isinstance(value, int | float) and not isnan(value))


def _only_first(text: str) -> bool:
    """Whether `FIRST` is all that what an expression comes to depends on."""
    return _orders(value_of(text, {FIRST: 1.0})) and not any(reads(text, name) for name in FIELDS if name != FIRST)


def _other_side(text: str, field: str) -> str | None:
    """What the field is held against in a comparison of the field alone; None where it stands in anything else."""
    found = comparison(text)
    if found is None or found.operator == "in":
        return None
    return {found.left: found.right, found.right: found.left}.get(field)
