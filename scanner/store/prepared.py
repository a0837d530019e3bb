"""Statements that are put together once, with their values as the driver takes and gives them.

What is asked for every target comes to thousands of values. SQLAlchemy looks at each of them row by row, and at the
statement each time anew; that costs more than what SQLite does with them. Here a statement is compiled when its module
is loaded, and the values of a column are turned together, by the column's type, where they are to be turned at all.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Select, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

__all__ = ["Command", "Query"]

Turn = Callable[[Any], Any] | None
"""What makes of a value in Python one in the database, or the other way round; None where it stays the same."""

_SQLITE = sqlite.dialect()


class _Prepared:
    """The text of a statement, and its parameters in the order in which they stand in it.

    Raises ValueError for a statement whose text depends on the values: a set is given with `rows.given`.
    """

    def __init__(self, statement: Select[Any] | Insert | Update, names: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=_SQLITE, column_keys=names)
        if compiled.post_compile_params or compiled.insert_prefetch:
            raise ValueError(f"this is another statement for other values: {compiled}")
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()
        asked = [compiled.binds[name] for name in self._names]
        self._turns = [_into(each.type) for each in asked]
        self._fixed = {name: each.value for name, each in zip(self._names, asked, strict=True) if not each.required}

    def values(self, rows: Iterable[Mapping[str, object]]) -> list[tuple[Any, ...]]:
        """The parameters of each row, as the driver takes them."""
        whole = [{**self._fixed, **row} for row in rows] if self._fixed else rows
        return _turned([[row[name] for name in self._names] for row in whole], self._turns)


class Query:
    """A query whose rows are plain tuples, in the order of the columns that it selects."""

    def __init__(self, query: Select[Any]) -> None:
        self._prepared = _Prepared(query)
        self._turns = [_out_of(column.type) for column in query.selected_columns]

    async def __call__(self, connection: AsyncConnection, **given: object) -> list[tuple[Any, ...]]:
        """The rows, where the query's parameters are these."""
        found = await connection.run_sync(self._fetched, self._prepared.values([given]))
        return _turned(found, self._turns)

    def _fetched(self, connection: Connection, values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        return _driver(connection).execute(self._prepared.text, values[0]).fetchall()


class Command:
    """A statement that writes any number of rows, each told by the names of its parameters.

    An insert's are the `names` of the columns that it fills.
    """

    def __init__(self, statement: Insert | Update, names: Sequence[str] | None = None) -> None:
        self._prepared = _Prepared(statement, names)

    async def __call__(self, connection: AsyncConnection, rows: Iterable[Mapping[str, object]]) -> None:
        """Write the rows, if there are any."""
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


def _turned(rows: Sequence[Sequence[Any]], turns: Sequence[Turn]) -> list[tuple[Any, ...]]:
    """The rows with their values turned, one column after the other: most columns stay as they are."""
    columns = zip(*rows, strict=True)
    return list(
        zip(
            *(each if turn is None else map(turn, each) for turn, each in zip(turns, columns, strict=False)),
            strict=True,
        )
    )
