"""Who follows a chain: when it has somebody read, what it leaves to later, and what it tells the log."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import acts
import aiohttp
from anvil import Sent
from chain_reader import targets_of
from limits import Limits, Provider, provided
from structlog.testing import capture_logs
from world import World

from scanner.domain.approvals import End, Kind, Snapshot, Target
from scanner.domain.chains import find_chain
from scanner.domain.changes import diff
from scanner.evm.failover import Manner
from scanner.evm.nodes import Nodes
from scanner.follow import Follower
from scanner.jobs import Job, Step, Told
from scanner.sources.evm import EvmSource, Terms
from scanner.sources.evm_past import SHALLOW
from scanner.store import following, knowledge, scans
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

NONE = Limits()


@dataclass
class Scans:
    """Scans that read nothing: what was asked for, and until when each goes on after it said that all is read."""

    asked: list[Job] = field(default_factory=list)
    goes_on: asyncio.Event | None = None

    def begin(self, job: Job, tell: Told) -> asyncio.Task[None]:
        self.asked.append(job)

        async def scan() -> None:
            await tell(Step(job.targets[0], False, None, 1, 1))
            if self.goes_on is not None:
                await self.goes_on.wait()

        return asyncio.create_task(scan())

    @property
    def owners(self) -> list[str]:
        return [target.owner for job in self.asked for target in job.targets]


def now() -> datetime:
    return datetime.now(UTC)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in another process, too
            await asyncio.sleep(0.01)


async def known(store: Store, target: Target) -> None:
    """The target is watched, and somebody tried to read it."""
    at = now()
    blank = Snapshot(target, {}, End.INCOMPLETE, frozenset(Kind), "evm", at)
    await store.write(lambda connection: knowledge.watch(connection, [target], at))
    before = await store.read(lambda connection: knowledge.known(connection, target))
    difference = diff(before, blank, timedelta())
    name = target.owner
    await store.write(lambda c: scans.begin(c, name, asked_by="test", worker="w", total=1, at=at))
    await store.write(lambda connection: knowledge.record(connection, name, blank, difference))


@asynccontextmanager
async def followed(
    store: Store, world: World, targets: list[Target], made: Scans, limits: Limits = NONE, tries: float = 20.0
) -> AsyncIterator[tuple[Follower, Provider]]:
    """A follower at work, that has the chain from a provider, which is tried for so many seconds."""
    async with provided(world.node.url, limits) as provider, aiohttp.ClientSession() as session:
        nodes = Nodes(
            session,
            find_chain("ethereum"),
            [provider.url],
            manner=Manner(patience=tries, poll=0.2),
            now=lambda: 20 * monotonic(),  # a node that failed rests less long
        )
        source = EvmSource({"1": nodes}, StoredIndex(store), cost=nodes.cost, now=now, terms={"1": Terms()})
        follower = Follower(store, source, targets, confirm_after=timedelta(minutes=10), now=now)
        running = asyncio.create_task(follower.run(made.begin))
        try:
            yield follower, provider
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await source.close()


def approves(world: World, owner: str, amount: int) -> Sent:
    return acts.approve(owner, world.contracts.erc20["plain"], world.spenders[0], amount)


async def proven(store: Store, follower: Follower, *owners: str) -> None:
    """The state of these owners was read at the newest block."""
    await until(lambda: follower.hearing["1"].block is not None)
    blocks = {Target("1", owner): follower.hearing["1"].block for owner in owners}
    await store.write(lambda connection: following.prove(connection, blocks))


async def test_a_reading_that_fails_is_not_repeated_at_once_but_for_news(store: Store, world: World) -> None:
    owner, made = world.owners[4], Scans()
    await known(store, Target("1", owner))
    async with followed(store, world, targets_of([owner]), made):
        await until(lambda: len(made.asked) == 1)
        await asyncio.sleep(0.6)
        assert len(made.asked) == 1
        for amount in (2, 3):
            world.does(approves(world, owner, amount))
            await until(lambda: len(made.asked) == amount)  # noqa: B023 - waited for before the next
    assert made.owners == [owner] * 3
    assert all(job.keeps(Target("1", owner)) and job.asked_by == "chain" for job in made.asked)


async def test_balances_that_are_still_being_read_are_no_reason_to_wait(store: Store, world: World) -> None:
    owner, goes_on = world.owners[4], asyncio.Event()
    made = Scans(goes_on=goes_on)
    await known(store, Target("1", owner))
    async with followed(store, world, targets_of([owner]), made):
        await until(lambda: len(made.asked) == 1)
        world.does(approves(world, owner, 1))
        await until(lambda: len(made.asked) == 2)
        goes_on.set()
        world.does(approves(world, owner, 2))
        await until(lambda: len(made.asked) == 3)
    assert [job.weighs for job in made.asked] == [True, False, True]


async def test_only_who_was_spoken_of_is_read(store: Store, world: World) -> None:
    made, targets = Scans(), targets_of(world.owners)
    await store.write(lambda connection: knowledge.watch(connection, targets, now()))
    async with followed(store, world, targets, made) as (follower, _):
        await proven(store, follower, *world.owners)
        world.does(approves(world, world.owners[4], 7))
        world.does(approves(world, world.owners[5], 7))
        await until(lambda: len(made.owners) == 2)
        await asyncio.sleep(0.3)
    assert sorted(made.owners) == sorted(world.owners[4:6])


async def test_a_newcomers_long_past_holds_up_nobody(store: Store, world: World) -> None:
    old, new = world.owners[4:6]
    made, targets = Scans(), targets_of([old, new])
    await store.write(lambda connection: knowledge.watch(connection, targets, now()))
    async with followed(store, world, targets[:1], made) as (follower, _):
        await proven(store, follower, old)
    world.does(approves(world, new, 5))
    world.node.ask("anvil_mine", hex(SHALLOW + 300))
    async with followed(store, world, targets[:1], made) as (follower, _):
        await proven(store, follower, old)
    await known(store, targets[1])
    with capture_logs() as logs:
        async with followed(store, world, targets, made, Limits(blocks=4)) as (follower, _):
            await until(lambda: bool(follower.underway))
            world.does(approves(world, old, 5))
            await until(lambda: new in made.owners)
            assert made.owners[:2] == [old, new], "it waited for the newcomer's past"
            assert not follower.underway
    events = [line["event"] for line in logs if line["event"].startswith("chain.")]
    assert events == ["chain.followed", "chain.backfill", "chain.backfilled"]


async def test_an_outage_is_logged_once_and_so_is_its_end_and_no_block_is_skipped(store: Store, world: World) -> None:
    owner, made = world.owners[4], Scans()
    await store.write(lambda connection: knowledge.watch(connection, targets_of([owner]), now()))
    with capture_logs() as logs:
        async with followed(store, world, targets_of([owner]), made, tries=0.2) as (follower, provider):
            await proven(store, follower, owner)
            provider.down = True
            await until(lambda: follower.hearing["1"].trouble is not None)
            world.does(approves(world, owner, 5))
            world.does()
            world.does()
            await asyncio.sleep(0.5)
            assert not made.asked
            provider.down = False
            await until(lambda: made.owners == [owner])
            assert follower.hearing["1"].trouble is None
    events = [line["event"] for line in logs if line["event"].startswith("chain.")]
    assert events == ["chain.followed", "chain.unread", "chain.read_again"]
