"""What happened to one alert: the parts of `alerts show` in the JSON of version 1, as typed values; see `report.py`."""

from dataclasses import dataclass

__all__ = ["AttemptEntry", "NoticeEntry", "StepEntry"]


@dataclass(frozen=True, slots=True)
class StepEntry:
    """One step of an alert's life, with its named reason, and the scan that caused it, if one did."""

    at: str
    move: str
    reason: str
    scan: str | None


@dataclass(frozen=True, slots=True)
class NoticeEntry:
    """What one channel was owed about one step, and why it was or was not told.

    `message` is the message that it went into, `state` that message's: waiting, sent or given-up.
    """

    at: str
    channel: str
    what: str
    send: bool
    reason: str
    message: str | None
    state: str | None
    sent_at: str | None


@dataclass(frozen=True, slots=True)
class AttemptEntry:
    """One attempt to send a message, and how it ended."""

    at: str
    channel: str
    message: str
    number: int
    outcome: str
    detail: str
