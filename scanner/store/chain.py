"""What was once read of the past of chains, kept in the store."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import (
    RowMapping,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.nominations import Key, Nomination
from scanner.domain.token_facts import Standard, TokenFacts
from scanner.evm.index import NOBODY, Checkpoint, Dated, Kept
from scanner.store import nominations
from scanner.store.engine import Store
from scanner.store.pages import Page, places_of
from scanner.store.prepared import Command, Query
from scanner.store.rows import given
from scanner.store.tables import chain_blocks, chain_owners, chain_tokens

__all__ = ["StoredIndex"]

CHECKPOINTS = 256
"""Names of blocks that are kept of a chain. A reorganisation that goes deeper has the past read anew."""

AT_A_TIME = 50
"""Pages of denials in one transaction: nobody else writes meanwhile."""


class StoredIndex:
    """An index (see `scanner.evm.index.Index`) in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def heights(self, chain: str, owners: Collection[str], first: int) -> dict[str, int]:
        """How far the past of each owner is read, of whom it is read from `first` on."""

        async def reading(connection: AsyncConnection) -> dict[str, int]:
            return dict(await _HEIGHTS(connection, chain=chain, owners=list(owners), first=first))

        return await self._store.read(reading)

    async def known(self, chain: str, keys: Collection[Key]) -> dict[Key, Nomination]:
        """Those of some nominations that are kept."""

        async def reading(connection: AsyncConnection) -> dict[Key, Nomination]:
            return await nominations.known(connection, chain, keys)

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
    ) -> dict[str, list[Kept]]:
        """How far the past is read, together with what its logs spoke of, and of whom."""
        spoken = dict.fromkeys({one.owner for one in told}, last) | dict(heard)

        async def keeping(connection: AsyncConnection) -> dict[str, list[Kept]]:
            kept = await nominations.tell(connection, chain, told, spoken)
            if anew:
                begun = ({"chain": chain, "owner": owner, "since": first, "upto": last} for owner in owners)
                await _BEGUN(connection, begun)
            else:
                gone_on = ({"this_chain": chain, "this_owner": owner, "last": last} for owner in owners)
                await _GONE_ON(connection, gone_on)
            whose = ({"this_chain": chain, "this_owner": owner, "at": at} for owner, at in spoken.items())
            await _HEARD(connection, whose)
            if checkpoint is not None:
                await _set_up(connection, chain, checkpoint)
            return kept if anew else {}  # who was forgotten meanwhile has no past that is whole

        return await self._store.write(keeping)

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
            doubtful = await nominations.above(connection, chain, to)
            await nominations.change(connection, doubtful, lambda page: page.rewind(to))
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
            begun = await _BEGUN_OF(connection, chain=chain, owners=list(owners))
            found: dict[str, list[Kept]] = {owner: [] for (owner,) in begun}
            for row in await nominations.KEPT(connection, chain=chain, owners=list(found), due=due):
                page = Page.read(*row)
                found[page.owner] += page.kept(due)
            return found

        return await self._store.read(reading)

    async def saw(self, ids: Collection[int]) -> None:
        """The state showed these in force."""

        places = places_of(ids)

        async def noting(connection: AsyncConnection) -> None:
            await nominations.saw(connection, places)

        if ids:
            await self._store.write(noting)

    async def deny(self, ids: Collection[int], block: int, at: datetime) -> None:
        """The state after a block said no to these, which were never seen in force: they rest for a while."""

        places = places_of(ids)

        async def denying(connection: AsyncConnection, some: Sequence[int]) -> None:
            await nominations.change(connection, some, lambda page: page.deny(places[page.id], block, at))

        pages = list(places)
        for start in range(0, len(pages), AT_A_TIME):
            await self._store.write(partial(denying, some=pages[start : start + AT_A_TIME]))

    async def date(self, ids: Collection[int], times: Mapping[int, datetime]) -> None:
        """The grants of these, in blocks that were made then, get their time."""

        places = places_of(ids)

        async def dating(connection: AsyncConnection) -> None:
            await nominations.change(connection, places, lambda page: page.date(places[page.id], times))

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


_HEIGHTS = Query(
    select(chain_owners.c.owner, chain_owners.c.upto).where(
        chain_owners.c.chain == bindparam("chain"),
        chain_owners.c.owner.in_(given("owners")),
        chain_owners.c.since <= bindparam("first"),
    )
)
_BEGUN_OF = Query(
    select(chain_owners.c.owner).where(
        chain_owners.c.chain == bindparam("chain"), chain_owners.c.owner.in_(given("owners"))
    )
)

_new_owner = insert(chain_owners)
_BEGUN = Command(
    _new_owner.on_conflict_do_update(
        index_elements=[chain_owners.c.chain, chain_owners.c.owner],
        set_={"since": _new_owner.excluded.since, "upto": _new_owner.excluded.upto},
    ),
    ("chain", "owner", "since", "upto"),
)
_OWNER = update(chain_owners).where(
    chain_owners.c.chain == bindparam("this_chain"), chain_owners.c.owner == bindparam("this_owner")
)
_GONE_ON = Command(_OWNER.values(upto=bindparam("last")))
_HEARD = Command(_OWNER.values(heard=func.max(func.coalesce(chain_owners.c.heard, 0), bindparam("at"))))


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
