"""The watchdog on a real store: what is wrong is told once on every channel that wants it, and so is its end."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from watched import REFUSED, UNAVAILABLE, Watched, approvals, trouble, watched

from scanner.domain.alerts import Severity
from scanner.domain.breaker import TRIPS
from scanner.domain.messages import Message, MessageKind, Outcome, Result
from scanner.errors import Reason
from scanner.store import health, outbox

REFUSAL = "HIGH, the watch itself: The approvals API refuses the key"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(tmp_path) as one:
        yield one


async def test_a_refused_key_is_told_on_every_channel_once_and_so_is_its_end(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    assert (await world.look(dog)).told == 0
    world.wait()
    await world.scan(REFUSED)
    with capture_logs() as logs:
        outlook = await world.look(dog)
    assert (outlook.told, [one.key for one in outlook.open]) == (2, ["api-refused"])
    assert [(line["event"], line["condition"]) for line in logs] == [("condition.began", "api-refused")]
    for _ in range(3):
        world.wait(1)
        assert (await world.look(dog)).told == 0
    world.wait()
    await world.scan(approvals)
    with capture_logs() as logs:
        assert (await world.look(dog)).told == 2
    assert [(line["event"], line["condition"]) for line in logs] == [("condition.ended", "api-refused")]
    assert await world.open() == []
    assert await world.told() == [
        ("ops", "watch", REFUSAL),
        ("mail", "watch", REFUSAL),
        ("ops", "end", "Over, the watch itself: The approvals API refuses the key"),
        ("mail", "end", "Over, the watch itself: The approvals API refuses the key"),
    ]
    begun, _, over, _ = await world.bodies()
    title, detail, since, fix = begun.splitlines()[:4]
    assert title == "HIGH: The approvals API refuses the key"
    assert detail.startswith("OKX answered code 50111: the key is not valid. Nothing is read")
    assert since == "Since: 2026-11-20 08:15 UTC"
    assert fix.startswith("Do: look at the four credentials below okx in the configuration")
    assert begun.splitlines()[-1].startswith("ref watch-")
    assert "It was so from 2026-11-20 08:15 UTC to 2026-11-20 08:33 UTC. It accepts requests again." in over


async def test_another_watchdog_goes_on_where_the_last_one_stopped(world: Watched) -> None:
    await world.scan(REFUSED)
    assert (await world.look()).told == 2
    world.wait(1)
    assert (await world.look()).told == 0
    await world.scan(approvals)
    assert (await world.look()).told == 2
    assert (await world.look()).told == 0


async def test_a_channel_that_is_new_is_told_of_what_is_open(world: Watched) -> None:
    await world.scan(REFUSED)
    await world.look()
    world.wait(1)
    world.channels = {**world.channels, "desk": Severity.CRITICAL}
    await world.look()
    assert [channel for channel, *_ in await world.told()] == ["ops", "mail", "desk"]
    world.wait(1)
    world.channels = {"desk": Severity.CRITICAL}
    await world.scan(approvals)
    await world.look()
    assert (await world.told())[3:] == [("desk", "end", "Over, the watch itself: The approvals API refuses the key")]


async def test_a_worry_goes_to_channels_that_want_it_and_nowhere_is_still_known(world: Watched) -> None:
    await world.scan(lambda target: trouble(Reason.NOT_COVERED) if target.owner.endswith("1") else approvals(target))
    await world.look()
    assert [channel for channel, *_ in await world.told()] == ["mail"]
    assert await world.open() == ["not-covered"]


async def test_what_begins_together_is_one_message(world: Watched) -> None:
    world.plan = lambda plan: replace(plan, broken_rules=("own.yaml:5:1: no",), wallets_certain=False)
    await world.scan(REFUSED)
    assert (await world.look()).told == 2
    assert (await world.told())[0][2] == f"{REFUSAL} and 2 more"
    [body, _] = await world.bodies()
    assert body.count("\n———\n") == 2


async def test_an_outage_is_one_message_although_everything_grows_stale(world: Watched) -> None:
    await world.scan(approvals)
    dog = world.watchdog()
    for _ in range(12):
        world.wait()
        await world.scan(UNAVAILABLE)
        await world.look(dog)
    assert await world.open() == ["api-unreachable"]
    assert len(await world.told()) == 2


async def test_wallets_that_stay_unread_are_counted_in_one_message(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    for _ in range(6):
        world.wait()
        await world.scan(lambda t: trouble(Reason.CACHING) if t.owner.endswith("1") else approvals(t))
        await world.look(dog)
    assert await world.open() == ["stale-targets"]
    assert len(await world.told()) == 2
    assert "1 of 4 targets wait too long. The longest: wallet 1" in (await world.bodies())[0]
    world.wait()
    await world.scan(approvals)
    await world.look(dog)
    assert await world.open() == []


async def test_a_start_after_a_long_rest_waits_for_its_first_scan(world: Watched) -> None:
    await world.scan(approvals)
    world.wait(60 * 24)
    dog = world.watchdog()
    await world.look(dog, moving=True)
    world.wait(9)
    await world.look(dog)
    assert await world.open() == []
    world.wait(2)
    await world.look(dog)
    assert await world.open() == ["scan-overdue"], "staleness is only its consequence"
    await world.scan(approvals)
    await world.look(dog)
    assert await world.open() == []


async def test_a_scan_that_hangs_is_overdue_and_one_that_is_only_slow_is_not(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    world.wait(24)
    await world.look(dog)
    assert await world.open() == []
    world.wait(2)
    await world.look(dog, moving=True)
    assert await world.open() == []
    await world.look(dog)
    assert await world.open() == ["scan-overdue"]


async def test_all_wallets_empty_at_once_is_told_before_it_is_believed(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    await world.look(dog)
    world.wait()
    await world.scan([])
    await world.look(dog)
    assert await world.open() == ["all-empty"]
    world.wait()
    await world.scan([])
    await world.look(dog)
    assert await world.open() == []
    assert "A later reading said the same, and is believed now." in (await world.bodies())[-1]


async def test_a_first_scan_that_finds_nothing_anywhere_says_so(world: Watched) -> None:
    await world.scan([])
    await world.look()
    assert await world.told() == [("mail", "watch", "MEDIUM, the watch itself: No wallet shows any approval")]


async def test_a_failing_channel_and_its_recovery_are_told_on_the_others(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    failing = Outcome(Result.TRANSIENT, "answered 503")
    for number in range(TRIPS):
        assert await world.open() == [], number
        await world.store.write(lambda c: health.note(c, "ops", failing, world.at))
        await dog.look(moving=False)
    assert await world.open() == ["channel:ops"]
    world.wait()
    await world.store.write(lambda c: health.note(c, "ops", Outcome(Result.DELIVERED), world.at))
    await dog.look(moving=False)
    assert await world.told() == [
        ("mail", "watch", "HIGH, the watch itself: The channel ops takes no messages"),
        ("mail", "end", "Over, the watch itself: The channel ops takes no messages"),
    ]


async def test_a_message_that_waits_too_long_is_told_unless_its_channel_is_known_to_fail(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    message = Message("m-1", "ops", MessageKind.ALERT, Severity.HIGH, "t", "b\nref m-1", ())
    await world.store.write(lambda c: outbox.enqueue(c, [message], world.at))
    for _ in range(5):
        world.wait()
        await world.scan(approvals)
        outlook = await dog.look(moving=False)
    assert outlook.outbox_old
    assert await world.open() == ["outbox-old"]
    for _ in range(TRIPS):
        await world.store.write(lambda c: health.note(c, "ops", Outcome(Result.UNKNOWN), world.at))
    outlook = await dog.look(moving=False)
    assert outlook.outbox_old, "the dead-man's switch still hears of it"
    assert await world.open() == ["channel:ops"]


async def test_a_drill_goes_through_every_channel_at_once_and_then_in_time(world: Watched) -> None:
    world.drill = timedelta(days=7)
    await world.scan(approvals)
    dog = world.watchdog()
    assert (await world.look(dog)).told == 2
    for _ in range(6):
        world.wait(60 * 24)
        await world.scan(approvals)
        assert (await world.look()).told == 0
    world.wait(60 * 24)
    await world.scan(approvals)
    assert (await world.look(dog)).told == 2
    assert (
        await world.told()
        == [
            ("ops", "drill", "Drill: messages reach ops"),
            ("mail", "drill", "Drill: messages reach mail"),
        ]
        * 2
    )
    assert "The next one is due 2026-11-27 08:00 UTC." in (await world.bodies())[0]


async def test_drills_that_were_missed_are_done_once(world: Watched) -> None:
    world.drill = timedelta(days=1)
    await world.scan(approvals)
    await world.look()
    world.wait(60 * 24 * 9.5)
    await world.scan(approvals)
    dog = world.watchdog()
    assert (await world.look(dog)).told == 2
    assert (await world.look(dog)).told == 0
    assert "The next one is due 2026-11-30 20:00 UTC." in (await world.bodies())[-1]
    world.wait(-60 * 24 * 365)  # the clock is set back
    assert (await world.look(world.watchdog())).told == 2


async def test_what_flaps_all_night_is_told_a_few_times(world: Watched) -> None:
    dog = world.watchdog()
    for number in range(12 * 5):
        world.wait(12)
        await world.scan(REFUSED if number % 2 else approvals)
        await world.look(dog)
    kinds = [kind for channel, kind, _ in await world.told() if channel == "ops"]
    assert 3 <= kinds.count("watch") <= 6
    assert kinds.count("watch") - 1 <= kinds.count("end") <= kinds.count("watch")


async def test_a_look_at_what_is_well_writes_nothing(world: Watched) -> None:
    await world.scan(approvals)
    dog = world.watchdog()
    with closing(sqlite3.connect(world.store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outlook = await dog.look(moving=False)
    assert outlook.open == ()
