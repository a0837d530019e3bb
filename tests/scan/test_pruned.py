"""What is forgotten is over and old: no answer about the time that is kept is another one afterwards."""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from shutil import copyfile
from typing import Any

import pytest
from pasts import World, both, held_against, live, pack_of
from scanning import CHANNELS, Clock, House, address, all_rows, counted, opened
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import AlertState
from scanner.domain.conditions import Condition, ConditionKind, Step, Turn
from scanner.domain.messages import Outcome, Result
from scanner.domain.silences import Matchers, Silence
from scanner.domain.telling import Telling
from scanner.policy.rules import Pack
from scanner.retention import Retention
from scanner.store import alerts, clocks, conditions, knowledge, outbox, scans, silences, spenders
from scanner.store.engine import Store
from scanner.store.filters import Filter
from scanner.store.pruning import known_since, prune
from scanner.store.tables import clocks as clock_rows
from scanner.store.tables import scan_targets, targets
from scanner.store.tables import scans as scan_rows

EVERYTHING = Filter(watched=False)
REACH_BACK = {"old", "still", "grown"}
"""Rules that reckon with how long something is so, or how it once was: a replay knows that from what is kept alone."""

IDS = count(10**15)


class Told:
    """Takes every message that is due, and puts it down as sent."""

    def __init__(self, house: House) -> None:
        self.house = house
        channels = [Channel(name, "json://127.0.0.1/", least) for name, least in CHANNELS.items()]
        self.deliverer = Deliverer(
            house.store,
            channels,
            worker="1-test",
            now=house.clock.now,
            new_id=lambda: str(next(IDS)),
            jitter=lambda: 0.5,
            telling=Telling(channels=CHANNELS),
        )

    async def deliver(self) -> None:
        self.house.clock.ahead += timedelta(minutes=1)
        await self.deliverer.remind()
        await self.deliverer.compose_due()
        at = self.house.clock.now()

        async def settling(connection: AsyncConnection) -> None:
            while claims := await outbox.claim(connection, "1-test", at, timedelta(minutes=3), CHANNELS):
                for claim in claims:
                    await outbox.settle(connection, claim, Outcome(Result.DELIVERED), at, None)

        await self.house.store.write(settling)


async def lived(folder: Path, seed: int, rounds: int) -> tuple[World, Pack]:
    """A store at `mine.db` under which a world has moved so many times, and that told what it found."""
    world = World(Clock(), Random(seed))
    pack = pack_of(folder, "pack", 400)
    async with both(folder, world, {"mine": pack}) as houses:
        told = Told(houses["mine"])
        for number in range(rounds):
            await live(world, houses, 1)
            await told.deliver()
            if number == 2:
                await houses["mine"].store.write(lambda c: _silence_and_condition(c, world.clock.now()))
    return world, pack


async def _silence_and_condition(connection: AsyncConnection, at: datetime) -> None:
    matchers = Matchers(spender=address(0x59E00))
    hush = Silence("SI-1", matchers, False, "me", "known", at, at + timedelta(hours=1))
    await silences.make(connection, hush)
    wrong = Condition("list:mine", ConditionKind.LIST, next(iter(CHANNELS.values())), "t", "d", "f", at)
    await conditions.apply(connection, [Step(Turn.BEGAN, wrong)])
    [one] = await conditions.standing(connection)
    ended = Condition(one.key, one.kind, one.severity, "t", "d", "f", at, at, seq=one.seq)
    await conditions.apply(connection, [Step(Turn.ENDED, ended)])


async def answers(store: Store, since: datetime, moments: Sequence[datetime]) -> dict[str, Any]:
    """All that may be asked about the time since a moment, and what the program itself goes by."""

    async def asking(connection: AsyncConnection) -> dict[str, Any]:
        open_ones = await alerts.listing(connection)
        everyone = await alerts.listing(connection, states=tuple(AlertState))
        stories = {one.alert.id: await alerts.story(connection, one.alert.id) for one in open_ones}
        return {
            "at": [await knowledge.in_force_at(connection, EVERYTHING, at) for at in moments],
            "now": await knowledge.in_force(connection, EVERYTHING),
            "ended": await knowledge.ended(connection, EVERYTHING),
            "history": await knowledge.history(connection, EVERYTHING, since),
            "open": open_ones,
            "resolved since": [one for one in everyone if (one.alert.resolved_at or since) >= since],
            "stories": {id_: (one.steps, one.notices, one.attempts) for id_, one in stories.items()},
            "outbox": await outbox.listing(connection),
            "rounds": await conditions.rounds(connection, 1, 3),
            "begun": await scans.last_begun(connection, "test"),
            "finished": await conditions.last_finished(connection, "test"),
            "undecided": await scans.undecided_rules(connection),
            "unjudged": await spenders.left_unjudged(connection, "none"),
        }

    return await store.read(asking)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World, Pack]:
    """A folder with a store under which a world has moved for two weeks."""
    folder = tmp_path_factory.mktemp("past")
    return folder, *asyncio.run(lived(folder, seed=1, rounds=14))


async def test_no_answer_about_the_time_that_is_kept_moves(past: tuple[Path, World, Pack], tmp_path: Path) -> None:
    folder, world, pack = past
    copyfile(folder / "mine.db", tmp_path / "mine.db")
    await no_answer_moves(tmp_path, world, pack)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
async def test_no_answer_moves_in_any_world(tmp_path: Path, seed: int) -> None:
    await no_answer_moves(tmp_path, *await lived(tmp_path, seed, rounds=24))


async def no_answer_moves(tmp_path: Path, world: World, pack: Pack) -> None:
    half = len(world.moments) // 2
    since = world.moments[half] - timedelta(minutes=30)
    moments = [since, *world.moments[half:], world.clock.now()]
    async with both(tmp_path, world, {"mine": pack}) as houses:
        home = houses["mine"]
        before, full = await answers(home.store, since, moments), await counted(home.store)
        tried = await held_against(home, pack, since)
        gone = await prune(home.store, since)
        after, left = await answers(home.store, since, moments), await counted(home.store)
        for question, answer in before.items():
            assert after[question] == answer, question
        again = await held_against(home, pack, since)
        differ = [[one for one in each.differences if one.about.rule not in REACH_BACK] for each in (tried, again)]
        assert differ == [[], []]
        assert again.messages_were == tried.messages_were
        forgotten = {name for name in full if left[name] < full[name]}
        assert gone.keys() <= forgotten
        assert forgotten >= {"scans", "scan_targets", "changes", "alerts", "messages", "conditions", "token_moves"}
        assert await home.store.check() == []
        assert not await prune(home.store, since)
        assert await counted(home.store) == left
        assert await home.store.read(known_since) == since


async def test_what_is_pruned_in_small_steps_of_time_is_what_is_pruned_at_once(
    past: tuple[Path, World, Pack], tmp_path: Path
) -> None:
    folder, world, _ = past
    for name in ("mine.db", "other.db"):
        copyfile(folder / "mine.db", tmp_path / name)
    async with opened(tmp_path / "mine.db") as slowly, opened(tmp_path / "other.db") as once:
        for at in world.moments[:10]:
            await prune(slowly, at)
        await prune(once, world.moments[9])
        assert await all_rows(slowly) == await all_rows(once)


async def test_a_young_store_claims_no_gap(past: tuple[Path, World, Pack], tmp_path: Path) -> None:
    folder, world, _ = past
    copyfile(folder / "mine.db", tmp_path / "mine.db")
    async with opened(tmp_path / "mine.db") as store:
        rows = await all_rows(store)
        assert not await prune(store, world.moments[0] - timedelta(days=1))
        assert await all_rows(store) == rows
        assert await store.read(known_since) is None


async def test_the_daemon_forgets_once_a_day_and_never_where_all_is_kept(
    past: tuple[Path, World, Pack], tmp_path: Path
) -> None:
    folder, world, _ = past
    copyfile(folder / "mine.db", tmp_path / "mine.db")
    now = world.clock.now()
    async with opened(tmp_path / "mine.db") as store:
        rows = await all_rows(store)
        await Retention(store, None, lambda: now).forget_daily()
        assert await all_rows(store) == rows
        mine = Retention(store, timedelta(days=3), lambda: now)
        await mine.forget_daily()
        first = await counted(store)
        assert first["scans"] < len(rows["scans"])
        await Retention(store, timedelta(), lambda: now).forget_daily()
        assert await counted(store) == first
        now += timedelta(days=1)
        await mine.forget_daily()
        assert (await store.read(lambda c: clocks.last(c, "prune"))) == now


async def many_lines(path: Path, number: int) -> None:
    """A store with as many lines of one old scan, after which others came."""
    async with opened(path) as store:
        at = Clock().now() - timedelta(days=100)

        async def writing(connection: AsyncConnection) -> None:
            each = {"asked_by": "test", "worker": "1-test", "state": "finished"}
            times = [
                {"started_at": at + timedelta(days=one), "finished_at": at + timedelta(days=one)} for one in range(5)
            ]
            rows = [{"id": f"scan-{one}", **each, **when} for one, when in enumerate(times)]
            await connection.execute(scan_rows.insert(), rows)
            watched = [{"id": one + 1, "chain": "1", "owner": address(one), "tags": []} for one in range(number)]
            await connection.execute(targets.insert(), watched)
            lines = [
                {"scan_id": "scan-0", "target_id": one + 1, "complete": True, "approvals": 1} for one in range(number)
            ]
            await connection.execute(scan_targets.insert(), lines)

        await store.write(writing)


def prune_once(path: Path, before: datetime) -> None:
    """A process of its own that prunes, unless it is killed."""

    async def pruning() -> None:
        async with opened(path) as store:
            await prune(store, before)

    asyncio.run(pruning())


async def test_killed_at_any_moment_it_leaves_a_whole_store_and_the_next_one_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await many_lines(path, 8_000)
    before, left = Clock().now() - timedelta(days=50), [8_000]
    context = multiprocessing.get_context("fork")
    while left[-1]:
        process = context.Process(target=prune_once, args=(path, before))
        process.start()
        await asyncio.to_thread(process.join, 0.15)
        process.kill()
        process.join()
        async with opened(path) as store:
            assert await store.check() == []
            left.append((await counted(store))["scan_targets"])
        assert len(left) < 100
    assert len(left) > 2, "it was never killed half-way"
    assert sorted(left, reverse=True) == left
    async with opened(path) as store:
        await prune(store, before)
        assert (await counted(store))["scans"] == 3


async def test_who_else_writes_does_not_wait_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await many_lines(path, 20_000)
    async with opened(path) as store:
        other = await Store.open(f"sqlite:///{path}", patience=0.2)
        pruning = asyncio.create_task(prune(store, Clock().now()))
        waits = []
        while not pruning.done():
            began = time.monotonic()
            await other.write(lambda c: c.execute(clock_rows.delete().where(clock_rows.c.name == "x")))
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.01)
        await other.close()
        assert (await pruning)["scan_targets"] == 20_000
        assert len(waits) > 5
