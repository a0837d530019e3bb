"""The breaker over the outbox: a channel that is down for hours is met with a few probes, and resumes in order."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from watched import Watched, watched

from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, Message, MessageKind, Outcome, Result
from scanner.store import health, outbox
from scanner.store.engine import Store

LEASE = timedelta(minutes=3)
DOWN = Outcome(Result.TRANSIENT, "answered 503")
REFUSED = Outcome(Result.PERMANENT, "answered 404")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(tmp_path) as one:
        yield one


async def put(world: Watched, *ids: str, severity: Severity = Severity.HIGH) -> None:
    packed = [Message(one, "ops", MessageKind.ALERT, severity, "t", f"b\nref {one}", ()) for one in ids]
    await world.store.write(lambda c: outbox.enqueue(c, packed, world.at))


async def claimed(world: Watched, store: Store | None = None) -> Claim | None:
    claims = await (store or world.store).write(lambda c: outbox.claim(c, "test", world.at, LEASE, ["ops"]))
    return claims[0] if claims else None


async def settled(world: Watched, claim: Claim, outcome: Outcome, next_in: timedelta | None) -> None:
    next_at = None if next_in is None else world.at + next_in
    await world.store.write(lambda c: outbox.settle(c, claim, outcome, world.at, next_at))


async def test_hours_of_an_outage_cost_a_few_attempts_and_end_in_order(world: Watched) -> None:
    names = [f"m-{number}" for number in range(20)]
    await put(world, *names)
    attempts = 0
    for _ in range(6 * 60):
        if (claim := await claimed(world)) is not None:
            attempts += 1
            await settled(world, claim, DOWN, timedelta(seconds=30))
        world.wait(1)
    assert 70 <= attempts <= 80
    world.wait(15)
    arrived = []
    while (claim := await claimed(world)) is not None:
        arrived.append(claim.id)
        await settled(world, claim, Outcome(Result.DELIVERED), None)
    assert arrived == names


async def test_a_channel_that_refuses_for_good_does_not_use_up_what_waits(world: Watched) -> None:
    await put(world, *(f"m-{number}" for number in range(50)))
    given_up = 0
    for _ in range(60):
        if (claim := await claimed(world)) is not None:
            given_up += 1
            await settled(world, claim, REFUSED, None)
        world.wait(1)
    assert given_up <= 16


async def test_after_a_recovery_nothing_waits_for_its_own_next_attempt(world: Watched) -> None:
    await put(world, "m-1", "m-2", "m-3")
    unknown = Outcome(Result.UNKNOWN, "no answer came")
    for _ in range(4):
        if (claim := await claimed(world)) is not None:
            await settled(world, claim, unknown, timedelta(hours=5))
        world.wait(20)
    await put(world, "m-4")
    claim = await claimed(world)
    assert claim is not None
    assert claim.id == "m-4"
    await settled(world, claim, Outcome(Result.DELIVERED), None)
    left = []
    while (claim := await claimed(world)) is not None:
        left.append(claim.id)
        await settled(world, claim, Outcome(Result.DELIVERED), None)
    assert left == ["m-1", "m-2", "m-3"]


async def test_something_critical_probes_a_channel_at_once_and_keeps_its_place(world: Watched) -> None:
    await put(world, "c-1", severity=Severity.CRITICAL)
    await put(world, "m-1")
    for _ in range(8):
        if (claim := await claimed(world)) is not None:
            await settled(world, claim, DOWN, timedelta(minutes=5))
        world.wait(5)
    claim = await claimed(world)
    assert claim is not None
    await settled(world, claim, DOWN, timedelta(minutes=5))
    await put(world, "m-2")
    assert await claimed(world) is None
    await put(world, "c-2", severity=Severity.CRITICAL)
    arrived = []
    while (claim := await claimed(world)) is not None:
        arrived.append(claim.id)
        await settled(world, claim, Outcome(Result.DELIVERED), None)
    assert arrived == ["c-1", "c-2", "m-1", "m-2"]


@pytest.mark.parametrize("failures", [0, 1, 5])
async def test_what_a_service_asks_for_outlasts_a_restart_and_what_is_critical(world: Watched, failures: int) -> None:
    await put(world, "m-1")
    for _ in range(failures):
        claim = await claimed(world)
        assert claim is not None
        await settled(world, claim, DOWN, timedelta(minutes=1))
        world.wait(10)
    claim = await claimed(world)
    assert claim is not None
    wish = timedelta(hours=1)
    await settled(world, claim, Outcome(Result.RATE_LIMITED, "429", wish), wish)
    await world.store.write(lambda c: health.probe_at_once(c, world.at))
    await put(world, "c-1", severity=Severity.CRITICAL)
    assert await claimed(world) is None
    world.wait(60)
    assert await claimed(world) is not None


async def test_a_restart_keeps_the_pause_and_a_new_daemon_probes_at_once(world: Watched) -> None:
    await put(world, "m-1")
    for _ in range(5):
        if (claim := await claimed(world)) is not None:
            await settled(world, claim, DOWN, timedelta())
        world.wait(2)
    claim = await claimed(world)
    assert claim is not None
    await settled(world, claim, DOWN, timedelta())
    other = await Store.open(f"sqlite:///{world.store.path}")
    try:
        assert await claimed(world, other) is None
        await other.write(lambda c: health.probe_at_once(c, world.at))
        assert await claimed(world, other) is not None
    finally:
        await other.close()
