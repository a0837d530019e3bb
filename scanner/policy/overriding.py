"""Overrides: what a user changes of a rule without editing its file. From a pack and overrides to another pack.

An override that is wrong changes nothing: its rule stays in force as it was written, and the pack says what is wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from scanner.domain.alerts import Severity
from scanner.errors import Place, Problem, closest
from scanner.places import Data
from scanner.policy.engine import Condition, compile_condition
from scanner.policy.exceptions import check_exceptions
from scanner.policy.faults import Fault
from scanner.policy.params import Params, ParamValue, param_type, param_value, written
from scanner.policy.reach import Flaw, flaws
from scanner.policy.rules import Exemption, Grade, Pack, Rule

__all__ = ["Override", "amended", "overridden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What a user changes of one rule. What is None or empty stays as the rule has it.

    `severity` replaces the rule's own, which is that of its mildest alerts; its grades stay. `params` are values as
    they were written, by name. `muted`: nobody is told of its alerts. `place` tells where a part of it stands.
    """

    rule: str
    severity: Severity | None = None
    enabled: bool = True
    params: Mapping[str, Data] = field(default_factory=dict)
    muted: bool = False
    place: Callable[[Sequence[str]], Place] = field(default=lambda _: Place(""), compare=False, repr=False)


def amended(pack: Pack, overrides: Iterable[Override], exemptions: Sequence[Exemption], at: datetime) -> Pack:
    """A pack as the user's overrides and exceptions leave it, at a time. What is wrong with them joins its problems."""
    pack = overridden(pack, overrides)
    rules = {rule.id: rule for rule in pack.rules}
    sound, problems, warnings = check_exceptions(exemptions, rules, pack.ids, at)
    return replace(
        pack,
        exemptions=sound,
        problems=tuple(sorted([*pack.problems, *problems])),
        warnings=tuple(sorted([*pack.warnings, *warnings])),
    )


def overridden(pack: Pack, overrides: Iterable[Override]) -> Pack:
    """A pack whose rules are changed by overrides, each by its own; without any it is what it was."""
    rules: dict[str, Rule] = {rule.id: rule for rule in pack.rules}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for override in overrides:
        if override.rule not in pack.ids:
            hint = closest(override.rule, pack.ids) or "approval-watch rules list names them all"
            problems.append(Problem(override.place(()), f"there is no rule {override.rule!r}", "unknown-rule", hint))
        elif rule := rules.get(override.rule):
            changed, found = _changed(rule, override)
            problems += found
            if not override.enabled:
                del rules[rule.id]
            elif not found:
                rules[rule.id] = changed
            if override.muted and override.enabled:
                hint = "name a channel, or leave `channels` out for every one"
                said = f"nobody is told of the alerts of {rule.id}"
                warnings.append(Problem(override.place(("channels",)), said, "nobody-told", hint))
    return replace(
        pack,
        rules=tuple(rules.values()),
        problems=tuple(sorted([*pack.problems, *problems])),
        warnings=tuple(sorted([*pack.warnings, *warnings])),
    )


def _changed(rule: Rule, override: Override) -> tuple[Rule, list[Problem]]:
    """A rule as one override leaves it, and what is wrong with that."""
    problems = list(_severity_problems(rule, override))
    changed = replace(rule, severity=override.severity or rule.severity)
    params = dict(rule.params)
    for name, data in override.params.items():
        try:
            params[name] = _value(rule, name, data)
        except _NotThisParamError as error:
            problems.append(Problem(override.place(("params", name)), *error.args))
    if problems or params == rule.params:
        return changed, problems
    rebound = _rebound(changed, params)
    wrong: Sequence[Fault | Flaw] = []
    if not isinstance(rebound, Rule):
        wrong = rebound
    elif not (wrong := [flaw for flaw in flaws(rebound) if flaw.code == "never-holds"]):
        return rebound, []
    [name, *_] = [name for name in params if params[name] != rule.params[name]]
    place = override.place(("params", name))
    return rule, [Problem(place, f"{rule.id}: {fault.message}", fault.code, fault.hint) for fault in wrong]


def _severity_problems(rule: Rule, override: Override) -> Iterator[Problem]:
    worst = override.severity
    if worst is not None and rule.grades and worst.reaches(rule.grades[0].severity):
        said = f"`{worst}` is not milder than the first grade of {rule.id}, `{rule.grades[0].severity}`"
        hint = "an override changes the mildest severity; move a grade with its params"
        yield Problem(override.place(("severity",)), said, "grade-order", hint)


class _NotThisParamError(ValueError):
    """A param that a rule does not have, or cannot have as it was written: message, code and hint."""


def _value(rule: Rule, name: str, data: Data) -> ParamValue:
    """What was written, as the type of the rule's default."""
    default = rule.params.get(name)
    if default is None:
        known = f"it has {', '.join(rule.params)}" if rule.params else "it has none"
        raise _NotThisParamError(
            f"{rule.id} has no param {name!r}", "unknown-param", closest(name, rule.params) or known
        )
    if isinstance(default, str) and isinstance(data, str) and data.strip():
        return data  # also what reads like a number
    value = param_value(data)
    if value is None or param_type(value) is not param_type(default):
        said = f"the param {name!r} of {rule.id} is a {param_type(default)}"
        raise _NotThisParamError(said, "bad-param", f"such as {written(default)}, its default")
    return value


def _rebound(rule: Rule, params: Params) -> Rule | list[Fault]:
    """A rule with other params, or what is wrong with its conditions then."""
    faults: list[Fault] = []

    def again(condition: Condition) -> Condition:
        compiled = compile_condition(condition.text, params)
        if isinstance(compiled, Condition):
            return compiled
        faults.extend(compiled)
        return condition

    def maybe(condition: Condition | None) -> Condition | None:
        return None if condition is None else again(condition)

    rebound = replace(
        rule,
        condition=again(rule.condition),
        until=maybe(rule.until),
        grades=tuple(Grade(one.severity, again(one.condition), maybe(one.until)) for one in rule.grades),
        params=params,
    )
    return faults or rebound
