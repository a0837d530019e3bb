"""Services on loopback that answer as the real ones do."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

__all__ = ["SLACK", "TELEGRAM", "Answer", "Postbox", "Web", "mail_server", "points_at", "until", "web_server"]

TELEGRAM = "tgram://123456789:AAF-secret_token_of_this_bot/42"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"

Answer = Callable[[dict[str, Any]], web.StreamResponse]


async def until(true: Callable[[], bool], within: float = 2.0) -> None:
    """Wait for something to have happened."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody when it happens
            await asyncio.sleep(0.01)


@dataclass(slots=True)
class Web:
    """An HTTP service: what it was sent, and how it answers. `delay` in seconds comes before the answer."""

    port: int = 0
    answer: Answer = field(default=lambda _: web.json_response({"ok": True}))
    delay: float = 0.0
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def web_server() -> AsyncIterator[Web]:
    service = Web()

    async def take(request: web.Request) -> web.StreamResponse:
        form = request.content_type == "application/x-www-form-urlencoded"
        body = dict(await request.post()) if form else json.loads(await request.read() or b"{}")
        service.paths.append(request.path)
        service.bodies.append(body)
        await asyncio.sleep(service.delay)
        return service.answer(body)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.port = runner.addresses[0][1]
    try:
        yield service
    finally:
        await runner.cleanup()


@contextmanager
def points_at(service: Web) -> Iterator[None]:
    """Let apprise's plugins for services with one address in the world talk to this service."""
    from apprise.manager_plugins import NotificationManager
    from apprise.plugins.pagerduty import PAGERDUTY_API_LOOKUP

    plugins = NotificationManager()  # type: ignore[no-untyped-call]  # - apprise gives no types here
    places = {
        ("tgram", "notify_url"): f"{service.url}/bot",
        ("slack", "webhook_url"): f"{service.url}/services",
        ("slack", "api_url"): f"{service.url}/api/{{}}",
        ("discord", "notify_url"): f"{service.url}/discord",
        ("pover", "notify_url"): f"{service.url}/pushover",
    }
    kept = {place: getattr(plugins[place[0]], place[1]) for place in places}
    regions = dict(PAGERDUTY_API_LOOKUP)
    for (scheme, name), url in places.items():
        setattr(plugins[scheme], name, url)
    PAGERDUTY_API_LOOKUP.update(dict.fromkeys(regions, f"{service.url}/pagerduty"))
    try:
        yield
    finally:
        for (scheme, name), url in kept.items():
            setattr(plugins[scheme], name, url)
        PAGERDUTY_API_LOOKUP.update(regions)


class Postbox:
    """What an SMTP server does with mail: keeps it, unless it is told to say something else.

    `to_recipient` gives its reply by address, or by "" for all others; `password` is the one that it lets in.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.logins: list[bytes] = []
        self.password: bytes | None = None
        self.to_recipient: dict[str, str] = {}
        self.to_mail = "250 OK"
        self.delay = 0.0
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        reply = self.to_recipient.get(address, self.to_recipient.get("", "250 OK"))
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - likewise
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        if self.to_mail.startswith("250"):
            self.mails.append(mail)
            self.raw.append(envelope.content)
        await asyncio.sleep(self.delay)
        return self.to_mail

    def log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, given: LoginPassword) -> AuthResult:
        self.logins.append(given.password)
        return AuthResult(success=self.password in (None, given.password), handled=False)


@asynccontextmanager
async def mail_server(tls: SSLContext | None = None) -> AsyncIterator[Postbox]:
    box = Postbox()

    def serve() -> SMTP:
        return SMTP(box, enable_SMTPUTF8=True, tls_context=tls, authenticator=box.log_in)

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
