"""`db`: the store's file."""

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.console import configuration, put, run_to_end, stored, tell
from scanner.cli.options import group
from scanner.errors import StoreError

__all__ = ["db"]

db = group("Bring the store up to date, back it up, or check it.")


@db.command("upgrade")
def upgrade(context: typer.Context) -> None:
    """Bring the store up to date, and make it where there is none. `run` and `scan` do the same when they start."""

    async def run() -> None:
        from scanner.store.engine import Store

        config = configuration(context)
        store = await Store.open(config.store.url)
        await store.close()
        put(f"The store {store.path} is up to date.\n")

    run_to_end(run())


@db.command("backup")
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that does not exist yet.")],
) -> None:
    """Copy the store to a new file, whole and consistent, while the daemon goes on."""

    async def run() -> None:
        async with stored(configuration(context)) as store:
            await store.backup(file)
        put(f"Backed up to {file} ({file.stat().st_size:,} bytes).\n")

    run_to_end(run())


@db.command("check")
def check(context: typer.Context) -> None:
    """Check that the store is sound inside. Exits with 1 where it is not."""

    async def run() -> None:
        async with stored(configuration(context)) as store:
            wrong = await store.check()
        if not wrong:
            put(f"The store {store.path} is sound.\n")
            return
        for said in wrong:
            tell(said)
        raise StoreError(f"the store {store.path} is damaged", "Restore a backup: it is one file")

    run_to_end(run())
