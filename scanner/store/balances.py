"""What owners hold and what tokens are, as last read; what approvals were worth when they were first valued."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import FUNGIBLE, NFTS, Kind, Target
from scanner.domain.exposure import Valuation
from scanner.domain.holdings import BalanceReading, Holding, Seen, Wanted, after, decimals_of
from scanner.store.columns import Instant
from scanner.store.moves import note_money
from scanner.store.prepared import Command, Query
from scanner.store.rows import HERE, given, here, parts
from scanner.store.tables import approvals, balances, changes, targets, tokens, valuations

__all__ = [
    "Due",
    "by_owners",
    "due",
    "holdings_beside",
    "holdings_of",
    "record",
    "valuations_of",
    "value_first",
    "wanted",
]

_JUDGED_BY = ("decimals", "price_usd", "risk")
"""What a worth is made of, among what is known of a token."""


@dataclass(frozen=True, slots=True)
class Due:
    """A target whose balances are to be read, by the number of its row, and whether its prices are due, too."""

    target: Target
    id: int
    prices: bool


async def holdings_of(
    connection: AsyncConnection, wanted: Collection[Target]
) -> Mapping[Target, Mapping[str, Holding]]:
    """What owners hold on their chains, by target and token; a token that was never read is not there."""
    found: dict[Target, dict[str, Holding]] = {}
    for target in wanted:
        if held := {row[0]: Holding(*row) for row in await _OWNED(connection, **here(target))}:
            found[target] = held
    return found


_HOLDING = (
    *(balances.c.token, balances.c.read_at, tokens.c.symbol, balances.c.amount, balances.c.raw),
    *(tokens.c.decimals, tokens.c.price_usd, tokens.c.risk, balances.c.missing_since),
)
"""The columns that a holding is made of."""

_OWNED = Query(
    select(*_HOLDING)
    .join_from(balances, targets)
    .outerjoin(tokens, (tokens.c.chain == targets.c.chain) & (tokens.c.token == balances.c.token))
    .where(HERE)
)


async def holdings_beside(
    connection: AsyncConnection, approval_ids: Sequence[str]
) -> Mapping[tuple[str, str, str], Holding]:
    """What owners hold of the tokens of some approvals, by chainIndex, owner and token; what was never read is not
    there. Nothing else that they hold is looked at."""
    rows = await _BESIDE(connection, ids=approval_ids) if approval_ids else ()
    return {(chain, owner, row[0]): Holding(*row) for chain, owner, *row in rows}


_BESIDE = Query(
    select(approvals.c.chain, approvals.c.owner, *_HOLDING)
    .join_from(
        approvals, balances, (balances.c.target_id == approvals.c.target_id) & (balances.c.token == approvals.c.token)
    )
    .outerjoin(tokens, (tokens.c.chain == approvals.c.chain) & (tokens.c.token == balances.c.token))
    .where(approvals.c.id.in_(given("ids")))
)


async def record(connection: AsyncConnection, reading: BalanceReading) -> None:
    """Write what a reading of a target's balances says. A part that could not be read leaves what was known of it.

    Raises LookupError for a target that the store does not know.
    """
    target = reading.target
    found = await _ID.first(connection, **here(target))
    if found is None:
        raise LookupError(f"{target} is not watched")
    [target_id] = found
    known = await holdings_of(connection, {target})
    moved = after(known.get(target, {}), reading)
    for priced, describe in _DESCRIBE.items():
        told = (seen for seen in reading.rows.values() if seen.priced is priced)
        await describe(connection, [_token_row(reading, seen) for seen in told])
    await _KEEP(
        connection,
        [
            {
                "target_id": target_id,
                "token": token,
                "amount": held.amount,
                "raw": held.raw,
                "read_at": held.read_at,
                "missing_since": held.missing_since,
                "judged": None,
            }
            for token, held in moved.items()
        ],
    )
    await note_money(connection, target_id, target.chain, moved.keys(), reading.read_at)
    error = None if reading.trouble is None else str(reading.trouble)
    if error is not None or reading.whole:
        at = reading.read_at if error is None else None
        await _READ(connection, [{"whose": target_id, "lacked": error, "at": at}])


_ID = Query(select(targets.c.id).where(HERE))

_new = insert(balances)
_as_before = and_(*(balances.c[name].is_not_distinct_from(_new.excluded[name]) for name in ("amount", "raw")))
_KEEP = Command(
    _new.on_conflict_do_update(
        index_elements=[balances.c.target_id, balances.c.token],
        set_={c.name: _new.excluded[c.name] for c in balances.c if not c.primary_key}
        | {"judged": case((_as_before, balances.c.judged))},
    )
)
_READ = Command(
    update(targets)
    .where(targets.c.id == bindparam("whose"))
    .values(
        balances_error=bindparam("lacked"),
        balances_at=func.coalesce(bindparam("at", type_=Instant), targets.c.balances_at),
    )
)


def _describing(*, priced: bool) -> Command:
    """What describes tokens. Decimals that two answers made different ones are nobody's any more."""
    new = insert(tokens)
    said, kept = new.excluded, tokens.c
    differ = said.decimals.is_not(None) & kept.decimals.is_not(None) & (said.decimals != kept.decimals)
    of_contracts = {
        "symbol": func.coalesce(said.symbol, kept.symbol),
        "decimals": case((kept.disputed | differ, null()), else_=func.coalesce(said.decimals, kept.decimals)),
        "disputed": kept.disputed | differ,
    }
    of_markets = {
        "price_usd": said.price_usd,
        "risk": func.coalesce(said.risk, kept.risk),
        "read_at": said.read_at,
    }
    moving = of_contracts | of_markets if priced else of_contracts
    moved = or_(*(kept[name].is_distinct_from(to) for name, to in moving.items() if name in _JUDGED_BY))
    moving = moving | {"version": case((moved, kept.version + 1), else_=kept.version)}
    return Command(new.on_conflict_do_update(index_elements=[kept.chain, kept.token], set_=moving))


_DESCRIBE = {priced: _describing(priced=priced) for priced in (True, False)}
"""What rows say of their tokens."""


def _token_row(reading: BalanceReading, seen: Seen) -> dict[str, object]:
    return {
        "chain": reading.target.chain,
        "token": seen.token,
        "symbol": seen.symbol,
        "decimals": decimals_of(seen),
        "disputed": False,
        "price_usd": seen.price_usd,
        "risk": seen.risk,
        "read_at": reading.read_at,
        "version": 1,
    }


async def due(
    connection: AsyncConnection, asked: Sequence[Target], *, scan_id: str, read_before: datetime, moved: bool = False
) -> list[Due]:
    """Which targets' balances are to be read now, in the order in which they are asked for.

    Due is a target that was last read before a time, never wholly read, or whose approvals changed since or in this
    scan; the others are read, too, if what their owners hold has `moved`, but for the prices.
    """
    changed = select(approvals.c.target_id).join(changes, changes.c.approval_id == approvals.c.id)
    changed = changed.where(changes.c.scan_id == scan_id)
    late = targets.c.balances_at.is_(None) | (targets.c.balances_at < read_before)
    since = exists().where(approvals.c.target_id == targets.c.id, approvals.c.changed_at > targets.c.balances_at)
    by_itself = (late | since | targets.c.id.in_(changed)).label("by_itself")
    query = select(targets.c.id, targets.c.chain, targets.c.owner, by_itself)
    rows = await connection.execute(query if moved else query.where(by_itself))
    chosen = {Target(row.chain, row.owner): (int(row.id), bool(row.by_itself)) for row in rows}
    return [Due(target, *chosen[target]) for target in asked if target in chosen]


def by_owners(due: Iterable[Due]) -> Iterator[list[Due]]:
    """As many as are asked for together: no more of what they hold is in memory. An owner's chains share requests."""
    owners: dict[str, list[Due]] = {}
    for one in due:
        owners.setdefault(one.target.owner, []).append(one)
    for some in parts(list(owners.values())):
        yield [one for theirs in some for one in theirs]


async def wanted(connection: AsyncConnection, due: Sequence[Due]) -> list[Wanted]:
    """The tokens that matter to targets whose balances are due: those that somebody may take, and those that the owner
    held when it was last read. NFTs are told apart: to a source that tells of tokens alone, an owner would seem to
    hold none.
    """
    found = []
    for one in due:
        tokens_, nfts = await _TOKENS_THAT_MATTER(connection, whose=one.id), await _NFTS(connection, whose=one.id)
        found.append(Wanted(one.target, _named(tokens_), _named(nfts), prices=one.prices))
    return found


def _named(rows: Iterable[tuple[str]]) -> frozenset[str]:
    return frozenset(token for (token,) in rows)


def _of(kinds: Iterable[Kind]) -> ColumnElement[bool]:
    return approvals.c.kind.in_([literal_column(f"'{kind}'") for kind in kinds])


def _approved(kinds: Iterable[Kind]) -> Select[str]:
    """What may be taken of a target by rights of some kinds."""
    mine = approvals.c.target_id == bindparam("whose")
    return select(approvals.c.token).where(mine, approvals.c.in_force, approvals.c.token != "", _of(kinds))


def _held() -> Select[str]:
    """What an owner held when it was last read, as far as it is not known for NFTs."""
    nfts = select(approvals.c.token).where(approvals.c.target_id == bindparam("whose"), _of(NFTS))
    some = balances.c.amount.is_(None) | (balances.c.amount != Decimal(0))
    return select(balances.c.token).where(
        balances.c.target_id == bindparam("whose"), some, balances.c.token.not_in(nfts)
    )


_TOKENS_THAT_MATTER, _NFTS = Query(_approved(FUNGIBLE).union(_held())), Query(_approved(NFTS))


async def valuations_of(connection: AsyncConnection, approval_ids: Sequence[str]) -> dict[str, Valuation]:
    """What approvals were worth when they were first valued."""
    rows = await _FIRST_WORTHS(connection, ids=approval_ids) if approval_ids else ()
    return {id_: Valuation(since, usd) for id_, since, usd in rows}


async def value_first(connection: AsyncConnection, first: Mapping[str, Valuation]) -> None:
    """Write what approvals are worth now that they are valued for the first time since they changed."""
    await _VALUE(connection, ({"approval_id": id_, "since": one.since, "usd": one.usd} for id_, one in first.items()))


_FIRST_WORTHS = Query(
    select(valuations.c.approval_id, valuations.c.since, valuations.c.usd).where(
        valuations.c.approval_id.in_(given("ids"))
    )
)

_new_worth = insert(valuations)
_VALUE = Command(
    _new_worth.on_conflict_do_update(
        index_elements=[valuations.c.approval_id],
        set_={"since": _new_worth.excluded.since, "usd": _new_worth.excluded.usd},
    )
)
