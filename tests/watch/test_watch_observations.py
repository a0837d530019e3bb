"""What is wrong with the watch beside the API: staleness, lateness, rules, files, channels, the outbox."""

from datetime import UTC, datetime, timedelta

import pytest

from scanner.domain.approvals import Target
from scanner.domain.breaker import ChannelHealth
from scanner.domain.observations import Freshness, channels, lateness, outbox, rules, stale, wallets_file

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WALLET = Target("1", "0xed0c6079229e2d407672a117c22b62064f4a4312", "treasury")


@pytest.mark.parametrize(
    ("stale_of", "minutes", "some", "most"),
    [
        ((0, 10), 20, False, False),
        ((0, 10), 40, None, False),
        ((1, 10), 61, True, False),
        ((4, 10), 61, True, None),
        ((5, 10), 61, None, True),
        ((1, 1), 61, None, True),
        ((0, 0), 0, False, False),
    ],
)
def test_stale_wallets_are_counted_and_most_of_them_are_another_thing(
    stale_of: tuple[int, int], minutes: int, some: bool | None, most: bool | None
) -> None:
    count, total = stale_of
    found = Freshness(total, count, WALLET, START - minutes * MINUTE)
    assert [one.wrong for one in stale(found, HOUR, START, can_tell=True)] == [some, most]


def test_before_a_scan_had_its_chance_staleness_cannot_be_told() -> None:
    found = Freshness(10, 10, WALLET, START - 24 * HOUR)
    assert [one.wrong for one in stale(found, HOUR, START, can_tell=False)] == [None, None]


def test_the_worst_wallet_is_named() -> None:
    found = Freshness(40, 12, WALLET, START - 2 * HOUR, read_at=START - 2 * HOUR)
    [some, _] = stale(found, HOUR, START, can_tell=True)
    assert some.detail == (
        "12 of 40 targets wait too long. The longest: treasury 0xed0c6079…4f4a4312 on ethereum, "
        "last read completely 2026-11-20 06:00 UTC."
    )
    [some, _] = stale(Freshness(40, 1, WALLET, START - 2 * HOUR), HOUR, START, can_tell=True)
    assert some.detail.endswith("never read completely.")


@pytest.mark.parametrize(
    ("late", "moving", "wrong"),
    [(-5, False, False), (10, False, False), (11, False, True), (11, True, None), (5, True, False)],
)
def test_a_scan_is_overdue_ten_minutes_after_its_time_unless_it_is_under_way(
    late: int, moving: bool, wrong: bool | None
) -> None:
    assert lateness(START - late * MINUTE, None, START, moving=moving).wrong is wrong


def test_without_a_schedule_nothing_is_late() -> None:
    assert lateness(None, None, START, moving=False).wrong is None


def test_rules_that_decide_nothing_in_three_scans_are_named_one_by_one() -> None:
    undecided = [frozenset({"a", "b"}), frozenset({"a", "b", "c"}), frozenset({"a", "c"})]
    found = {one.subject: one.wrong for one in rules((), undecided)[1:]}
    assert found == {"a": True, "b": None, "c": False}
    assert [one.wrong for one in rules((), undecided[:2])[1:]] == [None, None, False]


def test_broken_rules_are_counted_and_the_first_is_shown() -> None:
    [one] = rules(("own.yaml:5:9: unknown field", "own.yaml:9:9: no"), [])
    assert one.wrong is True
    assert one.detail.startswith("2 problems, the first: own[.]yaml∶5∶9: unknown field.")
    [one] = rules((), [])
    assert one.wrong is False


def test_a_wallets_file_that_cannot_be_read_says_whose_watch_is_missing() -> None:
    one = wallets_file(("wallets.csv: the wallets file is empty",), certain=False)
    assert one.wrong is True
    assert "not watched" in one.detail
    assert wallets_file((), certain=True).wrong is False


def test_a_channel_is_failing_once_its_breaker_is_open_and_well_once_nothing_fails() -> None:
    health = [
        ChannelHealth("a"),
        ChannelHealth("b", START, 1, None, "answered 503"),
        ChannelHealth("c", START, 3, START, "answered 404: <b>see</b> evil.example"),
    ]
    found = channels(health)
    assert [one.wrong for one in found] == [False, None, True]
    assert "since 2026-11-20 08:00 UTC" in found[2].detail
    assert "evil.example" not in found[2].detail


@pytest.mark.parametrize(("minutes", "wrong"), [(20, False), (45, None), (61, True)])
def test_messages_wait_too_long_after_an_hour(minutes: int, wrong: bool | None) -> None:
    one = outbox({"ops": START - minutes * MINUTE, "mail": START}, START)
    assert one.wrong is wrong
    assert ("ops" in one.detail) is (wrong is True)


def test_an_empty_outbox_is_well() -> None:
    assert outbox({}, START).wrong is False
