"""What ends by itself: approvals whose time is up, and those whose grant is no longer part of the chain."""

from dataclasses import replace
from datetime import datetime

import pytest
from msgspec import structs
from strategies import EVERY_KIND, TEN_MINUTES, after, approval, ids, in_force, many, minutes, reading, told, told_of

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, combine
from scanner.domain.changes import Change, ChangeKind, diff, unseen


def lasting(number: int, until: datetime) -> Approval:
    return structs.replace(approval(number, kind=Kind.PERMIT2), expires_at=until)


def withdrawing(snapshot: Snapshot, *rows: Approval) -> Snapshot:
    return replace(snapshot, withdrawn=frozenset(row.id for row in rows))


def of_all_kinds(rows: list[Approval], minute: float = 0, end: End = End.COMPLETE) -> Snapshot:
    return reading(rows, minutes(minute), end, kinds=EVERY_KIND)


# Expired.


@pytest.mark.parametrize("end", End)
@pytest.mark.parametrize(("minute", "expired"), [(9, False), (10, True), (11, True)])
def test_a_row_whose_time_is_up_has_expired_however_the_reading_ended(minute: int, expired: bool, end: End) -> None:
    row = lasting(1, minutes(10))
    outcome = diff(after(of_all_kinds([row])), of_all_kinds([row], minute, end), TEN_MINUTES)
    nothing = structs.replace(row, allowance=Allowance(0))
    assert outcome.changes == ((Change(ChangeKind.EXPIRED, row, nothing, minutes(minute)),) if expired else ())
    assert (row.id in in_force(outcome.known)) is not expired


@pytest.mark.parametrize(("as_of", "expired"), [(9, False), (10, True), (11, True)])
@pytest.mark.parametrize("minute", [9, 10, 11])
def test_the_time_of_the_state_decides_and_not_the_clock_of_who_read_it(minute: int, as_of: int, expired: bool) -> None:
    row = lasting(1, minutes(10))
    known = after(of_all_kinds([row]))
    for shown in ([row], []):
        snapshot = replace(of_all_kinds(shown, minute), as_of=minutes(as_of))
        outcome = diff(known, snapshot, TEN_MINUTES)
        assert (told(outcome) == [("expired", row.id)]) is expired
        assert all(change.at == minutes(minute) for change in outcome.changes)
    anew = diff(after(of_all_kinds([])), replace(of_all_kinds([row], minute), as_of=minutes(as_of)), TEN_MINUTES)
    assert (told(anew) == []) is expired


def test_many_that_expire_at_once_are_no_mass_absence() -> None:
    rows = [lasting(number, minutes(10)) for number in range(1, 13)]
    known = after(of_all_kinds(rows))
    for shown in (rows, []):
        outcome = diff(known, of_all_kinds(shown, 15), TEN_MINUTES)
        assert told(outcome) == told_of(ChangeKind.EXPIRED, rows)
        assert outcome.complete
        assert outcome.agrees


def test_what_expired_makes_the_loss_of_the_rest_no_less_suspicious() -> None:
    lapsed, lost = lasting(1, minutes(10)), approval(2)
    outcome = diff(after(of_all_kinds([lapsed, lost])), of_all_kinds([lapsed], 15), TEN_MINUTES)
    assert told(outcome) == [("expired", lapsed.id)]
    assert not outcome.complete
    assert lost.id in in_force(outcome.known)


def test_behind_an_unproven_end_an_expiry_may_have_been_moved() -> None:
    row = lasting(1, minutes(10))
    known = after(of_all_kinds([row, *many(3, first=2)]))
    outcome = diff(known, of_all_kinds(many(3, first=2), 15, End.UNPROVEN), TEN_MINUTES)
    assert told(outcome) == []
    assert row.id in in_force(outcome.known)


def test_an_expiry_that_was_moved_is_no_change_and_is_kept() -> None:
    row, later = lasting(1, minutes(10)), lasting(1, minutes(60))
    outcome = diff(after(of_all_kinds([row])), of_all_kinds([later], 15), TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.known.held[row.id].approval.expires_at == minutes(60)


def test_an_expiry_that_was_moved_into_the_past_is_kept_as_the_end() -> None:
    row, sooner = lasting(1, minutes(60)), lasting(1, minutes(12))
    outcome = diff(after(of_all_kinds([row])), of_all_kinds([sooner], 15), TEN_MINUTES)
    assert told(outcome) == [("expired", row.id)]
    assert outcome.known.held[row.id].approval.expires_at == minutes(12)


def test_what_had_expired_before_it_was_seen_was_never_there() -> None:
    outcome = diff(after(of_all_kinds([])), of_all_kinds([lasting(1, minutes(10))], 15), TEN_MINUTES)
    assert told(outcome) == []
    assert outcome.rows == {}


def test_what_expired_is_told_once_and_is_restored_when_it_is_granted_anew() -> None:
    row, anew = lasting(1, minutes(10)), lasting(1, minutes(60))
    known = after(of_all_kinds([row]), of_all_kinds([row], 15))
    assert told(diff(known, of_all_kinds([row], 20), TEN_MINUTES)) == []
    assert told(diff(known, of_all_kinds([anew], 20), TEN_MINUTES)) == [("restored", row.id)]


def test_a_row_that_is_taken_back_before_its_time_is_revoked() -> None:
    row = lasting(1, minutes(60))
    outcome = diff(after(of_all_kinds([row, *many(2, first=2)])), of_all_kinds(many(2, first=2), 15), TEN_MINUTES)
    assert told(outcome) == [("revoked", row.id)]


def test_an_older_reading_takes_nothing_away_that_expired() -> None:
    row = lasting(1, minutes(10))
    known = after(of_all_kinds([row]), of_all_kinds([row], 5))
    assert told(diff(known, of_all_kinds([row], 15), TEN_MINUTES, based_on=1)) == []
    assert told(diff(known, of_all_kinds([row], 15), TEN_MINUTES, based_on=2)) == [("expired", row.id)]


# Withdrawn.


@pytest.mark.parametrize("end", End)
def test_all_that_was_withdrawn_is_gone_at_once_however_the_reading_ended(end: End) -> None:
    rows = many(12)
    outcome = diff(after(reading(rows)), withdrawing(reading([], minutes(1), end), *rows), TEN_MINUTES)
    assert told(outcome) == told_of(ChangeKind.REVOKED, rows)
    assert outcome.complete is (end is not End.INCOMPLETE)


def test_what_was_withdrawn_and_is_there_all_the_same_stays() -> None:
    rows = many(3)
    outcome = diff(after(reading(rows)), withdrawing(reading(rows, minutes(1)), *rows), TEN_MINUTES)
    assert told(outcome) == []
    assert in_force(outcome.known) == ids(1, 2, 3)


def test_what_was_withdrawn_and_never_seen_says_nothing() -> None:
    outcome = diff(after(reading(many(1))), withdrawing(reading(many(1), minutes(1)), approval(2)), TEN_MINUTES)
    assert told(outcome) == []


def test_a_withdrawal_comes_after_a_doubt() -> None:
    rows = many(2)
    known = after(reading(rows), reading([], minutes(1)))
    outcome = diff(known, withdrawing(reading([], minutes(2), End.INCOMPLETE), *rows), TEN_MINUTES)
    assert told(outcome) == told_of(ChangeKind.REVOKED, rows)
    assert {held.missing_since for held in outcome.rows.values()} == {None}


def test_two_readings_that_are_one_withdraw_what_either_does() -> None:
    first, second = withdrawing(reading(), approval(1)), withdrawing(reading(), approval(2))
    assert combine(first, second).withdrawn == ids(1, 2)


def test_what_ended_by_itself_is_not_looked_for_once_more() -> None:
    lapsed, undone, lost = lasting(1, minutes(10)), approval(2), approval(3)
    known = after(of_all_kinds([lapsed, undone, lost]))
    assert unseen(known, withdrawing(of_all_kinds([], 15), undone)) == {lost.id}


# Final.


def test_that_a_block_became_final_is_kept_and_not_told() -> None:
    row = structs.replace(approval(1), final=False)
    outcome = diff(after(reading([row])), reading([approval(1)], minutes(15)), TEN_MINUTES)
    assert told(outcome) == []
    held = outcome.rows[row.id]
    assert (held.approval.final, held.changed_at) == (True, minutes(0))
