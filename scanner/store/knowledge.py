"""What is known of targets and their approvals: now, at any moment of the past, and every change between."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
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
from scanner.store.following import prove
from scanner.store.moves import note_money, note_watches
from scanner.store.rows import (
    CHUNK,
    HERE,
    approval_row,
    change_columns,
    change_from,
    change_row,
    held_from,
    here,
    parts,
    target_from,
)
from scanner.store.tables import approvals, changes, scan_targets, targets

__all__ = [
    "Filter",
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
class Filter:
    """Which approvals are asked for; what is None is not filtered by. Addresses are in their stored form.

    `watched` leaves out wallets that the configuration no longer names.
    """

    owners: Collection[str] = ()
    chains: Collection[str] = ()
    token: str | None = None
    spender: str | None = None
    unlimited: bool = False
    watched: bool = True
    targets: Collection[Target] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL over approvals joined with targets; `unlimited` and `targets` are for `wants`."""
        found: list[ColumnElement[bool]] = []
        if self.owners:
            found.append(targets.c.owner.in_(self.owners))
        if self.chains:
            found.append(targets.c.chain.in_(self.chains))
        if self.token is not None:
            found.append(approvals.c.token == self.token)
        if self.spender is not None:
            found.append(approvals.c.spender == self.spender)
        if self.watched:
            found.append(targets.c.watched)
        if self.targets is not None and len(owners := {target.owner for target in self.targets}) <= CHUNK:
            found.append(targets.c.owner.in_(owners))
        return found

    def wants(self, held: Held) -> bool:
        """What SQL cannot say: the one definition of unlimited, and a scope of many targets."""
        if self.targets is not None and held.approval.target not in self.targets:
            return False
        return not self.unlimited or held.approval.unlimited is True


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
    row = (await connection.execute(_TARGET, here(target))).mappings().first()
    if row is None:
        return Known(target)
    rows = (await connection.execute(_ALL_OF, {"whose": row["id"]})).mappings()
    held = {one[approvals.c.id]: held_from(one) for one in rows}
    return Known(target, held, frozenset(map(Kind, row["covered"])), row["version"], row["tried_at"])


async def record(connection: AsyncConnection, scan_id: str, snapshot: Snapshot, difference: Difference) -> None:
    """Write what a reading came to: the approvals that differ, the changes, and one line for the target."""
    target_id = await connection.scalar(_ID, here(snapshot.target))
    if target_id is None:
        raise LookupError(f"{snapshot.target} is not watched")
    error = None if difference.trouble is None else str(difference.trouble)
    state: dict[str, Any] = {
        "watched": True,  # a wallet may have been taken away while it was read: who tidies up has to find it
        "version": difference.known.version,
        "covered": sorted(kind.value for kind in difference.known.covered),
        "tried_at": difference.known.read_at,
        "error": error,
        "fingerprint": None,
    }
    if difference.complete:
        state |= {"source": snapshot.source, "read_at": snapshot.read_at}
    await connection.execute(update(targets).where(targets.c.id == target_id).values(state))
    if snapshot.end is End.COMPLETE:
        await prove(connection, {snapshot.target: snapshot.block})
    if difference.rows:
        await connection.execute(_KEEP, [approval_row(held, int(target_id)) for held in difference.rows.values()])
    if difference.changes:
        await connection.execute(_TELL, [change_row(change, scan_id) for change in difference.changes])
        told = {change.after.token.address for change in difference.changes}
        await note_money(connection, int(target_id), snapshot.target.chain, told, snapshot.read_at)
    line = {"scan_id": scan_id, "target_id": target_id, "complete": difference.complete, "error": error}
    line |= {"reason": None if difference.trouble is None else difference.trouble.reason.value}
    await connection.execute(_LINE, line | {"approvals": sum(1 for _ in difference.known.in_force)})


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
        rows = (await connection.execute(_HELD, {"by": spender, "behind": after, "most": room})).mappings().all()
        found += [_kept_from(row, held_from(row)) for row in rows]
        if len(rows) == room:
            return found, spenders[number:], int(rows[-1]["place"])
        after = 0
    return found, (), 0


async def of_target(connection: AsyncConnection, target: Target) -> list[Kept]:
    """The approvals in force of one target, whether it is watched or not."""
    return await _kept(connection, _OF_TARGET, here(target))


async def some_in_force(connection: AsyncConnection, ids: Sequence[str]) -> list[Kept]:
    """The approvals with these ids, at most as many as an IN list holds, that are in force and watched now."""
    return await _kept(connection, _joined().where(approvals.c.id.in_(ids), approvals.c.in_force, targets.c.watched))


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
        .add_columns(*change_columns(changes))
        .join(last, last.c.approval_id == approvals.c.id)
        .join(changes, changes.c.seq == last.c.seq)
        .where(changes.c.kind.not_in([kind.value for kind in GONE]), *wanted.conditions())
    )
    found = []
    for row in (await connection.execute(query)).mappings():
        change = change_from(row)
        held = Held(change.after, row[approvals.c.first_seen], change.at, change.at)
        if wanted.wants(held):
            found.append(_kept_from(row, held))
    return found


async def history(connection: AsyncConnection, wanted: Filter, since: datetime | None = None) -> list[Change]:
    """Every recorded change in the order in which it was believed."""
    conditions = wanted.conditions()
    if since is not None:
        conditions.append(changes.c.at >= since)
    return [change for change in await _past(connection, conditions) if _relevant(wanted, change)]


async def changes_of(connection: AsyncConnection, scan_id: str, target: Target | None = None) -> list[Change]:
    """The changes that one scan found, of one target or of all, in order."""
    if target is None:
        return await _past(connection, [changes.c.scan_id == scan_id])
    return await _past(connection, [_IN_SCAN, HERE], {"this_scan": scan_id, **here(target)})


async def kinds_of(connection: AsyncConnection, scan_id: str, target: Target) -> dict[str, ChangeKind]:
    """What one scan found to have happened to approvals of a target, by their ids: the last thing of each."""
    rows = await connection.execute(_KINDS, {"this_scan": scan_id, **here(target)})
    return {row[0]: ChangeKind(row[1]) for row in rows}


async def changes_to(connection: AsyncConnection, approval_id: str) -> list[Change]:
    """What happened to one approval, in the order in which it was believed."""
    return await _past(connection, [approvals.c.id == approval_id])


def _relevant(wanted: Filter, change: Change) -> bool:
    sides = [side for side in (change.before, change.after) if side is not None]
    if wanted.targets is not None and change.after.target not in wanted.targets:
        return False
    return not wanted.unlimited or any(side.unlimited for side in sides)


async def _past(
    connection: AsyncConnection, conditions: Iterable[ColumnElement[bool]], given: Mapping[str, str] | None = None
) -> list[Change]:
    query = (
        _joined()
        .add_columns(*change_columns(changes))
        .join(changes, changes.c.approval_id == approvals.c.id)
        .where(*conditions)
        .order_by(changes.c.seq)
    )
    return [change_from(row) for row in (await connection.execute(query, given)).mappings()]


def _joined() -> Select[Any]:
    return select(approvals, targets.c.label, targets.c.tags, targets.c.read_at).join(
        targets, targets.c.id == approvals.c.target_id
    )


async def _kept(connection: AsyncConnection, query: Select[Any], given: Mapping[str, str] | None = None) -> list[Kept]:
    rows = (await connection.execute(query, given)).mappings()
    return [_kept_from(row, held_from(row)) for row in rows]


def _kept_from(row: RowMapping, held: Held) -> Kept:
    read_at: datetime | None = row[targets.c.read_at]
    return Kept(held, target_from(row), proven=read_at is not None and held.changed_at <= read_at)


_TARGET = select(targets).where(HERE)
_ID = select(targets.c.id).where(HERE)
_ALL_OF = select(approvals).where(approvals.c.target_id == bindparam("whose"))
_OF_TARGET = _joined().where(approvals.c.in_force, HERE)

_IN_SCAN = changes.c.scan_id.concat("") == bindparam("this_scan")
"""The changes that a scan found, looked for by their approvals: a first scan has more changes than any target."""

_KINDS = (
    select(changes.c.approval_id, changes.c.kind)
    .join_from(changes, approvals)
    .join(targets, targets.c.id == approvals.c.target_id)
    .where(_IN_SCAN, HERE)
    .order_by(changes.c.seq)
)

_new = insert(approvals)
_KEEP = _new.on_conflict_do_update(
    index_elements=[approvals.c.id],
    set_={c.name: _new.excluded[c.name] for c in approvals.c if c.name not in ("id", "target_id")},
)
_TELL, _LINE = changes.insert(), scan_targets.insert()

_PLACE: ColumnElement[int] = literal_column("approvals.rowid", Integer)
"""The order in which the index of spenders has the approvals of each."""

_HELD = (
    _joined()
    .add_columns(_PLACE.label("place"))
    .where(approvals.c.spender == bindparam("by"), bindparam("behind") < _PLACE)
    .where(approvals.c.in_force, targets.c.watched)
    .order_by(_PLACE)
    .limit(bindparam("most"))
)
