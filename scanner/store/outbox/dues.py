"""Notices that are due, with all that is said of them; also those in messages that can still be taken back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, RowMapping, exists, or_, select, text, update
from sqlalchemy import func as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Move
from scanner.domain.bundles import MOOT, Lying, bundle_of, gather
from scanner.domain.changes import Change, ChangeKind
from scanner.domain.messages import Due, FirstReading
from scanner.domain.notices import Why
from scanner.domain.surroundings import Surroundings
from scanner.store import health, silences
from scanner.store.outbox.states import SENT, WAITING
from scanner.store.rows import APPROVAL, CHANGE, alert_from, approval_of, change_of, held_from, parts, target_from
from scanner.store.surroundings import surroundings
from scanner.store.tables import alerts, approvals, changes, messages, notices, targets

__all__ = ["anything_due", "first_readings", "take_up"]

T = TypeVar("T", int, str)


async def anything_due(connection: AsyncConnection, now: datetime, channels: Collection[str]) -> bool:
    """Whether a notice for one of the channels waits for its message, or a message for its next attempt.

    A channel that is only probed is nothing to hurry for before its next probe.
    """
    tried = await health.open_to_try(connection, channels, now)
    free = or_(messages.c.worker.is_(None), messages.c.lease_until <= now)
    here = (messages.c.state == WAITING) & messages.c.channel.in_(tried)
    ready = exists().where(here, messages.c.next_at <= now, free)
    owed = exists().where(_unpacked(channels), notices.c.due_at <= now)
    return bool(await connection.scalar(select(or_(owed, ready))))


def _unpacked(channels: Collection[str]) -> ColumnElement[bool]:
    # Said as the partial index says it: `send = 1` would not find the index, and every notice ever would be read.
    return notices.c.message_id.is_(None) & text("notices.send") & notices.c.channel.in_(channels)


async def take_up(connection: AsyncConnection, now: datetime, channels: Collection[str]) -> list[Due]:
    """The notices that are told now, in order of writing: what is due, and all that `bundles.gather` ties to it.

    Messages that they lay in are recalled: what was certainly not sent is composed again by what is so now.
    """
    lying = await _lying(connection, channels)
    taken = gather(lying, now)
    for part in parts(sorted({one.message for one in lying if one.seq in taken and one.message is not None})):
        await connection.execute(update(messages).where(messages.c.id.in_(part)).values(recalled=True))
    return await _dues(connection, taken, now)


async def _lying(connection: AsyncConnection, channels: Collection[str]) -> list[Lying]:
    columns = [
        notices.c[name]
        for name in ("seq", "alert_id", "channel", "what", "reason", "group_key", "digest", "scan_id", "due_at")
    ]
    unpacked = (await connection.execute(select(*columns).where(_unpacked(channels)))).mappings()
    lie = [_lies(row) for row in unpacked]
    packed = (
        select(*columns, messages.c.id.label("message"), messages.c.recalled)
        .join(messages, messages.c.id == notices.c.message_id)
        .where(
            messages.c.state == WAITING,
            messages.c.channel.in_(channels),
            messages.c.worker.is_(None),
            ~messages.c.repeat,
        )
    )
    rows = (await connection.execute(packed)).mappings()
    return lie + [_lies(row, row["message"], recalled=row["recalled"]) for row in rows]


def _lies(row: RowMapping, message: str | None = None, *, recalled: bool = False) -> Lying:
    moot = row["reason"] == Why.MOOT
    reading = row["scan_id"] if row["digest"] else None
    return Lying(
        seq=row["seq"],
        alert=row["alert_id"],
        channel=row["channel"],
        bundle=MOOT if moot else bundle_of(Move(row["what"]), row["alert_id"], row["group_key"], reading),
        due_at=row["due_at"],
        message=message,
        collected=message is not None and (moot or row["reason"] == Why.RATE_CAPPED),
        recalled=recalled,
    )


async def _dues(connection: AsyncConnection, seqs: Collection[int], now: datetime) -> list[Due]:
    rows: list[RowMapping] = []
    for part in parts(sorted(seqs)):
        query = (
            select(notices, alerts, approvals, targets.c.label, targets.c.tags)
            .join(alerts, alerts.c.id == notices.c.alert_id)
            .join(approvals, approvals.c.id == alerts.c.approval_id)
            .join(targets, targets.c.id == approvals.c.target_id)
            .where(notices.c.seq.in_(part))
            .order_by(notices.c.seq)
        )
        rows += (await connection.execute(query)).mappings()
    changed = await _changes(connection, {row[alerts.c.approval_id] for row in rows})
    told = await _told(connection, {row[alerts.c.id] for row in rows})
    hidden = await silences.covering(
        connection, list({row[alerts.c.id]: alert_from(row) for row in rows}.values()), now
    )
    beside = await surroundings(connection, list({held.approval.id: held for held in map(held_from, rows)}.values()))
    return [_due(row, changed, told, hidden, beside) for row in rows]


def _due(
    row: RowMapping,
    changed: Mapping[str, Change],
    told: Collection[tuple[str, str]],
    hidden: Mapping[str, str],
    beside: Mapping[str, Surroundings],
) -> Due:
    held, alert = held_from(row), alert_from(row)
    return Due(
        seq=row[notices.c.seq],
        channel=row[notices.c.channel],
        what=Move(row[notices.c.what]),
        alert=alert,
        held=held,
        target=target_from(row),
        why=row[alerts.c.why],
        fix=row[alerts.c.fix],
        change=changed.get(alert.change or held.approval.id),
        reading=row[notices.c.scan_id] if row[notices.c.digest] else None,
        group=row[notices.c.group_key],
        told=(alert.id, row[notices.c.channel]) in told,
        silence=hidden.get(alert.id),
        beside=beside[held.approval.id],
    )


async def _told(connection: AsyncConnection, ids: Collection[str]) -> set[tuple[str, str]]:
    """Which channels heard of which alerts, or may have: by a message that was sent, or cannot be taken back."""
    found: set[tuple[str, str]] = set()
    on_its_way = (messages.c.state == WAITING) & ~messages.c.recalled
    heard = or_(messages.c.state == SENT, messages.c.repeat, on_its_way)
    for part in parts(sorted(ids)):
        query = (
            select(notices.c.alert_id, notices.c.channel)
            .join(messages, messages.c.id == notices.c.message_id)
            .where(notices.c.alert_id.in_(part), notices.c.send, heard)
        )
        found |= {(row[0], row[1]) for row in await connection.execute(query)}
    return found


async def _changes(connection: AsyncConnection, approval_ids: Collection[str]) -> dict[str, Change]:
    """Every change of some approvals by its id, and the last one of each by the approval's id."""
    found: dict[str, Change] = {}
    for part in parts(sorted(approval_ids)):
        query = (
            select(*APPROVAL, *CHANGE, approvals.c.id, changes.c.id)
            .join_from(approvals, changes)
            .where(approvals.c.id.in_(part))
            .order_by(changes.c.seq)
        )
        for row in await connection.execute(query):
            found[row[-1]] = found[row[-2]] = change_of(approval_of(row), row[len(APPROVAL) :])
    return found


async def first_readings(connection: AsyncConnection, scan_ids: Collection[str]) -> dict[str, FirstReading]:
    """What scans saw for the first time, by the scan's id."""
    query = (
        select(changes.c.scan_id, sql.count(approvals.c.id.distinct()), sql.count(approvals.c.owner.distinct()))
        .join(approvals, approvals.c.id == changes.c.approval_id)
        .where(changes.c.scan_id.in_(scan_ids), changes.c.kind == ChangeKind.BASELINE.value)
        .group_by(changes.c.scan_id)
    )
    return {row[0]: FirstReading(approvals=row[1], wallets=row[2]) for row in await connection.execute(query)}
