"""The most urgent first, and nobody waits for ever."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.approvals import Target
from scanner.domain.visits import MOST, Visited, in_order

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
TARGETS = [Target("1", f"0x{number:040x}") for number in range(60)]

stakes = st.none() | st.floats(0, 1e12)
known = st.dictionaries(
    st.sampled_from(TARGETS),
    st.builds(Visited, st.none() | st.integers(0, 100_000).map(lambda ago: NOW - timedelta(seconds=ago)), stakes),
)


@given(known, st.none() | st.integers(0, 100_000))
def test_every_target_is_visited_once(visited: dict[Target, Visited], ago: int | None) -> None:
    last_round = None if ago is None else NOW - timedelta(seconds=ago)
    assert sorted(map(str, in_order(TARGETS, visited, last_round, NOW))) == sorted(map(str, TARGETS))


@given(known)
def test_what_is_older_by_enough_goes_first_whatever_is_at_stake(visited: dict[Target, Visited]) -> None:
    places = {target: place for place, target in enumerate(in_order(TARGETS, visited, None, NOW))}
    tried = [(target, NOW - one.tried_at) for target, one in visited.items() if one.tried_at is not None]
    for target, age in tried:
        for other, younger in tried:
            if age > MOST * younger:
                assert places[target] < places[other]


def test_at_one_age_what_has_more_at_stake_goes_first_and_what_is_not_known_may_have_most() -> None:
    worth: list[float | None] = [0.0, 10.0, None, 1_000.0, 50_000.0]
    visited = {target: Visited(NOW - QUARTER, usd) for target, usd in zip(TARGETS, worth, strict=False)}
    assert [visited[one].at_stake for one in in_order(visited, visited, None, NOW)] == [None, 50_000, 1_000, 10, 0]


def test_what_a_round_that_broke_off_did_not_come_to_is_first_and_the_new_before_it() -> None:
    began = NOW - timedelta(minutes=5)
    read, missed, new = Visited(NOW - timedelta(minutes=4), 1e9), Visited(began - timedelta(seconds=1), 0.0), Visited()
    first, second, third = TARGETS[:3]
    assert in_order([first, second, third], {first: read, second: missed, third: new}, began, NOW) == [
        third,
        second,
        first,
    ]


@given(st.integers(3, 40), st.integers(0, 10_000))
def test_though_every_round_breaks_off_nobody_waits_longer_than_all_rounds_need(reach: int, seed: int) -> None:
    random = Random(seed)
    visited = {one: Visited(NOW - timedelta(days=1), random.choice([None, 0.0, 10.0, 1e6])) for one in TARGETS}
    at, began, waits = NOW, NOW - timedelta(days=1), dict.fromkeys(TARGETS, 0)
    for _ in range(40):
        at += QUARTER
        reached = in_order(TARGETS, visited, began, at)[:reach]
        began = at
        for target in TARGETS:
            waits[target] = 0 if target in reached else waits[target] + 1
            assert waits[target] <= MOST * -(-len(TARGETS) // reach)
        for number, target in enumerate(reached):
            visited[target] = Visited(at + timedelta(seconds=number), visited[target].at_stake)


def test_a_clock_that_was_set_back_is_no_harm() -> None:
    ahead = Visited(NOW + timedelta(days=1), 5.0)
    assert (
        in_order(TARGETS[:2], {TARGETS[0]: ahead, TARGETS[1]: Visited(NOW - QUARTER, 5.0)}, None, NOW)[0] == TARGETS[1]
    )
