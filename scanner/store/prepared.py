"""Statements that are put together once, with their values as the driver takes and gives them.

What is carried out for every target or message comes to thousands of values. SQLAlchemy looks at the statement each
time anew, and at each value of each row; that takes longer than what SQLite does with them. Here a statement is
compiled when its module is loaded, and values are turned column by column, by the columns' types, where they are to be
turned at all.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Insert, Select, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.types import TypeEngine

__all__ = ["Command", "Query"]

Turn = Callable[[Any], Any] | None
"""What makes a stored value of one in Python, or the other way round; None where they are the same."""

_SQLITE = sqlite.dialect()


class _Prepared:
    """The text of a statement, and its parameters in the order in which they stand there.

    Raises ValueError for one that is another text for other values: sets are given with `rows.given`, and what a column
    holds by default is told with the others.
    """

    def __init__(
        self, statement: Select[Any] | CompoundSelect[Any] | Insert | Update, names: Sequence[str] | None = None
    ) -> None:
        compiled = statement.compile(dialect=_SQLITE, column_keys=names)
        if compiled.post_compile_params or compiled.insert_prefetch:
            raise ValueError(f"this is another statement for other values: {compiled}")
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()
        asked = [compiled.binds[name] for name in self._names]
        self._turns = [_into(each.type) for each in asked]
        self._own = {name: each.value for name, each in zip(self._names, asked, strict=True) if not each.required}

    def values(self, rows: Iterable[Mapping[str, object]]) -> list[tuple[Any, ...]]:
        """The parameters of each row, as the driver takes them."""
        whole = [{**self._own, **row} if self._own else row for row in rows]
        return _rows([[row[name] for row in whole] for name in self._names], self._turns)


class Query:
    """A statement that finds rows, or writes some and returns them: plain tuples, in the order of its columns."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | ReturningUpdate[Any]) -> None:
        self._prepared = _Prepared(statement)
        self._turns = [_out_of(column.type) for column in statement.exported_columns]

    async def __call__(self, connection: AsyncConnection, **given: object) -> list[tuple[Any, ...]]:
        """The rows, where the statement's parameters are these.

        Raises KeyError where one is missing, ValueError for a value that its column cannot hold, and sqlite3.Error.
        """
        found = await connection.run_sync(self._found, self._prepared.values([given]))
        return _rows(zip(*found, strict=True), self._turns)

    async def first(self, connection: AsyncConnection, **given: object) -> tuple[Any, ...] | None:
        """The first of these rows, None where there is none."""
        rows = await self(connection, **given)
        return rows[0] if rows else None

    def _found(self, connection: Connection, values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        return _driver(connection).execute(self._prepared.text, *values).fetchall()


class Command:
    """A statement that writes rows, each told by the names of its parameters.

    Those of an insert are the `names` of the columns that it fills, or all there are.
    """

    def __init__(self, statement: Insert | Update, names: Sequence[str] | None = None) -> None:
        self._prepared = _Prepared(statement, names)

    async def __call__(self, connection: AsyncConnection, rows: Iterable[Mapping[str, object]]) -> None:
        """Write the rows, if there are any. Raises as a query does."""
        if values := self._prepared.values(rows):
            await connection.run_sync(self._written, values)

    def _written(self, connection: Connection, values: Sequence[Sequence[Any]]) -> None:
        _driver(connection).executemany(self._prepared.text, values)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # - the driver's
    return driver


def _into(kind: TypeEngine[Any]) -> Turn:
    return kind.dialect_impl(_SQLITE).bind_processor(_SQLITE)


def _out_of(kind: TypeEngine[Any]) -> Turn:
    return kind.dialect_impl(_SQLITE).result_processor(_SQLITE, None)


def _rows(columns: Iterable[Sequence[Any]], turns: Sequence[Turn]) -> list[tuple[Any, ...]]:
    """Rows of columns whose values are turned. Where there are no rows, there are no columns either."""
    turned = (column if turn is None else map(turn, column) for column, turn in zip(columns, turns, strict=False))
    return list(zip(*turned, strict=True))
