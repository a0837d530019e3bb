"""The history of the tables, applied by `db upgrade` and at every start.

Alembic costs 200 ms to import, so it is imported only when an upgrade is due: `HEAD` names the newest revision, and
a test holds it against the scripts. Revisions are numbered so that a newer one sorts after an older one.
"""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["HEAD", "revision", "upgrade"]

HEAD = "0009"


async def revision(connection: AsyncConnection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    if "alembic_version" not in await connection.run_sync(lambda sync: inspect(sync).get_table_names()):
        return None
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


async def upgrade(connection: AsyncConnection) -> None:
    """Bring the database to `HEAD`, in the caller's transaction: a step that fails takes the whole upgrade back."""
    await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
