"""Targets of which nothing moved: what stands for their last reading, and the one line that another one leaves.

On a quiet day nearly every reading says what the one before it said. Such a target is neither loaded nor judged.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target, Unmoved
from scanner.store.following import prove
from scanner.store.rows import HERE, here, parts
from scanner.store.tables import approvals, scan_targets, targets

__all__ = ["Still", "fingerprints", "forget", "settle", "still"]


@dataclass(frozen=True, slots=True)
class Still:
    """What came of readings that said nothing new: the counts of when these targets were judged.

    `overtaken` are the targets that somebody else has recorded since the scan began: they have to be read again.
    """

    overtaken: list[Target] = field(default_factory=list)
    approvals: int = 0
    unreadable: int = 0
    undecided: int = 0


async def fingerprints(connection: AsyncConnection, rules: str, at: datetime) -> dict[Target, str]:
    """The fingerprints of the last complete readings that rules of this digest have judged, and time alone has not
    moved since."""
    query = select(targets.c.chain, targets.c.owner, targets.c.fingerprint).where(
        targets.c.fingerprint.endswith(f":{rules}"), targets.c.due_at.is_(None) | (targets.c.due_at > at)
    )
    rows = await connection.execute(query)
    return {Target(row.chain, row.owner): row.fingerprint.partition(":")[0] for row in rows}


async def settle(
    connection: AsyncConnection,
    target: Target,
    *,
    fingerprint: str | None,
    rules: str,
    due_at: datetime | None,
    counts: Mapping[str, int],
) -> None:
    """Note what stands for a complete reading that was judged, and until when; None where nothing does."""
    sign = None if fingerprint is None else f"{fingerprint}:{rules}"
    moving = {"fingerprint": sign, "due_at": due_at, **counts}
    await connection.execute(_SETTLE, here(target) | {f"new_{name}": value for name, value in moving.items()})


_SETTLE = (
    update(targets)
    .where(HERE)
    .values(
        fingerprint=bindparam("new_fingerprint"),
        due_at=bindparam("new_due_at"),
        in_force=bindparam("new_in_force"),
        unreadable=bindparam("new_unreadable"),
        undecided=bindparam("new_undecided"),
    )
)


async def forget(connection: AsyncConnection, approval_ids: Collection[str]) -> None:
    """Have the targets of some approvals judged at their next reading, whatever it says."""
    for part in parts(sorted(approval_ids)):
        touched = select(approvals.c.target_id).where(approvals.c.id.in_(part))
        await connection.execute(update(targets).where(targets.c.id.in_(touched)).values(fingerprint=None))


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
