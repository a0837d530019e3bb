"""An alert's life: opened by a finding, resolved by proof, closed when nobody watches any more.

`reconcile` decides; the store performs. What cannot be decided moves nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from scanner.domain.approvals import stable_id

__all__ = [
    "ENDS",
    "Alert",
    "AlertState",
    "Finding",
    "Judgement",
    "Move",
    "Severity",
    "Transition",
    "reconcile",
    "unwatched",
]


class Severity(StrEnum):
    """How bad; ordered as the members stand."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for informational to 4 for critical."""
        return _RANKS[self]

    def reaches(self, other: "Severity") -> bool:
        """Whether this is as bad as the other or worse."""
        return self.rank >= other.rank


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class AlertState(StrEnum):
    """Where an alert is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Judgement(StrEnum):
    """What a rule says of an approval.

    `lingers`: it no longer holds, but what is open is not over yet. `undecided`: something it needs is not known.
    """

    HOLDS = "holds"
    FAILS = "fails"
    LINGERS = "lingers"
    UNDECIDED = "undecided"


class Move(StrEnum):
    """What happens to an alert. `reminder` is no step of its life: it is told again because nothing happened."""

    OPENED = "opened"
    WORSENED = "worsened"
    EASED = "eased"
    REMINDED = "reminder"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    UNWATCHED = "unwatched"


ENDS = (Move.RESOLVED, Move.UNWATCHED)
"""The steps that end an alert. Who knows that it opened is told of these, whatever else holds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule said of one approval.

    `severity` is how bad it is as it stands; an open alert that was worse does not fall below `lingers` yet.
    `change` is the id of the change that an event rule spoke of, and None for a rule that describes a state.
    `proven` says that the approval's state is fit to resolve an alert: it comes from a complete reading, or from a
    new judgement of what is stored. `values` are the facts that decided, in words, for whoever asks why.
    """

    rule: str
    title: str
    severity: Severity
    approval: str
    judgement: Judgement
    change: str | None = None
    proven: bool = False
    values: Mapping[str, str] | None = None
    lingers: Severity | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One finding's life. `change` is part of an event alert's identity; a state alert has none.

    `baseline` says that the approval was already there when its wallet was first read.
    """

    id: str
    rule: str
    title: str
    severity: Severity
    approval: str
    opened_at: datetime
    change: str | None = None
    state: AlertState = AlertState.OPEN
    resolved_at: datetime | None = None
    baseline: bool = False
    reason: str = ""
    values: Mapping[str, str] | None = None

    @property
    def is_event(self) -> bool:
        """Whether it tells of something that happened, not of something that is so."""
        return self.change is not None


@dataclass(frozen=True, slots=True)
class Transition:
    """A step in an alert's life, with its named reason. `alert` is the alert afterwards."""

    move: Move
    alert: Alert
    reason: str


NOTHING: Mapping[tuple[str, str], str] = MappingProxyType({})
"""No exceptions."""


def alert_id(finding: Finding, at: datetime) -> str:
    """A short name for one episode of a finding; said aloud and typed by people."""
    return "AW-" + stable_id(finding.rule, finding.approval, finding.change, at.isoformat(), length=10).upper()


def reconcile(
    alerts: Sequence[Alert],
    findings: Sequence[Finding],
    *,
    gone: Mapping[str, str],
    baseline: Collection[str],
    at: datetime,
    raised: Collection[str] = (),
    excepted: Mapping[tuple[str, str], str] = NOTHING,
) -> list[Transition]:
    """Hold the alerts that are not resolved against what the rules say now.

    `alerts` are those of the approvals that were judged. `gone` are the approvals that provably are in force no more,
    with the reason: all of their alerts resolve, but for those that tell of the going itself. `baseline` are those seen
    for the first time in a first reading, `raised` those that now allow more. A state alert opens when its rule holds
    and resolves when its rule provably fails; it worsens with its severity, and with its approval unless its rule
    fails. Its severity rises at once, and falls by proof alone. An event alert opens with its change. What worsens is
    open again, whoever acknowledged it. `excepted` gives the reason for each rule and approval about which the user
    wants to hear nothing: no alert opens, and nobody watches over one that is open any more, which does not mean that
    it is safe.
    """
    current = {(alert.rule, alert.approval, alert.change): alert for alert in alerts}
    happened = {finding.change for finding in findings} - {None}
    over = [alert for alert in alerts if alert.approval in gone and alert.change not in happened]
    transitions = [_end(alert, Move.RESOLVED, gone[alert.approval], at) for alert in over]
    settled = {alert.id for alert in over}
    spared = [one for one in alerts if (one.rule, one.approval) in excepted and one.id not in settled]
    transitions += [_end(one, Move.UNWATCHED, f"excepted: {excepted[one.rule, one.approval]}", at) for one in spared]
    settled |= {alert.id for alert in spared}
    for finding in findings:
        if (finding.approval in gone and finding.change is None) or (finding.rule, finding.approval) in excepted:
            continue
        known = current.get((finding.rule, finding.approval, finding.change))
        if known is None:
            if finding.judgement is Judgement.HOLDS:
                transitions.append(_open(finding, at, baseline=finding.approval in baseline))
        elif finding.judgement is Judgement.FAILS and not known.is_event:
            settled.add(known.id)
            if finding.proven:
                transitions.append(_end(known, Move.RESOLVED, "the rule no longer holds", at))
        elif (severity := _severity(known, finding)) is not known.severity:
            settled.add(known.id)
            transitions.append(_regrade(known, finding, severity, raised=finding.approval in raised))
    grown = [one for one in alerts if one.approval in raised and not one.is_event and one.id not in settled]
    return transitions + [_worsen(alert, "its allowance was raised") for alert in grown]


def unwatched(alerts: Iterable[Alert], reason: str, at: datetime) -> list[Transition]:
    """Close alerts that nobody judges any more. Says nothing about whether the danger is over."""
    return [_end(alert, Move.UNWATCHED, f"no longer watched: {reason}", at) for alert in alerts]


def _open(finding: Finding, at: datetime, *, baseline: bool) -> Transition:
    alert = Alert(
        id=alert_id(finding, at),
        rule=finding.rule,
        title=finding.title,
        severity=finding.severity,
        approval=finding.approval,
        opened_at=at,
        change=finding.change,
        baseline=baseline,
        values=finding.values,
    )
    return Transition(Move.OPENED, alert, "seen at the first reading of the wallet" if baseline else "the rule holds")


def _severity(alert: Alert, finding: Finding) -> Severity:
    """How bad an open alert is now. It rises only while its rule holds, and never falls below what lingers."""
    found, now = finding.severity, alert.severity
    match finding.judgement:
        case Judgement.HOLDS if found.reaches(now):
            return found
        case Judgement.HOLDS | Judgement.LINGERS if finding.proven:
            floor = max(found, finding.lingers or found, key=_RANKS.__getitem__)
            return min(now, floor, key=_RANKS.__getitem__)
        case _:
            return now


def _regrade(alert: Alert, finding: Finding, severity: Severity, *, raised: bool) -> Transition:
    graded = replace(alert, severity=severity, title=finding.title, values=finding.values or alert.values)
    reason = f"its severity was {alert.severity} and is {severity}"
    if raised:
        reason += ", and its allowance was raised"
    if raised or severity.reaches(alert.severity):
        return _worsen(graded, reason)
    return Transition(Move.EASED, graded, reason)


def _worsen(alert: Alert, reason: str) -> Transition:
    return Transition(Move.WORSENED, replace(alert, state=AlertState.OPEN), reason)


def _end(alert: Alert, move: Move, reason: str, at: datetime) -> Transition:
    return Transition(move, replace(alert, state=AlertState.RESOLVED, resolved_at=at, reason=reason), reason)
