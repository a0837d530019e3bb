"""Silences: what a person hides, until when, and how far; bound to the risk as it was when it was hidden.

A silence covers the alerts that fit it when it is made, each with a `Cover` that remembers the risk. What grows above
that is told again. A critical alert is hidden only by a silence that names critical ones in so many words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import Target, stable_id
from scanner.domain.changes import Held

__all__ = [
    "Cover",
    "Hidden",
    "Lifted",
    "Matchers",
    "Silence",
    "bound",
    "covers",
    "refuses",
    "silence_id",
    "silenced_by",
]


class Lifted:
    """The named reasons why a silence or its cover of an alert ended. They are stored and shown."""

    TIME = "its time came"
    CRITICAL = "a critical alert is hidden only where critical is named"
    RAISED = "the allowance is higher than when it was silenced"
    UNLIMITED = "the allowance is unlimited, and was not when it was silenced"
    RESOLVED = "the alert was resolved"

    @staticmethod
    def taken_back(by: str) -> str:
        """A person ended it."""
        return f"taken back by {by}"

    @staticmethod
    def graver(before: Severity, now: Severity) -> str:
        """The severity rose."""
        return f"the severity was {before} when it was silenced, and is {now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matchers:
    """Which alerts a silence is about: every field that is given has to fit, and at least one has to be given.

    Addresses are in their stored form, `chain` is a chainIndex. There is no matcher by a token's symbol or a spender's
    name: a stranger chooses those. Of several severities any one fits.
    """

    alert: str | None = None
    rule: str | None = None
    spender: str | None = None
    token: str | None = None
    owner: str | None = None
    chain: str | None = None
    severity: frozenset[Severity] = frozenset()

    def __post_init__(self) -> None:
        """Raises ValueError where nothing is given: a silence of everything is no silence but the end of the watch."""
        if not self.given:
            raise ValueError("a silence has to say what it is about")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The matchers that `given` was made of."""
        severity = frozenset(map(Severity, given.get("severity", ())))
        return cls(**{name: value for name, value in given.items() if name != "severity"}, severity=severity)

    @property
    def given(self) -> dict[str, str | list[str]]:
        """What is matched by: field to value, the severities the mildest first."""
        texts = {name: getattr(self, name) for name in ("alert", "rule", "spender", "token", "owner", "chain")}
        found: dict[str, str | list[str]] = {name: text for name, text in texts.items() if text is not None}
        if self.severity:
            found["severity"] = [grade.value for grade in sorted(self.severity, key=lambda grade: grade.rank)]
        return found

    @property
    def name_critical(self) -> bool:
        """Whether critical alerts are meant in so many words."""
        return Severity.CRITICAL in self.severity

    def fit(self, alert: Alert, held: Held) -> bool:
        """Whether an alert is what this is about. Says nothing about whether it may be hidden: see `refuses`."""
        approval = held.approval
        pairs = (
            (self.alert, alert.id),
            (self.rule, alert.rule),
            (self.spender, approval.spender.address),
            (self.token, approval.token.address),
            (self.owner, approval.owner),
            (self.chain, approval.chain),
        )
        graded = not self.severity or alert.severity in self.severity
        return graded and all(wanted is None or wanted == found for wanted, found in pairs)


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence: what it hides, who made it and why, and when it ends.

    With `future` it also covers alerts that open while it lasts. `ended_at` and `end_reason` are set when it is over.
    """

    id: str
    matchers: Matchers
    future: bool
    author: str
    comment: str
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    end_reason: str = ""

    def over(self, at: datetime) -> str | None:
        """Why it is over at that time, or None while it lasts."""
        if self.ended_at is not None and self.ended_at <= at:
            return self.end_reason
        return Lifted.TIME if self.ends_at <= at else None


@dataclass(frozen=True, slots=True)
class Cover:
    """One alert below one silence, with the risk as it was when it was hidden.

    `magnitude` is the allowance by which two are compared, None where it was not known; `unlimited` likewise.
    """

    severity: Severity
    magnitude: int | None
    unlimited: bool | None
    ended_at: datetime | None = None
    end_reason: str = ""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What one silence kept from a channel: alerts, each with its approval and the wallet as the user calls it."""

    silence: Silence
    alerts: tuple[tuple[Alert, Held, Target], ...]


def silence_id(matchers: Matchers, author: str, at: datetime) -> str:
    """A short name for a silence; said aloud and typed by people."""
    return "S-" + stable_id(sorted(matchers.given.items()), author, at.isoformat(), length=8).upper()


def silenced_by(silence: str) -> str:
    """The reason that is stored where a silence kept something from being told."""
    return f"silenced by {silence}"


def refuses(matchers: Matchers, alert: Alert) -> str | None:
    """Why an alert that fits is not hidden all the same, or None where it may be."""
    if alert.state is AlertState.RESOLVED:
        return Lifted.RESOLVED
    if alert.severity is Severity.CRITICAL and not matchers.name_critical:
        return Lifted.CRITICAL
    return None


def bound(alert: Alert, held: Held) -> Cover:
    """The risk as it is now, to hold what comes later against."""
    return Cover(alert.severity, held.approval.allowance.magnitude, held.approval.unlimited)


def covers(silence: Silence, cover: Cover, alert: Alert, held: Held, at: datetime) -> str | None:
    """Why a silence hides an alert no longer, or None while it does.

    A cover that ended stays ended. What cannot be read is no rise; what was not known when it was hidden and is known
    now is one, for nobody agreed to it.
    """
    if cover.ended_at is not None:
        return cover.end_reason
    if (why := silence.over(at) or refuses(silence.matchers, alert)) is not None:
        return why
    if alert.severity.rank > cover.severity.rank:
        return Lifted.graver(cover.severity, alert.severity)
    return _higher(cover, held)


def _higher(cover: Cover, held: Held) -> str | None:
    """How the allowance is above what was hidden. More than unlimited is nothing."""
    if cover.unlimited:
        return None
    if held.approval.unlimited:
        return Lifted.UNLIMITED
    now = held.approval.allowance.magnitude
    if now is not None and (cover.magnitude is None or now > cover.magnitude):
        return Lifted.RAISED
    return None
