"""The dead-man's switch: a URL elsewhere that hears of every scheduled scan, and raises the alarm when it does not.

It speaks as healthchecks-style services expect: `/start` when a scan begins, the URL itself after one that went well,
`/fail` after one that did not. A ping never holds up a scan: what cannot be sent in time is dropped.
"""

import asyncio
from collections import deque
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
import structlog

__all__ = ["Heartbeat"]

log = structlog.get_logger()

TRIES = 3
BETWEEN_TRIES = 1.0
LAST_WORDS = 1.0
"""Seconds that a ping in flight is given to end when the program does."""

NEWEST = 2
"""Pings that may wait behind one in flight: how a scan began, and how it ended. Older ones are no news any more."""


class Heartbeat:
    """Pings one URL, which is a secret; without one, nothing. `timeout` is for one try."""

    def __init__(self, session: aiohttp.ClientSession, url: str | None, timeout: timedelta) -> None:
        self._session = session
        self._url = url
        self._timeout = timeout.total_seconds()
        self._pending: deque[str] = deque(maxlen=NEWEST)
        self._sending: asyncio.Task[None] | None = None
        self._fails = False

    def began(self) -> None:
        """A scheduled scan begins."""
        self._send("/start")

    def ended(self, *, well: bool) -> None:
        """A scheduled scan is over: everything was read, and messages go out; or not."""
        self._send("" if well else "/fail")

    async def close(self) -> None:
        """Let the last ping end within a moment, and send no more."""
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=LAST_WORDS)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def _send(self, suffix: str) -> None:
        if self._url is None:
            return
        self._pending.append(_with_suffix(self._url, suffix))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while self._pending:
            self._note(await self._ping(self._pending.popleft()))

    async def _ping(self, url: str) -> str:
        """Ping until it is heard, so many times. Returns why it was not, in words without the URL."""
        why = ""
        for number in range(TRIES):
            if number:
                await asyncio.sleep(BETWEEN_TRIES)
            try:
                async with asyncio.timeout(self._timeout), self._session.get(url, allow_redirects=False) as answer:
                    if 200 <= answer.status < 300:
                        return ""
                    why = f"it answered HTTP {answer.status}"
            except TimeoutError:
                why = f"no answer came within {self._timeout:g} seconds"
            except aiohttp.ClientError as error:
                why = f"it could not be reached ({type(error).__name__})"
        return why

    def _note(self, why: str) -> None:
        """Log the beginning of an outage, and its end."""
        host = urlsplit(self._url or "").hostname
        if why and not self._fails:
            log.warning("heartbeat.failing", host=host, problem=why, hint="look at heartbeat.url")
        elif self._fails and not why:
            log.info("heartbeat.recovered", host=host)
        self._fails = bool(why)


def _with_suffix(url: str, suffix: str) -> str:
    """The URL with a word behind its path; its query stays."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + suffix).geturl() if suffix else url
