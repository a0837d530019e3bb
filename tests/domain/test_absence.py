"""Absence has to be proven: what a reading lacks, and when that is believed (docs/json.md)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from strategies import (
    ERC20,
    EVERY_KIND,
    START,
    TEN_MINUTES,
    after,
    approval,
    ids,
    in_force,
    many,
    minutes,
    reading,
    told,
    told_of,
)

from scanner.domain.approvals import Approval, End, Kind, combine
from scanner.domain.changes import Change, ChangeKind, diff, unseen
from scanner.errors import Reason

AT_ONCE = timedelta()

# Absence.


def test_an_approval_that_a_complete_reading_lacks_is_revoked() -> None:
    outcome = diff(after(reading(many(3))), reading(many(2), minutes(15)), TEN_MINUTES)
    assert outcome.changes == (Change(ChangeKind.REVOKED, approval(3), approval(3, 0), minutes(15)),)
    held = outcome.known.held[approval(3).id]
    assert not held.in_force
    assert (held.since, held.changed_at, held.missing_since) == (START, minutes(15), None)
    assert outcome.complete
    assert outcome.trouble is None


@pytest.mark.parametrize("end", End)
def test_an_allowance_of_0_is_a_revoke_however_the_reading_ended(end: End) -> None:
    outcome = diff(after(reading(many(3))), reading([*many(2), approval(3, 0)], minutes(15), end), TEN_MINUTES)
    assert told(outcome) == [("revoked", approval(3).id)]
    assert in_force(outcome.known) == ids(1, 2)
    assert outcome.complete is (end is not End.INCOMPLETE)


def test_what_an_incomplete_reading_lacks_does_not_make_a_zero_doubtful() -> None:
    outcome = diff(after(reading(many(12))), reading([approval(1, 0)], minutes(15), End.INCOMPLETE), TEN_MINUTES)
    assert told(outcome) == [("revoked", approval(1).id)]


def test_what_is_gone_is_told_once() -> None:
    known = after(reading(many(3)), reading(many(2), minutes(15)))
    for rows in (many(2), [*many(2), approval(3, 0)]):
        outcome = diff(known, reading(rows, minutes(30)), TEN_MINUTES)
        assert told(outcome) == []
        assert outcome.rows == {}


@pytest.mark.parametrize("rows", [[], many(1), many(2)])
def test_what_an_incomplete_reading_lacks_says_nothing(rows: list[Approval]) -> None:
    known = after(reading(many(3)))
    snapshot = reading(rows, minutes(60), End.INCOMPLETE)
    for _ in range(3):
        outcome = diff(known, snapshot, AT_ONCE)
        assert told(outcome) == []
        assert outcome.rows == {}
        assert not outcome.complete
        assert outcome.trouble == snapshot.trouble
        known = outcome.known
    assert in_force(known) == ids(1, 2, 3)


@pytest.mark.parametrize("rows", [[], many(1, amount=0), many(3, amount=0)])
def test_an_incomplete_reading_confirms_no_doubt(rows: list[Approval]) -> None:
    doubted = after(reading(many(3)), reading(at=minutes(15)))
    outcome = diff(doubted, reading(rows, minutes(60), End.INCOMPLETE), TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.rows == {}


# Mass absence.


def test_the_loss_of_everything_is_doubted() -> None:
    known = after(reading(many(2)))
    outcome = diff(known, reading(at=minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    assert not outcome.complete
    assert outcome.trouble is not None
    assert outcome.trouble.reason is Reason.MASS_ABSENCE
    assert "2 of 2" in outcome.trouble.message
    assert "10 min" in outcome.trouble.hint
    assert in_force(outcome.known) == ids(1, 2)
    assert {held.missing_since for held in outcome.rows.values()} == {minutes(15)}


def test_the_only_approval_of_a_target_is_everything() -> None:
    outcome = diff(after(reading(many(1))), reading([approval(1, 0)], minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    assert not outcome.complete


@pytest.mark.parametrize(
    ("had", "kept", "believed"),
    [(9, 1, True), (9, 4, True), (10, 5, True), (10, 4, False), (11, 6, True), (11, 5, False), (100, 49, False)],
)
def test_the_loss_of_more_than_half_of_ten_or_more_is_doubted(had: int, kept: int, believed: bool) -> None:
    outcome = diff(after(reading(many(had))), reading(many(kept), minutes(15)), TEN_MINUTES)
    assert len(outcome.changes) == (had - kept if believed else 0)
    assert outcome.complete is believed
    assert (outcome.trouble is None) is believed


def test_absences_and_zeros_are_counted_together() -> None:
    known = after(reading(many(10)))
    zeros = many(3, first=6, amount=0)
    doubted = diff(known, reading([*many(4), *zeros], minutes(15)), TEN_MINUTES)
    assert told(doubted) == []
    assert not doubted.complete
    believed = diff(known, reading([*many(5), *zeros], minutes(15)), TEN_MINUTES)
    assert len(believed.changes) == 5


def test_new_rows_do_not_make_the_loss_of_everything_believable() -> None:
    outcome = diff(after(reading(many(2))), reading(many(5, first=3), minutes(15)), TEN_MINUTES)
    assert {kind for kind, _ in told(outcome)} == {"new"}
    assert not outcome.complete


def test_zeros_of_an_incomplete_reading_can_be_a_mass_absence() -> None:
    known = after(reading(many(2)))
    snapshot = reading(many(2, amount=0), minutes(15), End.INCOMPLETE)
    outcome = diff(known, snapshot, TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.trouble == snapshot.trouble
    later = diff(outcome.known, reading(many(2, amount=0), minutes(60)), TEN_MINUTES)
    assert told(later) == [], "it takes two complete readings"


@pytest.mark.parametrize(("later", "believed"), [(1, False), (9.9, False), (10, True), (15, True)])
def test_a_mass_absence_is_believed_when_a_later_reading_confirms_it(later: float, believed: bool) -> None:
    known = after(reading(many(2)), reading(at=minutes(15)))
    outcome = diff(known, reading(at=minutes(15 + later)), TEN_MINUTES)
    assert told(outcome) == (told_of(ChangeKind.REVOKED, many(2)) if believed else [])
    assert {held.missing_since for held in outcome.known.held.values()} == {None if believed else minutes(15)}
    assert outcome.complete is believed
    assert (outcome.trouble is None) is believed


def test_a_doubt_begins_with_the_first_reading_that_lacked_a_row() -> None:
    known = after(*(reading(many(2) if minute == 0 else [], minutes(minute)) for minute in range(0, 10, 3)))
    assert told(diff(known, reading(at=minutes(13)), TEN_MINUTES)) == told_of(ChangeKind.REVOKED, many(2))


def test_each_approval_is_confirmed_by_itself() -> None:
    known = after(reading(many(12)), reading(many(5), minutes(15)), reading(many(4), minutes(20)))
    outcome = diff(known, reading(many(4), minutes(26)), TEN_MINUTES)
    assert told(outcome) == told_of(ChangeKind.REVOKED, many(7, first=6))
    assert not outcome.complete
    assert outcome.trouble is not None
    assert "1 of 12" in outcome.trouble.message
    last = diff(outcome.known, reading(many(4), minutes(30)), TEN_MINUTES)
    assert told(last) == [("revoked", approval(5).id)]
    assert last.complete


def test_a_doubted_row_stays_doubted_when_most_others_come_back() -> None:
    known = after(reading(many(12)), reading(many(2), minutes(15)))
    soon = diff(known, reading(many(11), minutes(16)), TEN_MINUTES)
    assert told(soon) == []
    assert not soon.complete
    assert soon.trouble is not None
    assert soon.trouble.reason is Reason.MASS_ABSENCE
    assert "1 of 12" in soon.trouble.message
    assert told(diff(soon.known, reading(many(11), minutes(25)), TEN_MINUTES)) == [("revoked", approval(12).id)]


def test_a_wait_of_nothing_means_the_next_reading() -> None:
    known = after(reading(many(2)))
    first = diff(known, reading(at=minutes(15)), AT_ONCE)
    assert told(first) == []
    assert first.trouble is not None
    assert "at least" not in first.trouble.hint
    assert told(diff(first.known, reading(at=minutes(15)), AT_ONCE)) == told_of(ChangeKind.REVOKED, many(2))


@pytest.mark.parametrize("end", End)
def test_a_row_that_comes_back_clears_its_doubt(end: End) -> None:
    known = after(reading(many(2)), reading(at=minutes(15)), reading(many(2), minutes(20), end))
    assert all(held.missing_since is None for held in known.in_force)
    outcome = diff(known, reading(at=minutes(60)), TEN_MINUTES)
    assert told(outcome) == []
    assert not outcome.complete


def test_a_wait_is_said_in_the_unit_that_fits() -> None:
    for wait, words in ((timedelta(seconds=90), "at least 90 s later"), (timedelta(hours=1), "at least 60 min later")):
        trouble = diff(after(reading(many(2))), reading(at=minutes(15)), wait).trouble
        assert trouble is not None
        assert words in trouble.hint


# An end that is not proven.


def test_an_unproven_end_is_complete_when_it_has_everything_known() -> None:
    outcome = diff(after(reading(many(2))), reading(many(3), minutes(15), End.UNPROVEN), TEN_MINUTES)
    assert outcome.complete
    assert outcome.trouble is None
    assert told(outcome) == [("new", approval(3).id)]


def test_an_unproven_first_reading_ends_the_baseline() -> None:
    known = after(reading(many(2), end=End.UNPROVEN))
    assert told(diff(known, reading(many(3), minutes(15)), TEN_MINUTES)) == [("new", approval(3).id)]


def test_what_an_unproven_end_left_out_is_doubted_until_confirmed() -> None:
    known = after(reading(many(5)))
    outcome = diff(known, reading(many(4), minutes(15), End.UNPROVEN), TEN_MINUTES)
    assert told(outcome) == []
    assert not outcome.complete
    assert outcome.trouble is not None
    assert outcome.trouble.reason is Reason.UNPROVEN_END
    assert "1 of 5" in outcome.trouble.message
    early = diff(outcome.known, reading(many(4), minutes(24), End.UNPROVEN), TEN_MINUTES)
    assert told(early) == []
    late = diff(early.known, reading(many(4), minutes(25), End.UNPROVEN), TEN_MINUTES)
    assert told(late) == [("revoked", approval(5).id)]
    assert late.complete


def test_an_unproven_end_that_left_out_most_is_called_a_mass_absence() -> None:
    trouble = diff(after(reading(many(2))), reading(at=minutes(15), end=End.UNPROVEN), TEN_MINUTES).trouble
    assert trouble is not None
    assert trouble.reason is Reason.MASS_ABSENCE


# Sources that cover other kinds.


def test_a_source_says_nothing_of_kinds_that_it_does_not_cover() -> None:
    collection = approval(9, None, kind=Kind.ERC721_ALL)
    known = after(reading([*many(3), collection], kinds=EVERY_KIND))
    outcome = diff(known, reading(many(3), minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.rows == {}
    assert outcome.complete
    assert collection.id in in_force(outcome.known)


def test_kinds_that_the_old_source_did_not_cover_are_a_quiet_baseline() -> None:
    collection = approval(9, None, kind=Kind.ERC721_ALL)
    known = after(reading(many(3)))
    outcome = diff(known, reading([*many(4), collection], minutes(15), kinds=EVERY_KIND), TEN_MINUTES)
    assert told(outcome) == [("new", approval(4).id), ("baseline", collection.id)]
    other = approval(10, None, kind=Kind.ERC721_ALL)
    more = reading([*many(4), collection, other], minutes(30), kinds=EVERY_KIND)
    assert told(diff(outcome.known, more, TEN_MINUTES)) == [("new", other.id)]


def test_a_source_that_comes_back_finds_a_quiet_baseline_again() -> None:
    collection = approval(9, None, kind=Kind.ERC721_ALL)
    known = after(reading(many(3), kinds=EVERY_KIND), reading(many(3), minutes(15)))
    outcome = diff(known, reading([*many(3), collection], minutes(30), kinds=EVERY_KIND), TEN_MINUTES)
    assert told(outcome) == [("baseline", collection.id)]


def test_an_incomplete_reading_does_not_change_what_is_covered() -> None:
    known = after(reading(many(3)), reading(many(3), minutes(15), End.INCOMPLETE, kinds=EVERY_KIND))
    assert known.covered == ERC20


def test_everything_that_a_source_could_show_is_everything() -> None:
    collections = many(5, first=20, amount=None, kind=Kind.ERC721_ALL)
    known = after(reading([*many(3), *collections], kinds=EVERY_KIND))
    outcome = diff(known, reading(at=minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    assert not outcome.complete


def test_ten_or_more_are_counted_over_all_kinds() -> None:
    collections = many(2, first=20, amount=None, kind=Kind.ERC721_ALL)
    known = after(reading([*many(8), *collections], kinds=EVERY_KIND))
    outcome = diff(known, reading(many(2), minutes(15)), TEN_MINUTES)
    assert told(outcome) == [], "6 of the target's 10 approvals"


def test_more_than_half_is_meant_of_what_a_source_could_show() -> None:
    collections = many(8, first=20, amount=None, kind=Kind.ERC721_ALL)
    known = after(reading([*many(12), *collections], kinds=EVERY_KIND))
    assert told(diff(known, reading(many(5), minutes(15)), TEN_MINUTES)) == []
    assert len(diff(known, reading(many(6), minutes(15)), TEN_MINUTES).changes) == 6


def test_unseen_are_the_approvals_in_force_that_a_reading_could_have_shown() -> None:
    collection = approval(9, None, kind=Kind.ERC721_ALL)
    known = after(
        reading([*many(4), collection], kinds=EVERY_KIND), reading([*many(3), collection], minutes(1), kinds=EVERY_KIND)
    )
    assert unseen(known, reading([approval(1), approval(2, 0)], minutes(15))) == ids(3)
    assert unseen(known, reading(many(3), minutes(15))) == frozenset()


# Rows that slip, readings that overlap, clocks that go back.


def test_a_row_that_slips_between_two_pages_is_not_gone() -> None:
    known = after(reading(many(5)))
    first, second = reading(many(4), minutes(15), pages=2), reading(many(4, first=2), minutes(16), pages=2)
    outcome = diff(known, combine(first, second), TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.complete


def test_a_row_that_two_readings_lack_is_gone() -> None:
    known = after(reading(many(5)))
    both = combine(reading(many(4), minutes(15), pages=2), reading(many(4), minutes(16), pages=2))
    assert told(diff(known, both, TEN_MINUTES)) == [("revoked", approval(5).id)]


def test_a_second_reading_that_fails_takes_nothing_away() -> None:
    known = after(reading(many(5)))
    both = combine(reading(many(4), minutes(15), pages=2), reading([], minutes(16), End.INCOMPLETE))
    assert told(diff(known, both, TEN_MINUTES)) == []


def test_rows_recorded_after_the_reading_began_are_left_alone() -> None:
    began = after(reading(many(6)))
    faster = diff(began, reading([approval(1, 500), *many(4, first=2), approval(7)], minutes(15)), TEN_MINUTES).known
    assert in_force(faster) == ids(1, 2, 3, 4, 5, 7)
    slow = diff(faster, reading(many(6), minutes(16)), TEN_MINUTES, based_on=began.version)
    assert told(slow) == [], "neither a fall, nor restored, nor revoked"
    assert slow.rows == {}
    assert told(diff(faster, reading(many(6), minutes(16)), TEN_MINUTES)) == [
        ("decreased", approval(1).id),
        ("restored", approval(6).id),
        ("revoked", approval(7).id),
    ]


def test_a_reading_that_another_overtook_takes_nothing_away() -> None:
    began = after(reading(many(5)))
    faster = diff(began, reading(many(6), minutes(15)), TEN_MINUTES).known
    slow = diff(faster, reading(many(4), minutes(16)), TEN_MINUTES, based_on=began.version)
    assert (told(slow), slow.complete) == ([], True)
    assert in_force(slow.known) == ids(1, 2, 3, 4, 5, 6)


def test_a_reading_that_began_when_the_other_had_ended_is_the_later_word() -> None:
    began = after(reading(many(5)))
    faster = diff(began, reading(many(6), minutes(15)), TEN_MINUTES).known
    later = replace(reading([approval(6, 9), *many(4)], minutes(16)), began_at=minutes(15))
    assert told(diff(faster, later, TEN_MINUTES, based_on=began.version)) == [
        ("decreased", approval(6).id),
        ("revoked", approval(5).id),
    ]
    earlier = replace(later, began_at=minutes(14.9))
    assert told(diff(faster, earlier, TEN_MINUTES, based_on=began.version)) == []


def test_each_reading_counts_and_marks_the_rows_that_it_touched() -> None:
    known = after(reading(many(3)), reading([approval(1, 7), *many(2, first=2)], minutes(15)))
    assert known.version == 2
    assert [known.held[approval(n).id].version for n in (1, 2, 3)] == [2, 1, 1]
    doubted = diff(known, reading(at=minutes(30)), TEN_MINUTES).known
    assert {held.version for held in doubted.in_force} == {3}
    gone = diff(doubted, reading(at=minutes(45)), TEN_MINUTES).known
    assert {held.version for held in gone.held.values()} == {4}


def test_a_clock_that_goes_back_neither_freezes_a_doubt_nor_believes_it_early() -> None:
    known = after(reading(many(2)), reading(at=minutes(600)))
    back = diff(known, reading(at=minutes(30)), TEN_MINUTES)
    assert told(back) == []
    assert told(diff(back.known, reading(at=minutes(39)), TEN_MINUTES)) == []
    assert told(diff(back.known, reading(at=minutes(40)), TEN_MINUTES)) == told_of(ChangeKind.REVOKED, many(2))


def test_a_clock_that_goes_back_does_not_make_a_doubt_small() -> None:
    known = after(reading(many(12)), reading(many(2), minutes(600)))
    back = diff(known, reading(many(11), minutes(30)), TEN_MINUTES)
    assert told(back) == [], "the last of a mass absence waits like the others"
    assert told(diff(back.known, reading(many(11), minutes(40)), TEN_MINUTES)) == [("revoked", approval(12).id)]


def test_with_a_wait_of_nothing_a_clock_that_goes_back_costs_nothing() -> None:
    known = after(reading(many(2)), reading(at=minutes(600)), wait=AT_ONCE)
    assert told(diff(known, reading(at=minutes(30)), AT_ONCE)) == told_of(ChangeKind.REVOKED, many(2))
