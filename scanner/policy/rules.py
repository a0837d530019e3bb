"""A rule, a pack of them, and what they say of an approval."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from scanner.domain.alerts import Finding, Judgement, Severity
from scanner.domain.changes import Change, ChangeKind
from scanner.errors import Place, Problem
from scanner.policy.engine import Condition, known_facts
from scanner.policy.fields import Facts, in_words

__all__ = ["Expectation", "IfUnknown", "Judged", "Pack", "Rule", "Trial", "findings"]


class IfUnknown(StrEnum):
    """What an undecided condition comes to."""

    IGNORE = "ignore"
    ALERT = "alert"


class Expectation(StrEnum):
    """What a rule's own test expects."""

    ALERT = "alert"
    QUIET = "quiet"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Trial:
    """One of a rule's own tests: the facts of an approval, and what the rule should say of it."""

    name: str
    given: Facts
    expect: Expectation
    place: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, sound and compiled. With `on` it speaks of changes of these kinds, without of a state."""

    id: str
    title: str
    severity: Severity
    condition: Condition
    place: Place
    on: frozenset[ChangeKind] = frozenset()
    why: str = ""
    fix: str = ""
    if_unknown: IfUnknown = IfUnknown.IGNORE
    tests: tuple[Trial, ...] = ()

    @property
    def when(self) -> str:
        """The condition as it was written, without the blanks around it."""
        return self.condition.text.strip()

    @property
    def fields_read(self) -> tuple[str, ...]:
        """The fields that the condition reads."""
        return self.condition.reads


Judged = tuple[Rule, Judgement]
"""A rule and what it says."""


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules in force, and all that is wrong with the others.

    `problems` keep a rule out or lie beside the rules; `warnings` do not. `ids` are all rules that were found by name:
    the broken and the disabled ones too.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    ids: frozenset[str] = frozenset()
    _chosen: Mapping[ChangeKind | None, tuple[Rule, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        chosen = {
            kind: tuple(rule for rule in self.rules if not rule.on or kind in rule.on) for kind in (None, *ChangeKind)
        }
        object.__setattr__(self, "_chosen", MappingProxyType(chosen))

    def judge(self, facts: Facts, change: ChangeKind | None = None) -> list[Judged]:
        """What every rule that applies says: those on states always, those on events if the change is of their kinds.

        An undecided rule with `if_unknown: alert` holds.
        """
        known = known_facts(facts)
        return [(rule, _settled(rule, rule.condition.judge(known))) for rule in self._chosen[change]]


def _settled(rule: Rule, judgement: Judgement) -> Judgement:
    if judgement is Judgement.UNDECIDED and rule.if_unknown is IfUnknown.ALERT:
        return Judgement.HOLDS
    return judgement


def findings(
    judged: Iterable[Judged], *, approval: str, facts: Facts, change: Change | None = None, proven: bool = False
) -> list[Finding]:
    """What was judged as the domain's findings; those of event rules carry the id of the change.

    `approval` is its id; `proven` says that the state that was judged may resolve an alert. The values are what the
    rule read, in words, where it holds.
    """
    event = None if change is None else change.id
    return [
        Finding(
            rule=rule.id,
            title=rule.title,
            severity=rule.severity,
            approval=approval,
            judgement=judgement,
            change=event if rule.on else None,
            proven=proven,
            values=_values(rule, facts) if judgement is Judgement.HOLDS else None,
        )
        for rule, judgement in judged
    ]


def _values(rule: Rule, facts: Facts) -> dict[str, str]:
    return {name: in_words(facts.get(name)) for name in rule.fields_read}
