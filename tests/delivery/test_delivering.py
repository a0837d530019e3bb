"""The loop from notices to a channel, with a real store, a real webhook and a clock of our own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from owed import START, grant, opened, raise_alerts
from services import Web, until, web_server
from sqlalchemy import ColumnElement, func, select
from structlog.testing import capture_logs

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import Severity
from scanner.domain.messages import Delivery, Message, MessageKind
from scanner.store import alerts, outbox, scans
from scanner.store.engine import Store
from scanner.store.tables import attempts, messages

IDS = count(10**15)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as one:
        yield one


@pytest.fixture
async def service() -> AsyncIterator[Web]:
    async with web_server() as one:
        yield one


@pytest.fixture
def clock() -> Clock:
    return Clock()


def hook(service: Web, name: str = "ops") -> Channel:
    return Channel(name, f"json://127.0.0.1:{service.port}/{name}")


def deliverer(store: Store, clock: Callable[[], datetime], *channels: Channel, worker: str = "me") -> Deliverer:
    return Deliverer(store, channels, worker=worker, now=clock, new_id=lambda: str(next(IDS)), jitter=lambda: 0.0)


async def kept(store: Store) -> list[Delivery]:
    return await store.read(lambda c: outbox.listing(c, ("waiting", "sent", "given-up")))


def down(_: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=503)


async def test_what_is_due_is_composed_sent_and_settled(store: Store, service: Web, clock: Clock) -> None:
    (row,) = await grant(store, 1)
    told = [*await raise_alerts(store, [row], rule="one"), *await raise_alerts(store, [row], rule="two")]
    mine = deliverer(store, clock, hook(service))
    assert await mine.compose_due() == 1
    assert await mine.compose_due() == 0
    assert await mine.deliver_once() == 1
    assert await mine.deliver_once() == 0
    (body,) = service.bodies
    assert all(alert.id in body["message"] for alert in told)
    (sent,) = await kept(store)
    assert (sent.state, sent.attempts) == ("sent", 1)
    assert body["message"].endswith(f"\nref {sent.id}")


async def test_the_story_of_an_alert_names_its_message_and_each_attempt(
    store: Store, service: Web, clock: Clock
) -> None:
    (told,) = await raise_alerts(store, await grant(store, 1))
    await deliverer(store, clock, hook(service)).drain(timedelta(seconds=5))
    (sent,) = await kept(store)
    story = await store.read(lambda c: alerts.story(c, told.id))
    assert [(step.move, step.reason, step.scan) for step in story.steps] == [("opened", "the rule holds", "scan-1")]
    assert [(notice.message, notice.state) for notice in story.notices] == [(sent.id, "sent")]
    assert [(attempt.message, attempt.number, attempt.outcome) for attempt in story.attempts] == [
        (sent.id, 1, "delivered")
    ]


async def test_the_first_reading_is_one_message_after_its_scan(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 3), baseline=True)
    mine = deliverer(store, clock, hook(service))
    assert await mine.drain(timedelta(seconds=5)) == {}
    assert service.bodies == []
    await store.write(lambda c: scans.finish(c, "scan-1", at=START, requests=1, undecided=0))
    assert await mine.drain(timedelta(seconds=5)) == {}
    (body,) = service.bodies
    assert body["message"].startswith("First reading of 1 wallet: 3 approvals, 3 alerts (3 high). The worst:\n")


async def test_a_failure_is_tried_again_later_and_survives_a_restart(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 1))
    service.answer = down
    first = deliverer(store, clock, hook(service))
    await first.compose_due()
    assert await first.deliver_once() == 1
    assert await first.deliver_once() == 0, "it waits"
    (waiting,) = await kept(store)
    assert (waiting.state, waiting.next_at) == ("waiting", START + timedelta(seconds=1))
    assert "503" in str(waiting.error)
    service.answer = lambda _: web.Response()
    clock.now += timedelta(seconds=1)
    assert await deliverer(store, clock, hook(service), worker="heir").deliver_once() == 1
    assert [row.state for row in await kept(store)] == ["sent"]
    assert "possible repeat" not in service.bodies[-1]["message"], "a refusal cannot have arrived"


async def test_a_message_without_an_answer_goes_again_under_its_id_as_a_possible_repeat(
    store: Store, service: Web, clock: Clock
) -> None:
    await raise_alerts(store, await grant(store, 1))
    service.answer = lambda _: web.Response(status=504)
    mine = deliverer(store, clock, hook(service))
    await mine.compose_due()
    await mine.deliver_once()
    service.answer = lambda _: web.Response()
    clock.now += timedelta(minutes=1)
    await mine.deliver_once()
    first, second = (body["message"].splitlines() for body in service.bodies)
    assert second == [*first[:-1], "(possible repeat)", first[-1]]


async def test_what_is_refused_waits_for_whoever_mends_it_and_is_given_up_by_age_unless_it_is_critical(
    store: Store, service: Web, clock: Clock
) -> None:
    rows = await grant(store, 2)
    service.answer = lambda _: web.Response(status=403)
    mine = deliverer(store, clock, hook(service))
    await raise_alerts(store, rows[:1], Severity.CRITICAL)
    await mine.compose_due()
    await raise_alerts(store, rows[1:])
    await mine.compose_due()
    assert [await mine.deliver_once() for _ in range(3)] == [1, 1, 0]
    assert {row.state for row in await kept(store)} == {"waiting"}
    clock.now += timedelta(days=3)
    with capture_logs() as logs:
        await mine.deliver_once()
        await mine.deliver_once()
    states = {row.severity: row.state for row in await kept(store)}
    assert states == {Severity.CRITICAL: "waiting", Severity.HIGH: "given-up"}
    assert "messages.given_up" in [entry["event"] for entry in logs]


async def test_a_channel_that_is_down_does_not_hold_up_another(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 1), channels=("ops", "mail"))
    async with web_server() as other:
        service.answer = down
        mine = deliverer(store, clock, hook(service), hook(other, "mail"))
        await mine.compose_due()
        assert await mine.deliver_once() == 2
        assert {row.channel: row.state for row in await kept(store)} == {"ops": "waiting", "mail": "sent"}


async def test_an_outage_is_logged_once_and_so_is_its_end(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 1))
    service.answer = down
    mine = deliverer(store, clock, hook(service))
    await mine.compose_due()
    with capture_logs() as logs:
        for _ in range(5):
            await mine.deliver_once()
            clock.now += timedelta(minutes=10)
        service.answer = lambda _: web.Response()
        await mine.deliver_once()
    assert [entry["event"] for entry in logs] == ["message.failed", "message.sent", "channel.recovered"]
    assert {entry["channel"] for entry in logs} == {"ops"}


async def test_the_running_loop_sends_what_is_put_there_within_a_second(
    store: Store, service: Web, clock: Clock
) -> None:
    mine = deliverer(store, clock, hook(service))
    stop = asyncio.Event()
    running = asyncio.create_task(mine.run(stop))
    await asyncio.sleep(0.1)
    await raise_alerts(store, await grant(store, 1))
    mine.wake()
    await until(lambda: bool(service.bodies), within=1)
    stop.set()
    async with asyncio.timeout(1):
        await running
    assert [row.state for row in await kept(store)] == ["sent"]


async def test_the_running_loop_finds_what_another_process_put_there(store: Store, service: Web, clock: Clock) -> None:
    mine = deliverer(store, clock, hook(service))
    stop = asyncio.Event()
    running = asyncio.create_task(mine.run(stop))
    await raise_alerts(store, await grant(store, 1))
    await until(lambda: bool(service.bodies), within=3)
    stop.set()
    await running


async def test_a_slow_channel_does_not_slow_the_running_loop(store: Store, service: Web, clock: Clock) -> None:
    rows = await grant(store, 3)
    async with web_server() as slow:
        slow.delay = 1.5
        mine = deliverer(store, clock, hook(slow, "slow"), hook(service, "fast"))
        stop = asyncio.Event()
        running = asyncio.create_task(mine.run(stop))
        started = asyncio.get_running_loop().time()
        for row in rows:
            await raise_alerts(store, [row], channels=("slow", "fast"), rule=row.id)
            mine.wake()
            await asyncio.sleep(0.2)
        await until(lambda: len(service.bodies) == 3, within=1)
        assert asyncio.get_running_loop().time() - started < slow.delay
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_stopping_lets_what_is_in_flight_end(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 1))
    service.delay = 0.5
    mine = deliverer(store, clock, hook(service))
    stop = asyncio.Event()
    running = asyncio.create_task(mine.run(stop))
    await until(lambda: bool(service.bodies))
    stop.set()
    await running
    assert [row.state for row in await kept(store)] == ["sent"]


async def test_what_is_cut_off_in_flight_is_handed_back_as_a_possible_repeat(
    store: Store, service: Web, clock: Clock
) -> None:
    await raise_alerts(store, await grant(store, 1))
    service.delay = 2.0
    mine = deliverer(store, clock, hook(service))
    sending = asyncio.create_task(mine.drain(timedelta(seconds=1)))
    with capture_logs() as logs:
        assert await sending == {"ops": 1}
    assert "delivery.out_of_time" in [entry["event"] for entry in logs]
    assert await store.read(outbox.workers) == frozenset()
    (claim,) = await store.write(lambda c: outbox.claim(c, "heir", clock(), timedelta(minutes=1), ["ops"]))
    assert (claim.attempt, claim.repeat) == (2, True)


async def test_draining_tries_again_within_its_time(store: Store, service: Web) -> None:
    await raise_alerts(store, await grant(store, 1))
    answers = iter([503, 200])
    service.answer = lambda _: web.Response(status=next(answers))
    began = time.monotonic()
    mine = deliverer(store, lambda: START + timedelta(seconds=time.monotonic() - began), hook(service))
    assert await mine.drain(timedelta(seconds=10)) == {}
    assert len(service.bodies) == 2


async def test_draining_does_not_wait_for_what_cannot_go_in_time(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 1), Severity.CRITICAL)
    service.answer = lambda _: web.Response(status=403)
    async with asyncio.timeout(2):
        assert await deliverer(store, clock, hook(service)).drain(timedelta(seconds=10)) == {"ops": 1}


async def test_a_broken_channel_leaves_the_others_alone(store: Store, service: Web, clock: Clock) -> None:
    await raise_alerts(store, await grant(store, 1), channels=("odd", "ops"))
    mine = deliverer(store, clock, Channel("odd", "tgram://nonsense"), hook(service))
    await mine.compose_due()
    assert await mine.deliver_once() == 2
    assert {row.channel: row.state for row in await kept(store)} == {"odd": "waiting", "ops": "sent"}


async def test_a_store_that_is_gone_does_not_end_the_loop(tmp_path: Path, service: Web, clock: Clock) -> None:
    async with opened(tmp_path) as one:
        mine = deliverer(one, clock, hook(service))
        stop = asyncio.Event()
        path = one.path
        await one.write(lambda c: outbox.take_back(c, ["nobody"], START))
        await one.close()
        path.rename(path.with_suffix(".away"))
        path.mkdir()
        with capture_logs() as logs:
            running = asyncio.create_task(mine.run(stop))
            await until(lambda: bool(logs))
            assert not running.done()
            stop.set()
            await running
        path.rmdir()
    assert logs[0]["event"] == "delivery.trouble"


async def put(store: Store, count: int, severity: Severity = Severity.HIGH) -> list[str]:
    ids = [f"{next(IDS)}" for _ in range(count)]
    ready = [Message(one, "ops", MessageKind.ALERT, severity, "Ready", f"Told\nref {one}", ()) for one in ids]
    await store.write(lambda c: outbox.enqueue(c, ready, START))
    return ids


def told(service: Web) -> list[str]:
    return [body["message"].rpartition("\nref ")[2] for body in service.bodies]


async def counted(store: Store, which: ColumnElement[bool]) -> int:
    return await store.read(lambda c: c.scalar(select(func.count()).where(which))) or 0


async def test_many_messages_arrive_in_their_order_and_each_attempt_is_on_record(
    store: Store, service: Web, clock: Clock
) -> None:
    ids = await put(store, 60)
    assert await deliverer(store, clock, hook(service)).drain(timedelta(seconds=10)) == {}
    assert told(service) == ids
    assert {(row.state, row.attempts) for row in await kept(store)} == {("sent", 1)}
    assert await counted(store, attempts.c.outcome == "delivered") == 60


async def test_what_waits_behind_one_that_fails_was_not_tried(store: Store, service: Web, clock: Clock) -> None:
    ids = await put(store, 30)
    refusal = web.Response(status=503, headers={"Retry-After": "60"})
    service.answer = lambda _: web.Response() if len(service.bodies) <= 20 else refusal
    mine = deliverer(store, clock, hook(service))
    assert await mine.drain(timedelta(seconds=10)) == {"ops": 10}
    assert told(service) == ids[:21]
    assert [row.attempts for row in sorted(await kept(store), key=lambda row: row.id)[20:]] == [1] + [0] * 9
    assert await store.read(outbox.workers) == frozenset()
    service.answer = lambda _: web.Response()
    clock.now += timedelta(seconds=60)
    assert await mine.drain(timedelta(seconds=10)) == {}
    assert told(service)[21:] == ids[20:]
    assert not [body for body in service.bodies if "possible repeat" in body["message"]]


async def test_a_critical_message_goes_before_all_that_waits(store: Store, service: Web, clock: Clock) -> None:
    await put(store, 200)
    mine = deliverer(store, clock, hook(service))
    draining = asyncio.create_task(mine.drain(timedelta(seconds=20)))
    await until(lambda: len(service.bodies) > 60)
    (urgent,) = await put(store, 1, Severity.CRITICAL)
    seen = len(service.bodies)
    assert await draining == {}
    assert told(service).index(urgent) - seen <= 1, "only what was in flight already arrives before it"


async def test_never_more_than_one_message_of_a_channel_is_begun_and_not_settled(
    store: Store, service: Web, clock: Clock
) -> None:
    await put(store, 60)
    draining = asyncio.create_task(deliverer(store, clock, hook(service)).drain(timedelta(seconds=20)))
    begun, unsettled = [0], [0]
    while not draining.done():
        arrived = len(service.bodies)
        unsettled.append(arrived - await counted(store, messages.c.state == "sent"))
        begun.append(await counted(store, messages.c.worker.is_not(None)))
    assert await draining == {}
    assert max(begun) == 1
    assert max(unsettled) <= 1, "a message arrives once the one before it is on record"
