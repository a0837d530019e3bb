"""One bounded, paced request to an exchange: no redirect, no more than 8 MiB, no secret in what is said of a failure.

Nothing is tried again here: an exchange locks out who asks too often, and a person who reads balances can ask again.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from scanner.domain.hostile import harmless, quoted
from scanner.errors import Reason, Trouble
from scanner.okx.answers import LARGEST
from scanner.okx.pacing import Budget, Ledger

__all__ = ["Answer", "Manners", "Sign", "Wire"]

T = TypeVar("T")

Sign = Callable[[float], Awaitable[tuple[str, Mapping[str, str]]]]
"""Makes a request for a moment (seconds since 1970): its encoded URL, and its headers."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How an exchange wants to be asked. `lockout`: seconds that it is left alone once it says that it was too much."""

    exchange: str
    requests_per_second: float
    lockout: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came; `headers` by their names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


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
            pause = max(self._manners.lockout, _seconds(answer.headers.get("retry-after")))
            await self._budget.refused(sent_at, pause)
        return told

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer | Trouble:
        """Send one request, of an encoded URL, and read its answer, whatever it says; a redirect is trouble."""
        exchange = self._manners.exchange
        try:
            async with self._session.get(
                URL(url, encoded=True),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as response:
                body = await _read(response)
        except TimeoutError:
            return _unavailable(f"{exchange} did not answer within {self._timeout:g} seconds")
        except aiohttp.ClientConnectorError as error:
            return _unavailable(f"no connection to {exchange}: {_words(error.os_error)}")
        except (aiohttp.ClientError, OSError) as error:
            # The words of these errors may repeat the URL, and a key with it.
            return _unavailable(f"the answer of {exchange} broke off or is no HTTP ({type(error).__name__})")
        told = {name.lower(): value for name, value in response.headers.items()}
        if 300 <= response.status < 400:
            where = quoted(told.get("location", "").partition("?")[0])
            return Trouble(Reason.BAD_REQUEST, f"{exchange} redirects to {where}, and redirects are not followed")
        if body is None:
            said = f"{exchange} gave an answer of more than {LARGEST // 1024 // 1024} MiB, which is not read"
            return Trouble(Reason.PROTOCOL, said)
        return Answer(response.status, body, told)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None where it does not end within `LARGEST` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _seconds(text: str | None) -> float:
    """What a `Retry-After` header asks for, where it is a number."""
    return float(text) if text is not None and text.strip().isdecimal() else 0.0


def _unavailable(said: str) -> Trouble:
    return Trouble(Reason.UNAVAILABLE, said, retry=True, whole_source=True)


def _words(error: OSError) -> str:
    return harmless(error.strerror) or type(error).__name__
