"""The paces of API keys, kept in the store so that all processes on it share one budget."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.okx.pacing import Pace
from scanner.store.engine import Store
from scanner.store.tables import budgets

__all__ = ["StoredLedger"]

T = TypeVar("T")

_KEPT = tuple(field.name for field in fields(Pace))


class StoredLedger:
    """A ledger (see `scanner.okx.pacing.Ledger`) that keeps one row for each key's fingerprint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def apply(self, key: str, step: Callable[[Pace | None], tuple[Pace, T]]) -> T:
        """Change the key's pace in one small transaction."""

        async def stepping(connection: AsyncConnection) -> T:
            row = (await connection.execute(select(budgets).where(budgets.c.key == key))).mappings().first()
            before = None if row is None else Pace(**{name: row[name] for name in _KEPT})
            after, told = step(before)
            if after != before:
                values = asdict(after)
                new = insert(budgets).values(key=key, **values)
                await connection.execute(new.on_conflict_do_update(index_elements=[budgets.c.key], set_=values))
            return told

        return await self._store.write(stepping)
