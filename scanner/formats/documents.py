"""What commands print besides a scan's report, as typed values: like `domain.report`, the JSON of version 1.

A document is printed by every format. Unknown is None; names from outside are dead text already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from scanner.domain.explanation import Explanation
from scanner.domain.inventory import Holdings
from scanner.domain.reconciled import Reconciliation
from scanner.domain.report import (
    AlertEntry,
    ApprovalEntry,
    ChangeEntry,
    Report,
    TargetEntry,
)
from scanner.domain.story import AttemptEntry, NoticeEntry, StepEntry
from scanner.formats.backtests import Backtest
from scanner.formats.flaws import Checked

__all__ = [
    "Alerts",
    "Approvals",
    "Backtest",
    "Checked",
    "CoverEntry",
    "Deliveries",
    "DeliveryEntry",
    "Document",
    "ExceptionEntry",
    "Explained",
    "GradeEntry",
    "History",
    "Holdings",
    "ListEntry",
    "Lists",
    "Look",
    "ParamEntry",
    "Reconciliation",
    "RuleEntry",
    "Rules",
    "SaidEntry",
    "SilenceEntry",
    "Silences",
    "Story",
    "TrialEntry",
    "Trials",
]


@dataclass(frozen=True, slots=True)
class Look:
    """How a document may look: `now` for ages, `width` in columns, and whether colours (escapes) are welcome."""

    now: datetime
    width: int = 160
    colour: bool = False


@dataclass(frozen=True, slots=True)
class SaidEntry:
    """What one list says of an address. `chain` is null for every chain; names and incidents are strangers' words."""

    list: str
    labels: tuple[str, ...]
    chain: str | None = None
    chain_index: str | None = None
    name: str | None = None
    incident: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """The approvals in force, or those that were in force `at` a moment of the past.

    `targets` say when each was last read completely, and what was wrong at the last try. `alerts` are those open on
    these approvals now; none for the past. `exposure_usd` is what they put at stake together, a token of an owner
    counted once, and `unvalued` how many of them could not be valued; neither is known of the past.

    Where one spender is asked for, `ended` are its approvals that are in force no more, each since `changed_at`, and
    `said` is what the lists say of it.
    """

    version: int = 1
    at: str | None = None
    exposure_usd: str | None = None
    unvalued: int | None = None
    approvals: tuple[ApprovalEntry, ...] = ()
    ended: tuple[ApprovalEntry, ...] = ()
    said: tuple[SaidEntry, ...] = ()
    targets: tuple[TargetEntry, ...] = ()
    alerts: tuple[AlertEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Recorded changes, the oldest first. `targets` are those that they belong to.

    `known_since` is from when on all of them are known; null where none was ever forgotten.
    """

    version: int = 1
    since: str | None = None
    known_since: str | None = None
    changes: tuple[ChangeEntry, ...] = ()
    targets: tuple[TargetEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Alerts, the worst and newest first, and the approvals that they speak of.

    `silenced` are those that a silence hides now, each with the silence's id.
    """

    version: int = 1
    alerts: tuple[AlertEntry, ...] = ()
    approvals: tuple[ApprovalEntry, ...] = ()
    silenced: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that there is to say about one alert.

    `why` and `fix` are the rule's words when it opened, `facts` the values that decided, in words. `episodes` are the
    ids of its earlier lives, the oldest first. `then` is what the rule as it is now makes of those values, null where
    that is not what was told then: not all of them are kept to the last digit, and rules are edited. `now` is what the
    rule says now, null where there is no such rule any more.
    """

    version: int = 1
    alert: AlertEntry
    approval: ApprovalEntry
    why: str
    fix: str
    facts: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepEntry, ...] = ()
    notices: tuple[NoticeEntry, ...] = ()
    attempts: tuple[AttemptEntry, ...] = ()
    episodes: tuple[str, ...] = ()
    then: Explanation | None = None
    now: Explanation | None = None


@dataclass(frozen=True, slots=True)
class GradeEntry:
    """One severity above a rule's own: when it is reached, and when it is left; None for when that no longer holds."""

    severity: str
    when: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class ParamEntry:
    """One threshold of a rule, as it is in force: its type in words, and its value as a configuration writes it."""

    name: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One rule in force. `on` are the changes that it speaks of; empty for a rule that describes a state.

    `noise` says when it is a false alarm, in the rule's own words. `until` says when its alert is over, None for when
    `when` no longer holds; `grades` are milder ones first.
    `params` are its thresholds; `exceptions` is how many exceptions from it are in force.
    """

    id: str
    title: str
    severity: str
    on: tuple[str, ...]
    when: str
    why: str
    fix: str
    fields: tuple[str, ...]
    tests: int
    file: str
    line: int
    noise: str = ""
    until: str | None = None
    grades: tuple[GradeEntry, ...] = ()
    params: tuple[ParamEntry, ...] = ()
    exceptions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules in force, and how many problems keep others out."""

    version: int = 1
    rules: tuple[RuleEntry, ...] = ()
    problems: int = 0


@dataclass(frozen=True, slots=True)
class CoverEntry:
    """One alert below a silence, with the risk as it was when it was hidden, and why it is hidden no more."""

    alert: str
    severity: str
    raw: str | None
    unlimited: bool | None
    ended_at: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SilenceEntry:
    """One silence. `matchers` are field to value; with `future` it also hides alerts that open while it lasts.

    `ended_at` and `reason` are null while it lasts.
    """

    id: str
    matchers: Mapping[str, str | Sequence[str]]
    future: bool
    author: str
    comment: str
    created_at: str
    ends_at: str
    ended_at: str | None = None
    reason: str | None = None
    covers: tuple[CoverEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Silences:
    """Silences, the newest first, and the alerts and approvals that they speak of.

    `still_told` are critical alerts that fit a silence just made, which it does not hide.
    """

    version: int = 1
    silences: tuple[SilenceEntry, ...] = ()
    alerts: tuple[AlertEntry, ...] = ()
    approvals: tuple[ApprovalEntry, ...] = ()
    still_told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """An exception that keeps a rule silent: what it names, why, until when if it ends, and where it is written."""

    names: tuple[str, ...]
    reason: str
    until: str | None
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why a rule says what it says of an approval, and what came of it.

    `alerts` are those of the rule on the approval that are not resolved, else the last one that was; `silenced` are
    those that a silence hides now, each with the silence's id; `silences` are these, and those that would hide what
    opens next. `excepted` is the exception that covers the approval. `notes` tell what else matters, in sentences.
    """

    version: int = 1
    approval: ApprovalEntry
    explanation: Explanation
    alerts: tuple[AlertEntry, ...] = ()
    silenced: Mapping[str, str] = field(default_factory=dict)
    silences: tuple[SilenceEntry, ...] = ()
    excepted: ExceptionEntry | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    """One message in the outbox. `state` is waiting, sent, given-up, or void where nothing was left in it to tell;
    `alerts` are the ids of what it tells.

    `next_at` is when it is tried next, null where it is not; `error` what the last attempt met.
    """

    id: str
    channel: str
    state: str
    severity: str
    title: str
    attempts: int
    created_at: str
    next_at: str | None
    sent_at: str | None
    error: str | None
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Messages of the outbox, the newest first."""

    version: int = 1
    deliveries: tuple[DeliveryEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One list. `as_of` is when its copy was last seen to be the newest, null where there is none yet.

    `error` says why the last look, at `checked_at`, took nothing; then the last good copy is in force. `entries` and
    `bad` count its rows, `examples` are the first bad ones in words. `approvals` counts the stored approvals in force
    whose spender or token is on it.
    """

    name: str
    label: str
    origin: str
    as_of: str | None
    checked_at: str | None
    error: str | None
    entries: int
    bad: int
    examples: tuple[str, ...]
    approvals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The lists, in the order of the configuration."""

    version: int = 1
    lists: tuple[ListEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialEntry:
    """How one test went: of a rule (`kind` rule, `subject` its id), or one step of a scenario (its title).

    `expected` is what was not found, `found` what stands there instead or beyond it, and `facts` are the values that
    decided; all in words. `file` and `line` are where the test is written.
    """

    kind: str
    subject: str
    title: str
    file: str
    line: int
    passed: bool
    seconds: float
    expected: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Tests of rules and steps of scenarios, in the order in which they were run."""

    version: int = 1
    passed: int = 0
    failed: int = 0
    seconds: float = 0
    tests: tuple[TrialEntry, ...] = ()


Document: TypeAlias = (
    Report
    | Approvals
    | History
    | Alerts
    | Story
    | Rules
    | Explained
    | Silences
    | Deliveries
    | Lists
    | Holdings
    | Checked
    | Backtest
    | Trials
    | Reconciliation
)
"""Anything that a format can print."""
