"""What is held on the other exchange, XT: its documented version 1, and version 4, which was seen in client code."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from scanner.sandbox.balances import plain
from scanner.sandbox.checks import Credentials, same
from scanner.sandbox.codes import XT_CODES, XT_V4_CODES, Refusal
from scanner.sandbox.endpoints import Call, Endpoint, Reading
from scanner.sandbox.limits import Limit
from scanner.sandbox.pages import Asked, Json
from scanner.sandbox.play import Play
from scanner.sandbox.wallets import parts

__all__ = ["LOCKED_FOR", "XtFour", "XtOne", "four_signature", "one_signature"]

LOCKED_FOR = timedelta(minutes=10)
"""How long version 1 shuts out whoever asks too often."""

ONE_LIMIT = 3
FOUR_LIMIT = 10
LONGEST_WINDOW = 60_000
_NONCE = re.compile(r"\d{13}")


def one_signature(secret: str, parameters: Mapping[str, str]) -> str:
    """Version 1: HMAC-SHA256 in lower-case hex over the parameters but the signature, sorted, as `k=v` with `&`."""
    others = sorted((name, value) for name, value in parameters.items() if name != "signature")
    return _mac(secret, _joined(others))


def four_signature(secret: str, call: Call) -> str:
    """Version 4: the same over the `validate-` headers, sorted, and `#METHOD#path`, `#query` and `#body` if any."""
    headers = {name.lower(): value for name, value in call.headers.items()}
    named = sorted((name, headers[name]) for name in _HEADERS if name in headers and name != "validate-signature")
    text = f"{_joined(named)}#{call.method}#{call.path}"
    if call.query:
        text += f"#{_joined(sorted(call.query.items()))}"
    if call.body:
        text += f"#{call.body.decode()}"
    return _mac(secret, text)


class XtOne:
    """Version 1. It takes a nonce once, and locks the account of whoever asks more than three times a second."""

    codes = XT_CODES

    def __init__(self, play: Play, credentials: Credentials) -> None:
        self.play = play
        self.credentials = credentials
        self._limit = Limit(ONE_LIMIT)
        self._nonce = 0
        self._locked_until: datetime | None = None

    def endpoint(self, path: str) -> Endpoint | None:
        """The balance, and nothing else."""
        return Endpoint.XT if path == "/trade/api/v1/getBalance" else None

    def read(self, call: Call) -> Reading:
        """Check a request: its key, its nonce, its signature, and then how often it comes. Raises Refusal."""
        if self.endpoint(call.path) is None or call.method != "GET":
            raise _refused("404", f"{call.method} {call.path}")
        if not same(call.query.get("accesskey", ""), self.credentials.xt_key):
            raise _refused("307")
        nonce = call.query.get("nonce", "")
        if not _NONCE.fullmatch(nonce):
            raise _refused("400", "nonce has to be the time in milliseconds, of 13 digits")
        if not same(call.query.get("signature", ""), one_signature(self.credentials.xt_secret, call.query)):
            raise _refused("308")
        self._pace(call.at)
        if int(nonce) <= self._nonce:
            raise _refused("400", f"nonce has to be larger than the last one, {self._nonce}")
        self._nonce = int(nonce)
        return Reading(Endpoint.XT, Asked(), self._balance)

    def refusal(self, refused: Refusal) -> Json:
        """The code as a number, and words under `info`."""
        return {"code": int(refused.code), "info": refused.message}

    def _pace(self, at: datetime) -> None:
        if self._locked_until is not None and at < self._locked_until:
            raise _locked()
        if not self._limit.passes():
            self._locked_until = at + LOCKED_FOR
            raise _locked()

    def _balance(self) -> Json:
        """Every currency that the account ever had, in lower case; also those of which nothing is left."""
        data = {}
        for currency, amount in self.play.today.account("xt").items():
            frozen, available = parts(amount, self.play.quirks)
            data[currency.lower()] = {"freeze": plain(frozen), "available": plain(available)}
        return {"code": 200, "data": data, "info": "success"}


class XtFour:
    """Version 4."""

    codes = XT_V4_CODES

    def __init__(self, play: Play, credentials: Credentials) -> None:
        self.play = play
        self.credentials = credentials
        self._limit = Limit(FOUR_LIMIT)

    def endpoint(self, path: str) -> Endpoint | None:
        """The balances, and nothing else."""
        return Endpoint.XT_V4 if path == "/v4/balances" else None

    def read(self, call: Call) -> Reading:
        """Check a request: its headers are there and right, it is on time, ours and signed. Raises Refusal."""
        if self.endpoint(call.path) is None or call.method != "GET":
            raise Refusal("404", f"{call.method} {call.path}", XT_V4_CODES)
        for name, (missing, form, wrong) in _HEADERS.items():
            given = call.headers.get(name, "")
            if not given:
                raise Refusal(missing, table=XT_V4_CODES)
            if not re.fullmatch(form, given):
                raise Refusal(wrong, table=XT_V4_CODES)
        window = int(call.headers["validate-recvwindow"])
        if not 0 < window <= LONGEST_WINDOW:
            raise Refusal("AUTH_004", table=XT_V4_CODES)
        if abs(int(call.headers["validate-timestamp"]) - call.at.timestamp() * 1000) > window:
            raise Refusal("AUTH_105", table=XT_V4_CODES)
        if not same(call.headers["validate-appkey"], self.credentials.xt_key):
            raise Refusal("AUTH_101", table=XT_V4_CODES)
        if not same(call.headers["validate-signature"], four_signature(self.credentials.xt_secret, call)):
            raise Refusal("AUTH_103", table=XT_V4_CODES)
        if not self._limit.passes():
            raise Refusal("429", table=XT_V4_CODES)
        wanted = frozenset(call.query.get("currencies", "").split(",")) - {""}
        return Reading(Endpoint.XT_V4, Asked(), lambda: self._balances(wanted))

    def refusal(self, refused: Refusal) -> Json:
        """The code under `mc`, beside `rc` 1; what is only an HTTP status is a plain failure."""
        code = "FAILURE" if refused.code.isdigit() else refused.code
        return {"rc": 1, "mc": code, "ma": [], "result": None}

    def _balances(self, wanted: frozenset[str]) -> Json:
        assets = []
        for currency, amount in self.play.today.account("xt").items():
            if wanted and currency.lower() not in wanted:
                continue
            frozen, available = parts(amount, self.play.quirks)
            assets.append(
                {
                    "currency": currency.lower(),
                    "frozenAmount": plain(frozen),
                    "availableAmount": plain(available),
                    "totalAmount": plain(amount),
                }
            )
        return {"rc": 0, "mc": "SUCCESS", "ma": [], "result": {"assets": assets}}


_HEADERS = {
    "validate-appkey": ("AUTH_001", ".+", "AUTH_101"),
    "validate-timestamp": ("AUTH_002", r"\d{13}", "AUTH_105"),
    "validate-recvwindow": ("AUTH_003", r"\d{1,6}", "AUTH_004"),
    "validate-algorithms": ("AUTH_005", "HmacSHA256", "AUTH_006"),
    "validate-signature": ("AUTH_007", ".+", "AUTH_103"),
}
"""What each header is refused with where it is missing, the form that it needs to have, and the code for another."""


def _mac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def _refused(code: str, detail: str = "") -> Refusal:
    return Refusal(code, detail, XT_CODES)


def _locked() -> Refusal:
    return _refused("404", "the account is locked for ten minutes, too many requests")
