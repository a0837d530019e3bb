"""`lists`: what the lists say, from when, and how many stored approvals they touch; and refreshing them now."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, run_to_end, show, stored, tell
from scanner.cli.options import Form, FormName, group
from scanner.domain.plain import counted
from scanner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.cli.relisting import Relisted
    from scanner.config import Config
    from scanner.domain.lists import ListState
    from scanner.formats.documents import ListEntry, Lists

__all__ = ["lists"]

lists = group("Show what the lists of addresses say, or refresh them now.")

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this list; else every one.")]


@lists.command("show")
def show_lists(context: typer.Context, name: Name = None, form: Form = FormName.TABLE) -> None:
    """Show each list: from where and when it is, its entries and bad rows, and how many approvals it touches."""

    async def run() -> None:
        config = configuration(context)
        names = _named(config, name)
        async with stored(config) as store:
            document = await store.read(lambda connection: _shown(connection, config, names))
        show(document, form)

    run_to_end(run())


@lists.command("update")
def update_lists(
    context: typer.Context,
    name: Name = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Take a copy that has lost half of its entries, too.")
    ] = False,
    form: Form = FormName.TABLE,
) -> None:
    """Look at the lists now, and judge again what is stored by what they say.

    No wallet is read for that. Where a daemon runs on the store it delivers what comes of it, else this command does.
    Exits with 1 if a list could not be read or taken.
    """
    from scanner.app import open_store
    from scanner.cli.logs import set_up_logs
    from scanner.cli.relisting import relist

    async def run() -> "Relisted":
        config = configuration(context)
        names = _named(config, name)
        if accept and name is None:
            raise UsageError("--accept needs the name of a list", "See which has shrunk: approval-watch lists show")
        set_up_logs(config.log, brief=True)
        async with open_store(config) as store:
            done = await relist(config, store, names, accept=accept)
            document = await store.read(lambda connection: _shown(connection, config, names))
        show(document, form)
        return done

    done = run_to_end(run())
    if done.judged:
        tell(f"{counted(done.judged, 'stored approval')} judged again")
    for channel, waiting in done.left.items():
        tell(f"channel {channel}: {waiting} waiting; they stay in the outbox, and the next scan or a daemon sends them")
    if any(state.error is not None for state in done.states):
        raise typer.Exit(1)


def _named(config: "Config", name: str | None) -> "Collection[str]":
    """The names of the lists that are meant. Raises UsageError where there is none by that name."""
    from scanner.app import configured_lists
    from scanner.cli.naming import close_to

    known = configured_lists(config)
    if name is None:
        return list(known)
    if name not in known:
        raise UsageError(f"There is no list {name}", close_to(name, known, "lists show"))
    return [name]


async def _shown(connection: "AsyncConnection", config: "Config", names: "Collection[str]") -> "Lists":
    from scanner.app import configured_lists
    from scanner.domain.lists import ListState
    from scanner.formats.documents import Lists
    from scanner.store.lists import reach, states

    kept, touched = await states(connection), await reach(connection)
    wanted = {name: one for name, one in configured_lists(config).items() if name in names}
    return Lists(
        lists=tuple(
            _entry(kept.get(name) or ListState(name=name, label=one.label, origin=str(one.from_)), touched.get(name, 0))
            for name, one in wanted.items()
        )
    )


def _entry(state: "ListState", approvals: int) -> "ListEntry":
    from scanner.domain.report import rfc3339
    from scanner.formats.documents import ListEntry

    return ListEntry(
        name=state.name,
        label=state.label,
        origin=state.origin,
        as_of=None if state.as_of is None else rfc3339(state.as_of),
        checked_at=None if state.checked_at is None else rfc3339(state.checked_at),
        error=state.error,
        entries=state.entries,
        bad=state.bad,
        examples=state.examples,
        approvals=approvals,
    )
