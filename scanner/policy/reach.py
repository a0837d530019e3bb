"""What a rule can never say, as far as its conditions show: a rule that passes the check must mean something.

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
from scanner.places import Path
from scanner.policy.engine import Condition, known_facts, value_of
from scanner.policy.fields import FIELDS, FieldType
from scanner.policy.rules import IfUnknown, Rule
from scanner.policy.syntax import Call, Constant, Listing, Name, Node, parse_checked

__all__ = ["Flaw", "flaws"]

SEARCHED = 20_000
"""Steps of one search; what is not settled by then counts as possible."""

MANY = 10_000.0
"""Entries or characters enough for everything that a condition may ask to be among them."""

TRUE, FALSE, UNKNOWN = 1, 2, 4
"""What a condition may come to. Together, as a number of bits, they are what it can still come to."""

_ANY = TRUE | FALSE | UNKNOWN
_KIND = Name("change.kind")

_Value: TypeAlias = bool | float | str | None
_Values: TypeAlias = Mapping[Node, Sequence[_Value]]
_Wanted: TypeAlias = tuple[Node, int]
"""A condition, and what it should come to."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a sound rule that can have no effect, or always has the same.

    `steps` lead to it within the rule. `harmless` means that the rule still does what it says.
    """

    steps: Path
    message: str
    code: str
    hint: str = ""
    harmless: bool = False


def flaws(rule: Rule, on: Sequence[ChangeKind] = ()) -> Iterator[Flaw]:
    """Everything in a rule that can never be reached, or that it always says. `on` are its changes as written."""
    when = _tree(rule.condition)
    # Whoever alerts on what is unknown may well ask for what cannot be: then only the unknown alerts.
    asks = rule.if_unknown is IfUnknown.IGNORE
    if asks and not _possible([(when, TRUE)]):
        yield Flaw(("when",), "this can never hold", "never-holds", _blame(when))
        return
    if asks and any(name.startswith("change.") for name in rule.condition.reads):
        for index, kind in enumerate(on):
            if not _possible([(when, TRUE)], kind):
                said = f"`when` can never hold for a change of the kind `{kind}`"
                yield Flaw(("on", index), said, "unreachable-on", "leave it out, or mend the condition")
    if not rule.on and not _possible([(when, FALSE)]):
        known = ", where it is known" if _possible([(when, UNKNOWN)]) else ""
        yield Flaw(("when",), f"this holds for every approval{known}", "always-holds", harmless=True)
    yield from _unreached(rule, when)
    yield from _endless(rule)


def _unreached(rule: Rule, when: Node) -> Iterator[Flaw]:
    """The grades that no alert of the rule can have."""
    opens = TRUE | UNKNOWN if rule.if_unknown is IfUnknown.ALERT else TRUE
    states: list[list[_Wanted]] = [[(when, opens)]]
    if rule.until is not None:
        states.append([(when, FALSE), (_tree(rule.until), FALSE | UNKNOWN)])
    trees = [_tree(grade.condition) for grade in rule.grades]
    for index, tree in enumerate(trees):
        steps: Path = ("grades", index, "when")
        if not any(_possible([*state, (tree, TRUE)]) for state in states):
            hint = _blame(tree, *states[0])
            yield Flaw(steps, "where the rule holds, this grade can never be reached", "unreachable-grade", hint)
            continue
        worse = [(other, FALSE | UNKNOWN) for other in trees[index + 1 :]]
        if not any(_possible([*state, (tree, TRUE), *worse]) for state in states):
            hint = "the worst grade that holds counts"
            yield Flaw(steps, "a worse grade holds wherever this one does", "unreachable-grade", hint)


def _endless(rule: Rule) -> Iterator[Flaw]:
    ends: list[tuple[Path, Condition | None]] = [(("until",), rule.until)]
    ends += [(("grades", index, "until"), grade.until) for index, grade in enumerate(rule.grades)]
    for steps, until in ends:
        tree = None if until is None else _tree(until)
        # Whoever writes `false` means it.
        if tree is not None and tree != Constant(value=False) and not _possible([(tree, TRUE)]):
            yield Flaw(steps, "this can never hold, so nothing ends by it", "never-ends", _blame(tree), harmless=True)


def _blame(tree: Node, *others: _Wanted) -> str:
    """Which field alone keeps conditions from holding; "" where it takes several, or none."""
    wanted = [(tree, TRUE), *others]
    for variable in dict.fromkeys(name for node, _ in wanted for name in _names(node)):
        if _possible(wanted, loose=variable):
            signed = any(_is_signed(node, variable) for node, _ in wanted)
            return f"no value of {variable} fits" + (": it is never negative" if signed else "")
    return ""


def _is_signed(node: Node, name: str) -> bool:
    """Whether a field that is never negative is held against 0 or less."""
    match node:
        case Call(operator, (left, right)) if operator in _COMPARED:
            constant = _constant(left) if right == Name(name) else _constant(right) if left == Name(name) else None
            return isinstance(constant, int | float) and not isinstance(constant, bool) and constant <= 0
        case Call(_, arguments):
            return any(_is_signed(argument, name) for argument in arguments)
        case _:
            return False


def _tree(condition: Condition) -> Node:
    return parse_checked(condition.expression.serialize())


def _names(node: Node) -> Iterator[str]:
    match node:
        case Name(name) if name in FIELDS:
            yield name
        case Call(_, arguments):
            for argument in arguments:
                yield from _names(argument)
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


_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "_>_": gt,
    "_<_": lt,
    "_>=_": ge,
    "_<=_": le,
    "_==_": eq,
    "_!=_": ne,
}
_TURNED = {"_>_": "_<_", "_<_": "_>_", "_>=_": "_<=_", "_<=_": "_>=_", "_==_": "_==_", "_!=_": "_!=_"}
_SIZED = frozenset({FieldType.TEXT, FieldType.TEXTS})
_FOLDED: Mapping[str, Callable[[float, float], float]] = {"_*_": mul, "_+_": add, "_-_": sub}
_NOTHING = known_facts({})


def _asked(node: Node, loose: str = "") -> _Question | bool:
    """What a part of a condition asks, or what it always says. What is not understood is a variable of its own."""
    match node:
        case Call(operator, (left, right)) if operator in _COMPARED:
            first, second = _constant(left), _constant(right)
            if first is not None and second is not None:
                return _COMPARED[operator](first, second)
            question = _compared(operator, left, second) or _compared(_TURNED[operator], right, first)
        case Call("@in", (variable, Listing(items))) if all(isinstance(item, Constant) for item in items):
            constants = tuple(item.value for item in items if isinstance(item, Constant))
            question = _Question(variable, lambda value: value in constants, constants) if _scalar(variable) else None
        case _:
            question = None
    if question is None or loose in _names(question.variable):
        return _Question(node, bool)
    return question


def _compared(operator: str, variable: Node, constant: bool | float | str | None) -> _Question | None:
    if constant is None or not _scalar(variable) or (isinstance(constant, str) and operator not in {"_==_", "_!=_"}):
        return None
    compare = _COMPARED[operator]
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


def _constant(node: Node) -> bool | float | str | None:
    """The value of what is written out; durations in seconds."""
    match node:
        case Constant(value):
            return value
        case Call("days" | "duration" as function, (Constant(value),)):
            span = value_of(f"{function}({json.dumps(value)})", _NOTHING)
            return span.total_seconds() if isinstance(span, timedelta) else None
        case Call(operator, (left, right)) if operator in _FOLDED:
            match _constant(left), _constant(right):
                case ((int() | float() as first), (int() | float() as second)):
                    return _FOLDED[operator](first, second)
            return None
        case _:
            return None


@dataclass(slots=True)
class _Search:
    """Looks for values of all variables under which every condition comes to what is wanted of it."""

    wanted: Sequence[_Wanted]
    loose: str = ""
    asked: dict[Node, _Question | bool] = field(default_factory=dict)
    values: dict[Node, Sequence[_Value]] = field(default_factory=dict)
    steps: int = 0

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
        self.steps += 1
        outcomes = [(self._outcome(node, known), mask) for node, mask in self.wanted]
        if any(not outcome & mask for outcome, mask in outcomes) or not _consistent(known):
            return False
        if self.steps > SEARCHED or all(outcome & ~mask == 0 for outcome, mask in outcomes):
            return True
        variable, *rest = left
        return any(self.found({**known, variable: value}, rest) for value in self.values[variable])

    def _outcome(self, node: Node, known: Mapping[Node, _Value]) -> int:
        """What a condition can still come to."""
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


def _possible(wanted: Sequence[_Wanted], kind: ChangeKind | None = None, loose: str = "") -> bool:
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
