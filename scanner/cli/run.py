"""`run`: the daemon."""

import asyncio
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from scanner.config import Config

__all__ = ["run"]


def run(context: typer.Context) -> None:
    """Run the daemon: scan on schedule, alert and deliver, until SIGTERM. SIGHUP reads the configuration again."""
    asyncio.run(_run(context))


async def _run(context: typer.Context) -> None:
    from scanner.app import daemon, open_store

    async with open_store(_usable(context)) as store:
        await daemon(store, lambda: _usable(context)).run()


def _usable(context: typer.Context) -> "Config":
    """The configuration as it is now, logs set up as it says. Raises ConfigError where a daemon cannot live by it."""
    from scanner.cli.console import configuration
    from scanner.cli.logs import set_up_logs
    from scanner.errors import ConfigError

    config = configuration(context)
    if problems := [*config.missing_wallets(), *config.missing_secrets(), *config.missing_heartbeat()]:
        raise ConfigError(problems)
    set_up_logs(config.log)
    return config
