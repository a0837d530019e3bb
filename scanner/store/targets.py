"""Targets as they stand: how many approvals each has, when it was last read completely, what the last try lacked."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.report import TargetEntry, chain_name, rfc3339
from scanner.store.knowledge import Filter
from scanner.store.tables import approvals, targets

__all__ = ["standing"]


async def standing(connection: AsyncConnection, wanted: Filter) -> list[TargetEntry]:
    """The targets of the filter's owners and chains, in the order in which they were first watched."""
    query = (
        select(targets, func.count(approvals.c.id).label("approvals"))
        .outerjoin(approvals, (approvals.c.target_id == targets.c.id) & approvals.c.in_force)
        .group_by(targets.c.id)
        .order_by(targets.c.id)
    )
    if wanted.owners:
        query = query.where(targets.c.owner.in_(wanted.owners))
    if wanted.chains:
        query = query.where(targets.c.chain.in_(wanted.chains))
    if wanted.watched:
        query = query.where(targets.c.watched)
    return [
        TargetEntry(
            chain=chain_name(row["chain"]),
            chain_index=row["chain"],
            owner=row["owner"],
            label=row["label"],
            complete=row["error"] is None and row["read_at"] is not None,
            approvals=row["approvals"],
            error=row["error"],
            read_at=None if row["read_at"] is None else rfc3339(row["read_at"]),
        )
        for row in (await connection.execute(query)).mappings()
    ]
