"""Targets as they stand: how many approvals each has, when it was last read completely, what the last try lacked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target
from scanner.domain.report import TargetEntry, chain_name, rfc3339
from scanner.store.filters import Filter
from scanner.store.tables import approvals, targets

__all__ = ["balances_read", "standing"]


async def standing(connection: AsyncConnection, wanted: Filter) -> list[TargetEntry]:
    """The targets of the filter's owners and chains, in the order in which they were first watched."""
    mine = (approvals.c.target_id == targets.c.id) & approvals.c.in_force
    count = select(func.count()).where(mine).scalar_subquery()
    named = (targets.c.chain, targets.c.owner, targets.c.label, targets.c.error, targets.c.read_at)
    query = select(*named, count).order_by(targets.c.id)
    return [
        TargetEntry(
            chain=chain_name(chain),
            chain_index=chain,
            owner=owner,
            label=label,
            complete=error is None and read_at is not None,
            approvals=held,
            error=error,
            read_at=None if read_at is None else rfc3339(read_at),
        )
        for chain, owner, label, error, read_at, held in await connection.execute(_of(query, wanted))
    ]


async def balances_read(
    connection: AsyncConnection, wanted: Filter
) -> Mapping[Target, tuple[datetime | None, str | None]]:
    """When all balances of each target were last read, and what the last reading of them lacked."""
    query = select(targets).order_by(targets.c.id)
    return {
        Target(row["chain"], row["owner"], row["label"]): (row["balances_at"], row["balances_error"])
        for row in (await connection.execute(_of(query, wanted))).mappings()
    }


def _of(query: Select[Any], wanted: Filter) -> Select[Any]:
    """The query, of the filter's owners and chains."""
    if wanted.owners:
        query = query.where(targets.c.owner.in_(wanted.owners))
    if wanted.chains:
        query = query.where(targets.c.chain.in_(wanted.chains))
    return query.where(targets.c.watched) if wanted.watched else query
