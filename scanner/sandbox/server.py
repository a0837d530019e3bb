"""The server: it speaks the protocols of every API that is read, on loopback, for a world being played."""

import math
from asyncio import Event
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from scanner.errors import UsageError
from scanner.sandbox.checks import Credentials
from scanner.sandbox.codes import Refusal
from scanner.sandbox.controls import Controls
from scanner.sandbox.endpoints import Call, Endpoint, Service
from scanner.sandbox.gateway import Gateway
from scanner.sandbox.limits import Limit
from scanner.sandbox.play import Logged, Play
from scanner.sandbox.quirks import Quirks
from scanner.sandbox.stories import bundled_world, load_world
from scanner.sandbox.wallets import OldWallet
from scanner.sandbox.worlds import World
from scanner.sandbox.xt import XtFour, XtOne

__all__ = ["Sandbox", "Server", "serve_forever"]

HOST = "127.0.0.1"

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Server:
    """A sandbox that listens. `url` is what a client takes for `base_url`."""

    url: str
    port: int


class Sandbox(Play):
    """A world and a server for it. `now` is the server's clock.

    `requests_per_second` limits what the provider's key may ask for in all; None is no limit. What exchanges take has
    limits of its own.
    """

    def __init__(
        self,
        world: World,
        *,
        credentials: Credentials | None = None,
        quirks: Quirks | None = None,
        requests_per_second: float | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(world, quirks or Quirks())
        self.credentials = credentials or Credentials()
        self.requests_per_second = requests_per_second
        self.now = now

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[Server]:
        """Listen on loopback, on a free port unless one is named. Raises UsageError where that port is taken."""
        app = web.Application(client_max_size=2**20)
        app.on_response_prepare.append(self._stamp)
        app.router.add_get("/api/v5/public/time", self._time)
        app.add_routes(Controls(self, self.now).routes())
        for pattern, service in self._services():
            app.router.add_route("*", pattern, self._handler(service))
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, port)
            try:
                await site.start()
            except OSError as error:
                raise UsageError(f"the sandbox cannot listen on port {port}", "Name another one with --port") from error
            bound = runner.addresses[0][1]
            yield Server(f"http://{HOST}:{bound}", bound)
        finally:
            await runner.cleanup()

    def _services(self) -> Iterator[tuple[str, Service]]:
        """Every API with the paths that are its own; the first that fits is asked."""
        old = OldWallet(self, self.credentials)
        yield "/api/account/v3/{path:.*}", old
        yield "/api/system/v3/{path:.*}", old
        limit = None if self.requests_per_second is None else Limit(self.requests_per_second)
        yield "/api/{path:.*}", Gateway(self, self.credentials, limit)
        yield "/trade/{path:.*}", XtOne(self, self.credentials)
        yield "/v4/{path:.*}", XtFour(self, self.credentials)

    async def _stamp(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(self.now().astimezone(UTC), usegmt=True)

    async def _time(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(Logged(self.now(), request.method, request.path))
        milliseconds = math.floor(self.now().timestamp() * 1000)
        return web.json_response({"code": "0", "msg": "", "data": [{"ts": str(milliseconds)}]})

    def _handler(self, service: Service) -> Handler:
        """Everything that one API is asked."""

        async def handle(request: web.Request) -> web.StreamResponse:
            logged = Logged(self.now(), request.method, request.path, service.endpoint(request.path))
            try:
                read = service.read(await self._call(request))
            except Refusal as refusal:
                return self._refuse(service, refusal, logged)
            asked, approvals = read.asked, read.endpoint is Endpoint.APPROVALS
            fault = self.strike(asked) if approvals else self.strike_at(read.endpoint, asked)
            logged = replace(
                logged,
                entries=asked.entries,
                cursor=asked.cursor,
                offset=asked.offset,
                limit=asked.limit,
                fault=fault.name if fault else None,
            )
            if fault is not None and fault.code is not None:
                return self._refuse(service, Refusal(fault.code, table=service.codes), logged)
            self.requests.append(logged)
            answer = read.reply()
            if fault is not None:
                return await fault.answer(request, asked, answer)
            return web.json_response(answer, headers=read.headers)

        return handle

    async def _call(self, request: web.Request) -> Call:
        return Call(
            at=self.now(),
            method=request.method,
            path=request.path,
            target=request.raw_path,
            query=request.query,
            headers=request.headers,
            content_type=request.content_type,
            body=await request.read(),
        )

    def _refuse(self, service: Service, refusal: Refusal, logged: Logged) -> web.StreamResponse:
        self.requests.append(replace(logged, code=refusal.code))
        status = 200 if self.quirks.always_200 else refusal.status
        headers = {"Retry-After": "1"} if refusal.code == "50011" else None
        return web.json_response(service.refusal(refusal), status=status, headers=headers)


async def serve_forever(
    world: Path | None = None, port: int = 0, on_ready: Callable[[Sandbox, Server], None] = lambda _, __: None
) -> None:
    """Serve a world from a file, or the demo's, until cancelled. `on_ready` is called once the server listens.

    Raises ConfigError for a broken world, UsageError for a port that is taken.
    """
    sandbox = Sandbox(bundled_world() if world is None else load_world(world))
    async with sandbox.serve(port) as server:
        on_ready(sandbox, server)
        await Event().wait()
