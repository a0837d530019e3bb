"""Several streams of values read beside each other, as one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import TypeVar

__all__ = ["mixed"]

T = TypeVar("T")


async def mixed(streams: Sequence[AsyncGenerator[T]]) -> AsyncGenerator[T]:
    """What each stream brings, as it comes: no stream waits for another, and none goes further ahead than one value.

    None is no value. Raises what one of them raises; whenever it ends, or is closed, all of them are closed.
    """
    async with AsyncExitStack() as stack:
        for stream in streams:
            await stack.enter_async_context(aclosing(stream))
        waiting = {asyncio.ensure_future(anext(stream, None)): stream for stream in streams}
        try:
            while waiting:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    stream, value = waiting.pop(task), task.result()
                    if value is not None:
                        waiting[asyncio.ensure_future(anext(stream, None))] = stream
                        yield value
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
