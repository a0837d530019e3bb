"""Who is told of a step in an alert's life, and why or why not: each decision has one named reason."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from scanner.domain.alerts import Move, Severity, Transition

__all__ = ["Notice", "Why", "decide"]


class Why(StrEnum):
    """The named reasons. They are stored, and shown to whoever asks why a message came or did not."""

    FIRST = "first"
    WORSENED = "worsened"
    RESOLVED = "resolved"
    UNWATCHED = "no longer watched"
    BELOW = "below the channel's severity"
    INFORMATIONAL = "informational never notifies"
    EASED = "less severe than before"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one channel is owed about one alert, or why it is owed nothing. `digest` waits for its scan's end."""

    alert: str
    channel: str
    what: Move
    send: bool
    reason: Why
    digest: bool = False


def decide(transition: Transition, channels: Mapping[str, Severity], told: Collection[str]) -> list[Notice]:
    """What each channel is owed for a step, given the least severity that it wants and who was told before.

    Who was told that an alert opened is told that it ended, whatever its severity has become since. An alert of a
    wallet's first reading goes into that scan's one digest.
    """
    alert, move = transition.alert, transition.move
    if move in (Move.RESOLVED, Move.UNWATCHED):
        why = Why.RESOLVED if move is Move.RESOLVED else Why.UNWATCHED
        return [Notice(alert.id, channel, move, send=True, reason=why) for channel in channels if channel in told]
    if move is Move.EASED:
        return [Notice(alert.id, channel, move, send=False, reason=Why.EASED) for channel in channels]
    digest = alert.baseline and move is Move.OPENED
    why = Why.WORSENED if move is Move.WORSENED else Why.FIRST
    return [
        Notice(alert.id, channel, move, send=why_not is None, reason=why_not or why, digest=digest)
        for channel, least in channels.items()
        for why_not in [_why_not(alert.severity, least)]
    ]


def _why_not(severity: Severity, least: Severity) -> Why | None:
    if severity is Severity.INFORMATIONAL:
        return Why.INFORMATIONAL
    return None if severity.reaches(least) else Why.BELOW
