"""Forgetting: what is older than is to be kept goes, a few rows at a time, so that nobody waits long for the store.

Never what is open, what waits, or what is needed to tell that something ended; and of everything that has a course, the
last that was before, so that every moment since can still be told.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, delete, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import AlertState
from scanner.domain.rounds import ROUNDS_LOOKED_AT
from scanner.store import clocks
from scanner.store.engine import Store
from scanner.store.outbox.states import SENT, VOID
from scanner.store.rows import parts
from scanner.store.tables import (
    alert_events,
    alerts,
    attempts,
    balance_moves,
    chain_owners,
    chain_pages,
    changes,
    conditions,
    groups,
    messages,
    notices,
    past_entries,
    scan_targets,
    scans,
    silenced,
    silences,
    targets,
    token_moves,
    watches,
)

__all__ = ["known_since", "prune"]

FORGOTTEN = "forgotten until"

LOOKED_UP = 50_000
"""Rows that are looked up at once, without holding up who writes, before they are deleted a few at a time."""

PAUSE = 0.01
"""Seconds between two transactions: another process that waits for the store gets its turn."""


async def known_since(connection: AsyncConnection) -> datetime | None:
    """From when on everything is known that ever was recorded; None where nothing was ever forgotten."""
    return await clocks.last(connection, FORGOTTEN)


async def prune(store: Store, before: datetime) -> Counter[str]:
    """Forget what was over before a time. Returns how many rows went, by table.

    It may be broken off at any moment: each transaction leaves a whole store, and the next call goes on. Raises
    StoreError.
    """
    bounds = await store.write(partial(_begin, before=before))
    gone: Counter[str] = Counter()
    for part in _PARTS:
        while True:
            keys = await store.read(partial(_old, part=part, bounds=bounds))
            went = 0
            for some in parts(keys):
                went += await store.write(partial(_forget, part=part, bounds=bounds, keys=some))
                await asyncio.sleep(PAUSE)
            gone[part.table.name] += went
            if len(keys) < LOOKED_UP or not went:
                break
    return +gone


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What is old: all that was over `before`. Scans are old before a time of their own, and some are `spared`."""

    before: datetime
    scans_before: datetime
    spared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a table that are `old`; those of other tables that refer to them (`below`) go with them."""

    table: Table
    old: Callable[[_Bounds], ColumnElement[bool]]
    below: tuple[Column[Any], ...] = ()


async def _begin(connection: AsyncConnection, before: datetime) -> _Bounds:
    """Note what will not be known any more, before the first row goes: a store never claims more than it knows."""
    known = await known_since(connection)
    anything = await connection.scalar(select(exists().where(scans.c.started_at < before)))
    if anything and (known is None or known < before):
        await clocks.strike(connection, FORGOTTEN, before)
    finished = scans.c.state == "finished"
    spared: list[str] = []
    for asked_by in list(await connection.scalars(select(scans.c.asked_by).distinct())):
        mine = select(scans.c.id).where(finished, scans.c.asked_by == asked_by)
        spared += await connection.scalars(mine.order_by(scans.c.started_at.desc()).limit(ROUNDS_LOOKED_AT))
    # What a scan that broke off left unjudged, the next one that ends takes up: until then it is needed.
    newest = await connection.scalar(select(func.max(scans.c.started_at)).where(finished))
    return _Bounds(before, before if newest is None else min(before, newest), tuple(spared))


async def _old(connection: AsyncConnection, part: _Part, bounds: _Bounds) -> list[tuple[Any, ...]]:
    query = select(*part.table.primary_key).where(part.old(bounds)).limit(LOOKED_UP)
    return [tuple(row) for row in await connection.execute(query)]


async def _forget(connection: AsyncConnection, part: _Part, bounds: _Bounds, keys: Sequence[tuple[Any, ...]]) -> int:
    """Delete those of some rows that are old, now as when they were looked up."""
    key = tuple_(*part.table.primary_key)
    if not part.below:
        return (await connection.execute(delete(part.table).where(key.in_(keys), part.old(bounds)))).rowcount
    found = await connection.execute(select(*part.table.primary_key).where(key.in_(keys), part.old(bounds)))
    ids = [row[0] for row in found]
    for column in part.below:
        await connection.execute(delete(column.table).where(column.in_(ids)))
    [id_] = part.table.primary_key
    await connection.execute(delete(part.table).where(id_.in_(ids)))
    return len(ids)


def _scan(bounds: _Bounds) -> ColumnElement[bool]:
    ended = func.coalesce(scans.c.finished_at, scans.c.started_at)
    over = (scans.c.state != "running") & (ended < bounds.before) & (scans.c.started_at < bounds.scans_before)
    return over & scans.c.id.not_in(bounds.spared)


def _reading(bounds: _Bounds) -> ColumnElement[bool]:
    return exists().where(scans.c.id == scan_targets.c.scan_id, _scan(bounds))


def _alert(bounds: _Bounds) -> ColumnElement[bool]:
    """What is resolved, once nobody is to be told of it any more."""
    told = (messages.c.state.in_((SENT, VOID))) & (_told_at() < bounds.before)
    in_time = exists().where(messages.c.id == notices.c.message_id, told)
    waits = notices.c.send & or_(notices.c.message_id.is_(None), ~in_time)
    needed = exists().where(notices.c.alert_id == alerts.c.id, or_(notices.c.created_at >= bounds.before, waits))
    return (alerts.c.state == AlertState.RESOLVED.value) & (alerts.c.resolved_at < bounds.before) & ~needed


def _told_at() -> ColumnElement[datetime]:
    return func.coalesce(messages.c.sent_at, messages.c.created_at)


def _message(bounds: _Bounds) -> ColumnElement[bool]:
    """What was sent or came to nothing, once no alert that is kept speaks of it. What was given up may be retried."""
    spoken_of = exists().where(notices.c.message_id == messages.c.id)
    return messages.c.state.in_((SENT, VOID)) & (_told_at() < bounds.before) & ~spoken_of


def _change(bounds: _Bounds) -> ColumnElement[bool]:
    """All but the last that was before, and what an alert that is kept speaks of."""
    later = changes.alias()
    replaced = exists().where(
        later.c.approval_id == changes.c.approval_id, later.c.at < bounds.before, later.c.seq > changes.c.seq
    )
    spoken_of = exists().where(alerts.c.approval_id == changes.c.approval_id, alerts.c.change_id == changes.c.id)
    return (changes.c.at < bounds.before) & replaced & ~spoken_of


def _move(table: Table) -> Callable[[_Bounds], ColumnElement[bool]]:
    """All but the last that was before, of what moves in a table: its key is what moved, and when."""
    *what, _ = table.primary_key

    def old(bounds: _Bounds) -> ColumnElement[bool]:
        later = table.alias()
        same = [later.c[column.name] == column for column in what]
        replaced = exists().where(*same, later.c.at > table.c.at, later.c.at < bounds.before)
        return (table.c.at < bounds.before) & replaced

    return old


def _silence(bounds: _Bounds) -> ColumnElement[bool]:
    """What is over, once all that it hid was looked at again."""
    hides = exists().where(silenced.c.silence_id == silences.c.id, silenced.c.ended_at.is_(None))
    return (func.coalesce(silences.c.ended_at, silences.c.ends_at) < bounds.before) & ~hides


def _ended(column: Column[Any]) -> Callable[[_Bounds], ColumnElement[bool]]:
    """What ended before; what has not ended has no time there."""
    return lambda bounds: column < bounds.before


def _left(bounds: _Bounds) -> ColumnElement[bool]:
    """How far a wallet's past is read on a chain where nobody watches it any more: if it returns, it is read anew."""
    mine = (targets.c.chain == chain_owners.c.chain) & (targets.c.owner == chain_owners.c.owner)
    lately = or_(watches.c.until.is_(None), watches.c.until >= bounds.before)
    watched = exists().where(mine, watches.c.target_id == targets.c.id, lately)
    return exists().where(mine, targets.c.watched.is_(False)) & ~watched


def _of_nobody(bounds: _Bounds) -> ColumnElement[bool]:
    """What a past spoke of that is forgotten: it went first, so that nobody takes half of it for the whole."""
    mine = (chain_owners.c.chain == chain_pages.c.chain) & (chain_owners.c.owner == chain_pages.c.owner)
    return ~exists().where(mine)


_PARTS = (
    _Part(scan_targets, _reading),
    _Part(scans, _scan, (scan_targets.c.scan_id,)),
    _Part(alerts, _alert, (silenced.c.alert_id, notices.c.alert_id, alert_events.c.alert_id)),
    _Part(messages, _message, (attempts.c.message_id,)),
    _Part(changes, _change),
    _Part(silences, _silence, (silenced.c.silence_id,)),
    _Part(conditions, _ended(conditions.c.ended_at)),
    _Part(groups, _ended(groups.c.told_at)),
    _Part(balance_moves, _move(balance_moves)),
    _Part(token_moves, _move(token_moves)),
    _Part(past_entries, _ended(past_entries.c.until)),
    _Part(chain_owners, _left),
    _Part(chain_pages, _of_nobody),
    _Part(watches, _ended(watches.c.until)),
)
"""What goes, in an order in which nothing refers to what is gone."""
