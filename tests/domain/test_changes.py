"""What is seen is a fact at once, and told once: the kinds of change in docs/json.md."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from strategies import (
    ERC20,
    OWNER,
    START,
    TEN_MINUTES,
    after,
    allowances,
    approval,
    ids,
    in_force,
    many,
    minutes,
    reading,
    told,
    told_of,
)

from scanner.domain.approvals import UINT256_MAX, Allowance, End, Kind, Status
from scanner.domain.changes import Change, ChangeKind, Known, diff

NFTS = frozenset({Kind.ERC721_ALL})

# Presence.


def test_what_the_first_complete_reading_shows_is_the_baseline() -> None:
    outcome = diff(Known(OWNER), reading(many(3)), TEN_MINUTES)
    assert told(outcome) == told_of(ChangeKind.BASELINE, many(3))
    assert outcome.complete
    assert outcome.trouble is None
    assert outcome.known.covered == ERC20


def test_an_empty_first_reading_is_a_baseline_too() -> None:
    known = after(reading())
    assert told(diff(known, reading([approval()], minutes(15)), TEN_MINUTES)) == [("new", approval().id)]


def test_the_baseline_lasts_until_a_complete_reading_has_ended() -> None:
    known = Known(OWNER)
    for minute, end in enumerate([End.INCOMPLETE, End.INCOMPLETE, End.COMPLETE]):
        outcome = diff(known, reading(many(minute + 1), minutes(minute), end), TEN_MINUTES)
        assert told(outcome) == [("baseline", approval(minute + 1).id)]
        assert outcome.complete is (end is End.COMPLETE)
        known = outcome.known
    assert told(diff(known, reading(many(4), minutes(3)), TEN_MINUTES)) == [("new", approval(4).id)]


def test_a_mass_absence_before_the_first_complete_reading_does_not_end_the_baseline() -> None:
    known = after(reading([approval(1)], end=End.INCOMPLETE), reading([approval(2)], minutes(1)))
    assert known.covered == frozenset()
    assert told(diff(known, reading(many(3), minutes(2)), TEN_MINUTES)) == [("baseline", approval(3).id)]


def test_a_row_that_was_not_there_at_the_last_complete_reading_is_new() -> None:
    outcome = diff(after(reading(many(2))), reading(many(3), minutes(15)), TEN_MINUTES)
    (change,) = outcome.changes
    assert change == Change(ChangeKind.NEW, None, approval(3), minutes(15))
    held = outcome.known.held[approval(3).id]
    assert (held.first_seen, held.since, held.changed_at) == (minutes(15), minutes(15), minutes(15))
    assert held.in_force


@pytest.mark.parametrize("end", End)
def test_a_row_is_told_once_whatever_became_of_the_reading(end: End) -> None:
    known = after(reading(many(2)))
    first = diff(known, reading(many(3), minutes(15), end), TEN_MINUTES)
    again = diff(first.known, reading(many(3), minutes(30), end), TEN_MINUTES)
    assert told(first) == [("new", approval(3).id)]
    assert told(again) == []


def test_nothing_moved_changes_no_row() -> None:
    outcome = diff(after(reading(many(20))), reading(many(20), minutes(15)), TEN_MINUTES)
    assert outcome.rows == {}
    assert outcome.changes == ()
    assert outcome.complete


def test_a_row_that_reads_otherwise_without_a_change_is_altered_and_one_that_is_only_doubted_is_not() -> None:
    first, second, third = many(3)
    named = structs.replace(first, token=structs.replace(first.token, symbol="NEW"))
    unproven = reading([named], minutes(15), End.UNPROVEN)
    outcome = diff(after(reading([first, second, third])), unproven, TEN_MINUTES)
    assert outcome.rows.keys() == ids(1, 2, 3)
    assert outcome.altered == ids(1)
    again = diff(outcome.known, reading([named, second, third], minutes(30)), TEN_MINUTES)
    assert again.rows.keys() == ids(2, 3)
    assert not again.altered


def test_a_row_without_an_allowance_was_never_there() -> None:
    outcome = diff(after(reading(many(1))), reading([*many(1), approval(2, 0)], minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.known.held.keys() == ids(1)
    assert outcome.complete


def test_a_revoked_approval_that_is_there_again_is_restored() -> None:
    gone = after(reading(many(3)), reading(many(2), minutes(15)))
    outcome = diff(gone, reading([*many(2), approval(3, 7)], minutes(30), End.INCOMPLETE), TEN_MINUTES)
    (change,) = outcome.changes
    assert change == Change(ChangeKind.RESTORED, None, approval(3, 7), minutes(30))
    held = outcome.known.held[approval(3).id]
    assert (held.first_seen, held.since, held.changed_at) == (START, minutes(30), minutes(30))
    assert told(diff(outcome.known, reading([*many(2), approval(3, 7)], minutes(45)), TEN_MINUTES)) == []


@pytest.mark.parametrize("end", End)
@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (5, 6, "increased"),
        (6, 5, "decreased"),
        (2**96 - 1, UINT256_MAX, "increased"),
        (UINT256_MAX, UINT256_MAX - 1, "decreased"),
        (UINT256_MAX - 1, "unlimited", "increased"),
        ("unlimited", 5, "decreased"),
    ],
)
def test_an_amount_that_moved_is_a_rise_or_a_fall(before: int | str, now: int | str, kind: str, end: End) -> None:
    known = after(reading([approval(1, before)]))
    outcome = diff(known, reading([approval(1, now)], minutes(15), end), TEN_MINUTES)
    assert outcome.changes == (Change(ChangeKind(kind), approval(1, before), approval(1, now), minutes(15)),)
    held = outcome.known.held[approval(1).id]
    assert (held.first_seen, held.since, held.changed_at) == (START, START, minutes(15))


@pytest.mark.parametrize("pair", [(UINT256_MAX, "unlimited"), ("unlimited", UINT256_MAX)])
def test_the_largest_amount_and_unlimited_in_words_are_the_same(pair: tuple[int | str, int | str]) -> None:
    before, now = pair
    known = after(reading([approval(1, before)]))
    assert told(diff(known, reading([approval(1, now)], minutes(15)), TEN_MINUTES)) == []


def test_a_status_that_moves_alone_is_told_as_that() -> None:
    known = after(reading([approval(1)]))
    revoking = approval(1, status=Status.REVOKING)
    outcome = diff(known, reading([revoking], minutes(15)), TEN_MINUTES)
    assert outcome.changes == (Change(ChangeKind.STATUS, approval(1), revoking, minutes(15)),)
    assert outcome.known.held[revoking.id].changed_at == minutes(15)
    assert told(diff(outcome.known, reading([revoking], minutes(30)), TEN_MINUTES)) == []


def test_a_status_that_moves_with_the_amount_is_told_as_the_amount() -> None:
    known = after(reading([approval(1, 5)]))
    moved = approval(1, 6, status=Status.GRANTING)
    assert told(diff(known, reading([moved], minutes(15)), TEN_MINUTES)) == [("increased", moved.id)]


def test_a_name_that_moves_is_kept_and_not_told() -> None:
    one = approval(1)
    renamed = structs.replace(one, token=structs.replace(one.token, symbol="NEW"))
    outcome = diff(after(reading([one])), reading([renamed], minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    held = outcome.known.held[one.id]
    assert held.approval.token.symbol == "NEW"
    assert held.changed_at == START


words = st.none() | st.sampled_from(["", "Router", "Vault"])
numbers = st.none() | st.sampled_from([0, 6, 18])


@given(st.lists(st.tuples(words, words, numbers, numbers, st.booleans()), min_size=1, max_size=6))
def test_what_a_source_does_not_tell_stays_as_it_was_known(
    sources: list[tuple[str | None, str | None, int | None, int | None, bool]],
) -> None:
    """Whatever comes after whatever, revoked or not: of each word the last that was told."""
    known, one = Known(OWNER), approval(1)
    for minute, (name, symbol, decimals, supply, there) in enumerate(sources):
        token = structs.replace(one.token, symbol=symbol, decimals=decimals, supply=supply)
        shown = structs.replace(one, spender=structs.replace(one.spender, name=name), token=token)
        amounts = shown if there or minute == 0 else structs.replace(shown, allowance=Allowance(0))
        known = diff(known, reading([amounts, approval(2)], minutes(15 * minute)), timedelta()).known
    shown_in = [each for place, each in enumerate(sources) if each[4] or place == 0]
    held = known.held[one.id].approval
    for place, told_now in enumerate((held.spender.name, held.token.symbol, held.token.decimals, held.token.supply)):
        assert told_now == next((each[place] for each in reversed(shown_in) if each[place] is not None), None)


def test_when_it_was_granted_is_not_forgotten_by_a_source_that_knows_no_blocks() -> None:
    told_by_the_chain = structs.replace(approval(1, 5), granted_at=START, granted_tx="0x1")
    known = after(replace(reading([told_by_the_chain]), block=7))
    for amount, expected in ((5, START), (4, START), (6, None)):
        later = diff(known, reading([approval(1, amount)], minutes(15)), TEN_MINUTES).known
        assert later.held[approval(1).id].approval.granted_at == expected
    rewound = replace(reading([approval(1, 5)], minutes(15)), block=9)
    assert diff(known, rewound, TEN_MINUTES).known.held[approval(1).id].approval.granted_at is None


# Amounts that cannot be read.


def test_an_amount_that_cannot_be_read_is_neither_a_rise_nor_a_fall() -> None:
    known = after(reading([approval(1, 5)]))
    outcome = diff(known, reading([approval(1, "1e9")], minutes(15)), TEN_MINUTES)
    held = outcome.known.held[approval(1).id]
    assert told(outcome) == []
    assert held.approval.allowance == Allowance(5, unreadable="1e9")
    assert held.changed_at == START
    assert held.in_force


@pytest.mark.parametrize(("now", "expected"), [(5, []), (6, ["increased"]), (4, ["decreased"]), (0, [])])
def test_after_an_unreadable_amount_the_last_readable_one_is_compared(now: int, expected: list[str]) -> None:
    known = after(reading([approval(1, 5), *many(3, first=2)]))
    for minute in (15, 30):
        known = diff(known, reading([approval(1, "?"), *many(3, first=2)], minutes(minute)), TEN_MINUTES).known
    outcome = diff(known, reading([approval(1, now), *many(3, first=2)], minutes(45)), TEN_MINUTES)
    assert [change.kind.value for change in outcome.changes] == (expected if now else ["revoked"])
    assert outcome.known.held[approval(1).id].approval.allowance.unreadable == (None if now else "?")


def test_words_stay_the_last_readable_amount() -> None:
    known = after(reading([approval(1, "unlimited")]), reading([approval(1, "?")], minutes(15)))
    assert known.held[approval(1).id].approval.allowance == Allowance(None, in_words=True, unreadable="?")
    assert told(diff(known, reading([approval(1, "unlimited")], minutes(30)), TEN_MINUTES)) == []


def test_a_status_moves_although_the_amount_cannot_be_read() -> None:
    known = after(reading([approval(1, 5)]))
    moved = approval(1, "?", status=Status.REVOKING)
    assert told(diff(known, reading([moved], minutes(15)), TEN_MINUTES)) == [("status", moved.id)]


def test_the_first_readable_amount_of_an_approval_is_told_as_a_rise() -> None:
    known = after(reading([approval(1, "?")]))
    assert told(diff(known, reading([approval(1, 5)], minutes(15)), TEN_MINUTES)) == [("increased", approval(1).id)]


def test_an_amount_that_is_not_given_any_more_is_no_fall() -> None:
    known = after(reading([approval(1, 5)]))
    assert told(diff(known, reading([approval(1, None)], minutes(15)), TEN_MINUTES)) == []


def test_an_approval_without_amounts_does_not_move() -> None:
    everything = approval(1, None, kind=Kind.ERC721_ALL)
    known = after(reading([everything], kinds=NFTS))
    assert told(diff(known, reading([everything], minutes(15), kinds=NFTS), TEN_MINUTES)) == []


# Changes as values.


def test_the_same_change_has_the_same_id_and_another_has_another() -> None:
    known = after(reading([approval(1, 5), approval(2, 5)]))
    snapshot = reading([approval(1, 6), approval(2, 6)], minutes(15))
    first, again = (diff(known, snapshot, TEN_MINUTES).changes for _ in range(2))
    assert [change.id for change in first] == [change.id for change in again]
    one = first[0]
    others = [
        first[1],
        replace(one, kind=ChangeKind.DECREASED),
        replace(one, at=minutes(16)),
        replace(one, after=approval(1, 7)),
        replace(one, after=approval(1, 6, status=Status.REVOKING)),
    ]
    assert len({change.id for change in [one, *others]}) == 6


@given(allowances(), allowances(), st.sampled_from(End), st.sampled_from(Status))
def test_a_row_that_is_shown_is_in_force_unless_it_is_0(
    before: Allowance, now: Allowance, end: End, status: Status
) -> None:
    others = many(3, first=2)
    known = after(reading([structs.replace(approval(1), allowance=before), *others]))
    row = structs.replace(approval(1), allowance=now, status=status)
    outcome = diff(known, reading([row, *others], minutes(15), end), TEN_MINUTES)
    assert (row.id in in_force(outcome.known)) is not now.is_zero
    assert len(outcome.changes) <= 1
    assert diff(outcome.known, reading([row, *others], minutes(30), end), TEN_MINUTES).changes == ()
