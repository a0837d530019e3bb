"""A backtest tells what a run under other rules would have told: held against runs that really were."""

from bisect import bisect_right
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from pasts import World, both, held_against, live, pack_of
from scanning import Clock, House

from scanner.backtest import Outcome
from scanner.domain.backtest import DifferenceKind, Episode
from scanner.store.episodes import real_episodes

Sight = tuple[str, str, str, bool, int, int]
"""An alert as two stores can agree on it: its rule, approval, worst, whether an event, and the rounds of its life."""

NEVER = 10**6


def sight(episode: Episode, world: World) -> Sight:
    def round_of(at: datetime) -> int:
        return bisect_right(world.moments, at)

    # When an event is over is for people to say.
    event = episode.change is not None
    ended = NEVER if episode.ended_at is None or event else round_of(episode.ended_at)
    return episode.rule, episode.approval, episode.severity.value, event, round_of(episode.opened_at), ended


async def made(home: House, world: World) -> Counter[Sight]:
    """The alerts that really were."""
    found = await home.store.read(lambda connection: real_episodes(connection, home.clock.now()))
    return Counter(sight(one, world) for some in found.values() for one in some)


def foretold(was: Counter[Sight], outcome: Outcome, world: World) -> Counter[Sight]:
    """What a backtest makes of the alerts that really were."""
    before = Counter(sight(one.was, world) for one in outcome.differences if one.was is not None)
    after = Counter(sight(one.would, world) for one in outcome.differences if one.would is not None)
    assert before <= was
    return was - before + after


def assert_same(some: Counter[Sight], others: Counter[Sight]) -> None:
    """The same alerts, each at the same time or one scan beside it, which a backtest calls the same."""
    one, other = (sorted((counts - both_of).elements()) for counts, both_of in ((some, others), (others, some)))
    assert [each[:4] for each in one] == [each[:4] for each in other]
    for left, right in zip(one, other, strict=True):
        assert max(abs(left[4] - right[4]), abs(left[5] - right[5])) <= 1, (left, right)


async def check(folder: Path, seed: int, rounds: int) -> Outcome:
    """One world under two sets of rules: what the backtest of the one says of the other is what the other did."""
    folder.mkdir(exist_ok=True)
    world = World(Clock(), Random(seed))
    since = world.clock.now()
    packs = {"strict": pack_of(folder, "strict", 400), "lax": pack_of(folder, "lax", 1_000)}
    async with both(folder, world, packs) as houses:
        await live(world, houses, rounds)
        for name, pack in packs.items():
            assert (await held_against(houses[name], pack, since)).differences == ()
        outcome = await held_against(houses["lax"], packs["strict"], since)
        assert_same(foretold(await made(houses["lax"], world), outcome, world), await made(houses["strict"], world))
    return outcome


async def test_a_lower_threshold_lists_the_exact_alerts_that_a_run_with_it_made(tmp_path: Path) -> None:
    outcome = await check(tmp_path, 7, 9)
    assert {one.kind for one in outcome.differences} >= {DifferenceKind.NEW}
    assert {one.would.rule for one in outcome.differences if one.would is not None} <= {"money", "much-raised"}
    [money] = [one for one in outcome.rules if one.rule == "money"]
    assert money.would > money.was > 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_any_world_is_foretold_to_the_last_alert(tmp_path: Path) -> None:
    for seed in range(100, 130):
        await check(tmp_path / str(seed), seed, 16)
