"""How far a scan is, on stderr: a bar on a terminal, plain lines in a pipe and where `NO_COLOR` asks for them."""

import sys
import time
from types import TracebackType
from typing import Self

from scanner.cli.console import look_of, tell
from scanner.domain.addresses import short
from scanner.domain.report import chain_name
from scanner.scan import Step

__all__ = ["Progress"]

LINE_EVERY = 10.0
"""Seconds between two lines in a pipe."""


class Progress:
    """Shows each step of a scan. What could not be read is said at once, in either form."""

    def __init__(self) -> None:
        self._bar: _Bar | None = _Bar() if look_of(sys.stderr).colour else None
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    async def step(self, step: Step) -> None:
        """One target is done."""
        if not step.complete:
            owner = step.target.label or short(step.target.owner)
            self._say(f"{owner} on {chain_name(step.target.chain)}: {step.trouble or 'not read completely'}")
        self.count(step.done, step.total)

    def count(self, done: int, total: int) -> None:
        """So many targets of so many are done."""
        if self._bar is not None:
            self._bar.move(done, total)
        elif total > 1 and done < total and time.monotonic() - self._told >= LINE_EVERY:
            self._told = time.monotonic()
            tell(f"{done} of {total} targets read")

    def _say(self, text: str) -> None:
        if self._bar is None:
            tell(text)
        else:
            self._bar.say(text)


class _Bar:
    """The bar. rich is imported only for a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("reading"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("targets"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("reading", total=None)
        self._progress.start()

    def move(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        self._progress.stop()
