"""What the last comparison of two sources came to. Each function runs inside a transaction."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.reconciliation import Agreement
from scanner.store.tables import agreements

__all__ = ["keep", "last"]


async def last(connection: AsyncConnection) -> Agreement | None:
    """The last comparison; None where there never was one."""
    row = (await connection.execute(select(agreements))).first()
    return None if row is None else Agreement(row.at, row.targets, row.unread, row.differences, row.example)


async def keep(connection: AsyncConnection, agreement: Agreement) -> None:
    """A comparison takes the place of the one before it."""
    await connection.execute(delete(agreements))
    await connection.execute(
        insert(agreements).values(
            at=agreement.at,
            targets=agreement.targets,
            unread=agreement.unread,
            differences=agreement.differences,
            example=agreement.example,
        )
    )
