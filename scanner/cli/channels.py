"""`channels`: where alerts go, and whether they get there."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.options import group

if TYPE_CHECKING:
    from scanner.delivery.channels import Channel
    from scanner.domain.messages import Outcome

__all__ = ["channels", "in_words", "try_channel"]

channels = group("List the channels, or send a test message.")


@channels.command("list")
def list_(context: typer.Context) -> None:
    """List the channels of the configuration: name, service, and the least severity that each wants."""
    from scanner.cli.console import configuration, put, tell
    from scanner.delivery.channels import describe
    from scanner.errors import ConfigError

    config = configuration(context)
    if not config.channels:
        tell("There is no channel: nobody is told of anything. Add one below channels: in the configuration")
    for name, channel in config.channels.items():
        try:
            where = describe(channel.read_url())
        except ConfigError as error:
            where = f"cannot be used: {error.problems[0].message}"
        put(f"{name}  {channel.min_severity.value} and above  {where}\n")


@channels.command("test")
def send(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this channel; else every one.")] = None,
) -> None:
    """Send a test message through a channel, or through every one, and say what became of it."""
    from scanner.app import open_channels
    from scanner.cli.console import configuration, put
    from scanner.domain.messages import Result
    from scanner.errors import UsageError

    config = configuration(context)
    wanted = [channel for channel in open_channels(config) if name in (None, channel.name)]
    if not wanted:
        known = ", ".join(config.channels) or "none"
        raise UsageError(f"There is no channel {name or ''}".rstrip(), f"The configuration has: {known}")
    failed = False
    for channel in wanted:
        outcome = asyncio.run(try_channel(channel))
        failed |= outcome.result is not Result.DELIVERED
        put(f"{channel.name}: {in_words(outcome)}\n")
    if failed:
        raise typer.Exit(1)


async def try_channel(channel: "Channel") -> "Outcome":
    """Send one message that says that it is a test."""
    from scanner.app import now
    from scanner.domain.alerts import Severity
    from scanner.domain.messages import MessageKind
    from scanner.domain.report import rfc3339

    body = (
        f"This is a test of the channel {channel.name}, sent at {rfc3339(now().replace(microsecond=0))}.\n"
        "Nothing has happened. Alerts will arrive here like this message."
    )
    return await channel.send("approval-watch: test", body, kind=MessageKind.DIGEST, severity=Severity.LOW)


def in_words(outcome: "Outcome") -> str:
    """What became of a test message, for a person."""
    from scanner.domain.messages import Result

    if outcome.result is Result.DELIVERED:
        return "delivered" + (f"; {outcome.detail}" if outcome.detail else "")
    return f"not delivered ({outcome.result.value}): {outcome.detail}"
