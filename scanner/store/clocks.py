"""When something regular was last done, so that a restart neither repeats nor forgets it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store.tables import clocks

__all__ = ["last", "strike"]


async def last(connection: AsyncConnection, name: str) -> datetime | None:
    """When it was last done; None where it never was."""
    found: datetime | None = await connection.scalar(select(clocks.c.at).where(clocks.c.name == name))
    return found


async def strike(connection: AsyncConnection, name: str, at: datetime) -> None:
    """Note that it is done now."""
    written = insert(clocks).values(name=name, at=at)
    await connection.execute(written.on_conflict_do_update(index_elements=[clocks.c.name], set_={"at": at}))
