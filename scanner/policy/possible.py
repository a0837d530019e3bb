"""Whether conditions can come to something: a search over the values that make a difference to them.

A condition is taken apart into questions about single fields. Each field is given the few values that make a
difference to these questions, and "unknown" where it can be that; a search tells whether any of their combinations
decides the condition one way or the other. What is not understood (a macro, arithmetic, a regular expression) may
come out any way, so that nothing possible is ever called impossible.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from math import ceil, floor
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Any, TypeAlias

from scanner.domain.changes import ChangeKind
from scanner.policy.engine import value_of
from scanner.policy.fields import FIELDS, FieldType
from scanner.policy.syntax import Call, Constant, Listing, Name, Node

__all__ = ["COMPARED", "FALSE", "TRUE", "UNKNOWN", "Wanted", "constant_of", "names_of", "possible"]

SEARCHED = 100_000
"""Parts of conditions that one search looks at; what is not settled by then counts as possible."""

MANY = 10_000.0
"""Entries or characters enough for everything that a condition may ask to be among them."""

TRUE, FALSE, UNKNOWN = 1, 2, 4
"""What a condition may come to. Together, as a number of bits, they are what it can still come to."""

_KIND = Name("change.kind")

_Value: TypeAlias = bool | float | str | None
Wanted: TypeAlias = tuple[Node, int]
"""A condition, and what it should come to."""


def names_of(node: Node) -> Iterator[str]:
    """The fields that a condition asks for, in order; one may come several times."""
    match node:
        case Name(name) if name in FIELDS:
            yield name
        case Call(_, arguments):
            for argument in arguments:
                yield from names_of(argument)
        case _:
            return


@dataclass(frozen=True, slots=True)
class _Question:
    """What a condition asks of one variable: a field, the size of a list or a text, or whether a list has an entry.

    `constants` are what it is held against.
    """

    variable: Node
    holds: Callable[[_Value], bool]
    constants: tuple[_Value, ...] = ()

    def among(self, values: Iterable[_Value]) -> int:
        """What the answer can be for these values."""
        return _bits(UNKNOWN if value is None else TRUE if self.holds(value) else FALSE for value in values)


def _bits(outcomes: Iterable[int]) -> int:
    found = 0
    for outcome in outcomes:
        found |= outcome
    return found


COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "_>_": gt,
    "_<_": lt,
    "_>=_": ge,
    "_<=_": le,
    "_==_": eq,
    "_!=_": ne,
}
"""What comparisons come to, by the library's spelling of their operators."""

_TURNED = {"_>_": "_<_", "_<_": "_>_", "_>=_": "_<=_", "_<=_": "_>=_", "_==_": "_==_", "_!=_": "_!=_"}
_SIZED = frozenset({FieldType.TEXT, FieldType.TEXTS})
_FOLDED: Mapping[str, Callable[[float, float], float]] = {"_*_": mul, "_+_": add, "_-_": sub}


def _asked(node: Node, loose: str = "") -> _Question | bool:
    """What a part of a condition asks, or what it always says. What is not understood is a variable of its own."""
    match node:
        case Call(operator, (left, right)) if operator in COMPARED:
            first, second = constant_of(left), constant_of(right)
            if first is not None and second is not None:
                return COMPARED[operator](first, second)
            question = _compared(operator, left, second) or _compared(_TURNED[operator], right, first)
        case Call("@in", (variable, Listing(items))) if all(isinstance(item, Constant) for item in items):
            constants = tuple(item.value for item in items if isinstance(item, Constant))
            question = _Question(variable, lambda value: value in constants, constants) if _scalar(variable) else None
        case _:
            question = None
    if question is None or loose in names_of(question.variable):
        return _Question(node, bool)
    return question


def _compared(operator: str, variable: Node, constant: bool | float | str | None) -> _Question | None:
    if constant is None or not _scalar(variable) or (isinstance(constant, str) and operator not in {"_==_", "_!=_"}):
        return None
    compare = COMPARED[operator]
    return _Question(variable, lambda value: compare(value, constant), (constant,))


def _scalar(node: Node) -> bool:
    """Whether that has one value at a time, which can be told from others by constants."""
    match node:
        case Name(name):
            return name in FIELDS and FIELDS[name].type is not FieldType.TEXTS
        case Call("size", (Name(name),)):
            return name in FIELDS and FIELDS[name].type in _SIZED
        case _:
            return False


def constant_of(node: Node) -> bool | float | str | None:
    """The value of what is written out; durations in seconds."""
    match node:
        case Constant(value):
            return value
        case Call("days" | "duration" as function, (Constant(value),)):
            span = value_of(f"{function}({json.dumps(value)})", {})
            return span.total_seconds() if isinstance(span, timedelta) else None
        case Call(operator, (left, right)) if operator in _FOLDED:
            match constant_of(left), constant_of(right):
                case ((int() | float() as first), (int() | float() as second)):
                    return _FOLDED[operator](first, second)
            return None
        case _:
            return None


@dataclass(slots=True)
class _Search:
    """Looks for values of all variables under which every condition comes to what is wanted of it."""

    wanted: Sequence[Wanted]
    loose: str = ""
    asked: dict[Node, _Question | bool] = field(default_factory=dict)
    values: dict[Node, Sequence[_Value]] = field(default_factory=dict)
    looked: int = 0

    def prepare(self) -> None:
        """Find the questions, and the values that make a difference to them."""
        for node, _ in self.wanted:
            self._note(node)
        questions = [question for question in self.asked.values() if isinstance(question, _Question)]
        constants: dict[Node, set[_Value]] = {}
        for question in questions:
            constants.setdefault(question.variable, set()).update(question.constants)
        for variable, compared in constants.items():
            self.values[variable] = _values(variable, compared)

    def _note(self, node: Node) -> None:
        match node:
            case Call("_&&_" | "_||_" | "!_" | "_?_:_", arguments):
                for argument in arguments:
                    self._note(argument)
            case Constant():
                return
            case _:
                self.asked.setdefault(node, _asked(node, self.loose))

    def found(self, known: Mapping[Node, _Value], left: Sequence[Node]) -> bool:
        """Whether the variables that are left can be given such values."""
        outcomes = [(self._outcome(node, known), mask) for node, mask in self.wanted]
        if any(not outcome & mask for outcome, mask in outcomes) or not _consistent(known):
            return False
        if self.looked > SEARCHED or all(outcome & ~mask == 0 for outcome, mask in outcomes):
            return True
        variable, *rest = left
        return any(self.found({**known, variable: value}, rest) for value in self.values[variable])

    def _outcome(self, node: Node, known: Mapping[Node, _Value]) -> int:
        """What a condition can still come to."""
        self.looked += 1
        match node:
            case Constant(value):
                return TRUE if value else FALSE
            case Call("_&&_", (left, right)):
                return _both(self._outcome(left, known), self._outcome(right, known))
            case Call("_||_", (left, right)):
                return _not(_both(_not(self._outcome(left, known)), _not(self._outcome(right, known))))
            case Call("!_", (inner,)):
                return _not(self._outcome(inner, known))
            case Call("_?_:_", (asked, then, other)):
                which = self._outcome(asked, known)
                found = which & UNKNOWN
                found |= self._outcome(then, known) if which & TRUE else 0
                return found | (self._outcome(other, known) if which & FALSE else 0)
        question = self.asked[node]
        if isinstance(question, bool):
            return TRUE if question else FALSE
        variable = question.variable
        return question.among((known[variable],) if variable in known else self.values[variable])


def _not(outcome: int) -> int:
    return (outcome & UNKNOWN) | (FALSE if outcome & TRUE else 0) | (TRUE if outcome & FALSE else 0)


def _both(left: int, right: int) -> int:
    """What `&&` makes of two outcomes: false wins over unknown."""
    found = (left | right) & FALSE | (left & right & TRUE)
    unknown = (left & UNKNOWN and right & (TRUE | UNKNOWN)) or (right & UNKNOWN and left & (TRUE | UNKNOWN))
    return found | (UNKNOWN if unknown else 0)


def possible(wanted: Sequence[Wanted], kind: ChangeKind | None = None, loose: str = "") -> bool:
    """Whether conditions can come to what is wanted of each at once, for a change of this kind if one is given.

    `loose` names a field of which every question may be answered by itself.
    """
    search = _Search(wanted, loose)
    search.prepare()
    known: Mapping[Node, _Value] = {} if kind is None else {_KIND: kind.value}
    return search.found(known, tuple(variable for variable in search.values if variable not in known))


def _values(variable: Node, constants: set[_Value]) -> tuple[_Value, ...]:
    """The values of a variable that these constants tell apart."""
    match variable:
        case Name(name) if name in FIELDS and FIELDS[name].type is not FieldType.TEXTS:
            known = FIELDS[name]
            unknown = (None,) if known.unknown else ()
            match known.type:
                case FieldType.TRUTH:
                    return True, False, *unknown
                case FieldType.TEXT:
                    return *_texts(known.choices, constants), *unknown
                case FieldType.COUNT:
                    return *_wholes(constants), *unknown
            return *_numbers(constants), *unknown
        case Call("size", (Name(),)):
            return *_wholes(constants), MANY
        case Call("@in", (Constant(), Name())):
            return True, False
    return True, False, None


def _texts(choices: Sequence[str], constants: set[_Value]) -> Iterator[str]:
    mentioned = sorted(str(constant) for constant in constants)
    yield from (text for text in mentioned if not choices or text in choices)
    other = (choice for choice in choices if choice not in mentioned) if choices else iter(["".join(mentioned) + "."])
    yield from (text for text, _ in zip(other, range(1), strict=False))


def _wholes(constants: set[_Value]) -> list[float]:
    bounds = [float(constant) for constant in constants if isinstance(constant, int | float)]
    near = {whole + step for bound in bounds for whole in (floor(bound), ceil(bound)) for step in (-1, 0, 1)}
    return sorted(whole for whole in {0, 1, 2, *near} if whole >= 0)


def _numbers(constants: set[_Value]) -> list[float]:
    bounds = sorted({0.0} | {float(c) for c in constants if isinstance(c, int | float) and c >= 0})
    between = [(low + high) / 2 for low, high in pairwise(bounds)]
    return sorted([*bounds, *between, bounds[-1] * 2 + 1])


_TRUSTED = Name("spender.trusted")
_LABELS = Name("spender.labels")
_WAS_UNLIMITED = Name("change.was_unlimited")
_WAS_STATUS = Name("change.was_status")
_NOTHING_BEFORE = frozenset({ChangeKind.NEW.value, ChangeKind.RESTORED.value})
_NO_STATUS_BEFORE = _NOTHING_BEFORE | {ChangeKind.BASELINE.value}


def _consistent(known: Mapping[Node, _Value]) -> bool:
    """Whether the values can stand side by side: of several variables that hang together."""
    for variable, size in known.items():
        match variable:
            case Call("size", (Name() as listed,)):
                entries = sum(value is True for node, value in known.items() if _entry_of(node) == listed)
                if size is not None and float(size) < entries:
                    return False
    trusted = known.get(_TRUSTED)
    listed_as = {label: known.get(Call("@in", (Constant(label), _LABELS))) for label in ("trusted", "exploited")}
    size = known.get(Call("size", (_LABELS,)))
    if trusted and (listed_as["exploited"] or listed_as["trusted"] is False or size == 0):
        return False
    if trusted is False and listed_as["trusted"] and listed_as["exploited"] is False:
        return False
    if known.get(_KIND) in _NO_STATUS_BEFORE and known.get(_WAS_STATUS) is not None:
        return False
    return not (known.get(_KIND) in _NOTHING_BEFORE and known.get(_WAS_UNLIMITED, False) is not False)


def _entry_of(node: Node) -> Node | None:
    """The list that a node asks for an entry."""
    match node:
        case Call("@in", (Constant(), Name() as listed)):
            return listed
        case _:
            return None
