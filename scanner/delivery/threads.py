"""Threads in which messages are sent: any may be left behind with a service that never answers, and none keeps the
program from ending."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


class _Thread:
    """A thread that does one piece of work after the other. To start one costs as much as half a message."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="send", daemon=True).start()

    def take(self, work: Callable[[], None]) -> None:
        """Do this next; it must not raise."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()


_idle: list[_Thread] = []
"""Those that have nothing to do: as many as there ever were sends at a time."""


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread that nobody else uses meanwhile. Who stops waiting for it leaves the thread behind."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    try:
        thread = _idle.pop()
    except IndexError:
        thread = _Thread()

    def report(settle: Callable[[], None]) -> None:
        if not future.done():
            settle()

    def run() -> None:
        try:
            settle = partial(future.set_result, work())
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
            settle = partial(future.set_exception, error)
        _idle.append(thread)
        with suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits any more
            loop.call_soon_threadsafe(report, settle)

    thread.take(run)
    return await future
