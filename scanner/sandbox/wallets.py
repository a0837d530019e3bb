"""What is held on the provider's exchange: its funding account in version 5, and the wallet of version 3 before it."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from scanner.sandbox.balances import plain
from scanner.sandbox.checks import TOLERANCE, Credentials, same, signature
from scanner.sandbox.codes import OLD_CODES, Refusal
from scanner.sandbox.endpoints import Call, Endpoint, Reading
from scanner.sandbox.limits import Limit
from scanner.sandbox.pages import Asked, Json
from scanner.sandbox.play import Play
from scanner.sandbox.quirks import Quirks
from scanner.sandbox.worlds import Day

__all__ = ["FUNDING_LIMIT", "OldWallet", "funding", "parts", "wanted_currencies"]

FUNDING_LIMIT = 6
"""Requests a second that either version takes from a user."""

MOST_CURRENCIES = 20
MOST_ROWS = 100
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_EPOCH = re.compile(r"\d{10}(\.\d{1,3})?")
_BLANK = {"KEY": "30001", "SIGN": "30002", "TIMESTAMP": "30003", "PASSPHRASE": "30004"}


def parts(amount: Decimal, quirks: Quirks) -> tuple[Decimal, Decimal]:
    """How much of an amount is frozen, and how much is not."""
    frozen = amount / 4 if quirks.part_frozen else Decimal(0)
    return frozen, amount - frozen


def wanted_currencies(query: Mapping[str, str]) -> frozenset[str]:
    """Which currencies a request of version 5 is about; none is all of them. Raises Refusal for too many."""
    wanted = frozenset(query.get("ccy", "").split(",")) - {""}
    if len(wanted) > MOST_CURRENCIES:
        raise Refusal("51000", f"ccy takes at most {MOST_CURRENCIES} currencies")
    return wanted


def funding(day: Day, wanted: Collection[str], quirks: Quirks) -> list[Json]:
    """The `data` of version 5: what there is of each currency, or of those wanted; there is none without any."""
    rows = []
    for currency, amount in _there_is(day).items():
        if wanted and currency not in wanted:
            continue
        frozen, available = parts(amount, quirks)
        rows.append({"ccy": currency, "bal": plain(amount), "frozenBal": plain(frozen), "availBal": plain(available)})
    return rows


def _there_is(day: Day) -> dict[str, Decimal]:
    return {currency: amount for currency, amount in day.account("okx").items() if amount}


class OldWallet:
    """Version 3: signed in the same way, but it answers without an envelope, and has error codes of its own."""

    codes = OLD_CODES

    def __init__(self, play: Play, credentials: Credentials) -> None:
        self.play = play
        self.credentials = credentials
        self._limit = Limit(FUNDING_LIMIT)

    def endpoint(self, path: str) -> Endpoint | None:
        """The wallet, or the status."""
        return {"/api/account/v3/wallet": Endpoint.WALLET, "/api/system/v3/status": Endpoint.STATUS}.get(path)

    def read(self, call: Call) -> Reading:
        """Check a request. The status needs no signature. Raises Refusal."""
        endpoint = self.endpoint(call.path)
        if endpoint is None or call.method != "GET":
            raise Refusal("404", f"{call.method} {call.path}", OLD_CODES)
        if endpoint is Endpoint.STATUS:
            return Reading(Endpoint.STATUS, Asked(), lambda: self._status(call.at))
        self._check(call)
        if not self._limit.passes():
            raise Refusal("30014", table=OLD_CODES)
        if self.play.quirks.maintenance:
            raise Refusal("30032", table=OLD_CODES)
        return self._page(call.query)

    def refusal(self, refused: Refusal) -> Json:
        """The code and its words, each twice."""
        return {
            "error_message": refused.message,
            "code": int(refused.code),
            "error_code": refused.code,
            "message": refused.message,
        }

    def _check(self, call: Call) -> None:
        given = {name: call.headers.get(f"OK-ACCESS-{name}", "") for name in _BLANK}
        for name, code in _BLANK.items():
            if not given[name]:
                raise Refusal(code, table=OLD_CODES)
        if abs(call.at - _time(given["TIMESTAMP"])) > TOLERANCE:
            raise Refusal("30008", table=OLD_CODES)
        mine = self.credentials
        if not same(given["KEY"], mine.key):
            raise Refusal("30006", table=OLD_CODES)
        if not same(given["PASSPHRASE"], mine.passphrase):
            raise Refusal("30015", table=OLD_CODES)
        if not same(given["SIGN"], signature(mine.secret, given["TIMESTAMP"], call.method, call.target, call.body)):
            raise Refusal("30013", table=OLD_CODES)

    def _page(self, query: Mapping[str, str]) -> Reading:
        """A page of the wallet, between the cursors that other pages gave; its own lead on while there is more."""
        limit = min(_number(query, "limit", MOST_ROWS), MOST_ROWS, self.play.quirks.largest_page)
        rows = self._wallet()
        end = _number(query, "before", len(rows) + 1) - 1
        first = _number(query, "after", 0 if "before" not in query else max(0, end - limit))
        shown = rows[first : min(end, first + limit)]
        there_is_more = len(shown) < len(rows)
        headers = {"OK-BEFORE": str(first + 1), "OK-AFTER": str(first + len(shown))} if shown and there_is_more else {}
        return Reading(Endpoint.WALLET, Asked(limit=limit), lambda: shown, headers)

    def _wallet(self) -> list[Json]:
        rows = []
        for currency, amount in _there_is(self.play.today).items():
            frozen, available = parts(amount, self.play.quirks)
            rows.append(
                {
                    "currency": currency,
                    "balance": plain(amount),
                    "available": plain(available),
                    "hold": plain(frozen),
                }
            )
        return rows

    def _status(self, at: datetime) -> list[Json]:
        """The maintenance that is going on, of which there is none or one."""
        if not self.play.quirks.maintenance:
            return []
        begun, over = (_written(at + timedelta(minutes=minutes)) for minutes in (-10, 50))
        return [{"title": "Maintenance", "href": "", "start_time": begun, "end_time": over, "status": "1"}]


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    written = query.get(name, str(otherwise))
    if not re.fullmatch(r"\d{1,9}", written):
        raise Refusal("30024", name, OLD_CODES)
    return int(written)


def _time(written: str) -> datetime:
    """The time of a request, in either of the two forms."""
    try:
        if _EPOCH.fullmatch(written):
            return datetime.fromtimestamp(float(written), UTC)
        if _ISO.fullmatch(written):
            return datetime.fromisoformat(written)
    except ValueError:
        pass
    raise Refusal("30005", "epoch seconds or ISO 8601 is expected", OLD_CODES)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
