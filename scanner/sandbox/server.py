"""The server: it speaks the approvals API's protocol, on loopback, for a world being played."""

import math
from asyncio import Event, get_running_loop
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from aiohttp import web

from scanner.errors import UsageError
from scanner.sandbox.checks import Credentials, check_body, check_headers, check_successor_body
from scanner.sandbox.codes import Refusal
from scanner.sandbox.controls import Controls
from scanner.sandbox.pages import Asked, Json, approvals
from scanner.sandbox.play import Logged, Play
from scanner.sandbox.quirks import Quirks
from scanner.sandbox.stories import bundled_world, load_world
from scanner.sandbox.successor import PATH as SUCCESSOR
from scanner.sandbox.successor import flat_approvals
from scanner.sandbox.worlds import World

__all__ = ["Sandbox", "Server", "serve_forever"]

HOST = "127.0.0.1"
GRACE = 1.05
"""Requests that are spaced by the limit to the millisecond may arrive a little closer together."""


@dataclass(frozen=True, slots=True)
class Server:
    """A sandbox that listens. `url` is what a client takes for `base_url`."""

    url: str
    port: int


class Sandbox(Play):
    """A world and a server for it. `now` is the server's clock; `requests_per_second` is the limit, None is none."""

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
        self._recent: deque[float] = deque()

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[Server]:
        """Listen on loopback, on a free port unless one is named. Raises UsageError where that port is taken."""
        app = web.Application(client_max_size=2**20)
        app.on_response_prepare.append(self._stamp)
        app.router.add_get("/api/v5/public/time", self._time)
        app.add_routes(Controls(self).routes())
        app.router.add_route("*", "/api/{path:.*}", self._api)
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

    async def _stamp(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(self.now().astimezone(UTC), usegmt=True)

    async def _time(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(Logged(self.now(), request.method, request.path))
        milliseconds = math.floor(self.now().timestamp() * 1000)
        return web.json_response({"code": "0", "msg": "", "data": [{"ts": str(milliseconds)}]})

    async def _api(self, request: web.Request) -> web.StreamResponse:
        logged = Logged(self.now(), request.method, request.path)
        body = await request.read()
        try:
            check_headers(request.headers, request.method, request.raw_path, body, self.credentials, self.now())
            self._pace()
            asked = self._asked(request, body)
        except Refusal as refusal:
            return self._refuse(refusal, logged)
        fault = self.strike(asked)
        logged = replace(
            logged,
            entries=asked.entries,
            cursor=asked.cursor,
            offset=asked.offset,
            limit=asked.limit,
            fault=fault.name if fault else None,
        )
        if fault is not None and fault.code is not None:
            return self._refuse(Refusal(fault.code), logged)
        self.requests.append(logged)
        answer = self._answer(request.path, asked)
        return web.json_response(answer) if fault is None else await fault.answer(request, asked, answer)

    def _refuse(self, refusal: Refusal, logged: Logged) -> web.StreamResponse:
        self.requests.append(replace(logged, code=refusal.code))
        code = int(refusal.code) if self.quirks.code_as_number else refusal.code
        status = 200 if self.quirks.always_200 else refusal.status
        headers = {"Retry-After": "1"} if refusal.code == "50011" else None
        return web.json_response({"code": code, "msg": refusal.message, "data": []}, status=status, headers=headers)

    def _asked(self, request: web.Request, body: bytes) -> Asked:
        if request.path not in (self.quirks.path, SUCCESSOR):
            raise Refusal("404", request.path)
        if request.method != "POST":
            raise Refusal("50115", "POST is expected")
        if request.path == SUCCESSOR:
            return check_successor_body(body, request.content_type, self.quirks)
        return check_body(body, request.content_type, self.quirks)

    def _answer(self, path: str, asked: Asked) -> dict[str, Json]:
        code = 0 if self.quirks.code_as_number else "0"
        if path == SUCCESSOR:
            return {"code": code, "msg": "", "data": flat_approvals(self.today, asked, self.quirks)}
        return {"code": code, "msg": "", "data": approvals(self.today, asked, self.quirks, seed=self.answered)}

    def _pace(self) -> None:
        """Refuse what comes faster than the limit allows."""
        if self.requests_per_second is None:
            return
        burst = math.ceil(self.requests_per_second)
        now = get_running_loop().time()
        window = burst / (self.requests_per_second * GRACE)
        while self._recent and now - self._recent[0] >= window:
            self._recent.popleft()
        if len(self._recent) >= burst:
            raise Refusal("50011")
        self._recent.append(now)


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
