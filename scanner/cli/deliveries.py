"""`deliveries`: the outbox, and trying again now."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, put, run_to_end, show, stored
from scanner.cli.naming import close_to
from scanner.cli.options import Form, FormName, group
from scanner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.domain.messages import Delivery
    from scanner.formats.documents import Deliveries, DeliveryEntry

__all__ = ["deliveries"]

deliveries = group("List what waits in the outbox, was sent or was given up, or try it again now.")

Channel = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Only messages for this channel.")]


@deliveries.command("list")
def list_deliveries(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="What was sent or became moot, too.")] = False,
    channel: Channel = None,
    form: Form = FormName.TABLE,
) -> None:
    """List the messages that wait or were given up, the newest first: attempts, the last error, the alerts in each."""

    async def run() -> None:
        async with stored(configuration(context)) as store:
            document = await store.read(lambda connection: _listed(connection, channel, every=every))
        show(document, form)

    run_to_end(run())


@deliveries.command("retry")
def retry(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="These messages; else all.")] = None,
    channel: Channel = None,
) -> None:
    """Attempt messages that wait or were given up now, and say what became of each.

    Where a daemon runs on the store it does so, else this command. Exits with 1 if one was not delivered.
    """
    from scanner.cli.logs import set_up_logs
    from scanner.cli.redelivery import redeliver
    from scanner.store.outbox import GIVEN_UP, WAITING

    async def run() -> "Sequence[Delivery]":
        config = configuration(context)
        set_up_logs(config.log, brief=True)
        async with stored(config) as store:
            chosen = await store.read(lambda connection: _chosen(connection, ids or (), channel))
            return await redeliver(config, store, chosen) if chosen else ()

    ended = run_to_end(run())
    if not ended:
        put("Nothing waits, and nothing was given up\n")
    for message in ended:
        put(f"{message.id}  {message.channel}  {in_words(message)}\n")
    if any(message.state in (WAITING, GIVEN_UP) for message in ended):
        raise typer.Exit(1)


def in_words(message: "Delivery") -> str:
    """What became of a message that was tried again."""
    from scanner.domain.report import rfc3339
    from scanner.store.outbox import GIVEN_UP, SENT, VOID

    error = f": {message.error}" if message.error else ""
    if message.state == SENT:
        return f"delivered: {message.title}"
    if message.state == VOID:
        return f"not sent{error}"
    if message.state == GIVEN_UP:
        return f"not delivered, given up{error}"
    return f"not delivered, next attempt {rfc3339(message.next_at.replace(microsecond=0))}{error}"


async def _chosen(connection: "AsyncConnection", ids: "Collection[str]", channel: str | None) -> "list[Delivery]":
    """The messages that are meant. Raises UsageError for an id that is none, or of what does not wait."""
    from scanner.store.outbox import EVERY, listing

    undelivered = {one.id: one for one in await listing(connection) if channel in (None, one.channel)}
    for wanted in ids:
        if wanted not in undelivered:
            hint = close_to(wanted, undelivered, "deliveries list --all")
            if await listing(connection, EVERY, [wanted]):
                raise UsageError(f"The message {wanted} does not wait, or not for this channel", hint)
            raise UsageError(f"There is no message {wanted}", hint)
    return [one for one in undelivered.values() if not ids or one.id in ids]


async def _listed(connection: "AsyncConnection", channel: str | None, *, every: bool) -> "Deliveries":
    from scanner.formats.documents import Deliveries
    from scanner.store.deliveries import alerts_in
    from scanner.store.outbox import EVERY, GIVEN_UP, WAITING, listing

    states = EVERY if every else (WAITING, GIVEN_UP)
    found = [one for one in await listing(connection, states) if channel in (None, one.channel)]
    told = await alerts_in(connection, [one.id for one in found])
    return Deliveries(deliveries=tuple(_entry(one, told.get(one.id, ())) for one in found))


def _entry(message: "Delivery", alerts: tuple[str, ...]) -> "DeliveryEntry":
    from scanner.domain.report import rfc3339
    from scanner.formats.documents import DeliveryEntry
    from scanner.store.outbox import WAITING

    waits = message.state == WAITING
    return DeliveryEntry(
        id=message.id,
        channel=message.channel,
        state=message.state,
        severity=message.severity.value,
        title=message.title,
        attempts=message.attempts,
        created_at=rfc3339(message.created_at),
        next_at=rfc3339(message.next_at) if waits else None,
        sent_at=None if message.sent_at is None else rfc3339(message.sent_at),
        error=message.error,
        alerts=alerts,
    )
