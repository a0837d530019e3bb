import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
from far_side import Clock
from hypothesis import given
from hypothesis import strategies as st

from scanner.okx.pacing import SLOWEST, Budget, MemoryLedger, Pace, eased, reserve, slowed

T = TypeVar("T")


class CountingLedger(MemoryLedger):
    calls = 0

    async def apply(self, key: str, step: Callable[[Pace | None], tuple[Pace, T]]) -> T:
        self.calls += 1
        return await super().apply(key, step)


def budget_of(clock: Clock, rate: float, ledger: MemoryLedger | None = None) -> Budget:
    return Budget(ledger or MemoryLedger(), "key", rate, now=clock.now, sleep=clock.sleep)


async def sent_at(budget: Budget, clock: Clock, count: int) -> list[float]:
    times = []
    for _ in range(count):
        assert await budget.turn() is not None
        times.append(clock.now())
    return times


@pytest.mark.parametrize("rate", [0.5, 1, 3, 50, 400])
async def test_requests_are_as_far_apart_as_configured(rate: float) -> None:
    clock = Clock()
    times = await sent_at(budget_of(clock, rate), clock, 40)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) == pytest.approx(1 / rate, rel=1e-3)
    assert max(gaps) == pytest.approx(1 / rate, rel=1e-3)


async def test_a_pause_is_no_licence_for_a_burst() -> None:
    clock = Clock()
    budget = budget_of(clock, 100)
    await sent_at(budget, clock, 5)
    clock.time += 60
    times = await sent_at(budget, clock, 50)
    assert times[-1] - times[0] == pytest.approx(0.49, abs=0.01)


async def test_two_processes_share_one_rate() -> None:
    clock, ledger = Clock(), MemoryLedger()
    one, other = budget_of(clock, 2, ledger), budget_of(clock, 2, ledger)
    began = clock.now()
    for _ in range(10):
        await one.turn()
        await other.turn()
    assert clock.now() - began == pytest.approx(9.5)


async def test_a_refusal_slows_the_key_down_for_everybody_and_answers_win_it_back() -> None:
    clock, ledger = Clock(), MemoryLedger()
    one, other = budget_of(clock, 1, ledger), budget_of(clock, 1, ledger)
    await one.turn()
    await one.refused(clock.now(), None)
    assert ledger.paces["key"].interval == 1.6
    before = clock.now()
    await other.turn()
    assert clock.now() - before == pytest.approx(1.6, abs=0.001)
    for _ in range(400):
        await one.turn()
        await one.answered()
    assert ledger.paces["key"].interval == 1


async def test_a_rate_comes_back_in_steps_not_at_once() -> None:
    clock, ledger = Clock(), MemoryLedger()
    budget = budget_of(clock, 10, ledger)
    await budget.turn()
    await budget.refused(clock.now(), None)
    seen = []
    for _ in range(150):
        await budget.turn()
        await budget.answered()
        seen.append(ledger.paces["key"].interval)
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) > 4


@dataclass
class Bucket:
    """A far side that takes so many requests a second, saves a few for a burst, and does not tell."""

    limit: float
    room: float = 5.0
    seen_at: float = 0.0
    taken: int = 0
    refused: int = 0

    def takes(self, now: float) -> bool:
        self.room = min(5.0, self.room + (now - self.seen_at) * self.limit)
        self.seen_at = now
        if self.room < 1:
            self.refused += 1
            return False
        self.room -= 1
        self.taken += 1
        return True


async def ask(bucket: Bucket, budget: Budget, clock: Clock, seconds: float) -> tuple[float, float]:
    """Ask as fast as the budget lets for some seconds. Returns the shares of the limit reached, and refused."""
    bucket.taken = bucket.refused = 0
    end = clock.now() + seconds
    while clock.now() < end:
        await budget.turn()
        if bucket.takes(clock.now()):
            await budget.answered()
        else:
            await budget.refused(clock.now(), None)
    return bucket.taken / (bucket.limit * seconds), bucket.refused / (bucket.taken + bucket.refused)


@pytest.mark.parametrize("limit", [10, 18, 24, 25, 27, 33, 40, 47])
async def test_a_limit_that_nobody_tells_is_nearly_reached_and_seldom_passed(limit: float) -> None:
    clock = Clock()
    bucket = Bucket(limit, seen_at=clock.now())
    reached, refused = await ask(bucket, budget_of(clock, 50), clock, 120)
    assert 0.93 <= reached <= 1.05
    assert refused < 0.01


async def test_a_limit_that_is_raised_is_found_and_one_that_falls_is_yielded_to() -> None:
    clock = Clock()
    bucket, budget = Bucket(20, seen_at=clock.now()), budget_of(clock, 50)
    await ask(bucket, budget, clock, 60)
    bucket.limit = 40
    await ask(bucket, budget, clock, 120)
    reached, _ = await ask(bucket, budget, clock, 60)
    assert reached > 0.93
    bucket.limit = 15
    await ask(bucket, budget, clock, 60)
    reached, refused = await ask(bucket, budget, clock, 60)
    assert reached > 0.9
    assert refused < 0.01


async def test_retry_after_holds_the_whole_key() -> None:
    clock, ledger = Clock(), MemoryLedger()
    one, other = budget_of(clock, 10, ledger), budget_of(clock, 10, ledger)
    await one.turn()
    began = clock.now()
    await one.refused(began, 30)
    assert await other.turn() == pytest.approx(30)
    assert clock.now() - began >= 30


async def test_a_request_that_waits_at_the_gate_learns_of_a_pause() -> None:
    clock, ledger = Clock(), MemoryLedger()

    async def sleep(seconds: float) -> None:
        if not clock.slept:
            clock.slept.append(seconds)
            await budget.refused(clock.now(), 20)
        await clock.sleep(seconds)

    budget = Budget(ledger, "key", 1, now=clock.now, sleep=sleep)
    await budget.turn()
    began = clock.now()
    await budget.turn()
    assert clock.now() - began >= 20


async def test_a_key_held_back_for_long_is_told_at_once() -> None:
    clock = Clock()
    budget = budget_of(clock, 1)
    await budget.turn()
    await budget.refused(clock.now(), 300)
    began = clock.now()
    assert await budget.turn() is None
    assert clock.now() == began


async def test_no_slot_is_taken_that_comes_too_late() -> None:
    clock, ledger = Clock(), MemoryLedger()
    budget = budget_of(clock, 1, ledger)
    await budget.turn()
    before = ledger.paces["key"]
    assert await budget.turn(urgent=True, latest=clock.now() + 0.5) is None
    assert ledger.paces["key"] == before


async def test_the_urgent_wait_for_one_other_at_most() -> None:
    clock = Clock()
    order: list[str] = []
    budget = budget_of(clock, 1)

    async def stand(name: str, *, urgent: bool = False) -> None:
        await budget.turn(urgent=urgent)
        order.append(name)

    await budget.turn()
    await asyncio.gather(*(stand(f"line {n}") for n in range(6)), stand("urgent", urgent=True))
    assert order == ["line 0", "urgent", *(f"line {n}" for n in range(1, 6))]


async def test_many_slots_cost_few_turns_of_the_ledger() -> None:
    clock, ledger = Clock(), CountingLedger()
    await sent_at(budget_of(clock, 200, ledger), clock, 200)
    assert 1 < ledger.calls <= 5


def test_one_fault_seen_by_many_in_flight_slows_down_once() -> None:
    pace = Pace(100.0, 1.0)
    for _ in range(8):
        pace = slowed(pace, sent_at=99.0, now=100.5, floor=1.0, pause=0.0)
    assert pace.interval == 1.6


def test_several_processes_win_a_rate_back_no_faster_than_one() -> None:
    slow = slowed(Pace(100.0, 0.1), sent_at=100.0, now=100.0, floor=0.1, pause=0.0)
    assert eased(slow, now=101.9, floor=0.1) == slow
    once = eased(slow, now=102.0, floor=0.1)
    assert 1 / once.interval == pytest.approx(6.25 + (10 - 6.25) / 4)
    assert eased(once, now=103.9, floor=0.1) == once


def test_a_refusal_goes_back_to_the_rate_that_held() -> None:
    slow = slowed(Pace(100.0, 0.1), sent_at=100.0, now=100.0, floor=0.1, pause=0.0)
    tried = eased(slow, now=102.0, floor=0.1)
    back = slowed(tried, sent_at=103.0, now=103.0, floor=0.1, pause=0.0)
    assert (back.interval, back.refused) == (slow.interval, tried.interval)


def test_a_rate_just_below_the_refused_one_is_left_alone_for_long() -> None:
    near = Pace(100.0, 0.1, moved_at=100.0, refused=0.095)
    held = eased(near, now=110.0, floor=0.01)
    assert (held.interval, held.held) == (0.1, 0.1)
    assert eased(held, now=159.9, floor=0.01) == held
    assert eased(held, now=160.0, floor=0.01).interval == pytest.approx(0.1 / 1.08)


def test_a_rate_is_won_back_although_the_clock_was_set_back() -> None:
    slow = Pace(100.0, 2.0, moved_at=10_000.0)
    assert eased(slow, now=100.0, floor=1.0).interval < 2.0
    assert slowed(slow, sent_at=100.0, now=100.0, floor=1.0, pause=0.0).interval == 3.2


def test_a_refusal_that_was_sent_as_the_interval_moved_counts() -> None:
    assert slowed(Pace(100.0, 2.0, moved_at=100.0), sent_at=100.0, now=100.5, floor=1.0, pause=0.0).interval == 3.2


def test_a_clock_that_was_set_back_does_not_hold_a_key_for_hours() -> None:
    _, grant = reserve(Pace(next_at=10_000.0, interval=1.0), now=100.0, floor=1.0, latest=160.0)
    assert grant.count == 1
    assert grant.first == 100.0


@pytest.mark.parametrize("rate", [1, 100])
async def test_a_clock_that_is_set_back_between_two_requests_costs_no_hours(rate: float) -> None:
    clock = Clock()
    budget = budget_of(clock, rate)
    await budget.turn()
    clock.time -= 7200
    began = clock.now()
    assert await budget.turn() is not None
    assert clock.now() - began <= 1


moves = st.lists(st.tuples(st.sampled_from(["reserve", "slow", "ease"]), st.floats(0, 100)), max_size=60)


@given(moves, st.floats(0.001, 20))
def test_the_interval_stays_between_the_configured_and_the_slowest(
    steps: list[tuple[str, float]], floor: float
) -> None:
    pace, now, last = None, 1000.0, 0.0
    for what, passed in steps:
        now += passed
        if what == "reserve":
            pace, grant = reserve(pace, now=now, floor=floor, latest=now + 60)
            if grant.count:
                assert grant.first >= max(now, last)
                last = grant.first + (grant.count - 1) * grant.interval
        elif what == "slow":
            pace = slowed(pace, sent_at=now, now=now, floor=floor, pause=passed)
        else:
            pace = eased(pace, now=now, floor=floor)
        assert pace is not None
        assert floor * 0.999 <= pace.interval <= max(SLOWEST, floor) * 1.001
