"""What rules may read of one stored approval, for whoever asks why a rule says what it says."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.domain.changes import Change
    from scanner.policy.fields import Facts
    from scanner.store.knowledge import Kept

__all__ = ["facts_at"]


async def facts_at(
    connection: "AsyncConnection", kept: "Kept", at: datetime, change: "Change | None" = None
) -> "Facts":
    """The facts of a stored approval by what is known in the store, at a time, and of a change of it."""

    from scanner.policy.fields import facts
    from scanner.store.spenders import spender_counts
    from scanner.store.surroundings import surroundings

    spender = kept.held.approval.spender.address
    counts = await spender_counts(connection, {spender} if spender else ())
    approvals, owners = counts.get(spender, (None, None))
    beside = await surroundings(connection, [kept.held])
    return facts(
        kept.held,
        target=kept.target,
        spender_approvals=approvals,
        spender_owners=owners,
        change=change,
        beside=beside[kept.held.approval.id],
        at=at,
    )
