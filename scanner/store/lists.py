"""The lists: their last good copies, what they say of addresses, and what has to be judged because they changed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, literal, or_, select, union
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.lists import Entry, ListState, Standing, relabelled, standings
from scanner.domain.plain import moment
from scanner.store.columns import Instant
from scanner.store.prepared import Query
from scanner.store.rows import given, parts
from scanner.store.tables import approvals, list_entries, lists, past_entries, targets, unjudged

__all__ = ["drop", "entries_of", "errors", "judged", "keep", "reach", "standings_of", "states", "to_judge"]

_PAST = ("list", "address", "chain", "labels", "name", "incident", "since")
"""What stays of a row that a list has no more."""


async def standings_of(
    connection: AsyncConnection, wanted: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Standing]:
    """The standing of each (chainIndex, address) that is on a list; who is on none is left out."""
    addresses = sorted({address for _, address in wanted if address})
    return standings([_entry_of(*row) for row in await _LISTED(connection, addresses=addresses)], wanted)


_ENTRY = tuple(list_entries.c[name] for name in ("address", "labels", "chain", "name", "incident"))
_LISTED = Query(select(*_ENTRY).where(list_entries.c.address.in_(given("addresses"))))


async def entries_of(connection: AsyncConnection, address: str) -> list[tuple[str, Entry]]:
    """Everything that lists say of an address on any chain, each with the list's name."""
    query = select(list_entries).where(list_entries.c.address == address).order_by(list_entries.c.seq)
    return [(row["list"], _entry(row)) for row in (await connection.execute(query)).mappings()]


async def states(connection: AsyncConnection) -> dict[str, ListState]:
    """How each list stands, by name."""
    rows = (await connection.execute(select(lists).order_by(lists.c.name))).mappings()
    return {row["name"]: ListState(**{**row, "examples": tuple(row["examples"])}) for row in rows}


async def errors(connection: AsyncConnection) -> list[str]:
    """What is wrong with lists, in words, each with how old the copy is that holds meanwhile."""
    return [
        f"list {one.name}: {one.error}"
        + ("" if one.as_of is None else f" (as of {moment(one.as_of)} it stays in force)")
        for one in (await states(connection)).values()
        if one.error is not None
    ]


async def keep(
    connection: AsyncConnection, state: ListState, entries: Sequence[Entry] | None = None, *, at: datetime
) -> int:
    """Write how a list stands and, where they are given, its entries in place of those that it had until now.

    Where they are not, those that it has are called by the label that it has now. Returns how many addresses it says
    something else of now; they wait to be judged.
    """
    if entries is None:
        entries = await _relabelled(connection, state)
    row = asdict(state) | {"examples": list(state.examples)}
    new = insert(lists).values(row)
    await connection.execute(new.on_conflict_do_update(index_elements=[lists.c.name], set_=row))
    return 0 if entries is None else await _replace(connection, state.name, entries, at)


async def _relabelled(connection: AsyncConnection, state: ListState) -> list[Entry] | None:
    """The entries of a list by the label that it has now; None where that is the one that it had."""
    was = await connection.scalar(select(lists.c.label).where(lists.c.name == state.name))
    if was is None or was == state.label:
        return None
    rows = await connection.execute(select(list_entries).where(list_entries.c.list == state.name))
    return list(dict.fromkeys(relabelled(_entry(row), was, state.label) for row in rows.mappings()))


async def drop(connection: AsyncConnection, names: Collection[str], *, at: datetime) -> None:
    """Forget lists; the addresses that they spoke of wait to be judged."""
    for name in names:
        await _replace(connection, name, (), at)
    await connection.execute(delete(lists).where(lists.c.name.in_(names)))


async def _replace(connection: AsyncConnection, name: str, entries: Sequence[Entry], at: datetime) -> int:
    """Give a list these entries: only what differs is written, and noted to be judged. What goes is past now."""
    query = select(list_entries).where(list_entries.c.list == name)
    had: dict[Entry, int] = {_entry(row): row["seq"] for row in (await connection.execute(query)).mappings()}
    has = set(entries)
    gone = [seq for entry, seq in had.items() if entry not in has]
    come = [entry for entry in entries if entry not in had]
    for part in parts(gone):
        gone_now = list_entries.c.seq.in_(part)
        over = select(*(list_entries.c[column] for column in _PAST), literal(at, Instant)).where(gone_now)
        await connection.execute(past_entries.insert().from_select([*_PAST, "until"], over))
        await connection.execute(delete(list_entries).where(gone_now))
    if come:
        await connection.execute(list_entries.insert(), [_row(name, entry) | {"since": at} for entry in come])
    moved = {entry.address for entry in had if entry not in has} | {entry.address for entry in come}
    if moved:
        await connection.execute(unjudged.insert(), [{"address": address} for address in sorted(moved)])
    return len(moved)


async def to_judge(connection: AsyncConnection) -> tuple[int, list[str]]:
    """The approvals in force whose spender or token a list says something else of now, those of a target together.

    The number is what `judged` is told when they have been judged; 0 where nothing waits.
    """
    newest = await connection.scalar(select(func.max(unjudged.c.seq)))
    if newest is None:
        return 0, []
    moved = select(unjudged.c.address).scalar_subquery()
    query = (
        select(approvals.c.id)
        .join_from(approvals, targets)
        .where(
            approvals.c.in_force,
            targets.c.watched,
            or_(approvals.c.spender.in_(moved), approvals.c.token.in_(moved)),
        )
        .order_by(approvals.c.target_id)
    )
    return int(newest), list(await connection.scalars(query))


async def judged(connection: AsyncConnection, newest: int) -> None:
    """What waited up to this number has been judged; what came since has not."""
    await connection.execute(delete(unjudged).where(unjudged.c.seq <= newest))


async def reach(connection: AsyncConnection) -> Mapping[str, int]:
    """How many approvals in force each list says something of, by its name; none where it is not there."""
    named = [
        select(list_entries.c.list, approvals.c.id)
        .join_from(list_entries, approvals, list_entries.c.address == column)
        .join(targets, targets.c.id == approvals.c.target_id)
        .where(
            approvals.c.in_force,
            targets.c.watched,
            or_(list_entries.c.chain.is_(None), list_entries.c.chain == approvals.c.chain),
        )
        for column in (approvals.c.spender, approvals.c.token)
    ]
    either = union(*named).subquery()
    rows = await connection.execute(select(either.c.list, func.count()).group_by(either.c.list))
    return {row[0]: int(row[1]) for row in rows}


def _entry(row: RowMapping) -> Entry:
    return _entry_of(*(row[column] for column in _ENTRY))


def _entry_of(address: str, labels: Iterable[str], *others: Any) -> Entry:
    """An entry of the values of `_ENTRY`."""
    return Entry(address, tuple(labels), *others)


def _row(name: str, entry: Entry) -> dict[str, object]:
    return asdict(entry) | {"list": name, "labels": list(entry.labels)}
