"""OKX's funding account, interface v3: superseded in 2021, its host gone since; kept for whoever still runs one.

The wallet is a bare array, in pages that the `OK-AFTER` header leads through; errors come as an object with a code.
When it fails, the status endpoint, which needs no key, says whether that is maintenance.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from scanner.context.exchanges.accounts import Access, advised
from scanner.context.exchanges.answers import Verdict, amount_of, by_code, by_status, decoded, held, misshapen
from scanner.context.exchanges.wire import Manners, Wire
from scanner.domain.assets import Account
from scanner.domain.hostile import quoted
from scanner.errors import Reason, Trouble
from scanner.http import Answer
from scanner.okx.pacing import Ledger
from scanner.okx.signing import Credentials, signed_headers

__all__ = ["OkxV3"]

BASE_URL = "https://www.okex.com"
EXCHANGE = "OKX (v3)"
MANNERS = Manners(EXCHANGE, requests_per_second=5.0, lockout=1.0)
WALLET = "/api/account/v3/wallet"
STATUS = "/api/system/v3/status"
MOST_PAGES = 50
OVER = "2"
"""The status of a maintenance that is over."""

_CODES: Mapping[str, Verdict] = {
    **dict.fromkeys(("30001", "30002", "30003", "30004"), (Reason.REFUSED_KEY, "a part of the key is missing")),
    "30005": (Reason.CLOCK, "the time of the request is not accepted"),
    "30006": (Reason.REFUSED_KEY, "the key is not valid"),
    "30011": (Reason.REFUSED_KEY, "this machine's address is not allowed to use the key"),
    "30008": (Reason.CLOCK, "the time of the request is not accepted"),
    **dict.fromkeys(("30012", "30013"), (Reason.REFUSED_KEY, "the signature is not accepted")),
    **dict.fromkeys(("30014", "30026"), (Reason.RATE_LIMITED, "too many requests for this key")),
    "30015": (Reason.REFUSED_KEY, "the passphrase is wrong"),
}


class _Balance(msgspec.Struct):
    currency: str
    balance: msgspec.Raw = msgspec.Raw(b"")


class _Refusal(msgspec.Struct):
    code: str | int | None = None
    error_code: str | int | None = None
    message: Any = None
    error_message: Any = None


class _Maintenance(msgspec.Struct):
    title: str = ""
    status: str | int = OVER
    end_time: str = ""


_decode_wallet = msgspec.json.Decoder(list[_Balance]).decode
_decode_refusal = msgspec.json.Decoder(_Refusal).decode
_decode_status = msgspec.json.Decoder(list[_Maintenance]).decode


class OkxV3:
    """A funding account. The session is the caller's."""

    def __init__(self, access: Access, session: aiohttp.ClientSession, ledger: Ledger) -> None:
        self._access = access
        self._base_url = access.base_url or BASE_URL
        self._credentials = Credentials(access.key, access.secret, access.passphrase)
        self._wire = Wire(session, ledger, MANNERS, key=access.key, timeout=access.timeout)

    async def read(self) -> Account:
        """What the account holds. Pages that came before one that failed count."""
        amounts: dict[str, Decimal | None] = {}
        trouble = await self._pages(amounts)
        if trouble is not None:
            trouble = advised(await self._explained(trouble), self._access)
        return Account(self._access.name, held(amounts), datetime.fromtimestamp(self._wire.now(), UTC), trouble)

    async def _pages(self, amounts: dict[str, Decimal | None]) -> Trouble | None:
        """Read page after page into `amounts`; what kept it from the last one, if anything did."""
        path, seen = WALLET, set[str]()
        for _ in range(MOST_PAGES):
            page = await self._wire.ask(partial(self._signed, path), self._judged)
            if isinstance(page, Trouble):
                return page
            rows, cursor = page
            amounts |= {row.currency: amount_of(row.balance) for row in rows}
            if not rows or cursor in ("", "0"):
                return None
            if cursor in seen:
                return misshapen(EXCHANGE, "leads through its pages in a circle")
            seen.add(cursor)
            path = f"{WALLET}?after={quote(cursor, safe='')}"
        return misshapen(EXCHANGE, f"has more than {MOST_PAGES} pages")

    async def _signed(self, path: str, at: float) -> tuple[str, Mapping[str, str]]:
        return self._base_url + path, signed_headers(self._credentials, "GET", path, b"", at)

    def _judged(self, answer: Answer) -> tuple[list[_Balance], str] | Trouble:
        """The rows of a page, and the cursor of what is after it."""
        refusal = None if answer.body.lstrip()[:1] != b"{" else decoded(_decode_refusal, answer, EXCHANGE)
        if isinstance(refusal, _Refusal):
            # Code 0 beside an error's code says nothing; so does an error's code of "0".
            for code in (refusal.error_code, refusal.code):
                if str(code or "0") != "0":
                    words = refusal.error_message or refusal.message
                    return by_code(_CODES, str(code), words, answer, EXCHANGE, self._access)
        if (refused := by_status(answer, EXCHANGE)) is not None:
            return refused
        rows = decoded(_decode_wallet, answer, EXCHANGE)
        return rows if isinstance(rows, Trouble) else (rows, answer.headers.get("ok-after", ""))

    async def _explained(self, trouble: Trouble) -> Trouble:
        """The same trouble, with the maintenance that explains it, if the service speaks of one."""
        if trouble.reason not in (Reason.UNAVAILABLE, Reason.PROTOCOL):
            return trouble
        answer = await self._wire.get(self._base_url + STATUS, {})
        told = answer if isinstance(answer, Trouble) else decoded(_decode_status, answer, EXCHANGE)
        now = [] if isinstance(told, Trouble) else [one for one in told if str(one.status) != OVER]
        if not now:
            return trouble
        said = f"{trouble.message}; it speaks of maintenance: {quoted(now[0].title)} until {quoted(now[0].end_time)}"
        return Trouble(Reason.UNAVAILABLE, said, code=trouble.code)
