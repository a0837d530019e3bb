"""Which targets are to be read because of what their chain told, or because a time has come.

What is due follows from what is stored, and from nothing else: who was killed in between goes on with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target
from scanner.store.columns import Instant
from scanner.store.prepared import Command
from scanner.store.rows import here
from scanner.store.tables import approvals, chain_owners, targets

__all__ = ["Moment", "due", "next_at", "prove"]


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a chain is followed, and what time it is: `at` by this machine, `as_of` by the block that is read.

    Logs are read up to block `upto`; the newest block is `head`, and one that `confirmations` follow is final. What a
    reading lacked is believed to be gone if another one lacks it that comes `confirm_after` later.
    """

    chain: str
    upto: int
    head: int
    confirmations: int
    at: datetime
    as_of: datetime
    confirm_after: timedelta


async def prove(connection: AsyncConnection, read: Mapping[Target, int | None]) -> None:
    """Note at which block each target's approvals were read, all of them; None is a source that knows no blocks."""
    await _PROVED(connection, (here(target) | {"at": block} for target, block in read.items() if block is not None))


async def due(connection: AsyncConnection, now: Moment) -> dict[str, int | None]:
    """The owners that are to be read, each with the newest block that spoke of it, if any did.

    Due is who was heard of since the state was read last; whose past was not known when somebody tried to read it, and
    is now; and of whose approvals one has ended by its own time, has become final, or has been missing for long enough.
    """
    whose_time_has_come = exists().where(
        approvals.c.target_id == targets.c.id,
        approvals.c.in_force,
        or_(
            approvals.c.expires_at <= now.as_of,
            approvals.c.missing_since <= now.at - now.confirm_after,
            and_(approvals.c.final.is_(False), chain_owners.c.proved + now.confirmations <= now.head),
        ),
    )
    query = (
        select(targets.c.owner, chain_owners.c.heard)
        .join_from(targets, chain_owners, _SAME)
        .where(
            targets.c.chain == now.chain,
            targets.c.watched,
            chain_owners.c.upto >= now.upto,
            or_(
                chain_owners.c.heard > chain_owners.c.proved,
                chain_owners.c.proved.is_(None) & targets.c.tried_at.is_not(None),
                whose_time_has_come,
            ),
        )
    )
    return {row.owner: row.heard for row in await connection.execute(query)}


async def next_at(connection: AsyncConnection, now: Moment) -> datetime | None:
    """When time alone will make somebody due next; None where it will not."""
    doubted_until = now.at - now.confirm_after
    expiring, missing = approvals.c.expires_at, approvals.c.missing_since
    query = select(
        func.min(case((expiring > now.at, expiring)), type_=Instant),
        func.min(case((missing > doubted_until, missing)), type_=Instant),
    ).where(approvals.c.chain == now.chain, approvals.c.in_force)
    ends, doubted = (await connection.execute(query)).one()
    times = [ends, None if doubted is None else doubted + now.confirm_after]
    return min((time for time in times if time is not None), default=None)


_SAME = (chain_owners.c.chain == targets.c.chain) & (chain_owners.c.owner == targets.c.owner)

_PROVED = Command(
    update(chain_owners)
    .where(chain_owners.c.chain == bindparam("this_chain"), chain_owners.c.owner == bindparam("this_owner"))
    .values(proved=bindparam("at"))
)
