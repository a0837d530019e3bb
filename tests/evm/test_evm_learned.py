"""What is learned of an endpoint's sizes, and how long it holds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scanner.evm.learned import CALM, Learned, Size, fingerprint, grown, shrunk

START = Size(100, 1000)


def test_a_size_grows_to_the_most_that_makes_sense() -> None:
    size = START
    for _ in range(10):
        size = grown(size, size.now)
    assert size.now == 1000


def test_an_answer_for_less_says_nothing_about_the_size() -> None:
    assert grown(START, 99) is START


def test_what_was_refused_is_halved_and_not_asked_again_for_long() -> None:
    size = shrunk(START, 100)
    assert size == Size(50, 1000, 100)
    for _ in range(CALM - 1):
        size = grown(size, size.now)
        assert size.now == 50
    assert grown(size, 50).now == 100


def test_each_time_it_is_refused_anew_it_takes_twice_as_long_until_it_is_tried() -> None:
    size, tried = shrunk(START, 100), []
    for number in range(1000):
        size = grown(size, size.now)
        if size.now == 100:
            tried.append(number)
            size = shrunk(size, 100)
    assert [after - before for before, after in pairwise(tried)] == [128, 256, 512]


def test_several_refusals_of_requests_that_were_in_flight_together_count_once() -> None:
    assert shrunk(shrunk(START, 100), 100) == shrunk(START, 100)
    assert shrunk(Size(20, 1000), 100) == Size(20, 1000)


def test_what_is_suggested_is_taken_if_it_is_less() -> None:
    assert shrunk(START, 100, suggested=30).now == 30
    assert shrunk(START, 100, suggested=100).now == 50
    assert shrunk(START, 100, suggested=0).now == 50


def test_what_may_have_had_another_reason_grows_again_at_once() -> None:
    size = shrunk(START, 100, sure=False)
    assert (size.now, size.refused) == (50, None)
    assert grown(size, 50).now == 100


@given(st.integers(1, 5000), st.integers(1, 20_000))
def test_a_cap_is_found_in_few_refusals_and_used_to_a_half_at_least(cap: int, begin: int) -> None:
    size, refused = Size(begin, 100_000), 0
    for _ in range(60):
        if size.now > cap:
            size, refused = shrunk(size, size.now), refused + 1
        else:
            size = grown(size, size.now)
    assert size.now <= cap <= 2 * size.now
    assert refused <= 17


def test_a_fingerprint_tells_urls_apart_and_nothing_of_them() -> None:
    assert fingerprint("https://a.example/key") != fingerprint("https://a.example/kez")
    assert len(fingerprint("https://a.example/key")) == 32


def test_counters_are_no_news() -> None:
    assert Learned(blocks=Size(1, 2, calm=3)) == Learned(blocks=Size(1, 2, wary=1))
