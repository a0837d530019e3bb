"""Mail: its identity, its form, its refusals, and TLS; against a real SMTP server on loopback."""

import re
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from apprise import Apprise
from hypothesis import given
from hypothesis import strategies as st
from services import Postbox, mail_server

from scanner.delivery.channels import Channel, ChannelError
from scanner.delivery.mail import Letter, as_html
from scanner.domain.alerts import Severity
from scanner.domain.messages import Outcome, Result

REF = "0123456789abcdef"
REVOKE = "https://revoke.cash/address/0x1?chainId=1"
BODY = f"CRITICAL: a <b> & *c*\nWallet: treasury 0x1 on Ethereum\nRevoke: {REVOKE}\n———\nHIGH: more\nref {REF}"
PLAIN = b"From: watch@example.org\r\nTo: me@example.org\r\nSubject: s\r\nMessage-ID: <x@y>\r\n\r\nbody\r\n"


def url(box: Postbox, to: str = "me@example.org", more: str = "") -> str:
    return f"mailto://127.0.0.1:{box.port}/?from=watch@example.org&to={to}{more}"


async def sent(url: str, title: str = "CRITICAL: <title>", ref: str = REF, thread: str = "a1b2") -> Outcome:
    return await Channel("mail", url).send(title, BODY, severity=Severity.CRITICAL, ref=ref, thread=thread)


class Page(HTMLParser):
    """What a reader sees of a page, and what would react to a click."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


async def test_the_same_words_come_as_plain_text_and_as_a_page() -> None:
    async with mail_server() as box:
        assert await sent(url(box)) == Outcome(Result.DELIVERED)
    (mail,) = box.mails
    assert mail["Subject"] == "CRITICAL: <title>"
    assert mail["To"] == "me@example.org"
    assert mail.get_content_type() == "multipart/alternative"
    assert part(mail, "plain").splitlines() == BODY.splitlines()
    page = Page(part(mail, "html"))
    assert page.links == [REVOKE]
    words = " ".join("".join(page.words).split())
    for line in BODY.replace("\n———\n", "\n").splitlines():
        assert line in words
    assert not page.tags & {"script", "img", "iframe", "form", "b", "i"}


async def test_the_same_message_has_the_same_id_and_its_like_share_a_thread() -> None:
    async with mail_server() as box:
        for ref in (REF, REF, "fedcba9876543210"):
            await sent(url(box), ref=ref)
        await sent(url(box), thread="")
    first, again, other, alone = box.mails
    assert first["Message-ID"] == again["Message-ID"] == f"<{REF}@example.org>"
    assert other["Message-ID"] == "<fedcba9876543210@example.org>"
    for mail in (first, again, other):
        assert mail["References"] == mail["In-Reply-To"] == "<thread.a1b2@example.org>"
    assert (alone["References"], alone["In-Reply-To"]) == (None, None)


async def test_no_machine_answers_it() -> None:
    async with mail_server() as box:
        await sent(url(box))
    (mail,) = box.mails
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Date"].datetime - datetime.now(UTC) < timedelta(minutes=1)
    for name in ("Message-ID", "Subject", "From", "To", "Date", "MIME-Version", "Content-Type"):
        assert len(mail.get_all(name, [])) == 1


@pytest.mark.parametrize(
    "title",
    ["a\r\nBcc: thief@example.net", "a\nX: y\n\nbody", "=?utf-8?q?x?=", "Ünïswap 交易所 🦄 " * 9, "\ud800", "x" * 900],
)
async def test_a_title_is_one_header_whatever_is_in_it(title: str) -> None:
    async with mail_server() as box:
        assert (await sent(url(box), title)).result is Result.DELIVERED
    (mail,), (raw,) = box.mails, box.raw
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert part(mail, "plain").splitlines() == BODY.splitlines()
    shown = " ".join(title.encode(errors="replace").decode().split())
    assert str(mail["Subject"]) == shown
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=40), st.text(max_size=40))
def test_any_words_make_a_sound_mail(title: str, body: str, ref: str, thread: str) -> None:
    mail = message_from_bytes(Letter(title, body, ref, thread).dress(PLAIN), EmailMessage, policy=policy.default)
    assert {name.lower() for name in mail} <= {
        *("from", "to", "subject", "message-id", "in-reply-to", "references", "mime-version", "content-type"),
        *("auto-submitted", "x-auto-response-suppress"),
    }
    visible = "".join(c for c in body if c == "\n" or c.isprintable())
    assert part(mail, "plain").replace("\r\n", "\n").rstrip("\n") == visible.rstrip("\n")
    for line in mail.as_bytes(policy=policy.SMTP).split(b"\r\n"):
        assert line.isascii()
        assert len(line) <= 998


@given(st.text(alphabet="<>&\"'htps:/.evlcom =ajx\n", max_size=80))
def test_no_words_become_markup_in_the_page(text: str) -> None:
    page = Page(as_html(text, f"{text}\n{REVOKE} {text}\nref 1"))
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "div", "p", "span", "a", "hr"}
    assert all(re.fullmatch(r"https://[A-Za-z0-9./?=&%:_-]+", link) for link in page.links)


def test_what_was_signed_keeps_its_content() -> None:
    signed = PLAIN.replace(b"Subject: s", b"Subject: s\r\nContent-Type: multipart/signed; boundary=b").replace(
        b"body", b"--b\r\n\r\nbody\r\n--b--"
    )
    mail = message_from_bytes(Letter("t", "other", REF).dress(signed), EmailMessage, policy=policy.default)
    assert mail.get_content_type() == "multipart/signed"
    assert (mail["Message-ID"], mail["Subject"]) == (f"<{REF}@example.org>", "s")
    assert b"other" not in mail.as_bytes()


@pytest.mark.parametrize(
    ("to_recipient", "to_mail", "result"),
    [
        ("550 no such user", "250 OK", Result.PERMANENT),
        ("450 try later", "250 OK", Result.TRANSIENT),
        ("451 greylisted", "250 OK", Result.TRANSIENT),
        ("501 bad address", "250 OK", Result.PERMANENT),
        ("250 OK", "554 looks like spam", Result.PERMANENT),
        ("250 OK", "451 greylisted", Result.TRANSIENT),
        ("250 OK", "452 no room", Result.TRANSIENT),
        ("421 going down", "250 OK", Result.TRANSIENT),
    ],
)
async def test_what_a_server_refuses(to_recipient: str, to_mail: str, result: Result) -> None:
    async with mail_server() as box:
        box.to_recipient[""], box.to_mail = to_recipient, to_mail
        outcome = await sent(url(box))
    assert outcome.result is result
    assert (to_recipient + to_mail).replace("250 OK", "")[:3] in outcome.detail


async def test_of_several_addressees_those_that_did_not_take_it_are_named() -> None:
    async with mail_server() as box:
        box.to_recipient = {"b@example.org": "550 no such user", "c@example.org": "450 try later"}
        outcome = await sent(url(box, "a@example.org,b@example.org,c@example.org"))
    assert outcome.result is Result.UNKNOWN
    assert "b@example.org: the mail server said 550 no such user. Check the address" in outcome.detail
    assert "c@example.org: the mail server said 450 try later" in outcome.detail
    assert [mail["To"] for mail in box.mails] == ["a@example.org"]


async def test_a_copy_that_is_refused_is_named_too() -> None:
    async with mail_server() as box:
        box.to_recipient = {"boss@example.org": "550 no such user"}
        outcome = await sent(url(box, more="&cc=boss@example.org"))
    assert outcome.result is Result.UNKNOWN
    assert outcome.detail.startswith("arrived in part; boss@example.org: the mail server said 550")


async def test_without_a_receipt_it_may_have_arrived() -> None:
    async with mail_server() as box:
        box.delay = 1.5
        outcome = await sent(url(box, more="&cto=0.3"))
        assert outcome.result is Result.UNKNOWN
        assert len(box.mails) == 1


async def test_nobody_listening_is_a_passing_trouble() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = await sent(f"mailto://127.0.0.1:{free.getsockname()[1]}/?from=a@example.org&to=b@example.org")
    assert outcome == Outcome(Result.TRANSIENT, "could not talk to the mail server (ConnectionRefusedError)")


def test_a_password_is_not_sent_in_the_clear() -> None:
    for clear in (
        "mailto://me:hunter2secret@mail.example.org/",
        "mailtos://me:hunter2secret@mail.example.org/?mode=insecure",
    ):
        with pytest.raises(ChannelError, match="mailtos://") as caught:
            Channel("mail", clear).check()
        assert "hunter2secret" not in str(caught.value)
    Channel("mail", "mailtos://me:hunter2secret@mail.example.org/?to=x@example.org").check()
    Channel("mail", "mailto://me:hunter2secret@127.0.0.1/?from=a@example.org&to=x@example.org").check()


async def test_a_server_without_tls_gets_no_password() -> None:
    async with mail_server() as box:
        outcome = await sent(f"mailtos://me:hunter2secret@127.0.0.1:{box.port}/?from=a@example.org&mode=starttls")
    assert outcome.result is Result.TRANSIENT
    assert "offers no TLS" in outcome.detail
    assert box.logins == []


async def test_over_tls_the_login_is_made_and_a_wrong_one_is_final() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("loopback.pem"))
    async with mail_server(tls=context) as box:
        secret = f"mailtos://me:hunter2secret@127.0.0.1:{box.port}/?from=a@example.org&to=b@example.org&mode=starttls"
        unproven = await sent(secret)
        assert (unproven.result, box.logins) == (Result.TRANSIENT, [])
        assert "certificate is not valid" in unproven.detail
        assert await sent(f"{secret}&verify=no") == Outcome(Result.DELIVERED)
        assert box.logins == [b"hunter2secret"]
        box.password = b"another"
        refused = await sent(f"{secret}&verify=no")
    assert refused.result is Result.PERMANENT
    assert "The user or the password is refused" in refused.detail
    assert "hunter2secret" not in refused.detail


def test_the_plugin_keeps_what_is_read_of_it() -> None:
    plugin: Any = Apprise.instantiate("mailtos://me:pass@mail.example.org")
    assert (plugin.secure_mode, plugin.password, plugin.smtp_host) == ("starttls", "pass", "mail.example.org")
