"""Rules with one thing wrong in them: whoever tries a rule has to notice each."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from scanner.policy.engine import Condition, compile_condition
from scanner.policy.params import Params, ParamValue
from scanner.policy.rules import Grade, Rule
from scanner.policy.splitting import Join, Part, split

__all__ = ["Mutant", "mutants"]

_GLUE = {Join.ALL: " && ", Join.ANY: " || "}
_FLIPPED = {
    ">": (">=", "<"),
    ">=": (">", "<="),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    "==": ("!=",),
    "!=": ("==",),
}
_TOKEN = re.compile(r'(?P<text>"(?:\\.|[^"\\])*")|(?P<relation>[<>=!]=|[<>])|(?<![\w.])(?P<number>\d+(?:\.\d+)?)')


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that differs from the sound one in one place, and what was done to it there."""

    rule: Rule
    what: str


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Each condition changed in each place, each threshold moved by one step, each grade and end left out."""
    for params, what in _other_params(rule.params):
        yield Mutant(_rebound(rule, params), what)
    for other in _others(rule, "when", rule.condition):
        yield Mutant(replace(rule, condition=other.condition), other.what)
    for end in _ends(rule, "until", rule.until):
        yield Mutant(replace(rule, until=end.condition), end.what)
    for index, grade in enumerate(rule.grades):

        def graded(*instead: Grade, index: int = index) -> Rule:
            return replace(rule, grades=(*rule.grades[:index], *instead, *rule.grades[index + 1 :]))

        yield Mutant(graded(), f"{grade.severity} left out")
        for other in _others(rule, f"{grade.severity} when", grade.condition):
            yield Mutant(graded(replace(grade, condition=other.condition)), other.what)
        for end in _ends(rule, f"{grade.severity} until", grade.until):
            yield Mutant(graded(replace(grade, until=end.condition)), end.what)


@dataclass(frozen=True, slots=True)
class _Other:
    condition: Condition
    what: str


@dataclass(frozen=True, slots=True)
class _End:
    condition: Condition | None
    what: str


def _ends(rule: Rule, name: str, until: Condition | None) -> Iterator[_End]:
    if until is not None:
        yield _End(None, f"{name} left out")
        yield from (_End(other.condition, other.what) for other in _others(rule, name, until))


def _others(rule: Rule, name: str, condition: Condition) -> Iterator[_Other]:
    for text in dict.fromkeys(_variants(split(condition.text))):
        yield _Other(_compiled(text, rule.params), f"{name}: {text}")


def _compiled(text: str, params: Params) -> Condition:
    condition = compile_condition(text, params)
    assert isinstance(condition, Condition), (text, condition)
    return condition


def _variants(part: Part) -> Iterator[str]:
    """The part turned round, and with each operand of it left out, joined otherwise, or changed itself."""
    yield f"!({part.text})"
    if part.join is Join.TEST:
        yield from _nudged(part.text)
    elif part.join is Join.NOT:
        yield from (f"!({other})" for other in _variants(part.operands[0]))
    else:
        yield from _rejoined([operand.text for operand in part.operands], part.join)
        for index, operand in enumerate(part.operands):
            for other in _variants(operand):
                texts = [one.text for one in part.operands]
                yield _joined([*texts[:index], other, *texts[index + 1 :]], part.join)


def _rejoined(texts: Sequence[str], join: Join) -> Iterator[str]:
    yield _joined(texts, Join.ANY if join is Join.ALL else Join.ALL)
    for index in range(len(texts)):
        yield _joined([*texts[:index], *texts[index + 1 :]], join)


def _joined(texts: Sequence[str], join: Join) -> str:
    return _GLUE[join].join(f"({text})" for text in texts)


def _nudged(test: str) -> Iterator[str]:
    """A test with one comparison flipped, or one number moved by a step."""
    for token in _TOKEN.finditer(test):
        if token["text"]:
            continue
        others = _FLIPPED[token["relation"]] if token["relation"] else _beside(token["number"])
        yield from (f"{test[: token.start()]}{other}{test[token.end() :]}" for other in others)


def _beside(number: str) -> Sequence[str]:
    if "." in number:
        return [f"{float(number) + step:.2f}" for step in (-0.01, 0.01)]
    return [str(int(number) + step) for step in (-1, 1)]


def _other_params(params: Params) -> Iterator[tuple[Params, str]]:
    for name, value in params.items():
        for other in _steps(value):
            yield {**params, name: other}, f"{name}: {other}"


def _steps(value: ParamValue) -> Sequence[ParamValue]:
    """The values one step beside it: of a list, without one of its texts."""
    match value:
        case float():
            return [value - 1, value + 1]
        case timedelta():
            step = timedelta(days=1) if value >= timedelta(days=1) else timedelta(minutes=1)
            return [value - step, value + step]
        case tuple():
            return [(*value[:index], "-", *value[index + 1 :]) for index in range(len(value))]
        case _:
            return ["-"]


def _rebound(rule: Rule, params: Params) -> Rule:
    def again(condition: Condition) -> Condition:
        return _compiled(condition.text, params)

    return _each(replace(rule, params=params), again)


def _each(rule: Rule, again: Callable[[Condition], Condition]) -> Rule:
    def maybe(condition: Condition | None) -> Condition | None:
        return None if condition is None else again(condition)

    grades = [Grade(one.severity, again(one.condition), maybe(one.until)) for one in rule.grades]
    return replace(rule, condition=again(rule.condition), until=maybe(rule.until), grades=tuple(grades))
