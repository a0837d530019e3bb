"""A month in minutes: the world moves daily, people silence and acknowledge, a channel is down for a day.

At its end memory is where it was, and the story of every alert can be told from its first step to its last delivery.
"""

import gc
import re
import secrets
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from scanning import CHANNELS, Clock, Watch, address, row, rows, story, watching
from services import Web, web_server
from sqlalchemy import select

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import AlertState, Move
from scanner.domain.messages import Result
from scanner.domain.notices import Why
from scanner.domain.silences import Matchers, Silence, silence_id, silenced_by
from scanner.domain.telling import Telling
from scanner.sandbox import UINT256_MAX, Row, World
from scanner.store import acknowledgements, alerts, outbox, silences
from scanner.store.alerts import Story
from scanner.store.tables import alerts as alerts_table

OWNERS = [address(0xA00 + number) for number in range(5)]
DAY = timedelta(days=1)
LENGTH, OUTAGE, WARM = 31, 12, 10
NOISY = 900
"""The spender that somebody silences."""


def world() -> World:
    """Every wallet has something dangerous for ever; each day brings more, raises something, and ends what is old."""

    def rows_of(day: int) -> list[Row]:
        found = [row(1, UINT256_MAX, owner=owner, spender=500 + place) for place, owner in enumerate(OWNERS)]
        for place, owner in enumerate(OWNERS):
            found += rows(4, first=10, owner=owner, spender=place)
            found.append(row(2, 5 + day, owner=owner, spender=place))
            found += [
                row(100 + past, UINT256_MAX, owner=owner, spender=100 + past) for past in range(day) if day - past < 5
            ]
        found += [row(400 + past, UINT256_MAX, owner=OWNERS[0], spender=NOISY) for past in range(min(day, 9))]
        return found

    return story(*map(rows_of, range(LENGTH)))


@dataclass
class Month:
    """A watch whose time a test moves on, and what arrived at its webhook."""

    watch: Watch
    service: Web
    arrived: dict[str, str] = field(default_factory=dict)
    down: bool = False
    refused: int = 0

    def take(self, body: dict[str, Any]) -> web.StreamResponse:
        if self.down:
            self.refused += 1
            return web.Response(status=503)
        *_, reference = body["message"].split("\nref ")
        self.arrived[reference] = body["message"]
        self.service.bodies.clear()
        self.service.paths.clear()
        return web.Response()

    @property
    def clock(self) -> Clock:
        return self.watch.house.clock

    def deliverer(self) -> Deliverer:
        channels = [
            Channel(name, f"json://127.0.0.1:{self.service.port}/{name}", least) for name, least in CHANNELS.items()
        ]
        return Deliverer(
            self.watch.store,
            channels,
            worker="1-test",
            now=self.clock.now,
            new_id=lambda: secrets.token_hex(8),
            jitter=lambda: 0.5,
            telling=Telling(channels=CHANNELS),
        )

    async def live(self, day: int, deliverer: Deliverer) -> None:
        """A day: four scans, and the delivery loop every half an hour."""
        self.watch.sandbox.day = day
        self.watch.sandbox.requests.clear()
        self.down = day == OUTAGE
        for hour in range(0, 24, 6):
            report = await self.watch.scan()
            assert report.scan.complete, f"day {day}, {hour} h"
            for _ in range(12):
                await deliverer.remind()
                await deliverer.compose_due()
                while await deliverer.deliver_once():
                    pass
                self.clock.ahead += timedelta(minutes=30)

    async def silence(self) -> str:
        """Somebody silences whatever the noisy spender brings, for a week."""
        at = self.clock.now()
        matchers = Matchers(spender=row(1, spender=NOISY).spender.address)
        made = Silence(
            id=silence_id(matchers, "alice", at),
            matchers=matchers,
            future=True,
            author="alice",
            comment="known",
            created_at=at,
            ends_at=at + 7 * DAY,
        )
        await self.watch.store.write(lambda connection: silences.make(connection, made))
        return made.id

    async def acknowledge(self) -> str:
        """Somebody knows of one of the alerts that last; returns its id."""
        told = await self.watch.store.read(alerts.listing)
        alert = next(
            one.alert for one in told if one.held.approval.spender.address == row(1, spender=501).spender.address
        )
        said = acknowledgements.Acknowledged("bob", self.clock.now(), "ours")
        telling = Telling(channels=CHANNELS)
        assert await self.watch.store.write(lambda c: acknowledgements.record(c, alert, said, telling))
        return alert.id


def resident() -> int:
    """The memory that this process holds, in pages."""
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_month_leaves_memory_flat_and_every_story_told(tmp_path: Path) -> None:
    async with watching(tmp_path, world(), clock=Clock()) as watch, web_server() as service:
        month = Month(watch, service)
        service.answer = month.take
        deliverer = month.deliverer()
        silence = known = ""
        warm = 0
        for day in range(LENGTH):
            if day == 3:
                silence = await month.silence()
            if day == 8:
                known = await month.acknowledge()
            if day == WARM:
                gc.collect()
                warm = resident()
                tracemalloc.start()
            await month.live(day, deliverer)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - sum(map(len, month.arrived.values()))
        tracemalloc.stop()
        print(f"{warm} pages warm, {resident()} at the end, {grown / 2**20:.1f} MB more; {len(month.arrived)} messages")  # noqa: T201 - the numbers are a result
        assert resident() < 1.2 * warm
        assert grown < 8 * 2**20
        await month_was_told(month, silence, known)


async def month_was_told(month: Month, silence: str, known: str) -> None:
    """Every alert has its story, and together the stories hold all that a month should bring."""
    store = month.watch.store
    everything = select(alerts_table).order_by(alerts_table.c.opened_at)
    kept = (await store.read(lambda c: c.execute(everything))).mappings().all()
    assert len(kept) > 5 * LENGTH
    assert await store.read(lambda c: outbox.listing(c, (outbox.WAITING, outbox.GIVEN_UP))) == []
    reasons: Counter[str] = Counter()
    for alert in kept:
        whole = await store.read(partial(alerts.story, alert_id=alert["id"]))
        check_steps(whole, alert["state"], acknowledged=alert["id"] == known)
        check_deliveries(whole, alert["id"], month.arrived)
        reasons.update(notice.reason for notice in whole.notices)
    print(dict(reasons))  # noqa: T201 - likewise
    assert {Why.FIRST, Why.NEW_IN_GROUP, Why.REMINDER, Why.RESOLVED, Why.BELOW} <= set(reasons)
    assert {Why.INFORMATIONAL, Why.SILENCE_ENDED, silenced_by(silence)} <= set(reasons)
    for words in ("First reading of 5 wallets", "STILL OPEN, HIGH", "Silences kept", "RESOLVED (HIGH)"):
        assert any(words in body for body in month.arrived.values()), words
    assert month.refused, "the channel was tried while it was down"
    assert len(month.arrived) < 20 * LENGTH, "no storm"


def check_steps(whole: Story, state: str, *, acknowledged: bool) -> None:
    """From its first step to its last one, each with a reason and in order."""
    moves = [step.move for step in whole.steps]
    assert moves[0] == Move.OPENED
    assert (moves[-1] == Move.RESOLVED) == (state == AlertState.RESOLVED)
    assert (Move.ACKNOWLEDGED in moves) == acknowledged
    assert all(step.reason for step in whole.steps)
    assert [step.at for step in whole.steps] == sorted(step.at for step in whole.steps)


def check_deliveries(whole: Story, name: str, arrived: Mapping[str, str]) -> None:
    """Each channel's notices say why; what was to be sent was sent, by an attempt that is there; who heard of the
    beginning heard of the end."""
    opened = [notice for notice in whole.notices if notice.what == Move.OPENED]
    assert {notice.channel for notice in opened} == set(CHANNELS)
    assert all(notice.reason for notice in whole.notices)
    delivered = {one.message for one in whole.attempts if one.outcome == Result.DELIVERED}
    for notice in whole.notices:
        if notice.send:
            assert notice.state == outbox.SENT
            assert notice.sent_at is not None
            assert notice.sent_at >= notice.at
            assert notice.message in delivered
            body = arrived[notice.message]
            assert name in body or re.search(r"^and \d+ more", body, re.MULTILINE), "named, or at least counted"
    heard = {notice.channel for notice in whole.notices if notice.send and notice.what != Move.RESOLVED}
    if whole.steps[-1].move == Move.RESOLVED:
        assert {one.channel for one in whole.notices if one.send and one.what == Move.RESOLVED} >= heard
