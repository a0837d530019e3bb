"""What balances and lists add to approvals: read once for many, and the same wherever approvals are judged or shown."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Approval, Target
from scanner.domain.changes import Change, Held
from scanner.domain.exposure import Total, exposure, total, valued
from scanner.domain.lists import NOBODY
from scanner.domain.report import ApprovalEntry, ChangeEntry
from scanner.domain.surroundings import Surroundings
from scanner.store.balances import holdings_beside, valuations_of, value_first
from scanner.store.lists import standings_of

__all__ = ["change_entries", "entries", "entries_with_total", "keep_first_worth", "surroundings"]


async def surroundings(
    connection: AsyncConnection, held: Sequence[Held], new: Collection[str] = ()
) -> Mapping[str, Surroundings]:
    """What is known beside each approval, by its id. Of those that are `new` no worth was ever kept."""
    kept = await valuations_of(connection, [one.approval.id for one in held if one.approval.id not in new])
    since = {one.approval.id: one.changed_at for one in held}
    first = {id_: valuation.usd for id_, valuation in kept.items() if valuation.since == since[id_]}
    return await _beside(connection, [one.approval for one in held], first)


async def entries(connection: AsyncConnection, found: Sequence[tuple[Held, Target]]) -> tuple[ApprovalEntry, ...]:
    """Approvals as they are reported, each with its target as the user knows it, and all that is known beside them."""
    return (await entries_with_total(connection, found))[0]


async def entries_with_total(
    connection: AsyncConnection, found: Sequence[tuple[Held, Target]]
) -> tuple[tuple[ApprovalEntry, ...], Total]:
    """Approvals as they are reported, and what they put at stake together."""
    known = await _beside(connection, [held.approval for held, _ in found], {})
    told = tuple(ApprovalEntry.of(held, target.label, known[held.approval.id]) for held, target in found)
    return told, total((held.approval, known[held.approval.id].exposure) for held, _ in found)


async def change_entries(connection: AsyncConnection, changes: Sequence[Change]) -> tuple[ChangeEntry, ...]:
    """Changes as they are reported, with what is known now beside their approvals."""
    known = await _beside(connection, [change.after for change in changes], {})
    return tuple(ChangeEntry.of(change, known[change.after.id]) for change in changes)


async def keep_first_worth(
    connection: AsyncConnection, held: Sequence[Held], known: Mapping[str, Surroundings]
) -> None:
    """Write down what approvals are worth that are valued for the first time since they changed."""
    unvalued = [one for one in held if known[one.approval.id].first_usd is None]
    first = valued((one.approval.id, one.changed_at, known[one.approval.id].exposure) for one in unvalued)
    await value_first(connection, first)


async def _beside(
    connection: AsyncConnection, approvals: Collection[Approval], first: Mapping[str, Decimal]
) -> Mapping[str, Surroundings]:
    """What balances and lists add to approvals, by their ids; `first` is what each was first worth, as far as known."""
    holdings = await holdings_beside(connection, [one.id for one in approvals])
    standings = await standings_of(connection, {key for one in approvals for key in _named(one)})
    found = {}
    for approval in approvals:
        spender, token = _named(approval)
        found[approval.id] = Surroundings(
            exposure=exposure(approval, holdings.get((approval.chain, approval.owner, approval.token.address))),
            first_usd=first.get(approval.id),
            spender=standings.get(spender, NOBODY),
            token=standings.get(token, NOBODY),
        )
    return found


def _named(approval: Approval) -> tuple[tuple[str, str], tuple[str, str]]:
    """What the lists may know of an approval: its spender, and its token, each on its chain."""
    return (approval.chain, approval.spender.address), (approval.chain, approval.token.address)
