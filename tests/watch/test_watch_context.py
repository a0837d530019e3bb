"""What fails beside the approvals is told once, by its own name, and again when it is over."""

from datetime import UTC, datetime

import pytest

from scanner.domain.alerts import Severity
from scanner.domain.lists import ListState
from scanner.domain.observations import balances, lists

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def state(error: str | None = None, *, label: str = "known", as_of: datetime | None = AT) -> ListState:
    return ListState(name="ours", label=label, origin="ours.csv", as_of=as_of, error=error)


def test_a_list_that_cannot_be_read_says_which_copy_is_in_force() -> None:
    (seen,) = lists([state("no such file: ours.csv")])
    assert seen.wrong is True
    assert seen.key == "list:ours"
    assert "no such file: ours[.]csv; the copy of 2026-11-20 08:00 UTC stays in force" in seen.detail


def test_a_list_that_was_never_read_says_that_nothing_is_known_of_it() -> None:
    (seen,) = lists([state("HTTP 404", as_of=None)])
    assert "nothing is known of it" in seen.detail


def test_a_list_that_is_read_is_right() -> None:
    assert [seen.wrong for seen in lists([state()])] == [False]


def test_who_is_exploited_must_not_go_stale() -> None:
    assert [seen.severity for seen in lists([state("x", label="exploited"), state("x")])] == [
        Severity.HIGH,
        Severity.MEDIUM,
    ]


@pytest.mark.parametrize(
    ("unread", "total", "wrong"),
    [(0, 0, False), (0, 8, False), (1, 8, False), (2, 8, None), (3, 8, None), (4, 8, True), (1, 1, True)],
)
def test_balances_are_missed_from_a_half_on_and_back_below_a_quarter(
    unread: int, total: int, *, wrong: bool | None
) -> None:
    assert balances(unread, total, "HTTP 502").wrong is wrong
