"""The provider's signed API: approvals, balances, chains, and the exchange's funding account, behind one key."""

from collections.abc import Callable
from typing import TypeAlias

from scanner.sandbox.balances import all_balances, asked_for_all, asked_for_some, some_balances, supported_chains
from scanner.sandbox.checks import Credentials, check_body, check_headers, check_successor_body
from scanner.sandbox.codes import CODES, Refusal
from scanner.sandbox.endpoints import Call, Endpoint, Reading, Reply
from scanner.sandbox.limits import Limit
from scanner.sandbox.pages import Asked, Json, approvals
from scanner.sandbox.play import Play
from scanner.sandbox.successor import PATH as SUCCESSOR
from scanner.sandbox.successor import flat_approvals
from scanner.sandbox.wallets import FUNDING_LIMIT, funding, wanted_currencies

__all__ = ["Gateway"]

_Read: TypeAlias = Callable[[Call], tuple[Asked, Reply]]


class Gateway:
    """Everything that one key opens. `limit` is what the key may ask for in all; None is no limit."""

    codes = CODES

    def __init__(self, play: Play, credentials: Credentials, limit: Limit | None) -> None:
        self.play = play
        self.credentials = credentials
        self.limit = limit
        self._funding_limit = Limit(FUNDING_LIMIT)

    def endpoint(self, path: str) -> Endpoint | None:
        """What a path leads to, in the dialect of the day."""
        served = self._served(path)
        return served[0] if served else None

    def read(self, call: Call) -> Reading:
        """Check the headers, the rate, the path, the method and what is asked for, in this order. Raises Refusal."""
        check_headers(call.headers, call.method, call.target, call.body, self.credentials, call.at)
        if self.limit is not None and not self.limit.passes():
            raise Refusal("50011")
        served = self._served(call.path)
        if served is None:
            raise Refusal("404", call.path)
        endpoint, method, read = served
        if call.method != method:
            raise Refusal("50115", f"{method} is expected")
        return Reading(endpoint, *read(call))

    def refusal(self, refused: Refusal) -> Json:
        """The envelope with an error's code and no data."""
        code = int(refused.code) if self.play.quirks.code_as_number else refused.code
        return {"code": code, "msg": refused.message, "data": []}

    def _served(self, path: str) -> tuple[Endpoint, str, _Read] | None:
        if path == self.play.quirks.path:
            return Endpoint.APPROVALS, "POST", self._approvals
        match path.removeprefix("/api/v5/").removeprefix("/api/v6/"):
            case _ if path == SUCCESSOR:
                return Endpoint.APPROVALS, "POST", self._successor
            case "dex/balance/all-token-balances-by-address":
                return Endpoint.BALANCES, "GET", self._all_balances
            case "dex/balance/token-balances-by-address":
                return Endpoint.BALANCES, "POST", self._some_balances
            case "dex/balance/supported/chain":
                return Endpoint.CHAINS, "GET", self._chains
            case "asset/balances" if path.startswith("/api/v5/"):
                return Endpoint.FUNDING, "GET", self._funding
        return None

    def _approvals(self, call: Call) -> tuple[Asked, Reply]:
        play, asked = self.play, check_body(call.body, call.content_type, self.play.quirks)
        return asked, lambda: self._said(approvals(play.today, asked, play.quirks, seed=play.answered))

    def _successor(self, call: Call) -> tuple[Asked, Reply]:
        play, asked = self.play, check_successor_body(call.body, call.content_type, self.play.quirks)
        return asked, lambda: self._said(flat_approvals(play.today, asked, play.quirks))

    def _all_balances(self, call: Call) -> tuple[Asked, Reply]:
        play, (asked, risk) = self.play, asked_for_all(call.query)
        return asked, lambda: self._said(
            all_balances(play.today, asked.entries, play.quirks, with_risk=risk), "success"
        )

    def _some_balances(self, call: Call) -> tuple[Asked, Reply]:
        play, (asked, tokens, risk) = self.play, asked_for_some(call.body, call.content_type)
        return asked, lambda: self._said(
            some_balances(play.today, asked.entries, tokens, play.quirks, with_risk=risk), "success"
        )

    def _chains(self, call: Call) -> tuple[Asked, Reply]:
        return Asked(), lambda: self._said(supported_chains(), "success")

    def _funding(self, call: Call) -> tuple[Asked, Reply]:
        if not self._funding_limit.passes():
            raise Refusal("50011")
        wanted = wanted_currencies(call.query)
        return Asked(), lambda: self._said(funding(self.play.today, wanted, self.play.quirks))

    def _said(self, data: list[Json], message: str = "") -> dict[str, Json]:
        return {"code": 0 if self.play.quirks.code_as_number else "0", "msg": message, "data": data}
