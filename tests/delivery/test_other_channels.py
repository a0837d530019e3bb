"""Channels that need nothing of their own: plain words arrive, and a status says what became of them."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from services import Web, points_at, web_server

from scanner.delivery.channels import Channel
from scanner.domain.messages import Outcome, Result

REF = "0123456789abcdef"
TITLE = "CRITICAL: a title"
BODY = f"CRITICAL: a‹b› (at)everyone\nRevoke: https://revoke.cash/address/0x1?chainId=1\nref {REF}"

URLS: dict[str, Callable[[Web], str]] = {
    "json": lambda service: f"json://127.0.0.1:{service.port}/hook",
    "form": lambda service: f"form://127.0.0.1:{service.port}/hook",
    "ntfy": lambda service: f"ntfy://127.0.0.1:{service.port}/topic",
    "gotify": lambda service: f"gotify://127.0.0.1:{service.port}/AbcdefToken12345",
    "matrix": lambda service: f"matrix://user:password@127.0.0.1:{service.port}/!room:example.org",
    "mattermost": lambda service: f"mmost://127.0.0.1:{service.port}/3ccdd113474722377935511fc85d3dd4",
    "discord": lambda _: "discord://471234567890123456/abcdefghijklmnopqrstuvwxyz",
    "pagerduty": lambda _: f"pagerduty://{'a' * 32}@{'b' * 20}",
    "pushover": lambda _: f"pover://{'u' * 30}@{'a' * 30}",
}
EACH = pytest.mark.parametrize("service_name", URLS)
QUICK = pytest.mark.parametrize("service_name", [name for name in URLS if name != "matrix"])  # it waits between steps

MATRIX = {"access_token": "t", "home_server": "h", "user_id": "@u:h", "room_id": "!room:example.org", "event_id": "$1"}


@pytest.fixture
async def service() -> AsyncIterator[Web]:
    async with web_server() as one:
        with points_at(one):
            one.answer = lambda _: web.json_response(MATRIX)
            yield one


async def sent(service: Web, name: str) -> Outcome:
    return await Channel("ops", URLS[name](service)).send(TITLE, BODY, ref=REF)


def answers(status: int, headers: dict[str, str] | None = None) -> Callable[[dict[str, Any]], web.StreamResponse]:
    """Take whatever comes around a message, and answer the message itself with a status."""
    return lambda body: web.Response(status=status, headers=headers) if REF in str(body) else web.json_response(MATRIX)


@EACH
async def test_plain_words_arrive_once(service: Web, service_name: str) -> None:
    assert await sent(service, service_name) == Outcome(Result.DELIVERED)
    (body,) = (body for body in service.bodies if REF in str(body))
    assert body.keys().isdisjoint({"formatted_body", "embeds", "html", "extras"})
    words = "\n".join(text for text in texts_of(body))
    assert TITLE in words
    assert BODY in words.replace("\r\n", "\n")
    assert words.count("http") == 1, "no foreign pictures or links"


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts_of(one)]
    return [value] if isinstance(value, str) else []


@QUICK
@pytest.mark.parametrize(
    ("status", "result", "words"),
    [
        (401, Result.PERMANENT, "check the channel's URL"),
        (403, Result.PERMANENT, "check the token"),
        (404, Result.PERMANENT, "check the channel's URL"),
        (500, Result.TRANSIENT, "answered 500"),
        (503, Result.TRANSIENT, "answered 503"),
    ],
)
async def test_a_status_decides(service: Web, service_name: str, status: int, result: Result, words: str) -> None:
    service.answer = answers(status)
    outcome = await sent(service, service_name)
    assert outcome.result is result
    assert words in outcome.detail


@QUICK
async def test_it_says_how_long_to_wait(service: Web, service_name: str) -> None:
    service.answer = answers(429, {"Retry-After": "30"})
    outcome = await sent(service, service_name)
    assert (outcome.result, outcome.retry_after) == (Result.RATE_LIMITED, timedelta(seconds=30))


async def test_a_try_that_the_plugin_repeats_by_itself_counts_once(service: Web) -> None:
    statuses = iter([429, 204])
    service.answer = lambda _: web.Response(status=next(statuses))
    assert await sent(service, "discord") == Outcome(Result.DELIVERED)
    assert len(service.bodies) == 2


async def test_a_message_that_is_refused_after_a_login_did_not_arrive_in_part(service: Web) -> None:
    service.answer = answers(403)
    assert (await sent(service, "matrix")).result is Result.PERMANENT


async def test_a_login_that_is_refused_is_final(service: Web) -> None:
    service.answer = lambda _: web.json_response({"errcode": "M_FORBIDDEN"}, status=403)
    outcome = await sent(service, "matrix")
    assert outcome.result is Result.PERMANENT
