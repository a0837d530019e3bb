"""The course of a price: when it next leaves a range, however long the course is."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import START, minutes

from scanner.domain.past import BLOCK, Course, Quotes, TokenState

PRICES = st.lists(st.none() | st.integers(0, 9), max_size=3 * BLOCK)


def quotes(*states: TokenState) -> Quotes:
    """A course with a state for every minute."""
    return Quotes(Course(tuple(minutes(number) for number in range(len(states))), states))


def priced(*prices: int | None) -> Quotes:
    return quotes(*(TokenState(6, None if price is None else Decimal(price), False) for price in prices))


def test_a_course_is_what_it_was_last_and_nothing_before_it_began() -> None:
    course = Course((minutes(1), minutes(3)), ("a", "b"))
    assert [course.at(minutes(number)) for number in range(5)] == [None, "a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 9, None), (4, 9, 2), (3, 9, 3), (0, 5, 1), (0, 6, 4), (5, 5, 1)],
)
def test_a_price_leaves_a_range_at_its_ends_already(low: float, high: float, expected: int | None) -> None:
    found = priced(5, 5, 4, 3, 6).leaves(START, low, high)
    assert found == (None if expected is None else minutes(expected))


def test_what_else_is_said_of_the_token_is_seen_at_any_price() -> None:
    plain = TokenState(6, Decimal(5), risk=False)
    for other in (TokenState(8, Decimal(5), False), TokenState(6, Decimal(5), True), TokenState(6, None, False)):
        assert quotes(plain, plain, other, plain).leaves(START) == minutes(2)
        assert quotes(plain, plain, other, plain).leaves(minutes(2)) == minutes(3)


def test_the_end_of_a_long_course_is_found() -> None:
    long = priced(*[5] * (4 * BLOCK), 9)
    assert long.leaves(START, 1, 8) == minutes(4 * BLOCK)
    assert long.leaves(minutes(4 * BLOCK), 1, 8) is None
    assert long.leaves(START - timedelta(minutes=1), 1, 8) == START  # the course itself begins


def test_what_comes_later_in_the_same_stretch_is_not_looked_for() -> None:
    long = priced(*[5] * (2 * BLOCK + 5), 9)
    for after in (minutes(2 * BLOCK - 1), minutes(2 * BLOCK + 1)):
        assert long.leaves(after, 1, 8, before=minutes(2 * BLOCK + 5)) is None
        assert long.leaves(after, 1, 8, before=minutes(2 * BLOCK + 6)) == minutes(2 * BLOCK + 5)


def test_a_price_that_just_touches_an_end_deep_in_the_course_has_left() -> None:
    steady = [5] * (2 * BLOCK)
    assert priced(*steady, 1, *steady).leaves(START, 1, 8) == minutes(2 * BLOCK)
    assert priced(*steady, 8, *steady).leaves(START, 1, 8) == minutes(2 * BLOCK)


@given(
    PRICES, st.integers(-1, 3 * BLOCK), st.integers(-1, 9), st.integers(1, 10), st.none() | st.integers(0, 3 * BLOCK)
)
def test_blocks_only_save_time(prices: list[int | None], after: int, low: int, high: int, before: int | None) -> None:
    expected = next(
        (
            number + 1
            for number, (before, now) in enumerate(pairwise(prices))
            if number + 1 > after and ((before is None) != (now is None) or not low < (now or 0) < high)
        ),
        None,
    )
    if prices and after < 0:
        expected = 0
    if before is not None and expected is not None and expected >= before:
        expected = None
    found = priced(*prices).leaves(minutes(after), low, high, before=None if before is None else minutes(before))
    assert found == (None if expected is None else minutes(expected))
