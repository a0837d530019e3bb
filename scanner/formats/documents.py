"""What commands print besides a scan's report, as typed values: like `domain.report`, the JSON of version 1.

A document is printed by every format. Unknown is None; names from outside are dead text already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from scanner.domain.report import (
    AlertEntry,
    ApprovalEntry,
    AttemptEntry,
    ChangeEntry,
    NoticeEntry,
    Report,
    StepEntry,
    TargetEntry,
)

__all__ = [
    "Alerts",
    "Approvals",
    "Document",
    "History",
    "Look",
    "RuleEntry",
    "Rules",
    "Story",
]


@dataclass(frozen=True, slots=True)
class Look:
    """How a document may look: `now` for ages, `width` in columns, and whether colours (escapes) are welcome."""

    now: datetime
    width: int = 160
    colour: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """The approvals in force, or those that were in force `at` a moment of the past.

    `targets` say when each was last read completely, and what was wrong at the last try. `alerts` are those open on
    these approvals now; none for the past.
    """

    version: int = 1
    at: str | None = None
    approvals: tuple[ApprovalEntry, ...] = ()
    targets: tuple[TargetEntry, ...] = ()
    alerts: tuple[AlertEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Recorded changes, the oldest first. `targets` are those that they belong to."""

    version: int = 1
    since: str | None = None
    changes: tuple[ChangeEntry, ...] = ()
    targets: tuple[TargetEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Alerts, the worst and newest first, and the approvals that they speak of."""

    version: int = 1
    alerts: tuple[AlertEntry, ...] = ()
    approvals: tuple[ApprovalEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that there is to say about one alert.

    `why` and `fix` are the rule's words when it opened, `facts` the values that decided, in words.
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


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One rule in force. `on` are the changes that it speaks of; empty for a rule that describes a state."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules in force, and how many problems keep others out."""

    version: int = 1
    rules: tuple[RuleEntry, ...] = ()
    problems: int = 0


Document: TypeAlias = Report | Approvals | History | Alerts | Story | Rules
"""Anything that a format can print."""
