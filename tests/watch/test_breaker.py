"""A channel that fails again and again is probed at growing intervals, and whole again after one success."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.breaker import FIRST_PAUSE, LONGEST_PAUSE, TRIPS, ChannelHealth, after, may_try
from scanner.domain.messages import Outcome, Result

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
WELL = ChannelHealth("ops")
DOWN = Outcome(Result.TRANSIENT, "answered 503")

outcomes = st.builds(
    Outcome,
    st.sampled_from(Result),
    st.just("why"),
    st.none() | st.timedeltas(min_value=timedelta(), max_value=timedelta(days=1)),
)


def failed(times: int, outcome: Outcome = DOWN) -> ChannelHealth:
    """The health after so many failures, one at each probe's time."""
    health = WELL
    for _ in range(times):
        health = after(health, outcome, health.next_at or START)
    return health


def test_a_few_failures_leave_it_alone_to_be_tried_at_once() -> None:
    health = failed(TRIPS - 1)
    assert (health.failures, health.failing_since, health.broken) == (TRIPS - 1, START, False)
    assert may_try(health, START)


def test_after_some_failures_in_a_row_it_waits_for_its_probe() -> None:
    health = failed(TRIPS)
    assert health.broken
    assert not may_try(health, START + FIRST_PAUSE - timedelta(seconds=1))
    assert may_try(health, START + FIRST_PAUSE)


def test_the_pauses_double_up_to_a_limit() -> None:
    pauses = []
    health = failed(TRIPS)
    at = START
    for _ in range(8):
        assert health.next_at is not None
        pauses.append(health.next_at - at)
        at = health.next_at
        health = after(health, DOWN, at)
    assert pauses[:5] == [FIRST_PAUSE * 2**n for n in range(4)] + [LONGEST_PAUSE]
    assert set(pauses[4:]) == {LONGEST_PAUSE}
    assert health.failing_since == START


def test_one_success_makes_it_whole() -> None:
    assert after(failed(20), Outcome(Result.DELIVERED), START) == WELL


def test_an_unknown_and_a_final_end_count_as_failures() -> None:
    assert failed(TRIPS, Outcome(Result.UNKNOWN)).broken
    assert failed(TRIPS, Outcome(Result.PERMANENT)).broken


def test_who_asks_to_be_left_alone_is_and_has_not_failed() -> None:
    health = after(WELL, Outcome(Result.RATE_LIMITED, "429", timedelta(minutes=5)), START)
    assert health.failures == 0
    assert not may_try(health, START + timedelta(minutes=4))
    assert may_try(health, START + timedelta(minutes=5))


def test_a_wish_longer_than_the_pause_counts() -> None:
    health = after(failed(TRIPS), Outcome(Result.TRANSIENT, "503", timedelta(hours=2)), START)
    assert health.next_at == START + timedelta(hours=2)


@given(st.lists(outcomes, max_size=40))
def test_it_is_always_tried_again_within_a_day_and_known_to_fail_only_since_a_failure(ends: list[Outcome]) -> None:
    health, at = WELL, START
    for end in ends:
        at = max(at, health.next_at or at)
        health = after(health, end, at)
        assert may_try(health, at + timedelta(days=1))
        assert (health.failing_since is None) == (health.failures == 0)
        if end.result is Result.DELIVERED:
            assert health == WELL
