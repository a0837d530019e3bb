import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from far_side import Asked, Clock, client_of, error, far_side, ok

from scanner.errors import Reason, Trouble
from scanner.http import LARGEST
from scanner.okx.client import PUBLIC_TIME, Effort, OkxSettings, Request
from scanner.okx.pacing import MemoryLedger

ASK = Request("POST", "/list", b'{"a":1}')


def in_turn(*answers: Any) -> Callable[[Asked], Any]:
    """Each answer once, the last one for ever."""
    return lambda asked: answers[min(asked.number, len(answers)) - 1]


def signed_by(at: float) -> str:
    """The text of a timestamp, as it stands in a header."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def signature(asked: Asked) -> str:
    text = asked.headers["OK-ACCESS-TIMESTAMP"] + asked.method + asked.target
    digest = hmac.digest(b"the-secret", text.encode() + asked.body, hashlib.sha256)
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "request_",
    [
        ASK,
        Request("GET", "/balances", query={"address": "0x1", "chains": "1,8453", "name": "a b+c/ü"}),
        Request("POST", "/list", "ü".encode(), query={"page": "1"}),
    ],
)
async def test_the_bytes_that_are_signed_are_the_bytes_that_are_sent(request_: Request) -> None:
    async with far_side(lambda _: ok()) as far, client_of(far.url) as client:
        assert not isinstance(await client.call(request_, Effort()), Trouble)
    [asked] = far.asked
    assert asked.headers["OK-ACCESS-SIGN"] == signature(asked)
    assert asked.body == request_.body
    assert asked.target == request_.target


async def test_every_attempt_is_signed_anew() -> None:
    clock = Clock()
    async with far_side(in_turn(error("50001"), ok())) as far, client_of(far.url, clock=clock) as client:
        effort = Effort()
        assert not isinstance(await client.call(ASK, effort), Trouble)
    first, second = far.asked
    assert first.headers["OK-ACCESS-TIMESTAMP"] < second.headers["OK-ACCESS-TIMESTAMP"]
    assert second.headers["OK-ACCESS-SIGN"] == signature(second)
    assert (effort.requests, effort.retries) == (2, 1)


@pytest.mark.parametrize(
    "passing",
    [
        error("50001"),
        error("50026"),
        error("81159"),
        error("81451"),
        b"",
        b"<html>",
        b'{"code":"0","da',
        web.Response(status=502, text="bad gateway"),
    ],
)
async def test_what_may_pass_is_tried_again(passing: Any) -> None:
    async with far_side(in_turn(passing, ok())) as far, client_of(far.url, clock=Clock()) as client:
        assert not isinstance(await client.call(ASK, Effort()), Trouble)
    assert len(far.asked) == 2


@pytest.mark.parametrize("code", ["50111", "50113", "51000", "81104", "80001", "99999"])
async def test_what_cannot_pass_is_asked_once(code: str) -> None:
    clock = Clock()
    async with far_side(lambda _: error(code)) as far, client_of(far.url, clock=clock) as client:
        assert isinstance(await client.call(ASK, Effort()), Trouble)
    assert len(far.asked) == 1


async def test_attempts_end_within_the_patience_and_grow_further_apart() -> None:
    clock = Clock()
    began = clock.now()
    async with far_side(lambda _: error("50001")) as far, client_of(far.url, clock=clock) as client:
        effort = Effort()
        answer = await client.call(ASK, effort)
    assert isinstance(answer, Trouble)
    assert clock.now() - began <= 20
    assert 4 <= len(far.asked) <= 9
    pauses = [pause for pause in clock.slept if pause > 0.1]
    assert pauses[-1] > 4 * pauses[0]
    assert effort.patience <= 20 - (clock.now() - began)


async def test_patience_is_spent_over_all_the_calls_of_a_reading() -> None:
    clock = Clock()
    script = in_turn(*[error("50001"), error("50001"), error("50001"), ok()] * 3, error("50001"))
    async with far_side(script) as far, client_of(far.url, clock=clock) as client:
        effort = Effort()
        spent = []
        while not isinstance(await client.call(ASK, effort), Trouble):
            spent.append(effort.patience)
            clock.time += 1000  # what goes well may take its time
    assert spent == sorted(spent, reverse=True)
    assert spent[0] < 20
    assert len(far.asked) > 4


async def test_a_rate_limit_slows_the_key_and_its_wish_is_honoured() -> None:
    clock, ledger = Clock(), MemoryLedger()
    limited = web.json_response(error("50011"), status=429, headers={"Retry-After": "7"})
    async with (
        far_side(in_turn(limited, ok())) as far,
        client_of(far.url, clock=clock, ledger=ledger, requests_per_second=2) as client,
    ):
        began = clock.now()
        assert not isinstance(await client.call(ASK, Effort()), Trouble)
    assert clock.now() - began >= 7
    [pace] = ledger.paces.values()
    assert 0.5 < pace.interval <= 1.0


async def test_a_wish_beyond_the_patience_ends_the_call_and_holds_the_next_one_back() -> None:
    clock = Clock()
    limited = web.json_response(error("50011"), status=429, headers={"Retry-After": "300"})
    async with far_side(in_turn(limited, ok())) as far, client_of(far.url, clock=clock) as client:
        for _ in range(2):
            answer = await client.call(ASK, Effort())
            assert isinstance(answer, Trouble)
            assert answer.reason is Reason.RATE_LIMITED
            assert answer.whole_source
        clock.time += 300
        assert not isinstance(await client.call(ASK, Effort()), Trouble)
    assert len(far.asked) == 2


@pytest.mark.parametrize("code", ["50102", "50112"])
async def test_a_wrong_clock_is_corrected_by_the_answers_date_and_for_later_requests(code: str) -> None:
    clock = Clock(time.time() - 3600)
    async with far_side(in_turn(error(code), ok())) as far, client_of(far.url, clock=clock) as client:
        assert not isinstance(await client.call(ASK, Effort()), Trouble)
        assert client.offset == pytest.approx(3600, abs=5)
        await client.call(ASK, Effort())
    stamps = [asked.headers["OK-ACCESS-TIMESTAMP"] for asked in far.asked]
    assert stamps[0] < stamps[1] <= stamps[2]
    assert len(far.asked) == 3


async def test_where_the_date_explains_nothing_the_time_is_asked_for() -> None:
    clock = Clock(time.time())

    def script(asked: Asked) -> dict[str, Any]:
        if asked.target == "/api/v5/public/time":
            assert not any(name.startswith("OK-ACCESS") for name in asked.headers)
            return {"code": "0", "msg": "", "data": [{"ts": str(int((clock.now() + 90) * 1000))}]}
        return error("50102") if asked.number == 1 else ok()

    async with far_side(script) as far, client_of(far.url, clock=clock) as client:
        assert not isinstance(await client.call(ASK, Effort()), Trouble)
        assert client.offset == pytest.approx(90, abs=1)
        assert await client.skew() == pytest.approx(90, abs=1)


async def test_a_late_refusal_does_not_undo_what_another_request_learned_of_the_clock() -> None:
    clock, corrected = Clock(time.time()), asyncio.Event()

    async def script(asked: Asked) -> web.Response:
        if asked.target == "/api/v5/public/time":
            return web.json_response(ok({"ts": str(int((clock.now() + 3600) * 1000))}))
        if asked.headers["OK-ACCESS-TIMESTAMP"] > signed_by(clock.now() + 3000):
            corrected.set()
            return web.json_response(ok())
        if asked.body == b'"late"':
            await corrected.wait()
        return web.json_response(error("50102"))

    late = Request("POST", "/list", b'"late"')
    async with far_side(script) as far, client_of(far.url, clock=clock) as client:
        answers = await asyncio.gather(client.call(late, Effort()), client.call(ASK, Effort()))
    assert not any(isinstance(answer, Trouble) for answer in answers)


async def test_a_clock_is_corrected_once_in_a_call() -> None:
    async with far_side(lambda _: error("50102")) as far, client_of(far.url, clock=Clock()) as client:
        answer = await client.call(ASK, Effort())
    assert isinstance(answer, Trouble)
    assert answer.reason is Reason.CLOCK
    assert [asked.target for asked in far.asked].count("/list") == 2


async def test_a_redirect_is_not_followed() -> None:
    def script(asked: Asked) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with far_side(script) as far, client_of(far.url) as client:
        answer = await client.call(ASK, Effort())
    assert isinstance(answer, Trouble)
    assert len(far.asked) == 1


async def test_ten_megabytes_are_not_read() -> None:
    body = b'{"code":"0","data":["' + b"x" * (LARGEST + 1024) + b'"]}'
    async with far_side(lambda _: body) as far, client_of(far.url) as client:
        answer = await client.call(ASK, Effort())
    assert isinstance(answer, Trouble)
    assert answer.reason is Reason.PROTOCOL
    assert "8 MiB" in answer.message


async def test_no_answer_within_the_timeout_is_unavailable() -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with far_side(script) as far, client_of(far.url, timeout=0.1, patience=0.1) as client:
        answer = await client.call(ASK, Effort(0.1))
    assert isinstance(answer, Trouble)
    assert answer.reason is Reason.UNAVAILABLE
    assert answer.whole_source


async def test_one_outage_is_one_trouble_in_words_however_much_patience_was_left() -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with far_side(script) as far, client_of(far.url, timeout=1, patience=0.3) as client:
        assert len({str(await client.call(ASK, Effort(patience))) for patience in (0.05, 0.1, 0.2)}) == 1


async def test_a_first_attempt_has_all_of_the_timeout_however_short_the_patience() -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(0.2)
        return web.json_response(ok())

    async with far_side(script) as far, client_of(far.url, timeout=5, patience=0.05) as client:
        assert not isinstance(await client.call(ASK, Effort(0.05)), Trouble)


async def test_a_retry_that_hangs_is_cut_off_where_the_patience_ends() -> None:
    async def script(asked: Asked) -> web.Response:
        if asked.number == 1:
            return web.json_response(error("50001"))
        await asyncio.sleep(5)
        return web.Response()

    began = time.monotonic()
    async with far_side(script) as far, client_of(far.url, timeout=5, patience=1.0) as client:
        assert isinstance(await client.call(ASK, Effort(1.0)), Trouble)
        assert time.monotonic() - began < 1.6


async def test_a_refused_connection_is_unavailable_and_says_where() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        async with client_of(url, clock=Clock()) as client:
            answer = await client.call(ASK, Effort())
    assert isinstance(answer, Trouble)
    assert answer.reason is Reason.UNAVAILABLE
    assert answer.retry
    assert answer.message.endswith("no connection to 127.0.0.1: Connection refused")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "closed the connection without an answer"),
        (b"garbage\r\n\r\n", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "broke off"),
    ],
)
async def test_what_is_no_http_is_unavailable(raw: bytes, said: str) -> None:
    async def answer_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer_raw, "127.0.0.1", 0)
    async with server, client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", clock=Clock()) as client:
        answer = await client.call(ASK, Effort())
    assert isinstance(answer, Trouble)
    assert answer.reason is Reason.UNAVAILABLE
    assert said in answer.message


async def test_a_connection_without_sound_tls_is_not_used_and_not_tried_again() -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(speak_plainly, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client_of(f"https://127.0.0.1:{port}", clock=Clock()) as client:
        effort = Effort()
        answer = await client.call(ASK, effort)
    assert isinstance(answer, Trouble)
    assert "TLS" in answer.message
    assert effort.requests == 1


async def test_no_trouble_shows_a_secret() -> None:
    shown = []
    for script in (error("50113", "bad the-secret?"), b"", web.Response(status=401)):
        async with far_side(in_turn(script)) as far, client_of(far.url, clock=Clock()) as client:
            shown.append(repr(await client.call(ASK, Effort())) + repr(client.settings))
    assert not any(part in text for text in shown[1:] for part in ("the-key", "the-secret", "the-passphrase"))


async def test_a_reading_whose_patience_is_used_up_does_not_wait_for_an_answer() -> None:
    async def hang(asked: Asked) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    began = time.monotonic()
    async with far_side(hang) as far, client_of(far.url) as client:
        answer = await client.call(ASK, Effort(patience=0.0))
    assert isinstance(answer, Trouble)
    assert answer.reason is Reason.UNAVAILABLE
    assert time.monotonic() - began < 2


async def test_large_numbers_come_through_exactly() -> None:
    body = b'{"code":"0","data":[' + str(2**256 - 1).encode() + b"]}"
    async with far_side(lambda _: body) as far, client_of(far.url) as client:
        data = await client.call(ASK, Effort())
    assert not isinstance(data, Trouble)
    assert msgspec.json.decode(data) == json.loads(body)["data"] == [2**256 - 1]


def test_the_time_is_asked_of_the_same_house() -> None:
    assert OkxSettings().time_url == PUBLIC_TIME
    assert OkxSettings(base_url="http://127.0.0.1:1/").time_url == "http://127.0.0.1:1/api/v5/public/time"
