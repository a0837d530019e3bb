"""A rule, a pack of them, and what they say of an approval."""

from collections.abc import Collection, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache, cached_property
from types import MappingProxyType

from scanner.domain.alerts import Finding, Judgement, Severity
from scanner.domain.approvals import Approval, stable_id
from scanner.domain.changes import Change, ChangeKind
from scanner.errors import Place, Problem
from scanner.policy.engine import Condition, Known, known_facts
from scanner.policy.fields import Facts, in_words
from scanner.policy.likeness import Likeness, can_tell
from scanner.policy.params import NO_PARAMS, Params

__all__ = [
    "EXCEPTABLE",
    "Exemption",
    "Expectation",
    "Grade",
    "IfUnknown",
    "Judged",
    "Pack",
    "Rule",
    "Trial",
    "Verdict",
    "findings",
]

REMEMBERED = 4096
"""Approvals that some rules can tell apart, of which it is remembered what they said."""

EXCEPTABLE = ("spender", "token", "owner", "chain")
"""What an exception can name of an approval."""


class IfUnknown(StrEnum):
    """What an undecided condition comes to."""

    IGNORE = "ignore"
    ALERT = "alert"


class Expectation(StrEnum):
    """What a rule's own test expects: an alert that is open afterwards, none, or that nothing can be decided."""

    ALERT = "alert"
    QUIET = "quiet"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Trial:
    """One of a rule's own tests: the facts of an approval, and what the rule should say of it.

    `open` is the severity at which its alert is open already, None where there is none. `severity` is how bad the
    alert should be afterwards, None where the test does not say.
    """

    name: str
    given: Facts
    expect: Expectation
    place: Place
    severity: Severity | None = None
    open: Severity | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says, and how bad it is; what was worse does not fall below `lingers` yet."""

    judgement: Judgement
    severity: Severity
    lingers: Severity | None = None


# There are few different ones, and one is given for every rule and approval.
_verdict = cache(Verdict)


@dataclass(frozen=True, slots=True)
class Grade:
    """A severity above the rule's own, and when it is reached; it is left when `until` holds."""

    severity: Severity
    condition: Condition
    until: Condition | None = None

    def lingers(self, said: Judgement, known: Known) -> bool:
        """Whether an alert that has reached this stays here, given what the condition says now."""
        return said is Judgement.UNDECIDED or _not_yet(self.until, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """What a user excepts from a rule: approvals that fit all that is named, for a reason, until a time if any.

    Addresses are in their stored form, `chain` is a chainIndex; what is None is not asked for.
    """

    rule: str
    reason: str
    spender: str | None = None
    token: str | None = None
    owner: str | None = None
    chain: str | None = None
    until: datetime | None = None
    place: Place = field(default=Place(""), compare=False)

    @property
    def names(self) -> frozenset[str]:
        """What it names, of `EXCEPTABLE`."""
        return frozenset(name for name in EXCEPTABLE if getattr(self, name) is not None)

    def covers(self, approval: Approval, at: datetime) -> bool:
        """Whether an approval is excepted at a time. What is not known of an approval fits nothing."""
        here = {
            "spender": approval.spender.address,
            "token": approval.token.address,
            "owner": approval.owner,
            "chain": approval.chain,
        }
        fits = all(getattr(self, name) == here[name] for name in self.names)
        return fits and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, sound and compiled. With `on` it speaks of changes of these kinds, without of a state.

    Once its alert is open, it is over when `until` holds. The `grades` are worse than `severity`, each worse than the
    one before it; the worst that holds counts. `noise` says when it is a false alarm. `params` are the thresholds that
    its conditions read. `exceptions` are the sets of names at least one of which an exception has to name in full; None
    where the rule does not say.
    """

    id: str
    title: str
    severity: Severity
    condition: Condition
    place: Place
    on: frozenset[ChangeKind] = frozenset()
    why: str = ""
    fix: str = ""
    noise: str = ""
    if_unknown: IfUnknown = IfUnknown.IGNORE
    tests: tuple[Trial, ...] = ()
    until: Condition | None = None
    grades: tuple[Grade, ...] = ()
    params: Params = field(default_factory=lambda: NO_PARAMS)
    exceptions: tuple[frozenset[str], ...] | None = None
    fields_read: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The fields that any of its conditions reads, sorted."""

    def __post_init__(self) -> None:
        reads = {name for condition in self.conditions for name in condition.reads}
        object.__setattr__(self, "fields_read", tuple(sorted(reads)))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Everything that it asks: when it holds, when that is over, and the same of its grades."""
        pairs = ((self.condition, self.until), *((grade.condition, grade.until) for grade in self.grades))
        return tuple(condition for pair in pairs for condition in pair if condition is not None)

    @property
    def when(self) -> str:
        """The condition as it was written, without the blanks around it."""
        return self.condition.text.strip()

    @property
    def severities(self) -> tuple[Severity, ...]:
        """How bad its alerts can be, the mildest first."""
        return (self.severity, *(grade.severity for grade in self.grades))

    def judge(self, known: Known) -> Verdict:
        """What it says of the facts that `known_facts` made ready. Undecided, it holds with `if_unknown: alert`."""
        said = self.condition.judge(known)
        if said is Judgement.UNDECIDED and self.if_unknown is IfUnknown.ALERT:
            said = Judgement.HOLDS
        elif said is Judgement.FAILS and _not_yet(self.until, known):
            said = Judgement.LINGERS
        if not self.grades or said not in _IN_DEGREES:
            return _verdict(said, self.severity)
        lingers = None
        for grade in reversed(self.grades):
            reached = grade.condition.judge(known)
            if reached is Judgement.HOLDS:
                return _verdict(said, grade.severity, lingers)
            if lingers is None and grade.lingers(reached, known):
                lingers = grade.severity
        return _verdict(said, self.severity, lingers)


_IN_DEGREES = (Judgement.HOLDS, Judgement.LINGERS)
"""What leaves an alert open, so that it matters how bad it is."""


def _not_yet(until: Condition | None, known: Known) -> bool:
    """Whether an end that was asked for has not come, as far as is known."""
    return until is not None and until.judge(known) is not Judgement.HOLDS


Judged = tuple[Rule, Verdict]
"""A rule and what it says."""


class _Bench:
    """Rules that judge one approval after the other. Of those that they cannot tell apart, they are asked of one.

    Rules of which it is not known what they tell apart are asked each time.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._said: dict[Hashable, tuple[Judged, ...]] = {}

    @cached_property
    def _alike(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if all(map(can_tell, rule.conditions)))

    @cached_property
    def _likeness(self) -> Likeness:
        return Likeness(condition for rule in self._alike for condition in rule.conditions)

    def judge(self, facts: Facts) -> Sequence[Judged]:
        """What each rule says, in order."""
        like = self._likeness.of(facts)
        said = self._said.get(like)
        if said is None:
            if len(self._said) >= REMEMBERED:
                self._said.clear()
            known = known_facts(facts)
            said = tuple((rule, rule.judge(known)) for rule in self._alike)
            self._said[like] = said
        if len(said) == len(self.rules):
            return said
        known, told = known_facts(facts), {rule.id: verdict for rule, verdict in said}
        return tuple((rule, told.get(rule.id) or rule.judge(known)) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules in force, and all that is wrong with the others.

    `problems` keep a rule out or lie beside the rules; `warnings` do not. `ids` are all rules that were found by name:
    the broken and the disabled ones too. `exemptions` are the user's exceptions from them. Packs of the same `digest`
    say the same of everything.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    ids: frozenset[str] = frozenset()
    exemptions: tuple[Exemption, ...] = ()
    digest: str = field(init=False, repr=False, compare=False)
    _benches: Mapping[ChangeKind | None, _Bench] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", stable_id(*map(_says, self.rules), *self.exemptions))
        benches = {
            kind: _Bench(rule for rule in self.rules if not rule.on or kind in rule.on) for kind in (None, *ChangeKind)
        }
        object.__setattr__(self, "_benches", MappingProxyType(benches))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Everything that its rules ask."""
        return tuple(condition for rule in self.rules for condition in rule.conditions)

    def reading(self, fields: Collection[str]) -> "Pack":
        """The same, but only the rules that read any of these fields."""
        read = frozenset(fields)
        return replace(self, rules=tuple(rule for rule in self.rules if not read.isdisjoint(rule.fields_read)))

    def judge(self, facts: Facts, change: ChangeKind | None = None) -> Sequence[Judged]:
        """What every rule that applies says: those on states always, those on events if it is their kind of change."""
        return self._benches[change].judge(facts)


def _says(rule: Rule) -> tuple[object, ...]:
    """All that decides what a rule says."""
    grades = [(grade.severity, _bound(grade.condition), _bound(grade.until)) for grade in rule.grades]
    own = (rule.id, rule.title, rule.severity, sorted(rule.on), rule.if_unknown)
    return (*own, _bound(rule.condition), _bound(rule.until), grades)


def _bound(condition: Condition | None) -> str:
    return "" if condition is None else condition.bound


def findings(
    judged: Iterable[Judged],
    *,
    approval: str,
    facts: Facts,
    change: Change | None = None,
    proven: bool = False,
    alerting: Container[str] | None = None,
) -> list[Finding]:
    """What was judged as the domain's findings; those of event rules carry the id of the change.

    `approval` is its id; `proven` says that the state that was judged may resolve an alert. The values are what the
    rule read, in words, where it leaves an alert open. `alerting` are the rules that have an alert open about it, if
    that is known: where another one does not hold nothing can come of it, and it makes no finding.
    """
    event = None if change is None else change.id
    return [
        Finding(
            rule=rule.id,
            title=rule.title,
            severity=verdict.severity,
            approval=approval,
            judgement=verdict.judgement,
            change=event if rule.on else None,
            proven=proven,
            values=_values(rule, facts) if verdict.judgement in _IN_DEGREES else None,
            lingers=verdict.lingers,
        )
        for rule, verdict in judged
        if verdict.judgement is Judgement.HOLDS or alerting is None or rule.id in alerting
    ]


def _values(rule: Rule, facts: Facts) -> dict[str, str]:
    return {name: in_words(facts.get(name)) for name in rule.fields_read}
