"""What did not move: what stands for a wallet's last reading, and what of it rules have judged as it is.

On a quiet day nearly every reading says what the one before it said. Such a target is neither loaded nor judged. Of one
that says something else only that is judged, and by its balances only what they say something else of.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target, Unmoved
from scanner.store.columns import Instant
from scanner.store.following import prove
from scanner.store.prepared import Command, Query
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
    found = await _SETTLED.first(connection, **here(target), **_by(rules, at))
    return None if found is None else Settled(*found)


def _by(rules: str, at: datetime) -> dict[str, object]:
    return {"by_these": f"%:{rules}", "this_time": at}


_IS_SETTLED = targets.c.fingerprint.like(bindparam("by_these")) & (
    targets.c.due_at.is_(None) | (targets.c.due_at > bindparam("this_time", type_=Instant))
)
_SETTLED = Query(select(targets.c.due_at, targets.c.weighed).where(HERE, _IS_SETTLED))


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
    """Note the `fingerprint` of a reading that was judged, and when time alone moves the target next.

    None is a reading after which the target is not settled; "" one that settles it, but whose source has nothing that
    stands for it: the next one has to be looked at. Returns how many judgements of all that the target has in force are
    undecided.
    """
    sign = None if fingerprint is None else f"{fingerprint}:{rules}"
    moving = {"fingerprint": sign, "due_at": due_at, "weighed": weighed, **counts}
    written = await _SETTLE(connection, **here(target), **{f"new_{name}": value for name, value in moving.items()})
    return sum(undecided for (undecided,) in written)


_UNDECIDED = (
    select(func.coalesce(func.sum(approvals.c.undecided), 0))
    .where(approvals.c.target_id == targets.c.id, approvals.c.in_force)
    .scalar_subquery()
)

_SETTLE = Query(
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
    moved: set[tuple[int]] = set()
    for count, ids in by_count.items():
        moved.update(await _LEAVE_UNDECIDED(connection, ids=ids, so_many=count))
    await _SUM_UP(connection, ({"whose": target_id} for (target_id,) in moved))


_LEAVE_UNDECIDED = Query(
    update(approvals)
    .where(approvals.c.id.in_(given("ids")), approvals.c.undecided != bindparam("so_many"))
    .values(undecided=bindparam("so_many"))
    .returning(approvals.c.target_id)
)
_SUM_UP = Command(update(targets).where(targets.c.id == bindparam("whose")).values(undecided=_UNDECIDED))


async def revalued(connection: AsyncConnection, target: Target) -> frozenset[str]:
    """The approvals in force of a target beside which its balances, or what is known of tokens, say something else
    than when they were last judged by its balances."""
    return frozenset(id_ for (id_,) in await _REVALUED(connection, **here(target)))


async def note_weighed(connection: AsyncConnection, target: Target) -> None:
    """Note that all of a target was judged by its balances, and by what is known of their tokens now."""
    await _ALL_JUDGED(connection, [here(target)])
    await _ALL_WEIGHED(connection, [here(target)])


_THEIRS = (tokens.c.chain == bindparam("this_chain")) & (tokens.c.token == balances.c.token)
_VERSION = func.coalesce(select(tokens.c.version).where(_THEIRS).correlate(balances).scalar_subquery(), 0)
"""How often what is known of a balance's token has moved; 0 where nothing is known of it."""

_MOVED = balances.c.judged.is_distinct_from(_VERSION)
_REVALUED = Query(
    select(approvals.c.id)
    .join_from(targets, balances, balances.c.target_id == targets.c.id)
    .join(approvals, (approvals.c.target_id == balances.c.target_id) & (approvals.c.token == balances.c.token))
    .where(HERE, approvals.c.in_force, _MOVED)
)
_ALL_JUDGED = Command(
    update(balances)
    .where(balances.c.target_id == select(targets.c.id).where(HERE).scalar_subquery(), _MOVED)
    .values(judged=_VERSION)
)
_ALL_WEIGHED = Command(update(targets).where(HERE, targets.c.weighed.is_(False)).values(weighed=True))


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
    counts = Counter[str]()
    for target, reading in by_target.items():
        for target_id, in_force, unreadable, undecided in await _AS_BEFORE(
            connection, **here(target), based_on=based_on[target]
        ):
            found[target] = {"target_id": target_id, "at": reading.read_at, "approvals": in_force}
            counts.update(approvals=in_force, unreadable=unreadable, undecided=undecided)
    await _MOVE_ON(connection, found.values())
    await prove(connection, {target: by_target[target].block for target in found})
    await _LINE(connection, ({"scan_id": scan_id, "complete": True, **one} for one in found.values()))
    return Still([target for target in by_target if target not in found], **counts)


_AS_BEFORE = Query(
    select(targets.c.id, targets.c.in_force, targets.c.unreadable, targets.c.undecided).where(
        HERE, targets.c.version == bindparam("based_on")
    )
)
_MOVE_ON = Command(
    update(targets)
    .where(targets.c.id == bindparam("target_id"))
    .values(version=targets.c.version + 1, tried_at=bindparam("at"), read_at=bindparam("at"), error=None, watched=True)
)
_LINE = Command(scan_targets.insert(), ("scan_id", "target_id", "complete", "approvals"))
