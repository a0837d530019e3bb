"""Whether rounds fit between two of them, and which interval would."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.cost import Cost, Meter, Spent
from scanner.domain.laps import Lap, fitting, overlong
from scanner.domain.plain import lasting

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def due(began: datetime) -> datetime:
    return began + QUARTER


def laps(*minutes: float) -> list[Lap]:
    """Rounds that took so long, the newest first."""
    return [
        Lap(began, began + timedelta(minutes=took), 7)
        for number, took in enumerate(minutes)
        for began in [START - number * QUARTER]
    ]


@pytest.mark.parametrize(
    ("minutes", "wrong"),
    [
        ((), None),
        ((20, 20), None),
        ((20, 20, 20), True),
        ((20, 20, 14), None),
        ((14, 20, 20), None),
        ((14, 14, 20), False),
        ((14,), None),
        ((15, 15, 15), False),
    ],
)
def test_three_late_rounds_are_wrong_and_two_in_time_are_right(minutes: tuple[float, ...], wrong: bool | None) -> None:
    assert overlong(laps(*minutes), due).wrong is wrong


def test_it_says_how_long_the_newest_took() -> None:
    assert "the newest took 20 min and 7 requests" in overlong(laps(20, 30, 30), due).detail


def test_a_schedule_that_has_no_next_scan_is_never_late() -> None:
    assert overlong(laps(20, 20, 20), lambda _: None).wrong is False


@pytest.mark.parametrize(
    ("seconds", "interval"),
    [(1, "1m"), (48, "1m"), (49, "2m"), (1000, "30m"), (3600, "2h"), (43_200, "1d"), (100_000, "2d")],
)
def test_an_interval_that_fits_is_one_that_people_write(seconds: float, interval: str) -> None:
    assert fitting(timedelta(seconds=seconds)) == interval


@given(st.timedeltas(timedelta(), timedelta(days=300)))
def test_an_interval_that_fits_has_room(needed: timedelta) -> None:
    written = fitting(needed)
    unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[written[-1]]
    assert int(written[:-1]) * unit >= needed * 1.25


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (3.44, "3.4 s"),
        (59, "59 s"),
        (725, "12 min 5 s"),
        (7200, "2 h"),
        (9003, "2 h 30 min"),
        (259_200, "3 d"),
    ],
)
def test_what_lasts_is_told_in_two_units(seconds: float, words: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == words


def test_a_meter_counts_from_where_it_was_made_and_only_the_time_within() -> None:
    times = iter([START, START + timedelta(seconds=2), START + QUARTER, START + QUARTER + timedelta(seconds=3)])
    cost = Cost(5, 2, 1.0)
    meter = Meter([cost, Cost()])
    for _ in range(2):
        with meter.running(lambda: next(times)):
            cost.requests += 3
            cost.waited += 0.25
    assert meter.spent == Spent(6, 0, 0.5, 5.0)
