"""Statements that are ready for the driver: what is carried out for every message is put together once and for all.

SQLAlchemy looks at a statement and at each of its values anew whenever it is carried out, and at each row that comes
back. For a row or two that takes several times as long as what SQLite has to do.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, overload

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store.columns import Instant

__all__ = ["Ready", "kept", "moment"]

_SQLITE = sqlite.dialect(paramstyle="named")
_INSTANT = Instant()


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement's text, and those of its values that are always the same."""

    text: str
    own: Mapping[str, Any]

    @classmethod
    def of(cls, statement: ClauseElement) -> Self:
        """Put a statement together, whose parameters are given later. A list of values in it has to be literal."""
        compiled = statement.compile(dialect=_SQLITE)
        return cls(str(compiled), compiled.params)

    async def on(self, connection: AsyncConnection, **given: Any) -> sqlite3.Cursor:
        """Carry it out. What is given and what comes back is as the driver has it: moments as `kept`, truths as 0 or 1.

        Raises sqlite3.Error.
        """
        return (await connection.run_sync(_driver)).execute(self.text, {**self.own, **given})


def kept(at: datetime | None) -> int | None:
    """A moment as it is stored. Raises ValueError for one without a zone."""
    return _INSTANT.process_bind_param(at, _SQLITE)


@overload
def moment(stored: int) -> datetime: ...
@overload
def moment(stored: None) -> None: ...
def moment(stored: int | None) -> datetime | None:
    """A stored moment."""
    return _INSTANT.process_result_value(stored, _SQLITE)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # - the driver's
    return driver
