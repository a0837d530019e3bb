"""How far a scan is, on stderr: a bar on a terminal, plain lines in a pipe and where `NO_COLOR` asks for them."""

import sys
import time
from types import TracebackType
from typing import Self

from scanner.cli.console import look_of, tell
from scanner.domain.addresses import short
from scanner.domain.approvals import Underway
from scanner.domain.report import chain_name
from scanner.jobs import Step

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

    async def step(self, step: Step | Underway) -> None:
        """One target is done, or the past of a chain is read further."""
        if isinstance(step, Underway):
            self._past(step)
            return
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

    def _past(self, underway: Underway) -> None:
        name = chain_name(underway.chain)
        if self._bar is not None:
            self._bar.past(name, underway.done, underway.total)
        elif underway.done < underway.total and time.monotonic() - self._told >= LINE_EVERY:
            self._told = time.monotonic()
            tell(f"{name}: {underway.done:,} of {underway.total:,} blocks of its past read")

    def _say(self, text: str) -> None:
        if self._bar is None:
            tell(text)
        else:
            self._bar.say(text)


class _Bar:
    """The bar. rich is imported only for a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("reading", total=None, unit="targets")
        self._pasts: dict[str, TaskID] = {}
        self._progress.start()

    def move(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def past(self, chain: str, done: int, total: int) -> None:
        """So many blocks of a chain's past are read: a bar of its own, until they all are."""
        if chain not in self._pasts:
            self._pasts[chain] = self._progress.add_task(f"the past of {chain}", total=total, unit="blocks")
        self._progress.update(self._pasts[chain], completed=done, total=total, visible=done < total)

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        self._progress.stop()
