"""Why a rule says what it says: the values that it read, what each operand came to, and what would change that.

Every operand is asked of the engine itself. Where the operands together do not come to what the engine says of the
whole, the whole is one operand: an explanation never differs from the decision.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import combinations
from typing import TypeAlias

from scanner.domain.alerts import Alert, Judgement, Move, reconcile
from scanner.domain.explanation import ConditionEntry, Explanation, FlipEntry, OperandEntry, ValueEntry, WayEntry
from scanner.policy.demands import about, demand
from scanner.policy.engine import Condition, Known, compile_condition, known_facts
from scanner.policy.fields import FIELDS, Facts, in_words
from scanner.policy.rules import IfUnknown, Rule, Verdict, findings
from scanner.policy.splitting import Join, Part, split

__all__ = ["NOT_ASKED", "Flips", "explain", "foresee", "outcome_of", "taken_apart", "tree_of", "ways_of"]

NOT_ASKED = "not asked"
"""The judgement of a rule on changes where no such change happened."""

MOST_FLIPS = 2
"""Tests that a way to another outcome changes at most: nobody can picture more."""

Flips: TypeAlias = Mapping[str, Judgement]
"""Tests by their text, and what they would come to instead."""

_DECIDED = (Judgement.HOLDS, Judgement.FAILS)
_NOT = {
    Judgement.HOLDS: Judgement.FAILS,
    Judgement.FAILS: Judgement.HOLDS,
    Judgement.UNDECIDED: Judgement.UNDECIDED,
}


def explain(rule: Rule, facts: Facts, *, in_force: bool = True) -> Explanation:
    """What a rule says of an approval's facts, and why. The facts of a change are there if one is asked about.

    Of an approval that is not `in_force` any more only what happened is judged.
    """
    known = known_facts(facts)
    verdict = rule.judge(known)
    asked = facts.get("change.kind") in rule.on if rule.on else in_force
    return Explanation(
        rule=rule.id,
        title=rule.title,
        judgement=verdict.judgement.value if asked else NOT_ASKED,
        severity=verdict.severity.value,
        said=tuple(_said(rule, verdict, facts, known)) if asked else (_not_asked(rule, facts),),
        values=tuple(_value(name, facts) for name in rule.fields_read),
        conditions=tuple(_conditions(rule, facts, known)),
        floor=None if verdict.lingers is None else verdict.lingers.value,
    )


def foresee(rule: Rule, facts: Facts, approval: str, alerts: Sequence[Alert], at: datetime) -> str:
    """What the next complete reading that finds the same would do to a state rule's alert on an approval (its id).

    `alerts` are those of this rule on this approval that are not resolved.
    """
    found = findings([(rule, rule.judge(known_facts(facts)))], approval=approval, facts=facts, proven=True)
    for step in reconcile(alerts, found, gone={}, baseline=(), at=at):
        if step.move is Move.OPENED:
            return f"No alert is open for it. The next complete reading opens one, at {step.alert.severity}."
        return f"The next complete reading changes {step.alert.id}: {step.move}, {step.reason}."
    return "Nothing would change at the next reading." if alerts else "No alert is open for it, and none would be."


def _value(name: str, facts: Facts) -> ValueEntry:
    value = facts.get(name)
    return ValueEntry(name, in_words(value), FIELDS[name].unknown or None if value is None else None)


def _not_asked(rule: Rule, facts: Facts) -> str:
    if not rule.on:
        return "The approval is in force no more: it is not asked."
    kinds = ", ".join(sorted(kind.value for kind in rule.on))
    last = facts.get("change.kind")
    happened = "no change of this approval is recorded" if last is None else f"its last change was `{last}`"
    return f"It speaks only of changes ({kinds}), and {happened}."


def _said(rule: Rule, verdict: Verdict, facts: Facts, known: Known) -> Iterator[str]:
    """The verdict in sentences."""
    match verdict.judgement:
        case Judgement.HOLDS if rule.condition.judge(known) is Judgement.UNDECIDED:
            yield f"It cannot be decided: {_lacking(rule.condition, facts)}."
            yield f"`if_unknown: {IfUnknown.ALERT}` makes that an alert, at severity {verdict.severity}."
        case Judgement.HOLDS:
            yield f"It holds, at severity {verdict.severity}."
        case Judgement.LINGERS:
            yield f"It holds no more, and neither does its `until`: an alert that is open stays, at {verdict.severity}."
        case Judgement.UNDECIDED:
            yield f"It cannot be decided: {_lacking(rule.condition, facts)}. That neither opens nor resolves an alert."
        case _:
            yield "It does not hold."
    if verdict.lingers is not None:
        yield f"An alert that had been worse would not fall below {verdict.lingers} yet."


def _lacking(condition: Condition, facts: Facts) -> str:
    """Why a condition is undecided."""
    names = [name for name in condition.reads if facts.get(name) is None]
    if not names:
        return "it has no result for these values"
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not known"


def _conditions(rule: Rule, facts: Facts, known: Known) -> Iterator[ConditionEntry]:
    every = (
        (None, rule.condition, rule.until),
        *((one.severity.value, one.condition, one.until) for one in rule.grades),
    )
    for severity, when, until in every:
        for kind, condition in (("when", when), ("until", until)):
            if condition is None:
                continue
            tree = tree_of(condition, facts)
            yield ConditionEntry(
                kind=kind,
                severity=severity,
                text=tree.text,
                outcome=tree.outcome,
                tree=tree,
                ways=tuple(_way(goal, flips, facts, known) for goal, flips in ways_of(tree)),
            )


def tree_of(condition: Condition, facts: Facts) -> OperandEntry:
    """The operands of a condition, each with what the engine says of it."""
    return taken_apart(condition, split(condition.bound), facts)


def taken_apart(condition: Condition, part: Part, facts: Facts) -> OperandEntry:
    """A condition with the operands that `part` says it has; without any where they do not come to the same."""
    outcome = condition.judge(known_facts(facts))
    operands = [_operand(one, facts) for one in part.operands]
    sound = [one for one in operands if one is not None]
    if operands and sound == operands and _joined(part.join, [Judgement(one.outcome) for one in sound]) is outcome:
        return OperandEntry(part.text, part.join.value, outcome.value, operands=tuple(sound))
    return OperandEntry(part.text, Join.TEST.value, outcome.value, about(condition, facts))


def _operand(part: Part, facts: Facts) -> OperandEntry | None:
    """An operand; None where it means nothing by itself."""
    condition = _test(part.text)
    return None if condition is None else taken_apart(condition, part, facts)


@cache
def _test(text: str) -> Condition | None:
    """An operand as a condition of its own; None where it is none. Rules share many."""
    compiled = compile_condition(text)
    return compiled if isinstance(compiled, Condition) else None


def _joined(join: str, outcomes: Sequence[Judgement]) -> Judgement:
    """What operands come to together. One that is undecided matters only where the others leave it open."""
    match join:
        case Join.NOT:
            return _NOT[outcomes[0]]
        case Join.ALL:
            return _first(outcomes, Judgement.FAILS, Judgement.UNDECIDED, Judgement.HOLDS)
        case Join.ANY:
            return _first(outcomes, Judgement.HOLDS, Judgement.UNDECIDED, Judgement.FAILS)
        case _:
            condition, then, otherwise = outcomes
            return {Judgement.HOLDS: then, Judgement.FAILS: otherwise}.get(condition, Judgement.UNDECIDED)


def _first(found: Sequence[Judgement], *order: Judgement) -> Judgement:
    return next(outcome for outcome in order if outcome in found)


def ways_of(tree: OperandEntry) -> Iterator[tuple[Judgement, Flips]]:
    """The smallest sets of tests that would change what a tree comes to, each with what that would be.

    Tests are flipped as if they were independent of one another; the same test flips everywhere.
    """
    found = Judgement(tree.outcome)
    tests = {test.text: Judgement(test.outcome) for test in _tests(tree) if test.about}
    single = [(text, to) for text, outcome in tests.items() for to in _DECIDED if to is not outcome]
    for goal in _DECIDED:
        if goal is not found:
            for size in range(1, MOST_FLIPS + 1):
                ways = [dict(some) for some in combinations(single, size) if len(dict(some)) == size]
                changing = [flips for flips in ways if outcome_of(tree, flips) is goal]
                yield from ((goal, flips) for flips in changing)
                if changing:
                    break


def outcome_of(tree: OperandEntry, flips: Flips) -> Judgement:
    """What a tree comes to when some of its tests come out otherwise."""
    if not tree.operands:
        return flips.get(tree.text, Judgement(tree.outcome))
    return _joined(tree.join, [outcome_of(operand, flips) for operand in tree.operands])


def _tests(tree: OperandEntry) -> Iterator[OperandEntry]:
    """The operands that are not taken apart any further."""
    if not tree.operands:
        yield tree
    for operand in tree.operands:
        yield from _tests(operand)


def _way(goal: Judgement, flips: Flips, facts: Facts, known: Known) -> WayEntry:
    found = ((text, to, test) for text, to in flips.items() if (test := _test(text)) is not None)
    return WayEntry(
        goal.value,
        tuple(FlipEntry(text, to.value, demand(test, to is Judgement.HOLDS, facts)) for text, to, test in found),
    )
