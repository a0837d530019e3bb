"""What the lists say of addresses, as of their last good copies."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.lists import Entry, Standing, standings
from scanner.store.rows import parts
from scanner.store.tables import list_entries

__all__ = ["standings_of"]


async def standings_of(
    connection: AsyncConnection, wanted: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Standing]:
    """The standing of each (chainIndex, address) that is on a list; who is on none is left out."""
    found: list[Entry] = []
    for part in parts(sorted({address for _, address in wanted if address})):
        rows = await connection.execute(select(list_entries).where(list_entries.c.address.in_(part)))
        found += [Entry(row.address, tuple(row.labels), row.chain, row.name, row.incident) for row in rows]
    return standings(found, wanted)
