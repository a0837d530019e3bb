"""Each channel against a server that answers as the real one does."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO

import pytest
from aiohttp import web
from services import SLACK, TELEGRAM, Web, points_at, web_server

from scanner.delivery.channels import Channel, ChannelError, describe, scrubbed
from scanner.domain.alerts import Severity
from scanner.domain.messages import MessageKind, Outcome, Result

BODY = (
    "CRITICAL: a <b> & *c* _d_ <!channel>\n———\nRevoke: https://revoke.cash/address/0x1?chainId=1\nref 0123456789abcdef"
)


@pytest.fixture
async def service() -> AsyncIterator[Web]:
    async with web_server() as one:
        with points_at(one):
            yield one


async def sent(url: str, deadline: float = 10) -> Outcome:
    channel = Channel("ops", url, deadline=timedelta(seconds=deadline))
    return await channel.send("CRITICAL: <title>", BODY, severity=Severity.CRITICAL)


def json_url(service: Web) -> str:
    return f"json://127.0.0.1:{service.port}/hook"


async def test_a_webhook_is_sent_the_title_and_the_body_as_they_are(service: Web) -> None:
    assert await sent(json_url(service)) == Outcome(Result.DELIVERED)
    (body,) = service.bodies
    assert (body["title"], body["message"], body["type"]) == ("CRITICAL: <title>", BODY, "failure")


async def test_a_redirect_is_not_followed(service: Web) -> None:
    async with web_server() as elsewhere:
        service.answer = lambda _: web.Response(status=302, headers={"Location": f"{elsewhere.url}/stolen"})
        outcome = await sent(f"{json_url(service)}?redirect=yes")
        assert outcome.result is Result.PERMANENT
        assert elsewhere.paths == []


async def test_nobody_listening_is_a_passing_trouble() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = await sent(f"json://127.0.0.1:{free.getsockname()[1]}/")
    assert outcome.result is Result.TRANSIENT


async def test_a_missing_answer_leaves_the_outcome_unknown(service: Web) -> None:
    service.delay = 1.0
    outcome = await sent(f"{json_url(service)}?rto=0.2")
    assert outcome.result is Result.UNKNOWN
    assert len(service.bodies) == 1


async def test_an_endless_answer_is_not_waited_for(service: Web) -> None:
    service.delay = 1.0
    outcome = await sent(json_url(service), deadline=0.2)
    assert outcome == Outcome(Result.UNKNOWN, "no end came within 0.2 seconds")


async def test_a_connection_that_breaks_off_leaves_the_outcome_unknown() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"ref 0123456789abcdef")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        outcome = await sent(f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert outcome.result is Result.UNKNOWN


@pytest.mark.parametrize("url", ["", "nonsense", "nosuch://token-1234567/", "tgram://secret-token/", "json://"])
async def test_a_url_that_cannot_work_is_said_without_showing_it(url: str) -> None:
    channel = Channel("ops", url)
    with pytest.raises(ChannelError, match="channel 'ops'") as caught:
        channel.check()
    assert "token" not in str(caught.value)
    assert channel.budget == 4096 if url.startswith("tgram") else 4000
    assert (await channel.send("title", "body")).result is Result.PERMANENT


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (TELEGRAM, "tgram://…"),
        (SLACK, "slack://…"),
        ("json://user:pass@hooks.example.org:8080/secret?key=secret", "json://hooks.example.org"),
        ("mailtos://me:pass@mail.example.org", "mailtos://mail.example.org"),
        ("json://[broken", "json://…"),
    ],
)
def test_a_channel_is_described_without_its_secret(url: str, shown: str) -> None:
    assert describe(url) == shown
    assert url not in repr(Channel("ops", url))


def test_no_part_of_a_url_survives_in_a_text() -> None:
    text = f"POST {TELEGRAM} /bot123456789:AAF-secret_token_of_this_bot/sendMessage failed"
    assert "secret" not in scrubbed(text, TELEGRAM)
    assert "hunter" not in scrubbed("login hunter@2 failed", "mailtos://me:hunter%402@example.org")


async def test_a_failing_channel_tells_its_secret_to_nobody(service: Web) -> None:
    told = StringIO()
    handler = logging.StreamHandler(told)
    root, network = logging.getLogger(), logging.getLogger("urllib3")
    kept = root.level, network.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    network.setLevel(logging.DEBUG)
    try:
        root.debug("listening")
        service.answer = lambda _: web.json_response({"ok": False, "description": f"no {TELEGRAM}"}, status=400)
        outcome = await sent(TELEGRAM)
    finally:
        root.removeHandler(handler)
        root.setLevel(kept[0])
        network.setLevel(kept[1])
    assert outcome.result is Result.PERMANENT
    assert "secret_token" not in outcome.detail
    assert told.getvalue().startswith("listening\n")
    assert "secret_token" not in told.getvalue()


@pytest.mark.parametrize(
    ("url", "budget"),
    [(TELEGRAM, 4096), (SLACK, 3000), ("json://127.0.0.1/", 4000), ("discord://webhook_id/webhook_token", 2000)],
)
def test_each_channel_has_the_room_that_its_service_gives(url: str, budget: int) -> None:
    assert Channel("ops", url).budget == budget


@pytest.mark.parametrize(
    ("kind", "severity", "colour"),
    [
        (MessageKind.ALERT, Severity.HIGH, "failure"),
        (MessageKind.ALERT, Severity.MEDIUM, "warning"),
        (MessageKind.DIGEST, Severity.LOW, "info"),
        (MessageKind.END, Severity.CRITICAL, "success"),
    ],
)
async def test_the_service_is_told_how_bad_it_is(
    service: Web, kind: MessageKind, severity: Severity, colour: str
) -> None:
    await Channel("ops", json_url(service)).send("title", "body", kind=kind, severity=severity)
    assert service.bodies[0]["type"] == colour
