"""What was once read of the past of chains, kept in the store."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NULLTYPE

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Key, Nomination
from scanner.domain.token_facts import Standard, TokenFacts
from scanner.evm.index import NOBODY, Checkpoint, Dated, Kept
from scanner.store.columns import Instant, Json, Uint256
from scanner.store.engine import Store
from scanner.store.rows import given
from scanner.store.tables import chain_blocks, chain_owners, chain_tokens, nominations

__all__ = ["StoredIndex"]

CHECKPOINTS = 256
"""Names of blocks that are kept of a chain. A reorganisation that goes deeper has the past read anew."""


REST = timedelta(days=1)
"""After which what the state denied is asked again at the latest. Half of that at the earliest: not all at once."""

AT_A_TIME = 5_000
"""Denials that are written together: nobody else writes meanwhile."""

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a right is due that nothing says may wait."""


class StoredIndex:
    """An index (see `scanner.evm.index.Index`) in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def heights(self, chain: str, owners: Collection[str], first: int) -> dict[str, int]:
        """How far the past of each owner is read, of whom it is read from `first` on."""

        async def reading(connection: AsyncConnection) -> dict[str, int]:
            mine = and_(chain_owners.c.chain == chain, chain_owners.c.owner.in_(given("owners")))
            query = select(chain_owners.c.owner, chain_owners.c.upto).where(mine, chain_owners.c.since <= first)
            rows = await connection.execute(query, {"owners": list(owners)})
            return {row.owner: row.upto for row in rows}

        return await self._store.read(reading)

    async def known(self, chain: str, keys: Collection[Key]) -> dict[Key, Nomination]:
        """Those of some nominations that are kept."""

        async def reading(connection: AsyncConnection) -> dict[Key, Nomination]:
            names = [_named(Nomination(*key)) for key in keys]
            rows = await connection.execute(_NAMED, {"chain": chain, "keys": names})
            return {one.key: one for one in (_nomination(*row) for row in rows)}

        return await self._store.read(reading)

    async def keep(
        self,
        chain: str,
        owners: Collection[str],
        first: int,
        last: int,
        told: Sequence[Nomination],
        checkpoint: Checkpoint | None = None,
        heard: Mapping[str, int] = NOBODY,
        *,
        anew: bool = True,
    ) -> None:
        """How far the past is read, together with what its logs spoke of, and of whom."""

        spoken = dict.fromkeys((one.owner for one in told), last) | dict(heard)

        async def keeping(connection: AsyncConnection) -> None:
            if told:
                rows = sorted(_row(chain, one, spoken[one.owner]) for one in told)
                await connection.run_sync(lambda sync: sync.exec_driver_sql(_TOLD, rows))
                await _cover(connection, chain, told, spoken)
            if anew:
                await connection.execute(
                    _BEGUN, [{"chain": chain, "owner": owner, "since": first, "upto": last} for owner in owners]
                )
            else:
                await connection.execute(
                    _GONE_ON, [{"b_chain": chain, "b_owner": owner, "last": last} for owner in owners]
                )
            if spoken:
                await connection.execute(
                    _HEARD, [{"b_chain": chain, "b_owner": owner, "at": at} for owner, at in spoken.items()]
                )
            if checkpoint is not None:
                await _set_up(connection, chain, checkpoint)

        await self._store.write(keeping)

    async def checkpoints(self, chain: str) -> list[Checkpoint]:
        """What blocks were called, the newest first."""

        async def reading(connection: AsyncConnection) -> list[Checkpoint]:
            query = select(chain_blocks.c.number, chain_blocks.c.hash).where(chain_blocks.c.chain == chain)
            rows = await connection.execute(query.order_by(chain_blocks.c.number.desc()))
            return [Checkpoint(row.number, row.hash) for row in rows]

        return await self._store.read(reading)

    async def rewind(self, chain: str, to: int) -> None:
        """Forget what the blocks above one told, and that they were read."""

        async def rewinding(connection: AsyncConnection) -> None:
            of_whom = select(chain_owners.c.owner).where(chain_owners.c.chain == chain, chain_owners.c.heard > to)
            theirs = (nominations.c.chain == chain) & nominations.c.owner.in_(of_whom)
            above = theirs & (nominations.c.block > to)
            nothing = {"amount": None, "block": None, "tx": None, "at": None, "orphaned": True}
            await connection.execute(update(nominations).where(above).values(nothing))
            doubtful = (nominations.c.chain == chain) & (nominations.c.denied > to)
            await connection.execute(update(nominations).where(doubtful).values(denied=None, due_at=AT_ONCE))
            beyond = (chain_owners.c.chain == chain) & (chain_owners.c.upto > to)
            await connection.execute(update(chain_owners).where(beyond).values(upto=to))
            untrue = (chain_owners.c.chain == chain) & (chain_owners.c.proved > to)
            await connection.execute(update(chain_owners).where(untrue).values(proved=to))
            gone = (chain_blocks.c.chain == chain) & (chain_blocks.c.number > to)
            await connection.execute(delete(chain_blocks).where(gone))

        await self._store.write(rewinding)

    async def kept(self, chain: str, owners: Collection[str], due: datetime | None = None) -> dict[str, list[Kept]]:
        """All that was ever nominated, or what of it is due, of these owners whose past was begun and not forgotten."""

        async def reading(connection: AsyncConnection) -> dict[str, list[Kept]]:
            whose = {"owners": list(owners)}
            begun = and_(chain_owners.c.chain == chain, chain_owners.c.owner.in_(given("owners")))
            there = await connection.scalars(select(chain_owners.c.owner).where(begun), whose)
            found: dict[str, list[Kept]] = {owner: [] for owner in there}
            for id_, seen, orphaned, *rest in await connection.execute(_KEPT, whose | {"chain": chain, "due": due}):
                one = _nomination(*rest)
                if one.owner in found:
                    found[one.owner].append(Kept(one, bool(seen), bool(orphaned), id_))
            return found

        return await self._store.read(reading)

    async def saw(self, ids: Collection[int]) -> None:
        """The state showed these in force."""

        async def noting(connection: AsyncConnection) -> None:
            await connection.execute(_SEEN, {"b_ids": list(ids)})

        if ids:
            await self._store.write(noting)

    async def deny(self, ids: Collection[int], block: int, at: datetime) -> None:
        """The state after a block said no to these, which were never seen in force: they rest for a while."""

        async def denying(connection: AsyncConnection, some: Sequence[int]) -> None:
            await connection.execute(_DENIED, {"b_ids": some, "b_at": at, "b_block": block})

        denied = list(ids)
        for start in range(0, len(denied), AT_A_TIME):
            await self._store.write(partial(denying, some=denied[start : start + AT_A_TIME]))

    async def date(self, chain: str, times: Mapping[int, datetime]) -> None:
        """The grants in these blocks get their time."""

        async def dating(connection: AsyncConnection) -> None:
            for number, at in times.items():
                undated = and_(nominations.c.chain == chain, nominations.c.block == number, nominations.c.at.is_(None))
                await connection.execute(update(nominations).where(undated).values(at=at))

        if times:
            await self._store.write(dating)

    async def facts(self, chain: str, tokens: Collection[str]) -> dict[str, Dated]:
        """What tokens said of themselves."""

        async def reading(connection: AsyncConnection) -> dict[str, Dated]:
            mine = (chain_tokens.c.chain == chain) & chain_tokens.c.token.in_(given("tokens"))
            rows = await connection.execute(select(chain_tokens).where(mine), {"tokens": list(tokens)})
            return {row["token"]: Dated(_facts(row), row["asked_at"]) for row in rows.mappings()}

        return await self._store.read(reading)

    async def learn(self, chain: str, facts: Mapping[str, TokenFacts], at: datetime) -> None:
        """What tokens say of themselves takes the place of what they said before."""

        async def learning(connection: AsyncConnection) -> None:
            row = insert(chain_tokens)
            names = ("symbol", "name", "decimals", "supply", "standard", "asked_at")
            await connection.execute(
                row.on_conflict_do_update(
                    index_elements=[chain_tokens.c.chain, chain_tokens.c.token],
                    set_={name: row.excluded[name] for name in names},
                ),
                [_facts_row(chain, token, one) | {"asked_at": at} for token, one in facts.items()],
            )

        if facts:
            await self._store.write(learning)


_KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind}
_WORDS: Mapping[Kind, str] = {kind: kind.value for kind in Kind}

_MOVING = ("amount", "block", "tx", "at", "orphaned", "heard", "denied", "due_at")
"""What a log that speaks of a right once more makes of its row."""

_SQLITE = sqlite.dialect()
_number = partial(Uint256().process_bind_param, dialect=_SQLITE)
# Most blocks tell of more than one right.
_instant = lru_cache(maxsize=1_000)(partial(Instant().process_bind_param, dialect=_SQLITE))
_moment = lru_cache(maxsize=1_000)(partial(Instant().process_result_value, dialect=_SQLITE))
_DUE_AT_ONCE = _instant(AT_ONCE)

_KEY = ("chain", "owner", "token", "spender", "kind", "token_id", "via")
"""The columns that make a right one. Rows that are sorted by them are written in half the time."""

_row_told = insert(nominations)
_TOLD = str(
    _row_told.on_conflict_do_update(
        index_elements=[nominations.c[name] for name in _KEY],
        set_={name: _row_told.excluded[name] for name in _MOVING},
    ).compile(dialect=_SQLITE, column_keys=[column.name for column in nominations.c if not column.primary_key])
)
"""Compiled once, for rows that are as the driver takes them (`_row`): what is made of every value of every row
otherwise costs as much as to write it."""

_AS_KEPT: list[ColumnElement[Any]] = [
    type_coerce(nominations.c[name], NULLTYPE)
    for name in ("owner", "token", "spender", "kind", "token_id", "via", "amount", "block", "tx", "at")
]
"""What `_nomination` takes, as the driver has it: of thousands of rows, that is a third of the work."""

_DUE, _REST = bindparam("due", type_=Instant), REST // timedelta(microseconds=1)
_KEPT = select(nominations.c.id, nominations.c.seen, nominations.c.orphaned, *_AS_KEPT).where(
    nominations.c.chain == bindparam("chain"),
    nominations.c.owner.in_(given("owners")),
    or_(
        _DUE.is_(None),
        nominations.c.due_at <= _DUE,
        # A clock that was set back would have something rest for longer than anything does: that is due, too.
        nominations.c.due_at > _DUE + literal_column(str(_REST)),
    ),
)

_names = func.json_each(bindparam("keys", type_=Json)).table_valued("value").c.value
_NAMED = select(*_AS_KEPT).where(
    nominations.c.chain == bindparam("chain"),
    # Compared one by one, the columns would have SQLite look at every right of the chain for each name.
    tuple_(*(nominations.c[name] for name in _KEY[1:])).in_(
        select(*(func.json_extract(_names, f"$[{place}]") for place in range(len(_KEY) - 1)))
    ),
)

_SEEN = update(nominations).where(nominations.c.id.in_(given("b_ids"))).values(seen=True, denied=None, due_at=AT_ONCE)

_new_owner = insert(chain_owners)
_BEGUN = _new_owner.on_conflict_do_update(
    index_elements=[chain_owners.c.chain, chain_owners.c.owner],
    set_={"since": _new_owner.excluded.since, "upto": _new_owner.excluded.upto},
)
_OWNER = update(chain_owners).where(
    chain_owners.c.chain == bindparam("b_chain"), chain_owners.c.owner == bindparam("b_owner")
)
_GONE_ON = _OWNER.values(upto=bindparam("last"))
_HEARD = _OWNER.values(heard=func.max(func.coalesce(chain_owners.c.heard, 0), bindparam("at")))


_INSTANCE = func.coalesce(func.nullif(nominations.c.via, ""), PERMIT2)
_OF_PERMIT2 = text("kind = 'permit2'")
"""As it stands in the index."""

_COVERABLE = select(nominations.c.owner, nominations.c.token, _INSTANCE).where(
    nominations.c.chain == bindparam("chain"), nominations.c.owner.in_(given("owners")), _OF_PERMIT2
)
_COVERED = (
    update(nominations)
    .where(
        nominations.c.chain == bindparam("b_chain"),
        nominations.c.owner == bindparam("b_owner"),
        nominations.c.token == bindparam("b_token"),
        _OF_PERMIT2,
        bindparam("b_instance") == _INSTANCE,
    )
    .values(heard=func.max(nominations.c.heard, bindparam("b_heard")), denied=None, due_at=AT_ONCE)
)
_HALF = REST // timedelta(microseconds=2)
_DENIED = (
    update(nominations)
    .where(
        nominations.c.id.in_(given("b_ids")),
        nominations.c.seen.is_(False),
        nominations.c.heard <= bindparam("b_block"),
    )
    .values(
        denied=bindparam("b_block"),
        due_at=bindparam("b_at", type_=Instant) + literal_column(f"{_HALF} + abs(random() % {_HALF})"),
    )
)


async def _cover(connection: AsyncConnection, chain: str, told: Sequence[Nomination], heard: Mapping[str, int]) -> None:
    """What comes into force with an allowance to Permit2, without a log of its own, is due again."""
    coverable = await connection.execute(_COVERABLE, {"chain": chain, "owners": list(heard)})
    if found := set(map(tuple, coverable)):
        covered = {(one.owner, one.token, one.spender) for one in told if one.kind is Kind.ERC20} & found
        names = ("b_owner", "b_token", "b_instance")
        rows = [{"b_chain": chain, "b_heard": heard[one[0]]} | dict(zip(names, one, strict=True)) for one in covered]
        if rows:
            await connection.execute(_COVERED, rows)


async def _set_up(connection: AsyncConnection, chain: str, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint, and of those before it the newest."""
    row = insert(chain_blocks).values(chain=chain, number=checkpoint.number, hash=checkpoint.hash)
    key = [chain_blocks.c.chain, chain_blocks.c.number]
    await connection.execute(row.on_conflict_do_update(index_elements=key, set_={"hash": row.excluded.hash}))
    mine = chain_blocks.c.chain == chain
    oldest = select(chain_blocks.c.number).where(mine).order_by(chain_blocks.c.number.desc()).offset(CHECKPOINTS - 1)
    await connection.execute(
        delete(chain_blocks).where(mine, chain_blocks.c.number < oldest.limit(1).scalar_subquery())
    )


def _named(one: Nomination) -> tuple[object, ...]:
    """What makes a right one, without its chain, in the order of `_KEY`."""
    token_id = "" if one.token_id is None else _number(one.token_id)
    return one.owner, one.token, one.spender, _WORDS[one.kind], token_id, one.via or ""


def _row(chain: str, one: Nomination, heard: int) -> tuple[Any, ...]:
    """A row of the table, in the order of its columns, in values as the driver takes them."""
    grant = _number(one.amount), one.block, one.tx, _instant(one.at)
    seen, orphaned, denied = False, False, None
    return chain, *_named(one), *grant, seen, orphaned, heard, denied, _DUE_AT_ONCE


def _nomination(
    owner: str, token: str, spender: str, kind: str, token_id: str, via: str, amount: str | None, *grant: Any
) -> Nomination:
    """A row of `_AS_KEPT`."""
    block, tx, at = grant
    raw = None if amount is None else int(amount)
    id_ = int(token_id) if token_id else None
    return Nomination(owner, _KINDS[kind], token, spender, id_, via or None, raw, block, tx, _moment(at))


def _facts_row(chain: str, token: str, facts: TokenFacts) -> dict[str, object]:
    return {
        "chain": chain,
        "token": token,
        "symbol": facts.symbol,
        "name": facts.name,
        "decimals": facts.decimals,
        "supply": facts.supply,
        "standard": None if facts.standard is None else facts.standard.value,
    }


def _facts(row: RowMapping) -> TokenFacts:
    return TokenFacts(
        symbol=row["symbol"],
        name=row["name"],
        decimals=row["decimals"],
        supply=row["supply"],
        standard=None if row["standard"] is None else Standard(row["standard"]),
    )
