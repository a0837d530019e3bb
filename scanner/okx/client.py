"""The client of OKX's endpoints: waits for the budget, signs, sends, checks the answer, and tries again within bounds.

What goes wrong is a value (`Trouble`), never an exception. Nothing here logs, so that no header can slip into a log.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from scanner.errors import Reason, Trouble
from scanner.http import http_time, retry_after, send
from scanner.okx.answers import Reply, judge
from scanner.okx.pacing import Budget, Ledger
from scanner.okx.signing import Credentials, signed_headers

__all__ = ["PATIENCE", "Effort", "OkxClient", "OkxSettings", "Request"]

PATIENCE = 20.0
"""Seconds that the attempts for one target may go on for after the first one that failed."""

TIME_PATH = "/api/v5/public/time"
PUBLIC_TIME = f"https://www.okx.com{TIME_PATH}"
DEFAULT_BASE_URL = "https://web3.okx.com"

FIRST_PAUSE = 0.5
LONGEST_BACKOFF = 8.0
LEAST_CORRECTION = 2.0
CLOCK_TIMEOUT = 5.0

LEAST_TIMEOUT = 0.01
"""Seconds that a request has at least: none at all would be no limit to the library."""

FEWEST_IN_FLIGHT = 8
MOST_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxSettings:
    """Where the service is and how hard it may be asked.

    `base_url`: scheme and host. `requests_per_second`: for the key, whoever uses it. `timeout`: seconds for one
    request. `patience`: seconds that the attempts for one target may go on for after the first that failed.
    """

    base_url: str = DEFAULT_BASE_URL
    requests_per_second: float = 1.0
    timeout: float = 20.0
    patience: float = PATIENCE

    @property
    def time_url(self) -> str:
        """Where the far side tells its time, unsigned. The service itself has another host for that."""
        return PUBLIC_TIME if self.base_url == DEFAULT_BASE_URL else self.base_url.rstrip("/") + TIME_PATH


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `project`: whether the endpoint wants the project's header. The query is encoded once."""

    method: str
    path: str
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    project: bool = False

    @property
    def target(self) -> str:
        """The path with the encoded query: what is signed, and what is sent."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@dataclass(slots=True)
class Effort:
    """What one reading may still spend on trying again (`patience`, seconds), and what it has cost so far.

    `begun` says that this reading has had its turn: its next request does not wait in line again.
    """

    patience: float = PATIENCE
    requests: int = 0
    retries: int = 0
    waited: float = 0.0
    begun: bool = False


class OkxClient:
    """Speaks with one OKX service under one key.

    The session is the caller's; `now` is the time in seconds since 1970, `chance` a number from 0 to 1 for jitter.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        credentials: Credentials,
        settings: OkxSettings,
        ledger: Ledger,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.now = now
        self.offset = 0.0
        self._session = session
        self._credentials = credentials
        self._sleep = sleep
        self._chance = chance
        rate = settings.requests_per_second
        self._budget = Budget(ledger, credentials.fingerprint, rate, now=now, sleep=sleep)

    @property
    def width(self) -> int:
        """How many requests may be in flight together: a slow answer must not stop the next slot."""
        slots = int(self.settings.requests_per_second * self.settings.timeout)
        return min(max(slots, FEWEST_IN_FLIGHT), MOST_IN_FLIGHT)

    async def call(self, request: Request, effort: Effort) -> msgspec.Raw | Trouble:
        """Ask until there is an answer that counts: its `data`, still encoded, or why there is none.

        After a failure that may pass it is tried again with growing pauses, for as long as the effort's patience
        lasts. One reading hands the same effort to all of its calls.
        """
        if not await self._turn(effort, urgent=effort.begun):
            return _HELD_BACK
        tries = _Tries(deadline=self.now() + effort.patience)
        while True:
            answer = await self._attempt(request, effort, tries)
            if not isinstance(answer, Trouble) or not await self._again(answer, effort, tries):
                break
        if tries.failed:
            effort.patience = max(0.0, tries.deadline - self.now())
        effort.begun = True
        return answer

    async def skew(self) -> float | None:
        """How many seconds the far side's clock is ahead of this machine's; None where it does not tell."""
        began = self.now()
        reply = await self._exchange("GET", self.settings.time_url, b"", {}, CLOCK_TIMEOUT)
        data = judge(reply) if isinstance(reply, Reply) else reply
        if isinstance(data, Trouble):
            return None
        try:
            told = _decode_time(data)[0].ts
            return float(told) / 1000 - (began + self.now()) / 2
        except (msgspec.DecodeError, ValueError, IndexError):
            return None

    async def _attempt(self, request: Request, effort: Effort, tries: "_Tries") -> msgspec.Raw | Trouble:
        settings, sent_at = self.settings, self.now()
        tries.offset = self.offset
        pressed = tries.failed or effort.patience < settings.patience
        limit = min(settings.timeout, max(tries.deadline - sent_at, LEAST_TIMEOUT)) if pressed else settings.timeout
        target = request.target
        headers = signed_headers(
            self._credentials,
            request.method,
            target,
            request.body,
            sent_at + tries.offset,
            project=request.project,
        )
        effort.requests += 1
        effort.retries += tries.failed > 0
        url = settings.base_url.rstrip("/") + target
        reply = await self._exchange(request.method, url, request.body, headers, limit)
        answer = judge(reply) if isinstance(reply, Reply) else reply
        if not isinstance(answer, Trouble):
            await self._budget.answered()
            return answer
        tries.failed += 1
        tries.date = reply.date if isinstance(reply, Reply) else None
        if answer.reason is Reason.RATE_LIMITED:
            await self._budget.refused(sent_at, answer.retry_after)
        return answer

    async def _again(self, trouble: Trouble, effort: Effort, tries: "_Tries") -> bool:
        """Wait until it is time for another attempt; False where none is worth it or the patience is at its end."""
        if trouble.reason is Reason.CLOCK and not tries.corrected:
            tries.corrected = True
            # Another request may have set the clock while this one was under way.
            if tries.offset == self.offset and not await self._set_clock(tries.date):
                return False
            pause = 0.0
        elif trouble.retry:
            pause = max(_backoff(tries.failed, self._chance()), trouble.retry_after or 0.0)
        else:
            return False
        if self.now() + pause >= tries.deadline:
            return False
        await self._sleep(pause)
        return await self._turn(effort, urgent=True, latest=tries.deadline)

    async def _turn(self, effort: Effort, *, urgent: bool, latest: float | None = None) -> bool:
        waited = await self._budget.turn(urgent=urgent, latest=latest)
        effort.waited += waited or 0.0
        return waited is not None

    async def _set_clock(self, date: float | None) -> bool:
        """Learn the far side's time: from the refusal's own `Date`, or by asking where that explains nothing."""
        offset = None if date is None else date - self.now()
        if offset is None or abs(offset - self.offset) < LEAST_CORRECTION:
            asked = await self.skew()
            offset = offset if asked is None else asked
        if offset is None:
            return False
        self.offset = offset
        return True

    async def _exchange(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], limit: float
    ) -> Reply | Trouble:
        """Send one request and read its answer, whatever it says."""
        answer = await send(self._session, method, url, headers, far_side="OKX", within=limit, body=body)
        if isinstance(answer, Trouble):
            return replace(answer, hint=_hint(answer))
        return Reply(
            answer.status,
            answer.body,
            retry_after=retry_after(answer.headers.get("retry-after"), self.now()),
            date=http_time(answer.headers.get("date")),
            location=answer.headers.get("location"),
        )


@dataclass(slots=True)
class _Tries:
    """The attempts of one call: how many failed, when they have to end, what the last answer's clock said.

    `offset` is what the last attempt was signed with.
    """

    deadline: float
    failed: int = 0
    corrected: bool = False
    date: float | None = None
    offset: float = 0.0


class _Time(msgspec.Struct):
    ts: str | int


_decode_time = msgspec.json.Decoder(list[_Time]).decode

_HELD_BACK = Trouble(
    Reason.RATE_LIMITED,
    "OKX asked for a longer pause for this key",
    "It is tried again at the next scan. Lower source.okx.requests_per_second, or use a key of its own",
    whole_source=True,
)


def _backoff(failed: int, chance: float) -> float:
    """Seconds until the next attempt: doubling, and a random half of it, so that clients do not come back together."""
    return min(FIRST_PAUSE * 2.0 ** (failed - 1), LONGEST_BACKOFF) * (0.5 + 0.5 * chance)


def _hint(trouble: Trouble) -> str:
    """What to do about a request that brought no answer that could be read."""
    if trouble.reason is Reason.PROTOCOL:
        return "It is tried again at the next scan"
    if trouble.retry:
        return "Look at the network and at source.okx.base_url, if it does not pass"
    return "Look at source.okx.base_url, and at this machine's certificates and clock"
