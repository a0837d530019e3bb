"""One paced request to an exchange: no redirect is followed, and no secret stands in what is said of a failure.

Nothing is tried again here: an exchange locks out who asks too often, and a person who reads balances can ask again.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from scanner.domain.hostile import quoted
from scanner.errors import Reason, Trouble
from scanner.http import Answer, retry_after, send
from scanner.okx.pacing import Budget, Ledger

__all__ = ["Manners", "Sign", "Wire"]

T = TypeVar("T")

Sign = Callable[[float], Awaitable[tuple[str, Mapping[str, str]]]]
"""Makes a request for a moment (seconds since 1970): its encoded URL, and its headers."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How an exchange wants to be asked. `lockout`: seconds that it is left alone once it says that it was too much."""

    exchange: str
    requests_per_second: float
    lockout: float


class Wire:
    """Asks one exchange under one key, within a budget that all processes with the same ledger share.

    The session is the caller's; `now` is the time in seconds since 1970; `timeout` is in seconds, for one request.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        ledger: Ledger,
        manners: Manners,
        *,
        key: str,
        timeout: float,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.now = now
        self.ledger = ledger
        self.fingerprint = hashlib.blake2b(key.encode(), digest_size=12, person=b"exchange-key").hexdigest()
        self._session = session
        self._manners = manners
        self._timeout = timeout
        self._budget = Budget(ledger, self.fingerprint, manners.requests_per_second, now=now, sleep=sleep)

    async def ask(self, sign: Sign, judge: Callable[[Answer], T | Trouble]) -> T | Trouble:
        """Wait until the key may be used, sign, send once, and judge the answer.

        Once the exchange says that it was too much, the key rests, whoever uses it.
        """
        if await self._budget.turn() is None:
            said = f"{self._manners.exchange} asked for a longer pause for this key, and is left alone until it is over"
            return Trouble(Reason.RATE_LIMITED, said)
        sent_at = self.now()
        url, headers = await sign(sent_at)
        answer = await self.get(url, headers)
        if isinstance(answer, Trouble):
            return answer
        told = judge(answer)
        if isinstance(told, Trouble) and told.reason is Reason.RATE_LIMITED:
            asked = retry_after(answer.headers.get("retry-after"), self.now())
            pause = max(self._manners.lockout, asked or 0.0)
            await self._budget.refused(sent_at, pause)
        return told

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer | Trouble:
        """Send one request, of an encoded URL, and read its answer, whatever it says; a redirect is trouble."""
        exchange = self._manners.exchange
        answer = await send(self._session, "GET", url, headers, far_side=exchange, within=self._timeout)
        if isinstance(answer, Answer) and 300 <= answer.status < 400:
            where = quoted(answer.headers.get("location", "").partition("?")[0])
            return Trouble(Reason.BAD_REQUEST, f"{exchange} redirects to {where}, and redirects are not followed")
        return answer
