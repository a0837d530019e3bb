"""What commands share: finding the configuration and the store, and what goes to stdout and to stderr.

Data go to stdout, everything else to stderr. `NO_COLOR` and a pipe mean plain text.
"""

import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import typer

from scanner.errors import ApprovalWatchError, Problem, UsageError

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.formats.documents import Document, Look
    from scanner.store.engine import Store

__all__ = [
    "Invocation",
    "configuration",
    "configuration_or_none",
    "look_of",
    "now",
    "put",
    "run_to_end",
    "show",
    "stored",
    "tell",
    "tell_forgotten",
    "tell_problems",
]

T = TypeVar("T")

PIPE_WIDTH = 200
"""Columns of a table that no terminal limits: one line for each row."""


@dataclass(slots=True)
class Invocation:
    """What was said before the command's name. `debug` also becomes true where the configuration logs at that level."""

    config: Path | None = None
    debug: bool = False


def configuration(context: typer.Context) -> "Config":
    """The configuration that the command line and the environment mean. Raises UsageError or ConfigError."""
    from scanner.config import find_config, load

    invocation = context.find_object(Invocation) or Invocation()
    config = load(find_config(invocation.config, os.environ, Path.cwd()), os.environ)
    invocation.debug = invocation.debug or config.log.level == "debug"
    return config


def configuration_or_none(context: typer.Context) -> "Config | None":
    """The configuration, or None where nobody names one and none lies in its places. Raises ConfigError."""
    from scanner.config import find_config

    invocation = context.find_object(Invocation) or Invocation()
    try:
        find_config(invocation.config, os.environ, Path.cwd())
    except UsageError:
        return None
    return configuration(context)


@asynccontextmanager
async def stored(config: "Config") -> AsyncIterator["Store"]:
    """The store as it is, for a command that only looks. Raises UsageError where there is none yet."""
    from scanner.store.engine import Store

    path = Path(config.store.url.removeprefix("sqlite:///"))
    if not path.exists():
        raise UsageError(f"There is no store at {path} yet", "The first scan makes it: approval-watch scan")
    store = await Store.open(config.store.url, migrate=False)
    try:
        yield store
    finally:
        await store.close()


async def tell_forgotten(store: "Store", since: datetime | None) -> None:
    """Say from when on the store knows everything, where it is asked for more. None asks for all that ever was."""
    from scanner.domain.plain import moment
    from scanner.store.pruning import known_since

    known = await store.read(known_since)
    if known is not None and (since is None or since < known):
        tell(f"Not all that was before {moment(known)} is known any more: store.keep says how long it is.")


def now() -> datetime:
    """The time, in UTC. The same as `scanner.clock.now`, without all that is imported there."""
    return datetime.now(UTC)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work. asyncio is imported only now: `--help` does without its 10 ms."""
    import asyncio

    return asyncio.run(work)


def look_of(stream: TextIO) -> "Look":
    """How a document may look on a stream: as wide as the terminal, in colour if there is one that wants it."""
    from scanner.formats import Look

    terminal = stream.isatty()
    width = get_terminal_size((PIPE_WIDTH, 24)).columns
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Look(now(), width, colour)


def show(document: "Document", form: str, output: Path | None = None) -> None:
    """Print a document in one of the formats, or write it to a file. Raises ApprovalWatchError if it cannot be."""
    from scanner.formats import FORMATS, Look

    if output is None:
        put(FORMATS[form](document, look_of(sys.stdout)))
        return
    try:
        output.write_text(FORMATS[form](document, Look(now(), PIPE_WIDTH)), encoding="utf-8")
    except OSError as error:
        raise ApprovalWatchError(f"{output} cannot be written: {error.strerror}", "Name another file") from error


def put(text: str) -> None:
    """Write data to stdout. A reader who has seen enough (`| head`) ends nothing but the writing.

    Raises ApprovalWatchError where they cannot be written.
    """
    # A letter that stdout does not know is a question mark: a table that breaks off would tell less.
    known = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(known, "replace").decode(known))
        sys.stdout.flush()
    except OSError as error:
        # What Python flushes when it exits must have somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return
        raise ApprovalWatchError(f"the output cannot be written: {error.strerror}", "Send it elsewhere") from error


def tell(text: str) -> None:
    """Say something on stderr."""
    try:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is where words for people go
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def tell_problems(problems: Iterable[Problem], *, warning: bool = False) -> None:
    """Say each problem on stderr, with its place, its line and a caret. A warning stops nothing."""
    for problem in problems:
        tell(("warning: " if warning else "") + problem.render())
