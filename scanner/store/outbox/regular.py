"""What comes due by itself: reminders, what an ended silence hid, and the review of all that is not repeated."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import Target
from scanner.domain.reminders import TOGETHER, Known, Open, Withheld, catch_up, remind, reveal
from scanner.domain.silences import Hidden
from scanner.domain.telling import Telling
from scanner.store import clocks, silences
from scanner.store.notices import write
from scanner.store.outbox.states import GIVEN_UP, SENT
from scanner.store.rows import alert_from, is_open
from scanner.store.tables import alerts, approvals, messages, notices, targets

__all__ = ["hidden", "review", "tell_again"]

HIDDEN_EVERY = timedelta(days=1)
"""How often it is told what silences hid, if they did."""

SETTLED = timedelta(minutes=5)
"""What is this old is certainly in the store: a notice bears the time of its reading, which was a little before."""


async def tell_again(connection: AsyncConnection, telling: Telling, now: datetime) -> int:
    """Write what channels are owed although nothing happened. Returns how many notices that were."""
    lifted = await silences.uncovered(connection, now)
    freed = reveal(await _withheld(connection, lifted), telling, now)
    await write(connection, freed, scan_id=None, at=now)
    owed = catch_up(await _missed(connection, telling, now), telling, now)
    owed += remind(await _known(connection, telling, now), telling, now)
    await write(connection, owed, scan_id=None, at=now)
    return len(freed + owed)


async def _withheld(connection: AsyncConnection, lifted: Sequence[Alert]) -> list[Withheld]:
    """For alerts that nothing hides any more, the channels that were never told because something did."""
    found = []
    for alert in lifted:
        query = (
            select(notices.c.channel, func.max(notices.c.group_key), func.max(notices.c.send))
            .where(notices.c.alert_id == alert.id)
            .group_by(notices.c.channel)
        )
        found += [Withheld(alert, row[0], row[1]) for row in await connection.execute(query) if not row[2]]
    return found


async def _missed(connection: AsyncConnection, telling: Telling, now: datetime) -> list[Withheld]:
    """The open alerts that a channel wants and was never told of. What happened once is no news any more."""
    found = []
    for channel in telling.channels:
        told = exists().where(notices.c.alert_id == alerts.c.id, notices.c.channel == channel, notices.c.send)
        query = select(alerts).where(_stands(), _wanted(telling, channel), ~told).order_by(alerts.c.opened_at)
        rows = (await connection.execute(query)).mappings()
        found += [Withheld(alert_from(row), channel, group="") for row in rows]
    hidden = await silences.covering(connection, [one.alert for one in found], now)
    return [one for one in found if one.alert.id not in hidden]


async def _known(connection: AsyncConnection, telling: Telling, now: datetime) -> list[Known]:
    """The open alerts whose last message to a channel is, or nearly is, as long ago as they are repeated after."""
    nearly = {severity: repeat - repeat / TOGETHER for severity, repeat in telling.repeat.items()}
    old = [
        and_(alerts.c.severity == severity.value, or_(_told_at() <= now - time, _told_at() >= now + time))
        for severity, time in nearly.items()
    ]
    if not old:
        return []
    last = (
        select(
            notices.c.alert_id,
            notices.c.channel,
            func.max(notices.c.seq).label("any"),
            func.max(case((notices.c.send, notices.c.seq))).label("sent"),
        )
        .join(alerts, alerts.c.id == notices.c.alert_id)
        .where(is_open(), alerts.c.change_id.is_(None), notices.c.channel.in_(telling.channels))
        .where(alerts.c.severity.in_([severity.value for severity in telling.repeat]))
        .group_by(notices.c.alert_id, notices.c.channel)
        .subquery()
    )
    newest = notices.alias()
    query = (
        select(
            alerts, notices.c.channel, notices.c.group_key, _told_at().label("told_at"), newest.c.send, newest.c.reason
        )
        .join(last, last.c.sent == notices.c.seq)
        .join(newest, newest.c.seq == last.c.any)
        .join(alerts, alerts.c.id == notices.c.alert_id)
        .join(messages, messages.c.id == notices.c.message_id)
        .where(messages.c.state.in_([SENT, GIVEN_UP]), or_(*old))
        .order_by(notices.c.seq)
    )
    rows = (await connection.execute(query)).mappings().all()
    hidden = await silences.covering(connection, [alert_from(row) for row in rows], now)
    return [
        Known(
            alert=alert_from(row),
            channel=row[notices.c.channel],
            group=row[notices.c.group_key],
            told_at=row["told_at"],
            withheld="" if row[newest.c.send] else row[newest.c.reason],
            silence=hidden.get(row[alerts.c.id]),
        )
        for row in rows
    ]


def _told_at() -> ColumnElement[datetime]:
    return func.coalesce(messages.c.sent_at, messages.c.created_at)


async def review(connection: AsyncConnection, channel: str, telling: Telling, now: datetime) -> list[Open]:
    """The open alerts that a channel wants and that nothing repeats, where it is time to review them, the worst first.

    The time of the first review counts from the first time that this is asked.
    """
    period, name = telling.digest.period, f"review {channel}"
    last = await clocks.last(connection, name)
    if period is None or (last is not None and last <= now < last + period):
        return []
    await clocks.strike(connection, name, now)
    if last is None or last > now:
        return []
    found = await _unrepeated(connection, channel, telling)
    hidden = await silences.covering(connection, [one.alert for one in found], now)
    left = [one for one in found if one.alert.id not in hidden]
    return sorted(left, key=lambda one: (-one.alert.severity.rank, one.alert.opened_at, one.alert.id))


async def hidden(connection: AsyncConnection, channel: str, now: datetime) -> list[Hidden]:
    """What silences kept from a channel since that was last told, where a day has passed since.

    The first day counts from the first time that this is asked.
    """
    name = f"hidden {channel}"
    last = await clocks.last(connection, name)
    if last is not None and last <= now < last + HIDDEN_EVERY:
        return []
    await clocks.strike(connection, name, now)
    if last is None or last > now:
        return []
    return await silences.hidden(connection, channel, last - SETTLED, now - SETTLED)


async def _unrepeated(connection: AsyncConnection, channel: str, telling: Telling) -> list[Open]:
    query = (
        select(alerts, targets)
        .join(approvals, approvals.c.id == alerts.c.approval_id)
        .join(targets, targets.c.id == approvals.c.target_id)
        .where(_stands(), _wanted(telling, channel), ~_graded(telling.repeat))
    )
    rows = (await connection.execute(query)).mappings()
    return [
        Open(alert_from(row), Target(row[targets.c.chain], row[targets.c.owner], row[targets.c.label])) for row in rows
    ]


def _stands() -> ColumnElement[bool]:
    """What is so, and nobody has said that they know."""
    return (alerts.c.state == AlertState.OPEN.value) & alerts.c.change_id.is_(None)


def _wanted(telling: Telling, channel: str) -> ColumnElement[bool]:
    """What `Telling.wants` says, in SQL."""
    return _graded(telling.wanted(channel)) & alerts.c.rule.not_in(telling.elsewhere(channel))


def _graded(severities: Collection[Severity]) -> ColumnElement[bool]:
    return alerts.c.severity.in_([severity.value for severity in severities])
