"""What scans come to for those who are told: one message for a cause, what grows worse, and ten calm days."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import web
from scanning import CHANNELS, Watch, address, row, rows, story, watching
from sqlalchemy import select

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import Severity
from scanner.domain.telling import Telling
from scanner.sandbox import UINT256_MAX, bundled_world
from scanner.store import acknowledgements, tables
from scanner.store import alerts as kept_alerts
from scanner.store.acknowledgements import Acknowledged

TELLING = Telling(channels=CHANNELS)
HALF = 2**255


def owner(number: int) -> str:
    return address(0xA0 + number)


async def owed(watch: Watch, rule: str, channel: str = "ops") -> list[tuple[str, bool, str]]:
    """What a channel was owed about the alerts of a rule, in order."""
    query = (
        select(tables.notices)
        .join(tables.alerts, tables.alerts.c.id == tables.notices.c.alert_id)
        .where(tables.alerts.c.rule == rule, tables.notices.c.channel == channel)
        .order_by(tables.notices.c.seq)
    )
    found = (await watch.store.read(lambda connection: connection.execute(query))).mappings()
    return [(one["what"], one["send"], one["reason"]) for one in found]


async def test_a_raised_allowance_opens_again_what_somebody_had_acknowledged(tmp_path: Path) -> None:
    async with watching(tmp_path, story([row(1, HALF)], [row(1, UINT256_MAX)], [row(1, HALF)])) as watch:
        first = await watch.scan()
        (alert,) = [one for one in first.alerts if one.rule == "unlimited-to-stranger"]
        known = await watch.store.read(lambda c: kept_alerts.find_alert(c, alert.id))
        assert known is not None
        said = Acknowledged("alice", watch.house.clock.now(), "ours")
        await watch.store.write(lambda c: acknowledgements.record(c, known.alert, said, TELLING))

        states = []
        for day in (0, 1, 1, 2):
            watch.sandbox.day = day
            report = await watch.scan()
            states += [one.state for one in report.alerts if one.id == alert.id]
        assert states == ["acknowledged", "open", "open", "open"]
        assert await owed(watch, "unlimited-to-stranger") == [("opened", True, "first"), ("worsened", True, "worsened")]
        kept = await watch.store.read(lambda c: kept_alerts.story(c, alert.id))
        assert [step.move for step in kept.steps] == ["opened", "acknowledged", "worsened"]


async def test_a_spender_that_hits_wallet_after_wallet_is_one_group(tmp_path: Path) -> None:
    quiet = [one for number in range(3) for one in rows(2, owner=owner(number), spender=90 + number)]
    hits = [row(50, UINT256_MAX, owner=owner(number)) for number in range(3)]
    again = row(51, UINT256_MAX, owner=owner(0))
    async with watching(tmp_path, story(quiet, [*quiet, *hits, again])) as watch:
        await watch.scan()
        watch.sandbox.advance()
        await watch.scan()
        assert sorted(await owed(watch, "unlimited-to-stranger")) == [
            ("opened", True, "first"),
            ("opened", True, "new in group"),
            ("opened", True, "new wallet in group"),
            ("opened", True, "new wallet in group"),
        ]
        query = select(tables.notices.c.group_key).where(tables.notices.c.send, ~tables.notices.c.digest).distinct()
        assert len((await watch.store.read(lambda c: c.execute(query))).all()) == 1


async def test_what_opens_again_is_a_new_alert_that_knows_of_its_earlier_lives(tmp_path: Path) -> None:
    base = rows(3)
    async with watching(tmp_path, story([*base, row(9, UINT256_MAX)], base)) as watch:
        seen = []
        for day in (0, 1, 0, 1, 0):
            watch.sandbox.day = day
            report = await watch.scan()
            seen += [one.id for one in report.alerts if one.rule == "unlimited-to-stranger" and one.state == "open"]
        assert len(set(seen)) == 3
        assert [await episodes(watch, one) for one in seen] == [(), (seen[0],), (seen[0], seen[1])]


async def episodes(watch: Watch, alert_id: str) -> tuple[str, ...]:
    return (await watch.store.read(lambda c: kept_alerts.story(c, alert_id))).episodes


@asynccontextmanager
async def mailbox() -> AsyncIterator[tuple[int, list[dict[str, Any]]]]:
    """A channel's far side: its port, and what it was sent."""
    received: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        received.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], received
    finally:
        await runner.cleanup()


async def test_ten_days_of_the_demo_are_calm(tmp_path: Path) -> None:
    """Three eventful days, then nothing: a message for each thing that happened, and what is repeated by plan."""
    ids = count(10**15)
    async with watching(tmp_path, bundled_world()) as watch, mailbox() as (port, received):
        clock = watch.house.clock
        mine = Deliverer(
            watch.store,
            [Channel("ops", f"json://127.0.0.1:{port}/", Severity.HIGH)],
            worker="me",
            now=clock.now,
            new_id=lambda: str(next(ids)),
            jitter=lambda: 0.5,
        )
        titles: list[list[str]] = []
        for day in range(10):
            watch.sandbox.day = min(day, len(watch.sandbox.world.days) - 1)
            for _ in range(2):
                await watch.scan()
                for _ in range(3):
                    clock.ahead += timedelta(hours=4)
                    await mine.remind()
                    await mine.compose_due()
                    while await mine.deliver_once():
                        pass
            titles.append([body["title"] for body in received])
            received.clear()
        assert [title.split(":")[0] for title in titles[0]] == ["First reading of 3 wallets"]
        assert all(len(told) <= 4 for told in titles[1:3])
        later = [title for told in titles[3:] for title in told]
        assert all(title.startswith(("Still open, HIGH: ", "Weekly review: ")) for title in later)
        assert len(later) <= 4
