"""The past of approvals, read for a replay: changes, money, lists and watches, a few hundred targets at a time."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Row, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Approval, Target
from scanner.domain.changes import GONE, Change, ChangeKind
from scanner.domain.lists import Entry, Standing
from scanner.domain.past import Balance, Believed, Course, Listing, Past, Quotes, TokenState, standings_over_time
from scanner.store.columns import Instant
from scanner.store.rows import STATE, approval_from, approval_then, parts
from scanner.store.tables import (
    approvals,
    balance_moves,
    changes,
    list_entries,
    past_entries,
    scan_targets,
    scans,
    targets,
    token_moves,
    watches,
)

__all__ = ["Alike", "pasts", "scan_times"]

T = TypeVar("T")

Alike = Callable[[tuple[int, int]], Hashable]
"""What of a spender's counts (of approvals, of owners) matters: where it is the same, no rule tells them apart."""


async def scan_times(connection: AsyncConnection) -> list[tuple[datetime, datetime]]:
    """When each scan began and ended, in order; one that did not end is taken for short."""
    ended = func.coalesce(scans.c.finished_at, scans.c.started_at, type_=Instant)
    rows = await connection.execute(select(scans.c.started_at, ended).order_by(scans.c.started_at))
    return [(began_at, ended_at) for began_at, ended_at in rows]


async def pasts(connection: AsyncConnection, alike: Alike | None) -> AsyncIterator[Past]:
    """The past of every approval that was ever seen, those of a target together.

    Spenders are counted where `alike` says what matters of that. Tokens and lists are held in memory, of approvals only
    those of a few hundred targets at once.
    """
    around = _Around(
        quotes=await _quotes(connection),
        listings=await _listings(connection),
        counts={} if alike is None else await _counts(connection, alike),
    )
    ids = list(await connection.scalars(select(targets.c.id).order_by(targets.c.id)))
    for part in parts(ids):
        watched = await _watches(connection, part)
        balances = await _balances(connection, part)
        for now, target_id, believed in await _believed(connection, part):
            yield around.past(now, believed, watched.get(target_id), balances.get((target_id, now.token.address)))


@dataclass(frozen=True, slots=True)
class _Around:
    """What is not of one target: tokens by chain and address, lists by address, counts by spender."""

    quotes: Mapping[tuple[str, str], Quotes]
    listings: Mapping[str, Sequence[Listing]]
    counts: Mapping[str, Course[tuple[int, int]]]
    said: dict[tuple[str, str], Course[Standing]] = field(default_factory=dict)

    def past(
        self,
        now: Approval,
        believed: Sequence[Believed],
        watched: Course[Target | None] | None,
        balances: Course[Balance] | None,
    ) -> Past:
        return Past(
            believed,
            watched or Course(),
            balances or Course(),
            self.quotes.get((now.chain, now.token.address)) or Quotes(),
            self._said(now.chain, now.spender.address),
            self._said(now.chain, now.token.address),
            self.counts.get(now.spender.address) or Course(),
        )

    def _said(self, chain: str, address: str) -> Course[Standing]:
        if (chain, address) not in self.said:
            self.said[chain, address] = standings_over_time(self.listings.get(address, ()), chain)
        return self.said[chain, address]


async def _quotes(connection: AsyncConnection) -> dict[tuple[str, str], Quotes]:
    rows = await connection.execute(select(token_moves).order_by(*token_moves.primary_key))
    return {key: Quotes(_course(some, 2, lambda row: TokenState(*row[3:]))) for key, some in _by(rows, 0, 1)}


async def _balances(connection: AsyncConnection, ids: Sequence[int]) -> dict[tuple[int, str], Course[Balance]]:
    query = select(balance_moves).where(balance_moves.c.target_id.in_(ids)).order_by(*balance_moves.primary_key)
    return {
        key: _course(some, 2, lambda row: Balance(*row[3:])) for key, some in _by(await connection.execute(query), 0, 1)
    }


async def _listings(connection: AsyncConnection) -> dict[str, list[Listing]]:
    """All that lists ever said of addresses that approvals name."""
    named = select(approvals.c.spender).union(select(approvals.c.token))
    names = ("address", "labels", "chain", "name", "incident", "since")
    now = select(*(list_entries.c[name] for name in names), literal(None, Instant))
    past = select(*(past_entries.c[name] for name in names), past_entries.c.until)
    found: dict[str, list[Listing]] = {}
    for table, query in ((past_entries, past), (list_entries, now)):
        rows = await connection.execute(query.where(table.c.address.in_(named)).order_by(table.c.seq))
        for address, labels, chain, name, incident, *times in rows:
            entry = Entry(address, tuple(labels), chain, name, incident)
            found.setdefault(address, []).append(Listing(entry, *times))
    return found


async def _watches(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Course[Target | None]]:
    query = (
        select(watches.c.target_id, watches.c.since, watches.c.until, targets.c.chain, targets.c.owner)
        .add_columns(watches.c.label, watches.c.tags)
        .join_from(watches, targets)
        .where(watches.c.target_id.in_(ids))
        .order_by(watches.c.target_id, watches.c.seq)
    )
    found = {}
    for key, rows in _by(await connection.execute(query), 0):
        moved: dict[datetime, Target | None] = {}
        for _, since, until, chain, owner, label, tags in rows:
            moved[since] = Target(chain, owner, label, tuple(tags))
            if until is not None:
                moved[until] = None
        found[key[0]] = Course(tuple(moved), tuple(moved.values()))
    return found


async def _believed(connection: AsyncConnection, ids: Sequence[int]) -> list[tuple[Approval, int, Sequence[Believed]]]:
    """What was believed of each approval of some targets, in order, with the approval as it is known now."""
    rows = await connection.execute(select(approvals).where(approvals.c.target_id.in_(ids)))
    now = {row[approvals.c.id]: (approval_from(row), row[approvals.c.target_id]) for row in rows.mappings()}
    sides = [f"{side}_{name}" for side in ("before", "after") for name in STATE]
    query = (
        select(changes.c.approval_id, changes.c.kind, changes.c.at, changes.c.scan_id)
        .add_columns(func.coalesce(scans.c.finished_at, changes.c.at, type_=Instant), scan_targets.c.complete)
        .add_columns(*(changes.c[name] for name in sides))
        .join_from(changes, approvals)
        .outerjoin(scans, scans.c.id == changes.c.scan_id)
        .outerjoin(
            scan_targets,
            (scan_targets.c.scan_id == changes.c.scan_id) & (scan_targets.c.target_id == approvals.c.target_id),
        )
        .where(approvals.c.target_id.in_(ids))
        .order_by(changes.c.seq)
    )
    found: dict[str, list[Believed]] = {id_: [] for id_ in now}
    half = len(STATE)
    # What an approval was after a change it was before the next one, too.
    then = cache(lambda id_, *state: approval_then(now[id_][0], state))
    for id_, kind, at, scan_id, ended_at, complete, *states in (await connection.execute(query)).all():
        approval, target_id = now[id_]
        change = Change(ChangeKind(kind), then(id_, *states[:half]), then(id_, *states[half:]) or approval, at)
        # What readings have been cut off from the history is taken for complete: nothing says that it was not.
        proven = at if complete is not False else await _proven_at(connection, scan_id, target_id, id_, at)
        found[id_].append(Believed(change, max(at, ended_at), proven))
    return [(*now[id_], believed) for id_, believed in found.items() if believed]


async def _proven_at(
    connection: AsyncConnection, scan_id: str, target_id: int, approval_id: str, at: datetime
) -> datetime | None:
    """When a target was next read completely, and an approval as before, after a reading that was not complete."""
    began = select(scans.c.started_at).where(scans.c.id == scan_id).scalar_subquery()
    moved = exists().where(changes.c.scan_id == scans.c.id, changes.c.approval_id == approval_id)
    query = (
        select(scans.c.started_at)
        .join(scan_targets, scan_targets.c.scan_id == scans.c.id)
        .where(scan_targets.c.target_id == target_id, scan_targets.c.complete, scans.c.started_at > began, ~moved)
        .order_by(scans.c.started_at)
        .limit(1)
    )
    found: datetime | None = await connection.scalar(query)
    return None if found is None else max(found, at)


async def _counts(connection: AsyncConnection, alike: Alike) -> dict[str, Course[tuple[int, int]]]:
    """How many approvals and owners each spender had over time, as scans found it when they had read all wallets."""
    ended = func.coalesce(scans.c.finished_at, changes.c.at, type_=Instant)
    moved = (
        select(ended, changes.c.seq, approvals.c.target_id, approvals.c.id, changes.c.kind)
        .add_columns(approvals.c.spender, approvals.c.owner)
        .join_from(changes, approvals)
        .outerjoin(scans, scans.c.id == changes.c.scan_id)
    )
    return _Tally(alike).over(sorted((await connection.execute(moved)).all(), key=itemgetter(0, 1)))


_BEGINS = (ChangeKind.BASELINE.value, ChangeKind.NEW.value, ChangeKind.RESTORED.value)


@dataclass(slots=True)
class _Tally:
    """Counts spenders' approvals and owners while changes go by."""

    alike: Alike
    owners: dict[str, Counter[str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def over(self, rows: Iterable[Row[Any]]) -> dict[str, Course[tuple[int, int]]]:
        courses: dict[str, dict[datetime, tuple[int, int]]] = {}
        for at, some in groupby(rows, key=itemgetter(0)):
            moved = {row.spender for row in map(self._count, some) if row.spender}
            for spender in moved:
                owners = self.owners[spender]
                courses.setdefault(spender, {})[at] = owners.total(), len(+owners)
        return {spender: self._thinned(course) for spender, course in courses.items()}

    def _count(self, row: Row[Any]) -> Row[Any]:
        """Count one change. Where the beginning of an approval was forgotten, the first change that is known is one."""
        first = row.id not in self.seen
        self.seen.add(row.id)
        gone = ChangeKind(row.kind) in GONE
        begins = row.kind in _BEGINS or (first and not gone)
        ends = gone and not first
        self.owners.setdefault(row.spender, Counter())[row.owner] += int(begins) - int(ends)
        return row

    def _thinned(self, course: Mapping[datetime, tuple[int, int]]) -> Course[tuple[int, int]]:
        """Only the times at which it became something that matters otherwise."""
        kept: dict[datetime, tuple[int, int]] = {}
        last: Hashable = None
        for at, count in course.items():
            if not kept or self.alike(count) != last:
                kept[at], last = count, self.alike(count)
        return Course(tuple(kept), tuple(kept.values()))


def _by(rows: Iterable[Any], *places: int) -> Iterator[tuple[Any, list[Any]]]:
    """Rows in a row that agree in these places, by what they agree in."""
    for key, some in groupby(rows, key=lambda row: tuple(row[place] for place in places)):
        yield key, list(some)


def _course(rows: Sequence[Any], time: int, value: Callable[[Any], T]) -> Course[T]:
    """The course that rows tell, which have their time in one place."""
    return Course(tuple(row[time] for row in rows), tuple(map(value, rows)))
