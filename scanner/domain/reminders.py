"""When an open alert is told again, and why not where it is not; what is told when a silence ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.domain.alerts import Alert, AlertState, Move
from scanner.domain.approvals import Target
from scanner.domain.notices import Notice, Why
from scanner.domain.silences import silenced_by
from scanner.domain.telling import Telling

__all__ = ["Known", "Open", "Withheld", "catch_up", "remind", "reveal"]

TOGETHER = 24
"""What comes due within this part of its time goes with what is due: alerts that were told one after another within an
hour are repeated in one message a day later."""


@dataclass(frozen=True, slots=True)
class Known:
    """An open alert that a channel was told of: when last, and the reason why it was not since, if there is one.

    `silence` hides it now.
    """

    alert: Alert
    channel: str
    group: str
    told_at: datetime
    withheld: str = ""
    silence: str | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """An open alert that a channel was never told of, and that nothing hides from it now."""

    alert: Alert
    channel: str
    group: str


@dataclass(frozen=True, slots=True)
class Open:
    """An open alert as a review counts it, and whose wallet it is."""

    alert: Alert
    target: Target


def remind(known: Sequence[Known], telling: Telling, at: datetime) -> list[Notice]:
    """The alerts that are told again, since their severity is repeated after a time and that is over.

    What is acknowledged or silenced is not, and that is noted once. An alert that has fallen below its channel's
    severity is not repeated, nor is one that tells of something that happened.
    """
    found: list[Notice] = []
    for channel in telling.channels:
        here = [one for one in known if one.channel == channel and telling.wants(channel, one.alert)]
        over = [one for one in here if _is_over(one, telling, at)]
        if any(not _why_not(one) for one in over):
            over = [one for one in here if _is_over(one, telling, at, early=not _why_not(one))]
        found += [_reminder(one, at) for one in over if not _why_not(one) or one.withheld != _why_not(one)]
    return found


def _is_over(one: Known, telling: Telling, at: datetime, *, early: bool = False) -> bool:
    """Whether it is time to tell an alert again, or with `early` nearly so.

    If the clock was set back, what was told far ahead of now is not waited for.
    """
    repeat = telling.repeat.get(one.alert.severity)
    if repeat is None or one.alert.is_event:
        return False
    return abs(at - one.told_at) >= repeat - (repeat / TOGETHER if early else timedelta())


def _why_not(one: Known) -> str:
    if one.alert.state is AlertState.ACKNOWLEDGED:
        return Why.ACKNOWLEDGED
    return "" if one.silence is None else silenced_by(one.silence)


def _reminder(one: Known, at: datetime) -> Notice:
    why_not = _why_not(one)
    return Notice(
        alert=one.alert.id,
        channel=one.channel,
        what=Move.REMINDED,
        send=not why_not,
        reason=why_not or Why.REMINDER,
        group=one.group,
        due_at=at,
    )


def reveal(withheld: Sequence[Withheld], telling: Telling, at: datetime) -> list[Notice]:
    """What is owed now that silences have ended: the opening, to those who were never told of it and want it still."""
    return _owed(withheld, telling, at, Move.OPENED, Why.SILENCE_ENDED)


def catch_up(missed: Sequence[Withheld], telling: Telling, at: datetime) -> list[Notice]:
    """What is owed to a channel that was not there when alerts opened, or did not want them: that they are open."""
    return _owed(missed, telling, at, Move.REMINDED, Why.MISSED)


def _owed(untold: Sequence[Withheld], telling: Telling, at: datetime, what: Move, why: str) -> list[Notice]:
    return [
        Notice(one.alert.id, one.channel, what, send=True, reason=why, group=one.group, due_at=at)
        for one in untold
        if telling.wants(one.channel, one.alert)
    ]
