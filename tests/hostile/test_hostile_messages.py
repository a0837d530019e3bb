"""Every hostile name through every channel: what its client reads is dead text, and one message of ours."""

from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest
from aiohttp import web
from clients import Page, alive, discord, invisible, lines_of, slack
from names import NAMES
from services import SLACK, TELEGRAM, Web, mail_server, points_at, web_server
from told import ALERT, REF, message

from scanner.delivery.channels import Channel
from scanner.delivery.words import size
from scanner.domain.messages import Message, Outcome, Result

SLACK_APP = "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#ops"
DISCORD = "discord://471234567890123456/abcdefghijklmnopqrstuvwxyz"
BEGINNINGS = (
    *("CRITICAL:", "Wallet: ", "Spender: ", "Token: ", "Allowance: ", "Changed: ", "Danger: ", "Do: ", "Revoke: "),
    *("The spender on its explorer: ", "Alert: ", "ref "),
)


@pytest.fixture
async def service() -> AsyncIterator[Web]:
    async with web_server() as one:
        with points_at(one):
            yield one


async def send(url: str, name: str) -> Message:
    channel = Channel("ops", url)
    told = message(NAMES[name], channel.budget)
    assert await channel.send(told.title, told.body, ref=told.id) == Outcome(Result.DELIVERED), name
    return told


def sound(told: Message, body: str) -> None:
    """The body that was read is the one that was made, and each of its lines is one of ours."""
    assert [line.rstrip() for line in body.splitlines()] == [line.rstrip() for line in told.body.splitlines()]
    assert invisible(body) == []
    lines = body.splitlines()
    assert lines_of(body, BEGINNINGS) == lines
    assert [line.split(" ")[0] for line in lines] == list(dict.fromkeys(line.split(" ")[0] for line in lines))
    assert lines[-1] == f"ref {REF}"
    assert lines[-2] == f"Alert: {ALERT}"
    assert body.count("AW-") == 1
    assert size(told.title) + size(body) < 6000, "a name takes little room"


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(NAMES) >= 60


@pytest.mark.parametrize("name", NAMES)
async def test_telegram(service: Web, name: str) -> None:
    told = await send(TELEGRAM, name)
    (got,) = service.bodies
    assert got["parse_mode"] == "HTML"
    page = Page(got["text"])
    assert page.tags == {"b"}
    assert got["text"].count("<") == 2, "the title is bold, nothing else"
    title, body = page.text.replace("\r\n", "\n").split("\n", 1)
    assert title == told.title
    assert alive(page.text) == []
    assert size(page.text) <= 4096
    sound(told, body)


@pytest.mark.parametrize("url", [SLACK, pytest.param(SLACK_APP, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", NAMES)
async def test_slack(service: Web, name: str, url: str) -> None:
    service.answer = lambda _: web.json_response({"ok": True}) if url == SLACK_APP else web.Response(text="ok")
    told = await send(url, name)
    (got,) = service.bodies
    (attachment,) = got["attachments"]
    assert got["mrkdwn"] is False
    assert slack(attachment["title"]) == slack(attachment["text"]) == []
    assert unescape(attachment["title"]) == told.title
    sound(told, unescape(attachment["text"]))


@pytest.mark.parametrize("name", NAMES)
async def test_discord(service: Web, name: str) -> None:
    told = await send(DISCORD, name)
    texts = [text for body in service.bodies for text in texts_of(body)]
    assert [found for text in texts for found in discord(text)] == []
    assert any(f"ref {REF}" in text for text in texts)
    assert "".join(texts).count("AW-") == told.body.count("AW-")


def texts_of(value: Any) -> list[str]:
    """Every text that a person is shown of a Discord message."""
    if isinstance(value, dict):
        shown = {key: one for key, one in value.items() if key not in ("username", "avatar_url", "url", "icon_url")}
        return [text for one in shown.values() for text in texts_of(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts_of(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", NAMES)
async def test_a_webhook(service: Web, name: str) -> None:
    told = await send(f"json://127.0.0.1:{service.port}/hook", name)
    (got,) = service.bodies
    assert got["title"] == told.title
    assert alive(got["title"]) == alive(got["message"]) == []
    assert invisible(got["title"]) == []
    sound(told, got["message"])


@pytest.mark.parametrize("name", NAMES)
async def test_mail(name: str) -> None:
    async with mail_server() as box:
        told = await send(f"mailto://127.0.0.1:{box.port}/?from=watch@example.org&to=me@example.org", name)
    (mail,), (raw,) = box.mails, box.raw
    assert str(mail["Subject"]) == told.title
    assert alive(str(mail["Subject"])) == []
    assert (mail["Bcc"], mail["To"], mail["Message-ID"]) == (None, "me@example.org", f"<{REF}@example.org>")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    plain, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    assert alive(plain.get_content()) == []
    sound(told, plain.get_content().replace("\r\n", "\n").rstrip("\n"))
    seen = Page(page.get_content())
    assert seen.tags <= {*("html", "head", "meta", "title", "style", "body", "div", "p", "span", "a")}
    assert seen.attributes <= {"lang", "charset", "name", "content", "style", "href"}
    assert len(seen.targets) == 2
    assert seen.foreign == []
    words = " ".join(seen.text.split())
    assert all(" ".join(line.split()) in words for line in told.body.splitlines())
