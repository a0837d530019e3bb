"""XT.com, interface v1: `getBalance`, with the key, a nonce and the signature in the query.

Whoever asks more than 3 times a second is locked out for ten minutes: so it is asked twice at most, nothing is tried
again, and a key that was refused as too fast rests for as long. A nonce has to be higher than any before it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from scanner.context.exchanges.accounts import Access, advised
from scanner.context.exchanges.answers import Verdict, added, amount_of, by_code, by_status, decoded, held, misshapen
from scanner.context.exchanges.wire import Manners, Wire
from scanner.domain.assets import Account
from scanner.errors import Reason, Trouble
from scanner.http import Answer
from scanner.okx.pacing import Ledger, Pace

__all__ = ["MANNERS", "XtV1", "signed_query"]

BASE_URL = "https://api.xt.com"
EXCHANGE = "XT"
MANNERS = Manners(EXCHANGE, requests_per_second=2.0, lockout=600.0)
BALANCE = "/trade/api/v1/getBalance"

_CODES: Mapping[str, Verdict] = {
    "307": (Reason.REFUSED_KEY, "the access key is not valid"),
    "308": (Reason.REFUSED_KEY, "the signature is not accepted"),
    "400": (Reason.BAD_REQUEST, "it does not accept the request"),
    "404": (Reason.PROTOCOL, "it names no reason; an account that is locked for ten minutes may be one"),
    "429": (Reason.RATE_LIMITED, "too many requests for this key"),
}


class _Coin(msgspec.Struct):
    freeze: msgspec.Raw = msgspec.Raw(b"")
    available: msgspec.Raw = msgspec.Raw(b"")


class _Envelope(msgspec.Struct):
    code: int | str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    info: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_coins = msgspec.json.Decoder(dict[str, _Coin]).decode


class XtV1:
    """An account. The session is the caller's."""

    def __init__(self, access: Access, session: aiohttp.ClientSession, ledger: Ledger) -> None:
        self._access = access
        self._url = (access.base_url or BASE_URL) + BALANCE
        self._wire = Wire(session, ledger, MANNERS, key=access.key, timeout=access.timeout)

    async def read(self) -> Account:
        """What the account holds, from one request."""
        coins = await self._wire.ask(self._signed, self._judged)
        read_at = datetime.fromtimestamp(self._wire.now(), UTC)
        if isinstance(coins, Trouble):
            return Account(self._access.name, {}, read_at, advised(coins, self._access))
        amounts = {name: added(amount_of(coin.freeze), amount_of(coin.available)) for name, coin in coins.items()}
        return Account(self._access.name, held(amounts), read_at)

    async def _signed(self, at: float) -> tuple[str, Mapping[str, str]]:
        return f"{self._url}?{signed_query(self._access, await self._nonce(at))}", {}

    async def _nonce(self, at: float) -> int:
        """Milliseconds since 1970, or one more than the last nonce: a clock that was set back must not repeat one."""
        now = ceil(at * 1000)

        def step(last: Pace | None) -> tuple[Pace, int]:
            nonce = now if last is None else max(now, round(last.next_at) + 1)
            return Pace(next_at=float(nonce), interval=0.0), nonce

        return await self._wire.ledger.apply(f"nonce-{self._wire.fingerprint}", step)

    def _judged(self, answer: Answer) -> dict[str, _Coin] | Trouble:
        """Judged by `code`: `info` says success beside many a failure."""
        envelope = decoded(_decode, answer, EXCHANGE)
        if not isinstance(envelope, Trouble) and envelope.code is not None and str(envelope.code) != "200":
            return by_code(_CODES, str(envelope.code), envelope.info, answer, EXCHANGE, self._access)
        if (refused := by_status(answer, EXCHANGE)) is not None:
            return refused
        if isinstance(envelope, Trouble):
            return envelope
        if envelope.code is None:
            return misshapen(EXCHANGE, "gave an answer without a code")
        if bytes(memoryview(envelope.data)[:1]) != b"{":
            return misshapen(EXCHANGE, "answered code 200 without balances")
        return decoded(_decode_coins, Answer(answer.status, bytes(envelope.data)), EXCHANGE)


def signed_query(access: Access, nonce: int) -> str:
    """The query of one request: the parameters sorted by name, and their HMAC-SHA256 in lower-case hex digits."""
    parameters = urlencode(sorted({"accesskey": access.key, "nonce": str(nonce)}.items()))
    signature = hmac.digest(access.secret.encode(), parameters.encode(), hashlib.sha256).hex()
    return f"{parameters}&signature={signature}"
