"""What did not move: what stands for a wallet's last reading, and what of it rules have judged as it is.

On a quiet day nearly every reading says what the one before it said. Such a target is neither loaded nor judged. Of one
that says something else only that is judged, and by its balances only what they say something else of.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target, Unmoved
from scanner.store.columns import Instant
from scanner.store.following import prove
from scanner.store.rows import HERE, given, here, parts
from scanner.store.tables import approvals, balances, scan_targets, targets, tokens

__all__ = [
    "Settled",
    "Still",
    "fingerprints",
    "forget",
    "note_undecided",
    "note_weighed",
    "revalued",
    "settle",
    "settled",
    "still",
]


@dataclass(frozen=True, slots=True)
class Still:
    """What came of readings that said nothing new: the counts of when these targets were judged.

    `overtaken` are the targets that somebody else has recorded since the scan began: they have to be read again.
    """

    overtaken: list[Target] = field(default_factory=list)
    approvals: int = 0
    unreadable: int = 0
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """That rules have judged all that is known of a target, after a complete reading, and time moves it at `due_at`.

    `weighed`: they have judged all of it after a reading of its balances, too.
    """

    due_at: datetime | None
    weighed: bool


async def fingerprints(connection: AsyncConnection, rules: str, at: datetime) -> dict[Target, str]:
    """The fingerprints of the last complete readings that rules of this digest have judged, and time alone has not
    moved since."""
    query = select(targets.c.chain, targets.c.owner, targets.c.fingerprint).where(_IS_SETTLED)
    rows = await connection.execute(query, _by(rules, at))
    found = {Target(row.chain, row.owner): row.fingerprint.partition(":")[0] for row in rows}
    return {target: fingerprint for target, fingerprint in found.items() if fingerprint}


async def settled(connection: AsyncConnection, target: Target, rules: str, at: datetime) -> Settled | None:
    """Whether rules of this digest have judged all of a target, and time alone has not moved it since; None if not."""
    row = (await connection.execute(_SETTLED, here(target) | _by(rules, at))).first()
    return None if row is None else Settled(row.due_at, row.weighed)


def _by(rules: str, at: datetime) -> dict[str, object]:
    return {"by_these": f"%:{rules}", "this_time": at}


_IS_SETTLED = targets.c.fingerprint.like(bindparam("by_these")) & (
    targets.c.due_at.is_(None) | (targets.c.due_at > bindparam("this_time", type_=Instant))
)
_SETTLED = select(targets.c.due_at, targets.c.weighed).where(HERE, _IS_SETTLED)


async def settle(
    connection: AsyncConnection,
    target: Target,
    *,
    fingerprint: str | None,
    rules: str,
    due_at: datetime | None,
    weighed: bool,
    counts: Mapping[str, int],
) -> int:
    """Note what stands for a complete reading that was judged, and until when; None where nothing does.

    Returns how many judgements of all that the target has in force are undecided.
    """
    sign = None if fingerprint is None else f"{fingerprint}:{rules}"
    moving = {"fingerprint": sign, "due_at": due_at, "weighed": weighed, **counts}
    given_now = here(target) | {f"new_{name}": value for name, value in moving.items()}
    return int(await connection.scalar(_SETTLE, given_now) or 0)


_UNDECIDED = (
    select(func.coalesce(func.sum(approvals.c.undecided), 0))
    .where(approvals.c.target_id == targets.c.id, approvals.c.in_force)
    .scalar_subquery()
)

_SETTLE = (
    update(targets)
    .where(HERE)
    .values(
        fingerprint=bindparam("new_fingerprint"),
        due_at=bindparam("new_due_at"),
        weighed=bindparam("new_weighed"),
        in_force=bindparam("new_in_force"),
        unreadable=bindparam("new_unreadable"),
        undecided=_UNDECIDED,
    )
    .returning(targets.c.undecided)
)


async def note_undecided(connection: AsyncConnection, counted: Mapping[str, int]) -> None:
    """Write how many rules could not decide about approvals, by their ids, and about their targets in all."""
    by_count: dict[int, list[str]] = {}
    for id_, count in counted.items():
        by_count.setdefault(count, []).append(id_)
    moved = 0
    for count, ids in by_count.items():
        moved += (await connection.execute(_LEAVE_UNDECIDED, {"ids": ids, "so_many": count})).rowcount
    if moved:
        await connection.execute(_SUM_UP, {"ids": list(counted)})


_LEAVE_UNDECIDED = (
    update(approvals)
    .where(approvals.c.id.in_(given("ids")), approvals.c.undecided != bindparam("so_many"))
    .values(undecided=bindparam("so_many"))
)
_SUM_UP = (
    update(targets)
    .where(targets.c.id.in_(select(approvals.c.target_id).where(approvals.c.id.in_(given("ids")))))
    .values(undecided=_UNDECIDED)
)


async def revalued(connection: AsyncConnection, target: Target) -> frozenset[str]:
    """The approvals in force of a target beside which its balances, or what is known of tokens, say something else
    than when they were last judged by its balances."""
    return frozenset(await connection.scalars(_REVALUED, here(target)))


async def note_weighed(connection: AsyncConnection, target: Target) -> None:
    """Note that all of a target was judged by its balances, and by what is known of their tokens now."""
    await connection.execute(_ALL_JUDGED, here(target))
    await connection.execute(_ALL_WEIGHED, here(target))


_THEIRS = (tokens.c.chain == bindparam("this_chain")) & (tokens.c.token == balances.c.token)
_VERSION = func.coalesce(select(tokens.c.version).where(_THEIRS).correlate(balances).scalar_subquery(), 0)
"""How often what is known of a balance's token has moved; 0 where nothing is known of it."""

_MOVED = balances.c.judged.is_distinct_from(_VERSION)
_REVALUED = (
    select(approvals.c.id)
    .join_from(targets, balances, balances.c.target_id == targets.c.id)
    .join(approvals, (approvals.c.target_id == balances.c.target_id) & (approvals.c.token == balances.c.token))
    .where(HERE, approvals.c.in_force, _MOVED)
)
_ALL_JUDGED = (
    update(balances)
    .where(balances.c.target_id == select(targets.c.id).where(HERE).scalar_subquery(), _MOVED)
    .values(judged=_VERSION)
)
_ALL_WEIGHED = update(targets).where(HERE, targets.c.weighed.is_(False)).values(weighed=True)


async def forget(connection: AsyncConnection, approval_ids: Collection[str], *, but: str | None = None) -> None:
    """Have the targets of some approvals judged at their next reading, whatever it says.

    Those that rules of the digest `but` have judged are left as they are.
    """
    for part in parts(sorted(approval_ids)):
        touched = targets.c.id.in_(select(approvals.c.target_id).where(approvals.c.id.in_(part)))
        mine = touched if but is None else touched & targets.c.fingerprint.not_like(f"%:{but}")
        await connection.execute(update(targets).where(mine).values(fingerprint=None))


async def still(
    connection: AsyncConnection, scan_id: str, readings: Sequence[Unmoved], based_on: Mapping[Target, int]
) -> Still:
    """Write that targets read the same as before. `based_on` are their versions when the scan began."""
    by_target = {reading.target: reading for reading in readings}
    found: dict[Target, dict[str, object]] = {}
    in_force = unreadable = undecided = 0
    for part in parts(sorted({target.owner for target in by_target})):
        for row in await connection.execute(select(*_NEEDED).where(targets.c.owner.in_(part))):
            target = Target(row.chain, row.owner)
            if target in by_target and row.version == based_on[target]:
                reading = by_target[target]
                found[target] = {"b_id": row.id, "at": reading.read_at, "approvals": row.in_force}
                in_force += row.in_force
                unreadable += row.unreadable
                undecided += row.undecided
    if found:
        await connection.execute(_MOVE_ON, list(found.values()))
        await prove(connection, {target: by_target[target].block for target in found})
        lines = [
            {"scan_id": scan_id, "target_id": one["b_id"], "complete": True, "approvals": one["approvals"]}
            for one in found.values()
        ]
        await connection.execute(scan_targets.insert(), lines)
    overtaken = [target for target in by_target if target not in found]
    return Still(overtaken, in_force, unreadable, undecided)


_NEEDED = (
    *(targets.c.id, targets.c.chain, targets.c.owner, targets.c.version),
    *(targets.c.in_force, targets.c.unreadable, targets.c.undecided),
)

_MOVE_ON = (
    update(targets)
    .where(targets.c.id == bindparam("b_id"))
    .values(version=targets.c.version + 1, tried_at=bindparam("at"), read_at=bindparam("at"), error=None, watched=True)
)
