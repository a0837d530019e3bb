"""`db`: the store's file."""

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.console import configuration, put, run_to_end, stored, tell
from scanner.cli.options import group
from scanner.domain.plain import counted, moment
from scanner.errors import StoreError

__all__ = ["db"]

db = group("Bring the store up to date, back it up, check it, or let it forget.")


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


@db.command("prune")
def prune(context: typer.Context) -> None:
    """Forget now what is older than `store.keep`, as the daemon does once a day. What is open or waits is kept.

    The file does not shrink: what becomes free is used again.
    """

    async def run() -> None:
        from scanner.app import now
        from scanner.retention import Retention

        config = configuration(context)
        keep = config.store.keep
        if keep is None:
            put("Everything is kept for ever: store.keep is off.\n")
            return
        async with stored(config) as store:
            gone = await Retention(store, keep, now).forget(keep)
        since = moment(now() - keep)
        rows = "".join(f"  {name}: {counted(number, 'row')}\n" for name, number in sorted(gone.items()))
        put(f"Forgot {counted(gone.total(), 'row')} of what was over before {since}.\n{rows}")

    run_to_end(run())


@db.command("check")
def check(context: typer.Context) -> None:
    """Check that the store is sound inside, and tell how large it is. Exits with 1 where it is not sound."""

    async def run() -> None:
        async with stored(configuration(context)) as store:
            wrong = await store.check()
            room = await store.room()
        if not wrong:
            put(
                f"The store {store.path} is sound: {counted(room.pages, 'page')} of {room.page_size} bytes, "
                f"{room.free} of them free for what comes.\n"
            )
            return
        for said in wrong:
            tell(said)
        raise StoreError(f"the store {store.path} is damaged", "Restore a backup: it is one file")

    run_to_end(run())
