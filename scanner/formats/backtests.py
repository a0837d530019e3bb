"""What a backtest found, as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner.domain.report import ApprovalEntry

__all__ = ["Backtest", "DifferenceEntry", "EpisodeEntry", "RuleBacktest"]


@dataclass(frozen=True, slots=True)
class EpisodeEntry:
    """An alert from its beginning to its end, with the worst severity that it had.

    `alert` is the id of one that really was, null of one that would have been. `resolved_at` is null while it is open.
    """

    severity: str
    opened_at: str
    resolved_at: str | None
    alert: str | None = None


@dataclass(frozen=True, slots=True)
class DifferenceEntry:
    """One alert that would have been another one. `kind` is new, gone or changed.

    `was` is null where it is new, `would` where it is gone. `event` says that it tells of something that happened.
    """

    kind: str
    rule: str
    title: str
    approval: str
    event: bool
    was: EpisodeEntry | None
    would: EpisodeEntry | None


@dataclass(frozen=True, slots=True)
class RuleBacktest:
    """One rule: its alerts and the messages that told of them, really and in the replay, and how the alerts differ."""

    rule: str
    title: str
    alerts: int
    alerts_would: int
    new: int
    gone: int
    changed: int
    messages: int
    messages_would: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What rules would have told in a stretch of time, held against what was told.

    `lived` is how many approvals were lived through, `scans` how many scans fell into the time. `messages` and
    `messages_would` count messages by channel, where the latter is an estimate. `approvals` are those that
    `differences` speak of, as they were last seen.
    """

    version: int = 1
    since: str
    until: str
    lived: int
    scans: int
    rules: tuple[RuleBacktest, ...] = ()
    differences: tuple[DifferenceEntry, ...] = ()
    approvals: tuple[ApprovalEntry, ...] = ()
    messages: Mapping[str, int] = field(default_factory=dict)
    messages_would: Mapping[str, int] = field(default_factory=dict)
