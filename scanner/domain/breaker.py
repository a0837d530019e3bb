"""When to leave a channel alone: after some failures in a row it is only probed, with one message at growing intervals.

The outbox holds what waits, so nothing is lost by not trying; and a service that is down is not met with every message.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scanner.domain.messages import Outcome, Result

__all__ = ["FIRST_PAUSE", "LONGEST_PAUSE", "TRIPS", "ChannelHealth", "after", "may_try"]

TRIPS = 3
"""Failures in a row after which a channel is only probed."""

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=5)
"""The pauses between two probes double from the first to the longest."""


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How a channel is: since when it fails, how often in a row, why, and before when it is not to be tried."""

    channel: str
    failing_since: datetime | None = None
    failures: int = 0
    next_at: datetime | None = None
    reason: str = ""

    @property
    def broken(self) -> bool:
        """Whether it failed so often in a row that it is only probed."""
        return self.failures >= TRIPS


def after(health: ChannelHealth, outcome: Outcome, at: datetime) -> ChannelHealth:
    """The channel's health after an attempt that ended at a time.

    One success makes it whole. A channel that asks to be left alone for a while is, and that is no failure: it lives.
    """
    wish = None if outcome.retry_after is None else at + outcome.retry_after
    if outcome.result is Result.DELIVERED:
        return ChannelHealth(health.channel)
    if outcome.result is Result.RATE_LIMITED:
        return replace(health, next_at=wish or health.next_at)
    failures = health.failures + 1
    times = [moment for moment in (wish, _probe_at(failures, at)) if moment is not None]
    return ChannelHealth(
        channel=health.channel,
        failing_since=health.failing_since or at,
        failures=failures,
        next_at=max(times, default=None),
        reason=outcome.detail,
    )


def _probe_at(failures: int, at: datetime) -> datetime | None:
    beyond = failures - TRIPS
    return None if beyond < 0 else at + min(FIRST_PAUSE * 2 ** min(beyond, 20), LONGEST_PAUSE)


def may_try(health: ChannelHealth, at: datetime) -> bool:
    """Whether the channel may be sent a message now: it works, or its next probe is due."""
    return health.next_at is None or at >= health.next_at
