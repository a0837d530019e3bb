"""How money and the watch moved: written down as it happens, and only where it differs from what was there before."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Table, bindparam, exists, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store.columns import Instant
from scanner.store.prepared import Command
from scanner.store.rows import given
from scanner.store.tables import approvals, balance_moves, balances, targets, token_moves, tokens, watches

__all__ = ["note_money", "note_watches"]


async def note_money(
    connection: AsyncConnection, target_id: int, chain: str, read: Collection[str], at: datetime
) -> None:
    """Keep what a target holds now, and what is known of tokens that were read, where somebody may take them.

    A balance matters while the target has an approval of its token, a price while any wallet has one.
    """
    if read:
        noted = {"read": sorted(read), "noted_at": at}
        await _BALANCES_MOVE(connection, [noted | {"whose": target_id}])
        await _TOKENS_MOVE(connection, [noted | {"on_chain": chain}])


async def note_watches(connection: AsyncConnection, at: datetime) -> None:
    """Keep since when targets are watched as they are now, and until when those were that are not any more.

    A new label or other tags are a new watch.
    """
    is_so = (
        targets.c.watched & targets.c.label.is_not_distinct_from(watches.c.label) & (targets.c.tags == watches.c.tags)
    )
    goes_on = exists().where(targets.c.id == watches.c.target_id, is_so)
    await connection.execute(update(watches).where(watches.c.until.is_(None), ~goes_on).values(until=at))
    open_one = exists().where(watches.c.target_id == targets.c.id, watches.c.until.is_(None))
    begun = select(targets.c.id, literal(at, Instant), targets.c.label, targets.c.tags).where(
        targets.c.watched, ~open_one
    )
    await connection.execute(watches.insert().from_select(["target_id", "since", "label", "tags"], begun))


def _moves(kept: Table, now: Table, which: ColumnElement[bool]) -> Command:
    """What differs from the last that was kept of it, as from `noted_at` on."""
    what: Sequence[Column[object]] = [column for column in kept.c if not column.primary_key]
    named = [column for column in kept.c if column.primary_key and column.name != "at"]
    past = kept.alias()
    same = [past.c[column.name] == now.c[column.name] for column in named]
    newest = select(func.max(past.c.at)).where(*same).scalar_subquery()
    unmoved = exists().where(
        *(kept.c[column.name] == now.c[column.name] for column in named),
        kept.c.at == newest.correlate(now),
        *(kept.c[column.name].is_not_distinct_from(now.c[column.name]) for column in what),
    )
    moved = select(*(now.c[column.name] for column in (*named, *what)), bindparam("noted_at", type_=Instant)).where(
        which, ~unmoved
    )
    new = insert(kept).from_select([column.name for column in (*named, *what)] + ["at"], moved)
    moving = new.on_conflict_do_update(
        index_elements=list(kept.primary_key), set_={column.name: new.excluded[column.name] for column in what}
    )
    return Command(moving)


_BALANCES_MOVE = _moves(
    balance_moves,
    balances,
    (balances.c.target_id == bindparam("whose"))
    & balances.c.token.in_(given("read"))
    & balances.c.token.in_(
        select(approvals.c.token).where(approvals.c.target_id == bindparam("whose"), approvals.c.in_force)
    ),
)

_TOKENS_MOVE = _moves(
    token_moves,
    tokens,
    (tokens.c.chain == bindparam("on_chain"))
    & tokens.c.token.in_(given("read"))
    & exists().where(
        approvals.c.chain == bindparam("on_chain"), approvals.c.token == tokens.c.token, approvals.c.in_force
    ),
)
