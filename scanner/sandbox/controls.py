"""The sandbox's own endpoints: for a person who plays, and the list of exploited spenders."""

import csv
import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from datetime import datetime
from typing import TypeAlias

import msgspec
from aiohttp import web

from scanner.sandbox.endpoints import Endpoint
from scanner.sandbox.faults import FAULTS_AT, Armed
from scanner.sandbox.pages import Asked, Json
from scanner.sandbox.play import Logged, Play
from scanner.sandbox.quirks import Quirks
from scanner.sandbox.worlds import Day, Key, Row

__all__ = ["Controls"]

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /sandbox/advance`: nothing for one day, or the day to go to."""

    day: int | None = None


class _Fault(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /sandbox/faults`: what `Play.fail` takes."""

    fault: str
    endpoint: Endpoint = Endpoint.APPROVALS
    times: int | None = 1
    page: int | str | None = None
    target: tuple[str, str] | None = None
    request: int | None = None


class Controls:
    """Sets and shows a play over HTTP. Nothing here is signed: it is not part of any API. `now` is its clock."""

    def __init__(self, play: Play, now: Callable[[], datetime]) -> None:
        self.play = play
        self.now = now

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, to be added to an application."""
        return [
            web.get("/lists/exploited.csv", self.exploited),
            web.get("/sandbox", self.show),
            web.get("/sandbox/truth", self.truth),
            web.get("/sandbox/requests", self.requests),
            web.post("/sandbox/advance", _explained(self.advance)),
            web.get("/sandbox/faults", _explained(self.faults)),
            web.post("/sandbox/faults", _explained(self.fail)),
            web.delete("/sandbox/faults", self.heal),
            web.put("/sandbox/quirks", _explained(self.quirks)),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Where the play stands."""
        play = self.play
        return web.json_response(
            {
                "world": play.world.title,
                "day": play.day,
                "last_day": len(play.world.days) - 1,
                "today": play.today.title,
                "requests": len(play.requests),
                "quirks": asdict(play.quirks),
                "faults": [_armed(armed) for armed in play.armed],
            }
        )

    async def truth(self, request: web.Request) -> web.StreamResponse:
        """Every approval as it is today."""
        return web.json_response(
            {"day": self.play.day, "targets": [_target(*item) for item in self.play.truth().items()]}
        )

    async def requests(self, request: web.Request) -> web.StreamResponse:
        """What the API was asked so far."""
        return web.json_response([{**asdict(entry), "at": entry.at.isoformat()} for entry in self.play.requests])

    async def advance(self, request: web.Request) -> web.StreamResponse:
        """Let a day pass, or go to a day."""
        wish = msgspec.json.decode(await request.read() or b"{}", type=_Advance)
        last = len(self.play.world.days) - 1
        if wish.day is None:
            self.play.advance()
        elif 0 <= wish.day <= last:
            self.play.day = wish.day
        else:
            raise ValueError(f"this world has days 0 to {last}")
        return await self.show(request)

    async def faults(self, request: web.Request) -> web.StreamResponse:
        """Everything that can go wrong at an endpoint; with the approvals unless another one is named."""
        where = Endpoint(request.query.get("endpoint", Endpoint.APPROVALS))
        return web.json_response({fault.name: fault.title for fault in FAULTS_AT[where].values()})

    async def fail(self, request: web.Request) -> web.StreamResponse:
        """Let something go wrong."""
        wish = msgspec.json.decode(await request.read(), type=_Fault)
        if wish.fault not in FAULTS_AT[wish.endpoint]:
            where = "" if wish.endpoint is Endpoint.APPROVALS else f"?endpoint={wish.endpoint}"
            raise ValueError(f"no fault is called {wish.fault!r}: GET /sandbox/faults{where} names them all")
        self.play.fail(**msgspec.structs.asdict(wish))
        return await self.show(request)

    async def heal(self, request: web.Request) -> web.StreamResponse:
        """Let nothing go wrong any more."""
        self.play.heal()
        return await self.show(request)

    async def quirks(self, request: web.Request) -> web.StreamResponse:
        """Answer in another reading of the documents; what is not named is as in the plainest one."""
        wish = msgspec.json.decode(await request.read(), type=dict[str, Json])
        if unknown := wish.keys() - {field.name for field in fields(Quirks)}:
            raise ValueError(f"no quirk is called {', '.join(sorted(unknown))}: GET /sandbox names them all")
        self.play.quirks = msgspec.convert(wish, Quirks)
        return await self.show(request)

    async def exploited(self, request: web.Request) -> web.StreamResponse:
        """The list of spenders that have turned out hostile so far."""
        fault = self.play.strike_at(Endpoint.LISTS, Asked())
        text = _exploited(self.play.today)
        self.play.requests.append(
            Logged(self.now(), request.method, request.path, Endpoint.LISTS, fault=fault.name if fault else None)
        )
        if fault is not None:
            return await fault.answer(request, Asked(), text)
        headers = {"ETag": f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'}
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(text=text, content_type="text/csv", headers=headers)


def _explained(handler: Handler) -> Handler:
    """What is wrong with a wish is answered in words, with HTTP 400."""

    async def explained(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValueError as error:  # what msgspec raises is one too
            return web.json_response({"error": str(error)}, status=400)

    return explained


def _armed(armed: Armed) -> Json:
    return {
        "fault": armed.fault.name,
        "endpoint": armed.endpoint,
        "times": armed.times,
        "page": armed.page,
        "target": armed.target,
        "request": armed.request,
    }


def _target(key: Key, rows: tuple[Row, ...]) -> Json:
    chain, owner = key
    return {"chainIndex": chain, "owner": owner, "approvals": [_row(row) for row in rows]}


def _row(row: Row) -> Json:
    return {
        "token": row.token.address,
        "symbol": row.token.symbol,
        "spender": row.spender.address,
        "name": row.spender.name,
        "raw": str(row.raw),
        "status": row.status.name.lower(),
    }


def _exploited(day: Day) -> str:
    """The list in the columns of every list, and what happened in one more; a spender is meant on every chain."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("address", "chain", "name", "label", "incident"))
    for spender in day.exploited:
        writer.writerow((spender.address, "", spender.name, "exploited", day.incidents.get(spender, "")))
    return out.getvalue()
