"""What balances and lists add to approvals: read once for many, and the same wherever approvals are judged or shown."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Approval, Target
from scanner.domain.changes import Held
from scanner.domain.exposure import Total, Valuation, exposure, total, valued
from scanner.domain.lists import NOBODY
from scanner.domain.report import ApprovalEntry
from scanner.domain.surroundings import Surroundings
from scanner.store.balances import holdings_of, valuations_of, value_first
from scanner.store.lists import standings_of

__all__ = ["entries", "surroundings", "value", "weighed"]


async def surroundings(connection: AsyncConnection, held: Sequence[Held]) -> Mapping[str, Surroundings]:
    """What is known beside each approval, by its id."""
    holdings = await holdings_of(connection, {one.approval.target for one in held})
    standings = await standings_of(connection, {key for one in held for key in _named(one.approval)})
    first = await valuations_of(connection, [one.approval.id for one in held])
    found = {}
    for one in held:
        approval = one.approval
        spender, token = _named(approval)
        found[approval.id] = Surroundings(
            exposure=exposure(approval, holdings.get(approval.target, {}).get(approval.token.address)),
            first_usd=_first(first.get(approval.id), one),
            spender=standings.get(spender, NOBODY),
            token=standings.get(token, NOBODY),
        )
    return found


async def entries(connection: AsyncConnection, found: Sequence[tuple[Held, Target]]) -> tuple[ApprovalEntry, ...]:
    """Approvals as they are reported, each with its target as the user knows it, and all that is known beside them."""
    return (await weighed(connection, found))[0]


async def weighed(
    connection: AsyncConnection, found: Sequence[tuple[Held, Target]]
) -> tuple[tuple[ApprovalEntry, ...], Total]:
    """Approvals as they are reported, and what they put at stake together."""
    known = await surroundings(connection, [held for held, _ in found])
    told = tuple(ApprovalEntry.of(held, target.label, known[held.approval.id]) for held, target in found)
    return told, total((held.approval, known[held.approval.id].exposure) for held, _ in found)


async def value(connection: AsyncConnection, held: Sequence[Held], known: Mapping[str, Surroundings]) -> None:
    """Remember what approvals are worth that are valued for the first time since they changed."""
    unvalued = [one for one in held if known[one.approval.id].first_usd is None]
    first = valued((one.approval.id, one.changed_at, known[one.approval.id].exposure) for one in unvalued)
    await value_first(connection, first)


def _named(approval: Approval) -> tuple[tuple[str, str], tuple[str, str]]:
    """What the lists may know of an approval: its spender, and its token, each on its chain."""
    return (approval.chain, approval.spender.address), (approval.chain, approval.token.address)


def _first(valuation: Valuation | None, held: Held) -> Decimal | None:
    return None if valuation is None or valuation.since != held.changed_at else valuation.usd
