"""Everything that can go wrong at the far side, by name, and when it does."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from scanner.sandbox import bends, wire
from scanner.sandbox.codes import CODES, OLD_CODES, XT_CODES, XT_V4_CODES, Codes
from scanner.sandbox.endpoints import Endpoint
from scanner.sandbox.pages import Asked, Json
from scanner.sandbox.worlds import Key

__all__ = ["FAULTS", "FAULTS_AT", "Armed", "Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong: an error code, or a sound answer that is bent, or sent badly.

    `fatal` says that no client can have read the whole of a target where one page, whichever, was answered like that;
    where it is false, a right client may still make sense of it.
    """

    name: str
    title: str
    code: str | None = None
    bend: bends.Bend | None = None
    send: wire.Wire | None = None
    fatal: bool = True

    async def answer(self, request: web.Request, asked: Asked, sound: Json) -> web.StreamResponse:
        """Answer badly. `sound` is the answer as it should have been, a text where it is no JSON, and is used up."""
        said = self.bend(sound, asked) if self.bend else sound
        body = said if isinstance(sound, str) else json.dumps(said)
        return await (self.send or wire.sent())(request, body.encode())


@dataclass(slots=True)
class Armed:
    """A fault that waits for its request to an endpoint: for any, or only for a page, a target, or the nth of all.

    `page` is a number from 1, or "first" or "later". `times` is how often it still happens, None for ever.
    """

    fault: Fault
    endpoint: Endpoint = Endpoint.APPROVALS
    times: int | None = 1
    page: int | str | None = None
    target: Key | None = None
    request: int | None = None

    def strikes(self, endpoint: Endpoint, asked: Asked, number: int) -> bool:
        """Whether it happens to this request, an endpoint's `number`th from 1; if so, it has happened once more."""
        wanted = (
            self.endpoint is endpoint
            and self.page in (None, asked.page, "first" if asked.page == 1 else "later")
            and self.target in (None, *asked.entries)
            and self.request in (None, number)
        )
        if wanted and self.times is not None:
            self.times -= 1
        return wanted


def _codes(table: Codes) -> Iterator[Fault]:
    for code, (status, words) in table.items():
        yield Fault(f"code-{code}", f"code {code} with HTTP {status}: {words}", code)


def _status(status: int, words: str) -> Fault:
    page = f"<html><head><title>{status} {words}</title></head><body><h1>{words}</h1></body></html>"
    send = wire.sent(status, text=page, content_type="text/html")
    return Fault(f"http-{status}", f"HTTP {status} {words}, with a page of HTML", send=send)


_STATUSES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

_CHALLENGE = "<html><head><title>Just a moment…</title></head><body>Checking your browser</body></html>"

_ON_THE_WIRE = (
    Fault("http-429-retry-after", "HTTP 429 that names the seconds to wait", send=wire.sent(429, "", retry_after="1")),
    Fault("closed", "the connection closes without a byte", send=wire.closed),
    Fault("hang", "nothing comes until the client gives up", send=wire.hanging),
    Fault("drip", "the body comes a byte at a time", send=wire.dripping),
    Fault("half-body", "the connection closes in the middle of the body", send=wire.broken_off),
    Fault("cut-json", "a whole answer whose JSON stops short", send=wire.sent(text='{"code":"0","data":[{"cu')),
    Fault("empty-body", "HTTP 200 with nothing in it", send=wire.sent(text="")),
    Fault("html", "HTTP 200 with a page of HTML", send=wire.sent(text=_CHALLENGE, content_type="text/html")),
    Fault("redirect", "a redirect to another path", send=wire.sent(302, "", location="/api/v5/elsewhere")),
    Fault("wrong-charset", "the answer in UTF-16, said to be UTF-8", send=wire.sent(encoding="utf-16")),
    Fault("gzip-garbage", "said to be compressed, but is not", send=wire.sent(content_encoding="gzip")),
    Fault("ten-megabytes", "ten megabytes of one text without an end", send=wire.swollen),
    Fault("deep-nesting", "lists in lists, a hundred thousand deep", send=wire.sent(text='{"data":' + "[" * 100_000)),
)

_STRANGE = f"0x{'de' * 20}"
_NOBODY = {"projectName": "", "approvalAddress": _STRANGE}

_IN_THE_ENVELOPE = (
    Fault("duplicate-keys", "two codes in one envelope, of which the second is an error", send=wire.twice_coded),
    Fault("not-an-object", "a list instead of the envelope", bend=bends.instead([])),
    Fault("just-null", "null instead of the envelope", bend=bends.instead(None)),
    Fault("no-code", "no code in the envelope", bend=bends.envelope(code=...)),
    Fault("strange-code", "a code that no table has", bend=bends.envelope(code="99999", msg="?", data=[])),
    Fault("code-null", "null for a code", bend=bends.envelope(code=None)),
    Fault("code-object", "an object for a code", bend=bends.envelope(code={"value": "0"})),
    Fault("no-data", "no data in the envelope", bend=bends.envelope(data=...)),
    Fault("data-null", "null for data", bend=bends.envelope(data=None)),
    Fault("data-object", "an object for data", bend=bends.envelope(data={})),
    Fault("data-text", "a text for data", bend=bends.envelope(data="none")),
    Fault("data-empty", "an empty list for data, under code 0", bend=bends.envelope(data=[]), fatal=False),
    Fault("entry-null", "null for the entries of data", bend=bends.envelope(data=[None])),
    Fault("entry-list", "lists for the entries of data", bend=bends.envelope(data=[[]])),
)

_IN_THE_ROWS = (
    Fault("no-chain", "no chainIndex", bend=bends.chains(...), fatal=False),
    Fault("wrong-chain", "a chain that was not asked for", bend=bends.chains("999999")),
    Fault("chain-object", "an object for a chainIndex", bend=bends.chains({})),
    Fault("rows-null", "null for the rows", bend=bends.rows(None)),
    Fault("rows-object", "an object for the rows", bend=bends.rows({})),
    Fault("rows-text", "a text for the rows", bend=bends.rows("none")),
    Fault("row-null", "null for a row", bend=bends.rows([None])),
    Fault("row-number", "a number for a row", bend=bends.rows([7])),
    Fault("symbol-number", "a number for a symbol", bend=bends.tokens(symbol=7), fatal=False),
)

_OF_APPROVALS = (
    Fault("cursor-object", "an object for a cursor", bend=bends.entries(cursor={"next": 2})),
    Fault("cursor-list", "a list for a cursor", bend=bends.entries(cursor=["2"])),
    Fault("cursor-true", "true for a cursor", bend=bends.entries(cursor=True)),
    # These two only come to something where they strike every page after the first.
    Fault("cursor-cycle", "two pages that lead to each other, if they have a row", bend=bends.cycling, fatal=False),
    Fault("endless", "always a next page, always another row", bend=bends.endless, fatal=False),
    Fault("no-tokens", "a project without tokens", bend=bends.rows([_NOBODY])),
    Fault("tokens-null", "null for a project's tokens", bend=bends.rows([{**_NOBODY, "tokens": None}])),
    Fault("token-text", "a text for a token", bend=bends.rows([{**_NOBODY, "tokens": ["USDT"]}])),
    Fault("amount-object", "an object for an amount", bend=bends.tokens(approvalNum={}, remainAmount={}), fatal=False),
    Fault("status-object", "an object for a status", bend=bends.tokens(status={}), fatal=False),
    Fault("token-address-number", "a number for a token's address", bend=bends.tokens(tokenAddress=7), fatal=False),
    Fault("row-slips", "a row moves over the border between two pages, unseen", bend=bends.slipped, fatal=False),
)

_OF_BALANCES = (
    Fault("token-missing", "the first token that is held is left out", bend=bends.beheaded, fatal=False),
    Fault(
        "token-foreign", "a token that was not asked for", bend=bends.tokens(tokenContractAddress=_STRANGE), fatal=False
    ),
    Fault("token-number", "a number for a token's address", bend=bends.tokens(tokenContractAddress=7), fatal=False),
    Fault("owner-foreign", "somebody else's address", bend=bends.tokens(address=_STRANGE)),
    Fault("raw-wrong", "a rawBalance that is not the balance", bend=bends.tokens(rawBalance="7"), fatal=False),
    Fault("price-garbage", "words for a price", bend=bends.tokens(tokenPrice="priceless"), fatal=False),
    Fault("price-negative", "a price below zero", bend=bends.tokens(tokenPrice="-1"), fatal=False),
    Fault("price-nan", "a price that is no number", bend=bends.tokens(tokenPrice="NaN"), fatal=False),
    Fault("price-null", "null for a price", bend=bends.tokens(tokenPrice=None), fatal=False),
    Fault("risk-null", "null for isRiskToken", bend=bends.tokens(isRiskToken=None), fatal=False),
)

_OF_AMOUNTS = (
    Fault("amount-garbage", "words for every amount", bend=bends.amounts("rather a lot"), fatal=False),
    Fault("amount-null", "null for every amount", bend=bends.amounts(None), fatal=False),
    Fault("amount-number", "numbers for every amount, not texts", bend=bends.amounts(7.25), fatal=False),
    Fault("amount-negative", "less than nothing of everything", bend=bends.amounts("-1"), fatal=False),
)

_OF_BARE_LISTS = (
    Fault("just-null", "null instead of the list", bend=bends.instead(None)),
    Fault("not-a-list", "an object instead of the list", bend=bends.instead({})),
    Fault("row-null", "null for a row", bend=bends.instead([None])),
)

_OF_THE_OTHER_EXCHANGE = (
    Fault("just-null", "null instead of the envelope", bend=bends.instead(None)),
    Fault("not-an-object", "a list instead of the envelope", bend=bends.instead([])),
    Fault("no-code", "no code in the envelope", bend=bends.envelope(code=..., rc=...)),
    Fault("strange-code", "a code that no table has", bend=bends.envelope(code=999, rc=999)),
    Fault("data-null", "null for what is held", bend=bends.envelope(data=None, result=None)),
    Fault("data-text", "a text for what is held", bend=bends.envelope(data="none", result="none")),
)

_OF_LISTS = (
    Fault("list-empty", "the list has lost all of its rows", bend=bends.emptied, fatal=False),
    Fault("rows-broken", "rows that say nothing among those that do", bend=bends.littered, fatal=False),
)

_EVERYWHERE = (*(_status(status, words) for status, words in _STATUSES.items()), *_ON_THE_WIRE)


def _by_name(*kinds: Iterable[Fault]) -> dict[str, Fault]:
    return {fault.name: fault for faults in (*kinds, _EVERYWHERE) for fault in faults}


FAULTS_AT: Mapping[Endpoint, Mapping[str, Fault]] = {
    Endpoint.APPROVALS: _by_name(_codes(CODES), _IN_THE_ENVELOPE, _IN_THE_ROWS, _OF_APPROVALS),
    Endpoint.BALANCES: _by_name(_codes(CODES), _IN_THE_ENVELOPE, _IN_THE_ROWS, _OF_BALANCES, _OF_AMOUNTS),
    Endpoint.CHAINS: _by_name(_codes(CODES), _IN_THE_ENVELOPE),
    Endpoint.FUNDING: _by_name(_codes(CODES), _IN_THE_ENVELOPE, _OF_AMOUNTS),
    Endpoint.WALLET: _by_name(_codes(OLD_CODES), _OF_BARE_LISTS, _OF_AMOUNTS),
    Endpoint.STATUS: _by_name(_codes(OLD_CODES), _OF_BARE_LISTS),
    Endpoint.XT: _by_name(_codes(XT_CODES), _OF_THE_OTHER_EXCHANGE, _OF_AMOUNTS),
    Endpoint.XT_V4: _by_name(_codes(XT_V4_CODES), _OF_THE_OTHER_EXCHANGE, _OF_AMOUNTS),
    Endpoint.LISTS: _by_name(_OF_LISTS),
}
"""Every fault by its name, at the endpoint where it can happen."""

FAULTS = FAULTS_AT[Endpoint.APPROVALS]
"""Every fault of the approvals, by its name."""
