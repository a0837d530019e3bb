"""XT.com, interface v4, the successor of v1: `balances`, signed by headers.

Not documented to the letter: what is known was seen in client code. It is asked as gently as v1 (see `xt_v1`).
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import aiohttp
import msgspec

from scanner.context.exchanges.accounts import Access, advised
from scanner.context.exchanges.answers import Verdict, added, amount_of, by_code, by_status, decoded, held, misshapen
from scanner.context.exchanges.wire import Wire
from scanner.context.exchanges.xt_v1 import EXCHANGE, MANNERS
from scanner.domain.assets import Account
from scanner.errors import Reason, Trouble
from scanner.http import Answer
from scanner.okx.pacing import Ledger

__all__ = ["XtV4", "signed_headers"]

BASE_URL = "https://sapi.xt.com"
BALANCES = "/v4/balances"
WINDOW = "5000"
"""Milliseconds that a signature holds for."""

_REFUSED = (Reason.REFUSED_KEY, "the key, its signature or its rights are refused")
_CODES: Mapping[str, Verdict] = {
    **dict.fromkeys(("AUTH_001", "AUTH_002", "AUTH_003", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_007"), _REFUSED),
    **dict.fromkeys(("AUTH_101", "AUTH_102", "AUTH_103", "AUTH_104", "AUTH_106"), _REFUSED),
    "AUTH_105": (Reason.CLOCK, "the time of the request is not accepted"),
}


class _Asset(msgspec.Struct):
    currency: str
    frozenAmount: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - the service's own name
    availableAmount: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - the service's own name
    totalAmount: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - the service's own name


class _Result(msgspec.Struct):
    assets: list[_Asset]


class _Envelope(msgspec.Struct):
    rc: int | str | None = None
    mc: str | int | None = None
    result: _Result | None = None


_decode = msgspec.json.Decoder(_Envelope).decode


class XtV4:
    """An account. The session is the caller's."""

    def __init__(self, access: Access, session: aiohttp.ClientSession, ledger: Ledger) -> None:
        self._access = access
        self._wire = Wire(session, ledger, MANNERS, key=access.key, timeout=access.timeout)

    async def read(self) -> Account:
        """What the account holds, from one request."""
        assets = await self._wire.ask(self._signed, self._judged)
        read_at = datetime.fromtimestamp(self._wire.now(), UTC)
        if isinstance(assets, Trouble):
            return Account(self._access.name, {}, read_at, advised(assets, self._access))
        return Account(self._access.name, held({asset.currency: _whole(asset) for asset in assets}), read_at)

    async def _signed(self, at: float) -> tuple[str, Mapping[str, str]]:
        return (self._access.base_url or BASE_URL) + BALANCES, signed_headers(self._access, "GET", BALANCES, at)

    def _judged(self, answer: Answer) -> list[_Asset] | Trouble:
        envelope = decoded(_decode, answer, EXCHANGE)
        if not isinstance(envelope, Trouble) and envelope.rc is not None and str(envelope.rc) != "0":
            return by_code(_CODES, str(envelope.mc or envelope.rc), None, answer, EXCHANGE, self._access)
        if (refused := by_status(answer, EXCHANGE)) is not None:
            return refused
        if isinstance(envelope, Trouble):
            return envelope
        if envelope.rc is None or envelope.result is None:
            return misshapen(EXCHANGE, "gave an answer without a code or without balances")
        return envelope.result.assets


def _whole(asset: _Asset) -> Decimal | None:
    """All of an asset: as the exchange adds it up, else what is frozen and what is not."""
    whole = amount_of(asset.totalAmount)
    return added(amount_of(asset.frozenAmount), amount_of(asset.availableAmount)) if whole is None else whole


def signed_headers(access: Access, method: str, path: str, at: float) -> dict[str, str]:
    """The headers of one request without query and body, at a time in seconds since 1970.

    Signed are the headers, sorted by name and joined as in a query, and after them `#METHOD#path`.
    """
    headers = {
        "validate-algorithms": "HmacSHA256",
        "validate-appkey": access.key,
        "validate-recvwindow": WINDOW,
        "validate-timestamp": str(int(at * 1000)),
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(headers.items())) + f"#{method}#{path}"
    return headers | {"validate-signature": hmac.digest(access.secret.encode(), text.encode(), hashlib.sha256).hex()}
