"""When targets were last tried and what they have at stake: what the order of a round is made of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Float, bindparam, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target
from scanner.domain.visits import Visited, in_order
from scanner.store.prepared import Command
from scanner.store.rows import HERE, here
from scanner.store.tables import approvals, balances, scans, targets, tokens

__all__ = ["appraise", "ordered"]


async def ordered(connection: AsyncConnection, wanted: Sequence[Target], scan_id: str, at: datetime) -> list[Target]:
    """The targets of a scan that begins now, the most urgent first."""
    rows = await connection.execute(select(targets.c.chain, targets.c.owner, targets.c.tried_at, targets.c.at_stake))
    known = {Target(row.chain, row.owner): Visited(row.tried_at, row.at_stake) for row in rows}
    others = (scans.c.total >= len(wanted)) & (scans.c.id != scan_id)
    last_round = await connection.scalar(select(func.max(scans.c.started_at)).where(others))
    return in_order(wanted, known, last_round, at)


async def appraise(connection: AsyncConnection, target: Target) -> None:
    """Note what an owner holds of all that somebody may take: roughly, and at least what is at stake."""
    await _APPRAISE(connection, [here(target)])


def _appraising() -> Command:
    within_reach = (
        select(approvals.c.target_id, approvals.c.token)
        .join(targets, targets.c.id == approvals.c.target_id)
        .where(HERE, approvals.c.in_force)
        .distinct()
        .subquery()
    )
    worth = (
        select(func.coalesce(func.sum(cast(balances.c.amount, Float) * cast(tokens.c.price_usd, Float)), 0.0))
        .select_from(within_reach)
        .join(balances, (balances.c.target_id == within_reach.c.target_id) & (balances.c.token == within_reach.c.token))
        .join(tokens, (tokens.c.chain == bindparam("this_chain")) & (tokens.c.token == balances.c.token))
        .where(tokens.c.risk.is_not(True))
    )
    return Command(update(targets).where(HERE).values(at_stake=worth.scalar_subquery()))


_APPRAISE = _appraising()
