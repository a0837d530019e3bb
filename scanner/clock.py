"""What time it is, and how one waits: this machine's own, unless a scenario or a test has another."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["MACHINE", "Clock", "now"]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is, in UTC, and how a number of seconds is waited for."""

    now: Callable[[], datetime] = now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def seconds(self) -> float:
        """The time in seconds since 1970."""
        return self.now().timestamp()


MACHINE = Clock()
"""This machine's."""
