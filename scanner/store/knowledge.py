"""What is known of targets and their approvals: now, at any moment of the past, and every change between."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import End, Kind, Snapshot, Target
from scanner.domain.changes import GONE, Change, ChangeKind, Difference, Held, Known
from scanner.store.columns import Instant
from scanner.store.filters import Filter
from scanner.store.following import prove
from scanner.store.moves import note_money, note_watches
from scanner.store.prepared import Command, Query
from scanner.store.rows import (
    APPROVAL,
    CHANGE,
    CHANGE_COLUMNS,
    CHUNK,
    HELD,
    HERE,
    approval_of,
    approval_row,
    change_of,
    change_row,
    given,
    held_of,
    here,
    parts,
)
from scanner.store.tables import approvals, changes, scan_targets, targets

__all__ = [
    "Kept",
    "changes_of",
    "changes_to",
    "ended",
    "find",
    "history",
    "holders",
    "in_force",
    "in_force_at",
    "kinds_of",
    "known",
    "known_ids",
    "next_in_force",
    "of_target",
    "record",
    "some_in_force",
    "unwatch",
    "versions",
    "watch",
]


@dataclass(frozen=True, slots=True)
class Kept:
    """A held approval with its target as the user knows it.

    `proven` says that a complete reading of the target was the last one to move it, or came after.
    """

    held: Held
    target: Target
    proven: bool


async def watch(connection: AsyncConnection, wanted: Sequence[Target], at: datetime) -> None:
    """Make sure that each target has its row, with the label and tags that the configuration gives it now.

    The watch over one that was not watched begins at that time. What was judged under another label or other tags is
    judged anew at the next reading, whatever it says.
    """
    if not wanted:
        return
    new = insert(targets)
    as_before = targets.c.label.is_not_distinct_from(new.excluded.label) & (targets.c.tags == new.excluded.tags)
    goes_on = targets.c.watched & targets.c.watched_at.is_not(None)
    await connection.execute(
        new.on_conflict_do_update(
            index_elements=[targets.c.chain, targets.c.owner],
            set_={
                "label": new.excluded.label,
                "tags": new.excluded.tags,
                "fingerprint": case((as_before, targets.c.fingerprint), else_=null()),
                "watched": True,
                "watched_at": case((goes_on, targets.c.watched_at), else_=new.excluded.watched_at),
            },
        ),
        [
            {
                "chain": target.chain,
                "owner": target.owner,
                "label": target.label,
                "tags": list(target.tags),
                "watched": True,
                "watched_at": at,
            }
            for target in wanted
        ],
    )
    await note_watches(connection, at)


async def unwatch(connection: AsyncConnection, keep: Collection[Target], at: datetime) -> list[str]:
    """Stop watching every other target then. Returns the ids of their approvals; what is known of them stays."""
    rows = await connection.execute(select(targets.c.id, targets.c.chain, targets.c.owner).where(targets.c.watched))
    dropped = [row.id for row in rows if Target(row.chain, row.owner) not in keep]
    found: list[str] = []
    for part in parts(dropped):
        await connection.execute(update(targets).where(targets.c.id.in_(part)).values(watched=False, fingerprint=None))
        found += await connection.scalars(select(approvals.c.id).where(approvals.c.target_id.in_(part)))
    if dropped:
        await note_watches(connection, at)
    return found


async def versions(connection: AsyncConnection, wanted: Collection[Target]) -> dict[Target, int]:
    """How often each target was committed to; 0 for one that is not known."""
    rows = await connection.execute(select(targets.c.chain, targets.c.owner, targets.c.version))
    found = {Target(row.chain, row.owner): int(row.version) for row in rows}
    return {target: found.get(target, 0) for target in wanted}


async def known(connection: AsyncConnection, target: Target) -> Known:
    """All that is known of a target, revoked approvals included."""
    found = await _TARGET.first(connection, **here(target))
    if found is None:
        return Known(target)
    target_id, covered, version, tried_at = found
    held = {row[-1]: held_of(row) for row in await _ALL_OF(connection, whose=target_id)}
    return Known(target, held, frozenset(map(Kind, covered)), version, tried_at)


async def record(connection: AsyncConnection, scan_id: str, snapshot: Snapshot, difference: Difference) -> None:
    """Write what a reading came to: the approvals that differ, the changes, and one line for the target.

    Raises LookupError for a target that the store does not know.
    """
    found = await _TARGET.first(connection, **here(snapshot.target))
    if found is None:
        raise LookupError(f"{snapshot.target} is not watched")
    target_id, *_ = found
    error = None if difference.trouble is None else str(difference.trouble)
    state = {
        "target_id": target_id,
        "new_version": difference.known.version,
        "new_covered": sorted(kind.value for kind in difference.known.covered),
        "new_tried_at": difference.known.read_at,
        "new_error": error,
        "new_source": snapshot.source if difference.complete else None,
        "new_read_at": snapshot.read_at if difference.complete else None,
    }
    await _READ(connection, [state])
    if snapshot.end is End.COMPLETE:
        await prove(connection, {snapshot.target: snapshot.block})
    await _KEEP(connection, [approval_row(held, target_id) for held in difference.rows.values()])
    if difference.changes:
        await _TELL(connection, [change_row(change, scan_id) for change in difference.changes])
        told = {change.after.token.address for change in difference.changes}
        await note_money(connection, target_id, snapshot.target.chain, told, snapshot.read_at)
    line = {"scan_id": scan_id, "target_id": target_id, "complete": difference.complete, "error": error}
    line |= {"reason": None if difference.trouble is None else difference.trouble.reason.value}
    await _LINE(connection, [line | {"approvals": sum(1 for _ in difference.known.in_force)}])


async def holders(
    connection: AsyncConnection, spenders: Sequence[str], after: int = 0
) -> tuple[list[Kept], Sequence[str], int]:
    """The approvals in force of some spenders, over all watched wallets, as many as an IN list holds.

    Of the first of them only what comes after a place. What is left is told with them: spenders, and the place in the
    first of these.
    """
    found: list[Kept] = []
    for number, spender in enumerate(spenders):
        room = CHUNK - len(found)
        rows = await _HELD_BY(connection, by=spender, behind=after, most=room)
        found += map(_kept_of, rows)
        if len(rows) == room:
            return found, spenders[number:], rows[-1][-1]
        after = 0
    return found, (), 0


async def of_target(connection: AsyncConnection, target: Target) -> list[Kept]:
    """The approvals in force of one target, whether it is watched or not."""
    return [_kept_of(row) for row in await _OF_TARGET(connection, **here(target))]


async def some_in_force(connection: AsyncConnection, ids: Sequence[str]) -> list[Kept]:
    """The approvals with these ids that are in force and watched now."""
    return [_kept_of(row) for row in await _SOME(connection, ids=ids)] if ids else []


async def next_in_force(connection: AsyncConnection, after: tuple[int, str]) -> list[tuple[int, str]]:
    """The places (target, id) of the approvals in force and watched that come next, as many as an IN list holds.

    Those of a target come together; (0, "") comes before all of them.
    """
    place = approvals.c.target_id, approvals.c.id
    query = select(*place).join_from(approvals, targets).where(approvals.c.in_force, targets.c.watched)
    rows = await connection.execute(query.where(tuple_(*place) > tuple_(*after)).order_by(*place).limit(CHUNK))
    return [(int(row[0]), str(row[1])) for row in rows]


async def find(connection: AsyncConnection, approval_id: str) -> Kept | None:
    """An approval by its id, in force or not, watched or not; None where there is none."""
    found = await _kept(connection, _joined().where(approvals.c.id == approval_id.lower()))
    return found[0] if found else None


async def known_ids(connection: AsyncConnection) -> list[str]:
    """The ids of all approvals that were ever seen."""
    return list(await connection.scalars(select(approvals.c.id)))


async def in_force(connection: AsyncConnection, wanted: Filter) -> list[Kept]:
    """The approvals that are believed to be in force now."""
    found = await _kept(connection, _joined().where(approvals.c.in_force, *wanted.conditions()))
    return [kept for kept in found if wanted.wants(kept.held)]


async def ended(connection: AsyncConnection, wanted: Filter) -> list[Kept]:
    """The approvals that are believed to be in force no more."""
    found = await _kept(connection, _joined().where(approvals.c.in_force.is_(False), *wanted.conditions()))
    return [kept for kept in found if wanted.wants(kept.held)]


async def in_force_at(connection: AsyncConnection, wanted: Filter, at: datetime) -> list[Kept]:
    """The approvals that were believed to be in force at a moment, from the history of changes."""
    last = (
        select(changes.c.approval_id, func.max(changes.c.seq).label("seq"))
        .where(changes.c.at <= at)
        .group_by(changes.c.approval_id)
        .subquery()
    )
    query = (
        _joined()
        .add_columns(*CHANGE)
        .join(last, last.c.approval_id == approvals.c.id)
        .join(changes, changes.c.seq == last.c.seq)
        .where(changes.c.kind.not_in([kind.value for kind in GONE]), *wanted.conditions())
    )
    found = []
    for row in await connection.execute(query):
        now = _kept_of(row)
        change = change_of(now.held.approval, row[len(_KEPT) :])
        held = Held(change.after, now.held.first_seen, change.at, change.at)
        if wanted.wants(held):
            found.append(Kept(held, now.target, _proven(held, row)))
    return found


async def history(connection: AsyncConnection, wanted: Filter, since: datetime | None = None) -> list[Change]:
    """Every recorded change in the order in which it was believed."""
    conditions = wanted.conditions()
    if since is not None:
        conditions.append(changes.c.at >= since)
    return [change for change in await _past(connection, conditions) if wanted.wants_to_know(change)]


async def changes_of(connection: AsyncConnection, scan_id: str, target: Target | None = None) -> list[Change]:
    """The changes that one scan found, of one target or of all, in order."""
    if target is None:
        return await _past(connection, [changes.c.scan_id == scan_id])
    return list(map(_change_of, await _OF_SCAN(connection, this_scan=scan_id, **here(target))))


async def kinds_of(connection: AsyncConnection, scan_id: str, target: Target) -> dict[str, ChangeKind]:
    """What one scan found to have happened to approvals of a target, by their ids: the last thing of each."""
    rows = await _KINDS(connection, this_scan=scan_id, **here(target))
    return {id_: ChangeKind(kind) for id_, kind in rows}


async def changes_to(connection: AsyncConnection, approval_id: str) -> list[Change]:
    """What happened to one approval, in the order in which it was believed."""
    return await _past(connection, [approvals.c.id == approval_id])


async def _past(connection: AsyncConnection, conditions: Iterable[ColumnElement[bool]]) -> list[Change]:
    return list(map(_change_of, await connection.execute(_changes().where(*conditions).order_by(changes.c.seq))))


def _changes() -> Select[Any]:
    return (
        select(*APPROVAL, *CHANGE).join_from(approvals, targets).join(changes, changes.c.approval_id == approvals.c.id)
    )


def _change_of(row: Sequence[Any]) -> Change:
    return change_of(approval_of(row), row[len(APPROVAL) :])


_KEPT = (*HELD, targets.c.label, targets.c.tags, targets.c.read_at)


def _joined() -> Select[Any]:
    return select(*_KEPT).join_from(approvals, targets)


async def _kept(connection: AsyncConnection, query: Select[Any]) -> list[Kept]:
    return list(map(_kept_of, await connection.execute(query)))


def _kept_of(row: Sequence[Any]) -> Kept:
    """From a row that begins with the values of `_KEPT`."""
    held = held_of(row)
    label, tags = row[len(HELD) : len(_KEPT) - 1]
    target = Target(held.approval.chain, held.approval.owner, label, tuple(tags))
    return Kept(held, target, _proven(held, row))


def _proven(held: Held, row: Sequence[Any]) -> bool:
    read_at: datetime | None = row[len(_KEPT) - 1]
    return read_at is not None and held.changed_at <= read_at


_TARGET = Query(select(targets.c.id, targets.c.covered, targets.c.version, targets.c.tried_at).where(HERE))
_ALL_OF = Query(select(*HELD, approvals.c.id).where(approvals.c.target_id == bindparam("whose")))
_OF_TARGET = Query(_joined().where(approvals.c.in_force, HERE))
_SOME = Query(_joined().where(approvals.c.id.in_(given("ids")), approvals.c.in_force, targets.c.watched))

_IN_SCAN = changes.c.scan_id.concat("") == bindparam("this_scan")
"""The changes that a scan found, looked for by their approvals: a first scan has more changes than any target."""

_OF_SCAN = Query(_changes().where(_IN_SCAN, HERE).order_by(changes.c.seq))
_KINDS = Query(
    select(changes.c.approval_id, changes.c.kind)
    .join_from(changes, approvals)
    .join(targets, targets.c.id == approvals.c.target_id)
    .where(_IN_SCAN, HERE)
    .order_by(changes.c.seq)
)

# A wallet may have been taken away while it was read: who tidies up has to find it.
_READ = Command(
    update(targets)
    .where(targets.c.id == bindparam("target_id"))
    .values(
        watched=True,
        version=bindparam("new_version"),
        covered=bindparam("new_covered"),
        tried_at=bindparam("new_tried_at"),
        error=bindparam("new_error"),
        source=func.coalesce(bindparam("new_source"), targets.c.source),
        read_at=func.coalesce(bindparam("new_read_at", type_=Instant), targets.c.read_at),
        fingerprint=None,
    )
)
_new = insert(approvals)
_KEEP = Command(
    _new.on_conflict_do_update(
        index_elements=[approvals.c.id],
        set_={c.name: _new.excluded[c.name] for c in approvals.c if c.name not in ("id", "target_id")},
    )
)
_TELL = Command(changes.insert(), CHANGE_COLUMNS)
_LINE = Command(scan_targets.insert())

_PLACE: ColumnElement[int] = literal_column("approvals.rowid", Integer)
"""The order in which the index of spenders has the approvals of each."""

_HELD_BY = Query(
    _joined()
    .add_columns(_PLACE.label("place"))
    .where(approvals.c.spender == bindparam("by"), bindparam("behind") < _PLACE)
    .where(approvals.c.in_force, targets.c.watched)
    .order_by(_PLACE)
    .limit(bindparam("most"))
)
