"""Days that pass in no time: a real store, a real webhook, and a clock that a test moves on."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import web
from owed import START, end, grant, opened, raise_alerts
from services import Web, web_server
from sqlalchemy import select

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import Alert, Severity
from scanner.domain.approvals import Approval
from scanner.domain.messages import Delivery
from scanner.domain.telling import Telling
from scanner.store import outbox
from scanner.store.engine import Store
from scanner.store.tables import notices

__all__ = ["Days", "alerts_in", "days", "refused", "taken"]

IDS = count(10**15)


def taken(_: dict[str, Any]) -> web.StreamResponse:
    return web.Response()


def refused(_: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=503)


@dataclass
class Days:
    """A watch over one wallet, told to `ops` by a webhook, whose far side a test can take down."""

    store: Store
    service: Web
    telling: Telling
    now: datetime = START
    rows: list[Approval] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def deliverer(self, *names: str) -> Deliverer:
        return Deliverer(
            self.store,
            [
                Channel(name, f"json://127.0.0.1:{self.service.port}/{name}", self.telling.channels[name])
                for name in names or self.telling.channels
            ],
            worker="me",
            now=self.clock,
            new_id=lambda: str(next(IDS)),
            jitter=lambda: 0.5,
            telling=self.telling,
        )

    async def open(self, number: int, severity: Severity = Severity.HIGH, rule: str = "a-rule", **how: Any) -> Alert:
        """An alert about the wallet's approval of one spender opens."""
        (alert,) = await raise_alerts(
            self.store, [self.rows[number]], severity, rule=rule, at=self.now, telling=self.telling, **how
        )
        return alert

    async def end(self, *alerts: Alert) -> None:
        await end(self.store, alerts, at=self.now, telling=self.telling)

    async def go_on(self, time: timedelta, step: timedelta = timedelta(minutes=3)) -> None:
        """Let time pass, with a turn of the delivery loop at each step."""
        until, mine = self.now + time, self.deliverer()
        while self.now < until:
            self.now = min(until, self.now + step)
            await mine.remind()
            await mine.compose_due()
            while await mine.deliver_once():
                pass

    @property
    def received(self) -> list[dict[str, Any]]:
        """What arrived since this was asked last."""
        found = list(self.service.bodies)
        self.service.bodies.clear()
        return found

    async def outbox(self, *states: str) -> list[Delivery]:
        return await self.store.read(lambda c: outbox.listing(c, states or (outbox.WAITING, outbox.GIVEN_UP)))

    async def reasons(self, alert: Alert) -> list[tuple[str, bool, str]]:
        """What `ops` was owed of an alert, in order."""
        query = select(notices.c.what, notices.c.send, notices.c.reason).where(
            notices.c.alert_id == alert.id, notices.c.channel == "ops"
        )
        rows = await self.store.read(lambda c: c.execute(query.order_by(notices.c.seq)))
        return [(row.what, row.send, row.reason) for row in rows]


@asynccontextmanager
async def days(folder: Path, approvals: int, telling: Telling | None = None) -> AsyncIterator[Days]:
    """A watch over a wallet with so many approvals, each to a spender of its own."""
    async with opened(folder) as store, web_server() as service:
        service.answer = taken
        found = Days(store, service, telling or Telling(channels={"ops": Severity.LOW}))
        found.rows = await grant(store, approvals)
        yield found


def alerts_in(bodies: Sequence[dict[str, Any]]) -> list[str]:
    """The ids that messages name, in order."""
    return [name for body in bodies for name in re.findall(r"AW-[0-9A-F]{10}", body["message"])]
