"""All commands by name, each loaded when it is asked for, and what becomes of the errors that end one.

A command is a line in `COMMANDS`: the module and the function, or the group of commands, that it stands for. `--help`
lists them without importing any.
"""

import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from scanner import __version__
from scanner.cli.console import Invocation, tell
from scanner.errors import ApprovalWatchError, ConfigError

__all__ = ["COMMANDS", "command", "run"]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("demo:demo", "See the main job, without an account or a configuration"),
    "sandbox": ("sandbox:sandbox", "Run only the demo's server, which speaks the API"),
    "run": ("run:run", "Run the daemon: scan on schedule, alert, deliver"),
    "scan": ("scan:scan", "Scan now, and show what is in force"),
    "check-config": ("check_config:check_config", "Find every problem in configuration and rules"),
    "doctor": ("doctor:doctor", "Try each real part, and say what to do"),
    "approvals": ("approvals:approvals", "Show approvals from the store, now or in the past"),
    "history": ("approvals:history", "Show every recorded change"),
    "holdings": ("holdings:holdings", "Show what is held, on exchanges too, and what is at stake"),
    "reconcile": ("reconcile:reconcile", "Hold the API against the chain itself, row by row"),
    "alerts": ("alerts:alerts", "List alerts; explain, acknowledge or silence them"),
    "rules": ("rules:rules", "List the rules in force; check, try, explain or replay them"),
    "lists": ("lists:lists", "Show what the lists say, or refresh them now"),
    "channels": ("channels:channels", "List the channels, or send a test message"),
    "deliveries": ("deliveries:deliveries", "List the outbox, or try it again now"),
    "db": ("db:db", "Bring the store up to date, back it up, check it, prune it"),
}
"""Name to where it is (`module:function`, below `scanner.cli`) and one line of help."""


class _FreeOption(TyperOption):
    """An option that costs nothing where it is not given: typer imports pydantic (50 ms) even to look at None."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        """The option's value, checked if there is one."""
        return None if value is None else super().process_value(ctx, value)


class _Commands(TyperGroup):
    """A group whose commands are imported when they are run; until then it knows their names and one line each."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=said) for name, (_, said) in COMMANDS.items()}

    def get_params(self, ctx: Any) -> list[Any]:
        """The options of the command itself, `--help` among them."""
        found = super().get_params(ctx)
        for option in found:
            option.__class__ = _FreeOption  # typer lets nobody choose the class of an option
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the arguments name, and load it. Raises a usage error where there is none."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else command(name), rest


def command(name: str) -> Any:
    """A command, or a group of them, by its name: imported now, and ready to be run."""
    where, said = COMMANDS[name]
    module, _, attribute = where.partition(":")
    found = getattr(import_module(f"scanner.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, short_help=said)(found)
        found = alone
    return typer.main.get_command(found)


def _root() -> Any:
    app = typer.Typer(cls=_Commands, add_completion=False, rich_markup_mode=None, no_args_is_help=True)
    app.callback()(_options)
    return typer.main.get_command(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"approval-watch {__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The configuration; else $APPROVAL_WATCH_CONFIG, ./config.yaml, /etc/approval-watch/config.yaml.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Watch what wallets have approved, and tell a person before somebody takes it."""
    invocation = context.obj
    invocation.config, invocation.debug = config, debug


def run(arguments: Sequence[str]) -> int:
    """Run what the arguments say. Returns the exit code; every error has been told on stderr by then."""
    invocation = Invocation()
    try:
        _root().main(arguments, prog_name="approval-watch", obj=invocation)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except ApprovalWatchError as error:
        return _told(error)
    except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, a person is told
        if invocation.debug:
            traceback.print_exc(file=sys.stderr)
        tell(f"Unexpected error: {type(error).__name__}: {error}")
        tell("This is a defect: please report it, with what `approval-watch --debug` prints for the same command.")
        return 1
    return 0


def _told(error: ApprovalWatchError) -> int:
    if isinstance(error, ConfigError):
        tell(f"{error}\n{len(error.problems)} problem{'' if len(error.problems) == 1 else 's'}")
    else:
        tell(f"Error: {error}")
    return error.exit_code
