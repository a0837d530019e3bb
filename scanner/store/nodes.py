"""What nodes turned out to bear, kept in the store so that no start finds it out again."""

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.evm.learned import Learned
from scanner.store.engine import Store
from scanner.store.tables import nodes

__all__ = ["StoredMemory"]


class StoredMemory:
    """A memory (see `scanner.evm.learned.Memory`) that keeps one row for each node's fingerprint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def recall(self, fingerprint: str) -> Learned | None:
        """What was kept last; None where that is nothing, or another version's."""

        async def reading(connection: AsyncConnection) -> object:
            return await connection.scalar(select(nodes.c.learned).where(nodes.c.key == fingerprint))

        try:
            return msgspec.convert(await self._store.read(reading), Learned)
        except msgspec.ValidationError:
            return None

    async def keep(self, fingerprint: str, learned: Learned) -> None:
        """Keep this instead of what was kept before."""

        async def keeping(connection: AsyncConnection) -> None:
            values = {"learned": msgspec.to_builtins(learned)}
            new = insert(nodes).values(key=fingerprint, **values)
            await connection.execute(new.on_conflict_do_update(index_elements=[nodes.c.key], set_=values))

        await self._store.write(keeping)
