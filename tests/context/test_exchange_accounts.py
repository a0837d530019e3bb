"""Accounts at exchanges: what is read of sound answers, what is said of every other, and how gently it is asked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from exchange_sides import (
    KEY,
    PASSPHRASE,
    SECRET,
    exchange_side,
    opened,
    sound_okx,
    sound_xt_v1,
    sound_xt_v4,
)

from scanner.context.exchanges import EXCHANGES, Access
from scanner.context.exchanges.xt_v1 import signed_query
from scanner.context.exchanges.xt_v4 import signed_headers
from scanner.domain.assets import Account
from scanner.errors import Reason
from scanner.okx.pacing import MemoryLedger, Pace

EVERY = sorted(EXCHANGES)
XT = [("xt", "v1"), ("xt", "v4")]


def okx_v5(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": list(rows)}


def xt_v1(data: Any, code: Any = 200, info: str = "success") -> dict[str, Any]:
    return {"code": code, "data": data, "info": info}


def xt_v4(*assets: dict[str, Any]) -> dict[str, Any]:
    return {"rc": 0, "mc": "SUCCESS", "ma": [], "result": {"assets": list(assets)}}


SOUND: dict[tuple[str, str], tuple[str, Any, Any]] = {
    ("okx", "v5"): (
        "/api/v5/asset/balances",
        okx_v5(
            {"ccy": "BTC", "bal": "0.123456789012345678", "frozenBal": "0.1", "availBal": "0.023456789012345678"},
            {"ccy": "USDT", "bal": "1500", "frozenBal": "0", "availBal": "1500", "new": True},
        ),
        sound_okx,
    ),
    ("okx", "v3"): (
        "/api/account/v3/wallet",
        [
            {"currency": "BTC", "balance": 0.123456789012345678, "available": "0", "hold": "0"},
            {"currency": "USDT", "balance": "1500", "available": "1500", "hold": "0"},
        ],
        sound_okx,
    ),
    ("xt", "v1"): (
        "/trade/api/v1/getBalance",
        xt_v1(
            {
                "btc": {"freeze": "0.100000000000000001", "available": "0.023456789012345677"},
                "usdt": {"freeze": "0", "available": "1500"},
                "xt": {"freeze": "0.00", "available": "0.00"},
            }
        ),
        sound_xt_v1,
    ),
    ("xt", "v4"): (
        "/v4/balances",
        xt_v4(
            {"currency": "btc", "frozenAmount": "0.1", "availableAmount": "0", "totalAmount": "0.123456789012345678"},
            {"currency": "usdt", "frozenAmount": "500", "availableAmount": "1000"},
        ),
        sound_xt_v4,
    ),
}
EXACT = Decimal("0.123456789012345678")


async def read(exchange: tuple[str, str], answer: Any, **more: Any) -> Account:
    """One reading from a far side that gives that answer to everything."""
    async with (
        exchange_side(lambda request: answer() if callable(answer) else answer) as side,
        opened(*exchange, side.url, **more) as account,
    ):
        return await account.read()


@pytest.mark.parametrize("exchange", EVERY)
async def test_a_sound_answer_is_read_to_the_last_digit(exchange: tuple[str, str]) -> None:
    path, answer, sound = SOUND[exchange]
    # A number that is not written as a text is read as it stands, never through a float.
    body = b'[{"currency":"BTC","balance":0.123456789012345678},{"currency":"USDT","balance":"1500"}]'
    answer = body if exchange == ("okx", "v3") else answer
    async with exchange_side(lambda request: answer) as side, opened(*exchange, side.url) as account:
        found = await account.read()
    assert found.trouble is None
    assert {name.upper(): amount for name, amount in found.amounts.items()} == {"BTC": EXACT, "USDT": Decimal(1500)}
    assert [(asked.path, sound(asked)) for asked in side.asked] == [(path, True)]


def test_signatures_are_those_that_were_computed_elsewhere() -> None:
    access = Access("xt main", "exchanges.xt.main", key="abc", secret="s3cret")
    # printf 'accesskey=abc&nonce=1600000000000' | openssl dgst -sha256 -hmac s3cret
    assert signed_query(access, 1_600_000_000_000).endswith(
        "&signature=42207aae3c1e9e74282c9e865dbff2c1f60753ee3db37694ab61e38236d31eda"
    )
    assert signed_headers(access, "GET", "/v4/balances", 1_600_000_000.0)["validate-signature"] == (
        "51d2e2b235660f2940bbd2bbd8383efb5eed90a9b1fce2f85d52ffa0878d1be3"
    )


@pytest.mark.parametrize("exchange", EVERY)
async def test_an_account_of_nothing_is_empty_and_no_failure(exchange: tuple[str, str]) -> None:
    nothing: Any = {("okx", "v5"): okx_v5(), ("okx", "v3"): [], ("xt", "v1"): xt_v1({}), ("xt", "v4"): xt_v4()}[
        exchange
    ]
    found = await read(exchange, nothing)
    assert (found.amounts, found.trouble) == ({}, None)


@pytest.mark.parametrize("exchange", EVERY)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"null",
        b"[1]",
        b'"text"',
        b'{"code":"0","data":null}',
        b'{"code":200,"data":null,"info":"success"}',
        b'{"code":200,"data":[],"info":"success"}',
        b'{"rc":0,"result":null}',
        b'{"rc":0}',
        b"[" * 100_000,
        b'[{"currency":"\xff"}]',
    ],
)
async def test_what_makes_no_sense_is_never_nothing_there(exchange: tuple[str, str], answer: bytes) -> None:
    found = await read(exchange, answer, timeout=0.2)
    assert found.amounts == {}
    assert found.trouble is not None


@pytest.mark.parametrize(
    ("exchange", "amount"),
    [
        (exchange, amount)
        for exchange in EVERY
        for amount in ("NaN", "Infinity", "1e999999999", "-5", "", "1,5", "9" * 99)
    ],
)
async def test_an_amount_beyond_reason_is_unknown_and_the_rest_is_read(exchange: tuple[str, str], amount: str) -> None:
    answer: Any = {
        ("okx", "v5"): okx_v5({"ccy": "odd", "bal": amount}, {"ccy": "usdt", "bal": "5"}),
        ("okx", "v3"): [{"currency": "odd", "balance": amount}, {"currency": "usdt", "balance": "5"}],
        ("xt", "v1"): xt_v1({"odd": {"freeze": "1", "available": amount}, "usdt": {"freeze": "2", "available": "3"}}),
        ("xt", "v4"): xt_v4(
            {"currency": "odd", "frozenAmount": "1", "availableAmount": amount, "totalAmount": amount},
            {"currency": "usdt", "totalAmount": "5"},
        ),
    }[exchange]
    found = await read(exchange, answer)
    assert (found.amounts, found.trouble) == ({"odd": None, "usdt": Decimal(5)}, None)


@pytest.mark.parametrize(
    ("exchange", "answer", "reason", "told"),
    [
        (("okx", "v5"), {"code": "50105", "msg": "wrong", "data": []}, Reason.REFUSED_KEY, "the passphrase is wrong"),
        (("okx", "v3"), {"code": 30015, "message": "Invalid OK_ACCESS_PASSPHRASE"}, Reason.REFUSED_KEY, "passphrase"),
        (("okx", "v3"), {"error_code": "30013", "code": 0, "error_message": "x"}, Reason.REFUSED_KEY, "signature"),
        (("okx", "v3"), {"code": 30001, "message": "OK_ACCESS_KEY header is required"}, Reason.REFUSED_KEY, "30001"),
        (("okx", "v3"), {"code": 30008, "message": "timestamp expired"}, Reason.CLOCK, "clock"),
        (("okx", "v3"), {"code": 30026, "message": "too fast"}, Reason.RATE_LIMITED, "too many"),
        (("okx", "v3"), {"code": 39999, "message": "news"}, Reason.PROTOCOL, "39999 (“news”)"),
        (("xt", "v1"), xt_v1(None, 307, "success"), Reason.REFUSED_KEY, "the access key is not valid"),
        (("xt", "v1"), xt_v1({}, "308"), Reason.REFUSED_KEY, "signature"),
        (("xt", "v1"), xt_v1({}, 400), Reason.BAD_REQUEST, "exchanges.xt.main.api"),
        (("xt", "v1"), xt_v1({}, 404), Reason.PROTOCOL, "locked for ten minutes"),
        (("xt", "v4"), {"rc": 1, "mc": "AUTH_103", "result": None}, Reason.REFUSED_KEY, "AUTHˍ103"),
        (("xt", "v4"), {"rc": 1, "mc": "AUTH_105", "result": None}, Reason.CLOCK, "clock"),
    ],
)
async def test_a_documented_refusal_says_what_to_do(
    exchange: tuple[str, str], answer: Any, reason: Reason, told: str
) -> None:
    found = await read(exchange, answer, timeout=0.2)
    assert found.trouble is not None
    assert found.trouble.reason is reason
    assert told.replace("ˍ", "_") in str(found.trouble).replace("ˍ", "_")
    if reason is Reason.REFUSED_KEY:
        assert f"exchanges.{exchange[0]}.main" in found.trouble.hint
    assert "source.okx" not in str(found.trouble)


@pytest.mark.parametrize("exchange", EVERY)
@pytest.mark.parametrize(
    ("status", "reason"), [(401, Reason.REFUSED_KEY), (302, Reason.BAD_REQUEST), (404, Reason.BAD_REQUEST)]
)
async def test_a_status_tells_where_there_is_no_code(exchange: tuple[str, str], status: int, reason: Reason) -> None:
    async with (
        exchange_side(lambda _: web.Response(status=status, headers={"Location": "/elsewhere"})) as side,
        opened(*exchange, side.url) as account,
    ):
        found = await account.read()
    assert found.trouble is not None
    assert (found.trouble.reason, len(side.asked)) == (reason, 1)


@pytest.mark.parametrize("exchange", EVERY)
async def test_no_failure_gives_away_a_secret(
    exchange: tuple[str, str], caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"no such key {KEY} {SECRET} {PASSPHRASE}"
    answers: list[Any] = [
        {"code": "1", "msg": "x", "data": []},
        {"code": 39999, "message": echo, "error_message": echo},
        {"code": 1, "info": echo},
        {"code": 39999, "message": f"{'x' * 55}{KEY}", "info": f"{'x' * 55}{KEY}"},  # cut in the middle of the key
        {"rc": 1, "mc": "x", "ma": [echo]},
    ]
    said = [await read(exchange, answer, timeout=0.2) for answer in answers]
    said.append(await read(exchange, lambda: web.Response(status=302, headers={"Location": f"/x?key={KEY}"})))
    if exchange in XT:
        said.append(await read(exchange, lambda: web.Response(status=302, headers={"Location": "/x?signature=1"})))
    async with garbage() as url, opened(*exchange, url, timeout=0.2) as account:
        said += [await account.read()]
    async with opened(*exchange, f"http://127.0.0.1:{unused_tcp_port}", timeout=0.2) as account:
        said += [await account.read()]
        shown = f"{account!r} {vars(account)} {said} {[str(one.trouble) for one in said]} {caplog.text}"
    assert all(one.trouble is not None for one in said)
    assert not [secret for secret in (KEY[:6], SECRET, PASSPHRASE, "signature=") if secret in shown]


@asynccontextmanager
async def garbage() -> AsyncIterator[str]:
    """A far side whose answers are no HTTP."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 whatever\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("exchange", [one for one in EVERY if one != ("okx", "v5")])
@pytest.mark.parametrize("status", [500, 429])
async def test_nothing_is_asked_again(exchange: tuple[str, str], status: int) -> None:
    async with exchange_side(lambda _: web.Response(status=status)) as side, opened(*exchange, side.url) as account:
        found = await account.read()
    assert found.trouble is not None
    assert len([asked for asked in side.asked if "status" not in asked.path]) == 1


@pytest.mark.parametrize("exchange", XT)
@pytest.mark.parametrize("body", [b"", b'{"code": 429}', b'{"rc": 1, "mc": "FAILURE"}'])
async def test_a_key_that_was_too_fast_rests_for_ten_minutes_whoever_uses_it(
    exchange: tuple[str, str], body: bytes
) -> None:
    ledger = MemoryLedger()
    async with exchange_side(lambda _: web.Response(status=429, body=body)) as side:
        for _ in range(3):
            async with opened(*exchange, side.url, ledger) as account:
                found = await account.read()
            assert found.trouble is not None
            assert found.trouble.reason is Reason.RATE_LIMITED
    assert len(side.asked) == 1


@pytest.mark.parametrize("exchange", XT)
async def test_requests_under_one_key_are_half_a_second_apart(exchange: tuple[str, str]) -> None:
    ledger, loop = MemoryLedger(), asyncio.get_running_loop()
    async with (
        exchange_side(lambda _: SOUND[exchange][1]) as side,
        opened(*exchange, side.url, ledger) as one,
        opened(*exchange, side.url, ledger) as other,
    ):
        began = loop.time()
        await asyncio.gather(one.read(), other.read(), one.read())
    assert loop.time() - began > 0.99
    assert len(side.asked) == 3


async def test_a_nonce_only_grows_also_when_the_clock_is_set_back() -> None:
    ledger = MemoryLedger()
    async with exchange_side(lambda _: SOUND["xt", "v1"][1]) as side:
        async with opened("xt", "v1", side.url, ledger) as account:
            await account.read()
        (name,) = [key for key in ledger.paces if key.startswith("nonce-")]
        ahead = 1_999_999_999_999
        ledger.paces[name] = Pace(next_at=float(ahead), interval=0.0)
        for _ in range(2):
            async with opened("xt", "v1", side.url, ledger) as account:
                await account.read()
    first, second, third = (int(asked.query["nonce"]) for asked in side.asked)
    assert first < ahead
    assert (second, third) == (ahead + 1, ahead + 2)


def paged(*pages: tuple[list[str], str]) -> Callable[[web.Request], web.Response]:
    """A wallet in pages; each names the cursor of the next."""
    by_cursor = dict(zip(["", *(cursor for _, cursor in pages)], pages, strict=False))

    def script(request: web.Request) -> web.Response:
        assert sound_okx(request)
        names, cursor = by_cursor[request.query.get("after", "")]
        body = [{"currency": name, "balance": "1"} for name in names]
        return web.json_response(body, headers={"OK-BEFORE": "9", "OK-AFTER": cursor})

    return script


async def test_the_old_interface_is_read_page_by_page() -> None:
    pages = paged((["BTC"], "7"), (["ETH"], "a/b=?"), (["XRP"], ""))
    async with exchange_side(pages) as side, opened("okx", "v3", side.url) as account:
        found = await account.read()
    assert (sorted(found.amounts), found.trouble) == (["BTC", "ETH", "XRP"], None)
    assert [asked.raw_path.partition("?")[2] for asked in side.asked] == ["", "after=7", "after=a%2Fb%3D%3F"]


async def test_pages_that_lead_in_a_circle_are_left_and_what_was_read_counts() -> None:
    pages = paged((["BTC"], "7"), (["ETH"], "7"))
    async with exchange_side(pages) as side, opened("okx", "v3", side.url) as account:
        found = await account.read()
    assert sorted(found.amounts) == ["BTC", "ETH"]
    assert found.trouble is not None
    assert "circle" in found.trouble.message


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([{"title": "Wallet upgrade", "status": "1", "end_time": "2026-11-20T09:00:00Z"}], "“Wallet upgrade”"),
        ([{"title": "Over", "status": "2"}], None),
        ([], None),
        ({"code": 1}, None),
    ],
)
async def test_a_failure_of_the_old_interface_is_explained_by_its_maintenance(told: Any, expected: str | None) -> None:
    def script(request: web.Request) -> Any:
        if request.path == "/api/system/v3/status":
            assert not [name for name in request.headers if name.upper().startswith("OK-ACCESS")]
            return told
        return web.Response(status=502)

    async with exchange_side(script) as side, opened("okx", "v3", side.url) as account:
        trouble = (await account.read()).trouble
    assert trouble is not None
    assert trouble.reason is Reason.UNAVAILABLE
    assert ("maintenance" in trouble.message) == (expected is not None)
    assert expected is None or expected in trouble.message


@pytest.mark.parametrize("exchange", [one for one in EVERY if one != ("okx", "v5")])
async def test_a_slow_and_an_endless_answer_are_left(exchange: tuple[str, str]) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 2**20)

    async with exchange_side(endless) as side, opened(*exchange, side.url) as account:
        found = await account.read()
    assert found.trouble is not None
    assert "MiB" in found.trouble.message

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with exchange_side(slow) as side, opened(*exchange, side.url, timeout=0.1) as account:
        found = await account.read()
    assert found.trouble is not None
    assert "did not answer in time" in found.trouble.message
