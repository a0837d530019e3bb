"""When scans are due."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scanner.config import ScheduleConfig

__all__ = ["due_after", "longest_pause", "shortest_pause", "trigger_of"]

PAUSES_LOOKED_AT = 200
"""Pauses between scans that are looked at for the longest and the shortest: more than a week of hours."""


def trigger_of(schedule: ScheduleConfig) -> BaseTrigger:
    """What the scheduler goes by."""
    if schedule.cron is not None:
        return CronTrigger.from_crontab(schedule.cron, timezone=UTC)
    return IntervalTrigger(seconds=schedule.every.total_seconds(), timezone=UTC)


def due_after(trigger: BaseTrigger, began: datetime) -> datetime | None:
    """When the scan after one that began at a time is due; None where none is to come."""
    found: datetime | None = trigger.get_next_fire_time(began, began)
    return found


def longest_pause(trigger: BaseTrigger, after: datetime) -> timedelta:
    """The longest time between two of the next scans: at night or over the weekend a schedule may rest."""
    return max(_pauses(trigger, after), default=timedelta(days=1))


def shortest_pause(trigger: BaseTrigger, after: datetime) -> timedelta:
    """The shortest time between two of the next scans."""
    return min(_pauses(trigger, after), default=timedelta(days=1))


def _pauses(trigger: BaseTrigger, after: datetime) -> list[timedelta]:
    times = [after]
    while len(times) <= PAUSES_LOOKED_AT and (then := due_after(trigger, times[-1])) is not None:
        times.append(then)
    return [later - earlier for earlier, later in pairwise(times[1:])]
