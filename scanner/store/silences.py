"""Silences: made, ended, listed; which alerts they hide, and which they hide no more.

What was hidden is decided by `domain.silences`; here it is looked up and written down. Each function runs inside the
caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, RowMapping, Select, bindparam, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import Target
from scanner.domain.changes import Held
from scanner.domain.silences import Cover, Hidden, Matchers, Silence, bound, covers, refuses, silenced_by
from scanner.store.prepared import Query
from scanner.store.rows import alert_from, held_from, is_end, is_open, parts
from scanner.store.tables import alerts, approvals, notices, silenced, silences, targets

__all__ = [
    "Bound",
    "Covered",
    "Kept",
    "covering",
    "end",
    "find",
    "fitting",
    "hidden",
    "hiding",
    "listing",
    "make",
    "uncovered",
]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a silence hides when it is made: alerts by their ids, and the critical ones that fit and are still told."""

    hidden: Mapping[str, Cover]
    critical: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Covered:
    """One alert that a silence covers or covered."""

    alert: str
    cover: Cover


@dataclass(frozen=True, slots=True)
class Kept:
    """A silence and all that it ever covered."""

    silence: Silence
    covered: tuple[Covered, ...]


async def fitting(connection: AsyncConnection, matchers: Matchers) -> Bound:
    """What a silence with these matchers would hide now, and what it would not although it fits."""
    rows = (await connection.execute(_with_approvals().where(is_open()).order_by(alerts.c.id))).mappings()
    pairs = [(alert_from(row), held_from(row)) for row in rows]
    fit = [(alert, held) for alert, held in pairs if matchers.fit(alert, held)]
    hidden = {alert.id: bound(alert, held) for alert, held in fit if refuses(matchers, alert) is None}
    return Bound(hidden, tuple(alert.id for alert, _ in fit if alert.id not in hidden))


async def make(connection: AsyncConnection, silence: Silence) -> Bound:
    """Record a silence, and cover the alerts that fit it now. What of them is in no message yet is not told.

    What lies in a message is for `deliveries.recall`.
    """
    found = await fitting(connection, silence.matchers)
    await connection.execute(
        silences.insert().values(
            id=silence.id,
            matchers=silence.matchers.given,
            future=silence.future,
            author=silence.author,
            comment=silence.comment,
            created_at=silence.created_at,
            ends_at=silence.ends_at,
        )
    )
    await _cover(connection, silence, found.hidden)
    await _withhold(connection, silence.id, list(found.hidden))
    return found


async def _cover(connection: AsyncConnection, silence: Silence, hidden: Mapping[str, Cover]) -> None:
    rows = [
        {
            "silence_id": silence.id,
            "alert_id": alert_id,
            "severity": cover.severity.value,
            "magnitude": cover.magnitude,
            "unlimited": cover.unlimited,
            "ended_at": cover.ended_at,
            "end_reason": cover.end_reason or None,
        }
        for alert_id, cover in hidden.items()
    ]
    if rows:
        await connection.execute(silenced.insert(), rows)


async def _withhold(connection: AsyncConnection, silence_id: str, ids: Sequence[str]) -> None:
    """What is in no message yet is not told. An end is always told, so that it is not asked here."""
    for part in parts(ids):
        mine = notices.c.alert_id.in_(part) & notices.c.message_id.is_(None) & notices.c.send
        await connection.execute(
            update(notices).where(mine, ~is_end()).values(send=False, reason=silenced_by(silence_id))
        )


async def end(connection: AsyncConnection, silence_id: str, reason: str, at: datetime) -> bool:
    """End a silence before its time. Returns False, and changes nothing, where it is over already or there is none.

    What it hid is told by whoever asks `uncovered` next.
    """
    mine = silences.c.id == silence_id.upper()
    ended = await connection.execute(update(silences).where(mine, _lasts(at)).values(ended_at=at, end_reason=reason))
    return bool(ended.rowcount)


def _lasts(at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return silences.c.ended_at.is_(None) & (silences.c.ends_at > at)


_ANY = Query(select(silences.c.id).where(_lasts(bindparam("at"))).limit(1))


async def covering(connection: AsyncConnection, asked: Sequence[Alert], at: datetime) -> dict[str, str]:
    """Which of some alerts are hidden, and by which silence: alert id to silence id.

    The alerts are judged as they are given, and by their approvals as they are stored, so both may have moved in this
    very transaction; an alert that has just opened has to be stored already. Silences of what opens later bind it
    here. Resolved alerts are never hidden.
    """
    if not asked or not await _ANY(connection, at=at):
        return {}
    await _bind_later_ones(connection, {alert.id: alert for alert in asked}, at)
    return await hiding(connection, asked, at)


async def hiding(connection: AsyncConnection, asked: Sequence[Alert], at: datetime) -> dict[str, str]:
    """Like `covering`, for who only looks: what opened under a silence and was not asked about yet is not bound."""
    by_id = {alert.id: alert for alert in asked}
    found: dict[str, str] = {}
    for part in parts(sorted(by_id)):
        for row in await _covers(connection, silenced.c.alert_id.in_(part), _lasts(at)):
            alert = by_id[row[silenced.c.alert_id]]
            if covers(_silence(row), _cover_from(row), alert, held_from(row), at) is None:
                found.setdefault(alert.id, row[silences.c.id])
    return found


async def _bind_later_ones(connection: AsyncConnection, by_id: Mapping[str, Alert], at: datetime) -> None:
    """Bind alerts that opened under a silence of what is to come. One that must not be hidden is noted as that.

    So a critical alert that becomes less than critical later does not slip below a silence that it once broke.
    """
    rows = (await connection.execute(select(silences).where(silences.c.future, _lasts(at)))).mappings()
    for silence in map(_silence, rows):
        unbound = await _unbound(connection, silence, by_id)
        fit = [(alert, held) for alert, held in unbound if silence.matchers.fit(alert, held)]
        await _cover(connection, silence, {alert.id: _cover_of(silence, alert, held, at) for alert, held in fit})


async def _unbound(
    connection: AsyncConnection, silence: Silence, by_id: Mapping[str, Alert]
) -> list[tuple[Alert, Held]]:
    """The alerts of these that opened under a silence and were not held against it yet, with their approvals."""
    over = AlertState.RESOLVED
    later = [one.id for one in by_id.values() if one.opened_at >= silence.created_at and one.state is not over]
    known = select(silenced.c.alert_id).where(silenced.c.silence_id == silence.id)
    found: list[tuple[Alert, Held]] = []
    for part in parts(later):
        query = _with_approvals().where(alerts.c.id.in_(part), alerts.c.id.not_in(known))
        found += [(by_id[row[alerts.c.id]], held_from(row)) for row in (await connection.execute(query)).mappings()]
    return found


def _cover_of(silence: Silence, alert: Alert, held: Held, at: datetime) -> Cover:
    why = refuses(silence.matchers, alert)
    return bound(alert, held) if why is None else replace(bound(alert, held), ended_at=at, end_reason=why)


async def uncovered(connection: AsyncConnection, at: datetime) -> list[Alert]:
    """End every cover that holds no more, with its reason, and return the alerts that nothing hides any longer.

    They are neither resolved nor acknowledged: a channel that was never told that one opened is owed that now. Each is
    returned once.
    """
    lifted: dict[str, Alert] = {}
    for row in await _covers(connection, silenced.c.ended_at.is_(None)):
        alert = alert_from(row)
        why = covers(_silence(row), _cover_from(row), alert, held_from(row), at)
        if why is None:
            continue
        mine = (silenced.c.silence_id == row[silences.c.id]) & (silenced.c.alert_id == alert.id)
        await connection.execute(update(silenced).where(mine).values(ended_at=at, end_reason=why))
        if alert.state is AlertState.OPEN:
            lifted[alert.id] = alert
    still = await covering(connection, list(lifted.values()), at)
    return [alert for alert in lifted.values() if alert.id not in still]


async def listing(connection: AsyncConnection, at: datetime, *, every: bool = False) -> list[Kept]:
    """The silences that last, or with `every` those that are over, too; the newest first."""
    return await _kept(connection, *(() if every else (_lasts(at),)))


async def find(connection: AsyncConnection, silence_id: str) -> Kept | None:
    """A silence by its id, in any spelling of its letters' case; None where there is none."""
    found = await _kept(connection, silences.c.id == silence_id.upper())
    return found[0] if found else None


async def _kept(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> list[Kept]:
    query = select(silences).where(*conditions).order_by(silences.c.created_at.desc(), silences.c.id)
    found = [_silence(row) for row in (await connection.execute(query)).mappings()]
    covered: dict[str, list[Covered]] = {silence.id: [] for silence in found}
    for part in parts(list(covered)):
        below = select(silenced).where(silenced.c.silence_id.in_(part)).order_by(silenced.c.alert_id)
        for row in (await connection.execute(below)).mappings():
            covered[row[silenced.c.silence_id]].append(Covered(row[silenced.c.alert_id], _cover_from(row)))
    return [Kept(silence, tuple(covered[silence.id])) for silence in found]


async def hidden(connection: AsyncConnection, channel: str, since: datetime, until: datetime) -> list[Hidden]:
    """What silences kept from a channel after `since` and up to `until`, by silence, the oldest first.

    What was about to be told when it was silenced was hidden then.
    """
    query = (
        select(silences, alerts, approvals, targets.c.label, targets.c.tags)
        .join(silenced, silenced.c.silence_id == silences.c.id)
        .join(alerts, alerts.c.id == silenced.c.alert_id)
        .join(approvals, approvals.c.id == alerts.c.approval_id)
        .join(targets, targets.c.id == approvals.c.target_id)
        .join(notices, notices.c.alert_id == alerts.c.id)
        .where(
            notices.c.channel == channel,
            notices.c.reason == literal(silenced_by("")) + silences.c.id,
            or_(notices.c.created_at > since, silences.c.created_at > since),
            notices.c.created_at <= until,
            silences.c.created_at <= until,
        )
        .order_by(silences.c.created_at, silences.c.id, notices.c.seq)
    )
    found: dict[str, Silence] = {}
    kept: dict[str, dict[str, tuple[Alert, Held, Target]]] = {}
    for row in (await connection.execute(query)).mappings():
        silence, alert, held = _silence(row), alert_from(row), held_from(row)
        whose = Target(held.approval.chain, held.approval.owner, row[targets.c.label], tuple(row[targets.c.tags] or ()))
        found[silence.id] = silence
        kept.setdefault(silence.id, {})[alert.id] = alert, held, whose
    return [Hidden(silence, tuple(kept[silence_id].values())) for silence_id, silence in found.items()]


def _with_approvals() -> Select[Any]:
    return select(alerts, approvals).join(approvals, approvals.c.id == alerts.c.approval_id)


async def _covers(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> Sequence[RowMapping]:
    query = (
        select(silenced, silences, alerts, approvals)
        .join(silences, silences.c.id == silenced.c.silence_id)
        .join(alerts, alerts.c.id == silenced.c.alert_id)
        .join(approvals, approvals.c.id == alerts.c.approval_id)
        .where(*conditions)
        .order_by(silences.c.created_at, silences.c.id)
    )
    return (await connection.execute(query)).mappings().all()


def _silence(row: RowMapping) -> Silence:
    return Silence(
        id=row[silences.c.id],
        matchers=Matchers.of(row[silences.c.matchers]),
        future=row[silences.c.future],
        author=row[silences.c.author],
        comment=row[silences.c.comment],
        created_at=row[silences.c.created_at],
        ends_at=row[silences.c.ends_at],
        ended_at=row[silences.c.ended_at],
        end_reason=row[silences.c.end_reason] or "",
    )


def _cover_from(row: RowMapping) -> Cover:
    return Cover(
        severity=Severity(row[silenced.c.severity]),
        magnitude=row[silenced.c.magnitude],
        unlimited=row[silenced.c.unlimited],
        ended_at=row[silenced.c.ended_at],
        end_reason=row[silenced.c.end_reason] or "",
    )
