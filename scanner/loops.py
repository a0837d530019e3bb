"""What the daemon's loops and tasks have in common: an edge that failures do not cross, a rest, and an end."""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from scanner.errors import ApprovalWatchError

__all__ = ["end", "guarded", "rest"]

log = structlog.get_logger()


async def guarded(work: Coroutine[Any, Any, object]) -> None:
    """The edge of every loop and task: a failure is logged and ends nothing else."""
    try:
        await work
    except ApprovalWatchError as error:
        log.error("daemon.work_failed", problem=str(error))
    except Exception:
        log.exception("daemon.work_failed")


async def rest(wakes: asyncio.Event, pause: timedelta | None) -> None:
    """Wait for an event, or until a pause is over, which None never is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(None if pause is None else pause.total_seconds()):
            await wakes.wait()


async def end(tasks: Collection[asyncio.Task[Any]], within: timedelta) -> None:
    """Let tasks end by themselves within a time; cancel those that do not."""
    _, late = await asyncio.wait(tasks, timeout=within.total_seconds())
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
