"""Slack, by webhook and by app, against a server that answers as it does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import pytest
from aiohttp import web
from services import SLACK, Web, points_at, web_server

from scanner.delivery.channels import Channel
from scanner.domain.alerts import Severity
from scanner.domain.messages import Outcome, Result

APP = "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#ops"
REF = "0123456789abcdef"
BODY = f"CRITICAL: a <b> & *c* _d_ <!channel>\n———\nRevoke: https://revoke.cash/address/0x1?chainId=1\nref {REF}"


@pytest.fixture
async def service() -> AsyncIterator[Web]:
    async with web_server() as one:
        with points_at(one):
            one.answer = lambda _: web.Response(text="ok")
            yield one


async def sent(url: str) -> Outcome:
    return await Channel("ops", url).send("CRITICAL: <title>", BODY, severity=Severity.CRITICAL, ref=REF)


@pytest.mark.parametrize("url", [SLACK, APP, f"{SLACK}?format=markdown"])
async def test_no_markup_is_live_and_nobody_is_mentioned(service: Web, url: str) -> None:
    service.answer = lambda _: web.json_response({"ok": True}) if url == APP else web.Response(text="ok")
    assert await sent(url) == Outcome(Result.DELIVERED)
    (body,) = service.bodies
    (attachment,) = body["attachments"]
    assert body["mrkdwn"] is False
    assert "mrkdwn_in" not in attachment
    assert "<" not in attachment["text"] + attachment["title"]
    assert unescape(attachment["text"]) == BODY
    assert "http" not in str({key: value for key, value in attachment.items() if key != "text"}), "no foreign pictures"
    assert not {"link_names", "parse", "unfurl_links"} & body.keys()


@pytest.mark.parametrize(
    ("status", "text", "result", "words"),
    [
        (200, "<html>portal</html>", Result.UNKNOWN, "unexpected"),
        (400, "invalid_blocks", Result.PERMANENT, "leave blocks"),
        (400, "invalid_payload", Result.PERMANENT, "leave blocks"),
        (403, "invalid_token", Result.PERMANENT, "make a new one"),
        (403, "action_prohibited", Result.PERMANENT, "administrator"),
        (404, "no_service", Result.PERMANENT, "make a new one"),
        (404, "channel_not_found", Result.PERMANENT, "Check the channel's name"),
        (410, "channel_is_archived", Result.PERMANENT, "Restore the channel"),
        (500, "rollup_error", Result.TRANSIENT, "500"),
    ],
)
async def test_what_a_webhook_refuses(service: Web, status: int, text: str, result: Result, words: str) -> None:
    service.answer = lambda _: web.Response(text=text, status=status)
    outcome = await sent(SLACK)
    assert outcome.result is result
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("error", "result", "words"),
    [
        ("ratelimited", Result.RATE_LIMITED, "ratelimited"),
        ("internal_error", Result.TRANSIENT, "internal_error"),
        ("invalid_blocks", Result.PERMANENT, "leave blocks"),
        ("is_archived", Result.PERMANENT, "Restore the channel"),
        ("not_in_channel", Result.PERMANENT, "invite the app"),
        ("token_revoked", Result.PERMANENT, "token"),
        ("msg_too_long", Result.PERMANENT, "too long"),
    ],
)
async def test_what_an_app_is_refused_inside_a_success(service: Web, error: str, result: Result, words: str) -> None:
    service.answer = lambda _: web.json_response({"ok": False, "error": error}, headers={"Retry-After": "5"})
    outcome = await sent(APP)
    assert outcome.result is result
    assert words in outcome.detail
    assert outcome.retry_after == timedelta(seconds=5)


@pytest.mark.parametrize("url", [SLACK, APP])
async def test_it_says_how_long_to_wait(service: Web, url: str) -> None:
    service.answer = lambda _: web.Response(status=429, headers={"Retry-After": "30"})
    outcome = await sent(url)
    assert (outcome.result, outcome.retry_after) == (Result.RATE_LIMITED, timedelta(seconds=30))


async def test_of_several_channels_those_that_did_not_take_it_are_named(service: Web) -> None:
    lost = {"ok": False, "error": "channel_not_found"}
    service.answer = lambda body: web.json_response(lost if body["channel"] == "#nowhere" else {"ok": True})
    outcome = await sent(f"{APP}/#nowhere")
    assert outcome.result is Result.UNKNOWN
    assert outcome.detail.startswith("arrived in part; #nowhere: answered 400: channel_not_found. Check the channel")
