"""What the outbox holds and how sending it can end: the values that the store and the delivery loop share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scanner.domain.alerts import Alert, Move, Severity
from scanner.domain.approvals import Target
from scanner.domain.changes import Change, Held
from scanner.domain.surroundings import UNKNOWN, Surroundings

__all__ = ["Claim", "Delivery", "Due", "FirstReading", "Message", "MessageKind", "Outcome", "Result"]


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that may go out now, with all that is said in its message.

    `seq` is the notice's number; `why` and `fix` are the rule's words; `target` carries the wallet's label; `change` is
    what the alert tells of: its own change for an event, else the last one of its approval. `reading` is the scan
    whose digest of first readings it belongs to, None outside of one; `group` is what else it is told together with.
    `told` says that the channel heard of the alert before, or may have; `silence` hides the alert by now. `beside` is
    what balances and lists say of the approval.
    """

    seq: int
    channel: str
    what: Move
    alert: Alert
    held: Held
    target: Target
    why: str
    fix: str
    change: Change | None = None
    reading: str | None = None
    group: str = ""
    told: bool = True
    silence: str | None = None
    beside: Surroundings = UNKNOWN


@dataclass(frozen=True, slots=True)
class FirstReading:
    """What a scan saw for the first time: so many approvals, of so many wallets."""

    approvals: int
    wallets: int


class MessageKind(StrEnum):
    """What a message is about: something is wrong, something ended, or wallets were read for the first time.

    `summary` counts what a storm would have made too many messages of, `review` what is open and not repeated. `watch`
    speaks of the watch itself, `drill` only tries the way.
    """

    ALERT = "alert"
    END = "end"
    DIGEST = "digest"
    SUMMARY = "summary"
    REVIEW = "review"
    WATCH = "watch"
    DRILL = "drill"


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one channel. `notices` are the numbers of the notices that it tells or counts.

    `body` ends with the id, for another takes its place where the message takes up one that was recalled.
    `severity` is that of the worst alert in it; critical ones are sent first and never given up. Messages of one
    `thread` (at most 64 characters; "" for none) belong together where a channel can show that.
    """

    id: str
    channel: str
    kind: MessageKind
    severity: Severity
    title: str
    body: str
    notices: tuple[int, ...]
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one worker to send a message once. `attempt` counts from 1 and fences what is written back.

    `repeat` says that an earlier attempt may have arrived.
    """

    id: str
    channel: str
    kind: MessageKind
    severity: Severity
    title: str
    body: str
    worker: str
    attempt: int
    repeat: bool
    created_at: datetime
    thread: str = ""


class Result(StrEnum):
    """How an attempt to send ended. `unknown`: it may have arrived, so the next attempt says that it may repeat."""

    DELIVERED = "delivered"
    TRANSIENT = "transient"
    RATE_LIMITED = "rate-limited"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended, why in words without any secret, and how long the far side asks to be left alone."""

    result: Result
    detail: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it lies in the outbox. `error` says what the last try met.

    `state` is waiting, sent or given-up; or void, where nothing was left of it to tell when it was composed again.
    """

    id: str
    channel: str
    severity: Severity
    title: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None = None
    error: str | None = None
