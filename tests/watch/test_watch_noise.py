"""Whatever happens to the watch, no channel hears more than a beginning and an end of anything."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from watched import Watched, approvals, watched

from scanner.domain.messages import Outcome, Result
from scanner.store import health
from scanner.store.tables import conditions


@dataclass(frozen=True)
class Moment:
    """Some minutes later: how attempts on the channels ended, and what is wrong with the configuration."""

    minutes: int
    ends: tuple[tuple[str, Result], ...]
    broken: bool
    certain: bool
    restart: bool


moments = st.lists(
    st.builds(
        Moment,
        minutes=st.integers(1, 45),
        ends=st.lists(st.tuples(st.sampled_from(["ops", "mail"]), st.sampled_from(Result)), max_size=4).map(tuple),
        broken=st.booleans(),
        certain=st.booleans(),
        restart=st.booleans(),
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(moments)
async def test_each_channel_hears_of_each_condition_at_most_twice(story: list[Moment]) -> None:
    await _heard(story)


@pytest.mark.soak
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(moments)
async def test_so_it_is_in_many_stories(story: list[Moment]) -> None:
    await _heard(story)


async def _heard(story: list[Moment]) -> None:
    """Live through a story, and look at what the channels heard."""
    with tempfile.TemporaryDirectory() as folder:
        async with watched(Path(folder)) as world:
            await world.scan(approvals)
            await _live(world, story)
            kept = (await world.store.read(lambda c: c.execute(select(conditions)))).mappings().all()
            titles = Counter((row["key"], row["ended_at"] is None) for row in kept)
            assert all(count == 1 for (_, is_open), count in titles.items() if is_open)
            bodies = "\n".join(await world.bodies())
            for name in world.channels:
                knew = [row for row in kept if name in row["told"]]
                heard = [kind for channel, kind, _ in await world.told() if channel == name]
                assert len(heard) <= 2 * len(knew)
                assert not [row for row in kept if row["key"] == f"channel:{name}" and name in row["told"]]
                assert all(row["title"] in bodies for row in knew)


async def _live(world: Watched, story: list[Moment]) -> None:
    dog = None
    for moment in story:
        world.wait(moment.minutes)
        for channel, result in moment.ends:
            ended = partial(health.note, channel=channel, outcome=Outcome(result, "why"), at=world.at)
            await world.store.write(ended)
        broken = ("own.yaml:1:1: no",) if moment.broken else ()
        world.plan = partial(replace, broken_rules=broken, wallets_certain=moment.certain)
        dog = world.watchdog() if dog is None or moment.restart else dog
        before = len(await world.told())
        await dog.look(moving=True)
        between = len(await world.told())
        await dog.look(moving=True)
        assert len(await world.told()) == between, "a second look at the same tells nothing"
        assert between - before <= 2 * len(world.channels)
