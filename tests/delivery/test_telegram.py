"""Telegram, against a server that answers as its bot API does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from aiohttp import web
from apprise import Apprise
from services import TELEGRAM, Answer, Web, points_at, web_server
from structlog.testing import capture_logs

from scanner.delivery.channels import Channel
from scanner.delivery.words import size
from scanner.domain.alerts import Severity
from scanner.domain.messages import Outcome, Result

BOT = TELEGRAM.rpartition("/")[0]
REF = "0123456789abcdef"
BODY = f"CRITICAL: a <b> & *c* _d_ <!channel>\n———\nRevoke: https://revoke.cash/address/0x1?chainId=1\nref {REF}"
TOOK = {"ok": True, "result": {"message_id": 7}}


@pytest.fixture
async def service() -> AsyncIterator[Web]:
    async with web_server() as one:
        with points_at(one):
            one.answer = lambda _: web.json_response(TOOK)
            yield one


async def sent(url: str, body: str = BODY) -> Outcome:
    return await Channel("ops", url).send("CRITICAL: <title>", body, severity=Severity.CRITICAL, ref=REF)


def refuses(status: int, description: str, **parameters: int) -> Answer:
    said = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    return lambda _: web.json_response(said, status=status)


def for_each(answers: dict[int, Answer]) -> Answer:
    """Another answer for each chat; the others take it."""

    def answer(body: dict[str, Any]) -> web.StreamResponse:
        refuse = answers.get(body["chat_id"])
        return web.json_response(TOOK) if refuse is None else refuse(body)

    return answer


def parsed(text: str) -> str:
    return unescape(text.replace("<b>", "").replace("</b>", "")).replace("\r\n", "\n")


async def test_markup_parses_to_the_very_text(service: Web) -> None:
    assert await sent(TELEGRAM) == Outcome(Result.DELIVERED)
    (body,) = service.bodies
    assert service.paths == ["/bot123456789:AAF-secret_token_of_this_bot/sendMessage"]
    assert body["parse_mode"] == "HTML"
    assert body["disable_web_page_preview"] is True
    title, text = body["text"].split("</b>\r\n", 1)
    assert unescape(title.removeprefix("<b>")) == "CRITICAL: <title>"
    assert "<" not in text
    assert unescape(text).splitlines() == BODY.splitlines()


async def test_a_format_in_the_url_does_not_bring_markup_to_life(service: Web) -> None:
    assert await sent(f"{TELEGRAM}?format=markdown&overflow=split&retry=3") == Outcome(Result.DELIVERED)
    assert service.bodies[0]["parse_mode"] == "HTML"
    assert len(service.bodies) == 1


async def test_the_room_is_counted_after_parsing(service: Web) -> None:
    title = "CRITICAL: <title>"
    body = "<&𝔘" * 1200
    body = body[: 4096 - len(title) - 2 - (size(body) - len(body)) - len(f"\nref {REF}")]
    while size(f"{title}\n{body}\nref {REF}") > 4096:
        body = body[:-1]
    assert await sent(TELEGRAM, f"{body}\nref {REF}") == Outcome(Result.DELIVERED)
    (got,) = service.bodies
    assert parsed(got["text"]) == f"{title}\n{body}\nref {REF}"
    assert len(parsed(got["text"]).encode("utf-16-le")) // 2 <= 4096
    assert len(got["text"]) > 4096, "entities do not count"


@pytest.mark.parametrize(
    ("status", "description", "result", "words"),
    [
        (400, "Bad Request: chat not found", Result.PERMANENT, "Write to the bot first"),
        (400, "Bad Request: message thread not found", Result.PERMANENT, "topic"),
        (401, "Unauthorized", Result.PERMANENT, "@BotFather"),
        (403, "Forbidden: bot was blocked by the user", Result.PERMANENT, "Unblock the bot"),
        (403, "Forbidden: bot was kicked from the group chat", Result.PERMANENT, "Add the bot"),
        (403, "Forbidden: user is deactivated", Result.PERMANENT, "send to another chat"),
        (404, "Not Found", Result.PERMANENT, "@BotFather"),
        (500, "Internal Server Error", Result.TRANSIENT, "500"),
        (502, "Bad Gateway", Result.TRANSIENT, "502"),
    ],
)
async def test_a_refusal_says_what_to_do(
    service: Web, status: int, description: str, result: Result, words: str
) -> None:
    service.answer = refuses(status, description)
    outcome = await sent(TELEGRAM)
    assert outcome.result is result
    assert words in outcome.detail


async def test_an_ok_that_is_false_is_no_success_whatever_the_status(service: Web) -> None:
    said = {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}
    service.answer = lambda _: web.json_response(said)
    outcome = await sent(TELEGRAM)
    assert outcome.result is Result.PERMANENT
    assert "chat not found" in outcome.detail


async def test_a_page_of_html_is_no_success(service: Web) -> None:
    service.answer = lambda _: web.Response(text="<html>Log in to the hotel</html>", content_type="text/html")
    outcome = await sent(TELEGRAM)
    assert outcome.result is Result.TRANSIENT
    assert "proxy" in outcome.detail


async def test_it_says_how_long_to_wait_in_its_parameters(service: Web) -> None:
    service.answer = refuses(429, "Too Many Requests: retry after 37", retry_after=37)
    outcome = await sent(TELEGRAM)
    assert (outcome.result, outcome.retry_after) == (Result.RATE_LIMITED, timedelta(seconds=37))


async def test_or_a_gateway_says_it_in_a_header(service: Web) -> None:
    service.answer = lambda _: web.Response(status=429, headers={"Retry-After": "12"})
    outcome = await sent(TELEGRAM)
    assert (outcome.result, outcome.retry_after) == (Result.RATE_LIMITED, timedelta(seconds=12))


async def test_a_topic_is_addressed(service: Web) -> None:
    assert await sent(f"{BOT}/-1001234567890:77/42?topic=5") == Outcome(Result.DELIVERED)
    assert [(body["chat_id"], body["message_thread_id"]) for body in service.bodies] == [
        (-1001234567890, 77),
        (42, 5),
    ]


async def test_of_several_chats_those_that_did_not_take_it_are_named(service: Web) -> None:
    service.answer = for_each(
        {222222222: refuses(403, "Forbidden: bot was blocked by the user"), 333333333: refuses(429, "", retry_after=9)}
    )
    outcome = await sent(f"{BOT}/111111111/222222222/333333333")
    assert outcome.result is Result.UNKNOWN
    assert outcome.detail.startswith("arrived in part; 222222222: answered 403: Forbidden: bot was blocked")
    assert "333333333: answered 429" in outcome.detail
    assert outcome.retry_after == timedelta(seconds=9)


async def test_a_group_that_moved_is_followed_at_once_and_remembered(service: Web) -> None:
    service.answer = for_each(
        {-42: refuses(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1001234567890)}
    )
    channel = Channel("ops", f"{BOT}/-42/7")
    with capture_logs() as logs:
        for _ in range(2):
            outcome = await channel.send("title", BODY, ref=REF)
            assert outcome == Outcome(
                Result.DELIVERED, "the group -42 has become -1001234567890: change the chat id in the channel's URL"
            )
    assert [body["chat_id"] for body in service.bodies] == [-42, 7, -1001234567890, -1001234567890, 7]
    assert [(entry["event"], entry["channel"], entry["new_chat"]) for entry in logs] == [
        ("channel.moved", "ops", -1001234567890)
    ]


async def test_a_group_that_moved_to_where_the_bot_may_not_write_is_refused(service: Web) -> None:
    service.answer = for_each(
        {
            -42: refuses(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1001234567890),
            -1001234567890: refuses(403, "Forbidden: bot was kicked from the supergroup chat"),
        }
    )
    outcome = await sent(f"{BOT}/-42")
    assert outcome.result is Result.PERMANENT
    assert "Add the bot to the chat again" in outcome.detail
    assert len(service.bodies) == 2


def test_the_plugin_keeps_its_chats_where_a_moved_one_is_replaced() -> None:
    plugin: Any = Apprise.instantiate(f"{BOT}/-42:3/@somebody")
    assert plugin.targets == [(-42, 3), ("@somebody", None)]


def updates(*senders: object) -> Answer:
    """Say in turn who wrote to the bot, whenever that is asked; take every message."""
    who = iter([{"ok": True, "result": [one]} for one in senders])
    return lambda body: web.json_response(TOOK if "chat_id" in body else next(who))


def wrote(user: int) -> dict[str, Any]:
    return {"message": {"from": {"id": user, "first_name": "Ada"}}}


async def test_nothing_that_one_message_found_out_is_left_for_the_next_one(service: Web) -> None:
    service.answer = updates(wrote(1), wrote(2))
    channel = Channel("ops", BOT)
    for ref in ("first", "second"):
        assert await channel.send("title", f"body\nref {ref}", ref=ref) == Outcome(Result.DELIVERED)
    assert [body["chat_id"] for body in service.bodies if body] == ["1", "2"]


async def test_a_plugin_that_breaks_at_an_answer_has_not_sent_and_tells_no_secret(service: Web) -> None:
    service.answer = updates(7)  # no sender at all
    with capture_logs() as told:
        outcome = await sent(BOT)
    assert outcome == Outcome(Result.UNKNOWN, "answered in an unexpected way")
    failed = {"event": "channel.plugin_failed", "channel": "ops", "error": "TypeError", "log_level": "warning"}
    assert told == [failed]
