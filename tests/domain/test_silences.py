"""A silence hides what it was made for, as it was then: what grows above that is told again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from strategies import OWNER, START, allowances, approval, minutes

from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import UINT256_MAX, Allowance
from scanner.domain.changes import Held
from scanner.domain.silences import Cover, Matchers, Silence, bound, covers, refuses, silence_id

ROW = approval(1, 100)
ALERT = Alert("AW-1", "raised", "Raised", Severity.HIGH, ROW.id, START)
WEEK = START + timedelta(days=7)


def held(amount: int | str | None = 100, number: int = 1) -> Held:
    return Held(approval(number, amount), START, START, START)


def silence(*severities: Severity, ends_at: timedelta = timedelta(days=7)) -> Silence:
    matchers = Matchers(rule="raised", severity=frozenset(severities))
    return Silence("S-1", matchers, False, "alice", "known", START, START + ends_at)


def why(
    then: int | str | None, now: int | str | None, alert: Alert = ALERT, before: Severity = Severity.HIGH
) -> str | None:
    cover = replace(bound(ALERT, held(then)), severity=before)
    return covers(silence(Severity.CRITICAL, Severity.HIGH), cover, alert, held(now), minutes(1))


def test_a_silence_of_everything_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="what it is about"):
        Matchers()


@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("alert", "AW-1", "AW-2"),
        ("rule", "raised", "unlimited"),
        ("spender", ROW.spender.address, approval(2).spender.address),
        ("token", ROW.token.address, ROW.spender.address),
        ("owner", OWNER.owner, ROW.spender.address),
        ("chain", "1", "56"),
        ("severity", frozenset({Severity.HIGH, Severity.LOW}), frozenset({Severity.CRITICAL})),
    ],
)
def test_every_matcher_that_is_given_has_to_fit(field: str, value: object, other: object) -> None:
    everything: dict[str, object] = {
        "alert": "AW-1",
        "rule": "raised",
        "spender": ROW.spender.address,
        "token": ROW.token.address,
        "owner": OWNER.owner,
        "chain": "1",
        "severity": frozenset({Severity.HIGH}),
    }
    assert Matchers.of({field: value}).fit(ALERT, held())
    assert Matchers.of(everything).fit(ALERT, held())
    assert not Matchers.of({field: other}).fit(ALERT, held())
    assert not Matchers.of(everything | {field: other}).fit(ALERT, held())


def test_matchers_survive_being_written_down() -> None:
    matchers = Matchers(spender="0x1", severity=frozenset({Severity.CRITICAL, Severity.LOW}))
    assert matchers.given == {"spender": "0x1", "severity": ["low", "critical"]}
    assert Matchers.of(matchers.given) == matchers


def test_a_critical_alert_fits_but_is_hidden_only_where_critical_is_named() -> None:
    critical = replace(ALERT, severity=Severity.CRITICAL)
    for matchers, hidden in (
        (Matchers(rule="raised"), False),
        (Matchers(alert="AW-1"), False),
        (Matchers(severity=frozenset({Severity.CRITICAL})), True),
        (Matchers(rule="raised", severity=frozenset({Severity.HIGH, Severity.CRITICAL})), True),
    ):
        assert matchers.fit(critical, held())
        assert (refuses(matchers, critical) is None) is hidden


def test_a_resolved_alert_is_not_hidden() -> None:
    assert why(100, 100, replace(ALERT, state=AlertState.RESOLVED)) == "the alert was resolved"


def test_acknowledging_an_alert_does_not_uncover_it() -> None:
    assert why(100, 100, replace(ALERT, state=AlertState.ACKNOWLEDGED)) is None


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (100, 100),
        (100, 99),
        (100, 0),
        ("unlimited", 100),
        ("unlimited", UINT256_MAX),
        (2**128 - 1, UINT256_MAX),  # more than unlimited is nothing
        (UINT256_MAX, "unlimited"),
        (100, "garbage"),
        ("garbage", "other garbage"),
        (None, None),
        (100, None),
    ],
)
def test_what_does_not_rise_stays_hidden(then: int | str | None, now: int | str | None) -> None:
    assert why(then, now) is None


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        (100, 101, "higher"),
        (0, 1, "higher"),
        ("garbage", 1, "higher"),
        (None, 1, "higher"),
        (100, "unlimited", "unlimited"),
        (100, 2**96 - 1, "unlimited"),
        ("garbage", UINT256_MAX, "unlimited"),
        (None, "unlimited", "unlimited"),
    ],
)
def test_what_rises_is_told_again(then: int | str | None, now: int | str | None, reason: str) -> None:
    said = why(then, now)
    assert said is not None
    assert reason in said


def test_an_amount_that_became_unreadable_and_readable_again_is_held_against_the_last_readable_one() -> None:
    # The diff keeps the last amount beside what could not be read.
    unread = Allowance(100, unreadable="?!")
    row = Held(structs.replace(ROW, allowance=unread), START, START, START)
    cover = bound(ALERT, row)
    assert cover == Cover(Severity.HIGH, 100, None)
    assert covers(silence(), cover, ALERT, held(100), minutes(1)) is None
    assert covers(silence(), cover, ALERT, held(101), minutes(1)) is not None


@pytest.mark.parametrize("before", Severity)
@pytest.mark.parametrize("now", Severity)
def test_only_a_graver_severity_is_told_again(before: Severity, now: Severity) -> None:
    said = why(100, 100, replace(ALERT, severity=now), before)
    assert said == (None if before.reaches(now) else f"the severity was {before} when it was silenced, and is {now}")


def test_a_silence_ends_at_its_time_and_not_before() -> None:
    cover = bound(ALERT, held())
    assert covers(silence(), cover, ALERT, held(), WEEK - timedelta(microseconds=1)) is None
    assert covers(silence(), cover, ALERT, held(), WEEK) == "its time came"


def test_a_silence_that_was_taken_back_says_by_whom() -> None:
    over = replace(silence(), ended_at=minutes(5), end_reason="taken back by bob")
    cover = bound(ALERT, held())
    assert covers(over, cover, ALERT, held(), minutes(4)) is None
    assert covers(over, cover, ALERT, held(), minutes(5)) == "taken back by bob"


def test_a_cover_that_ended_stays_ended() -> None:
    over = replace(bound(ALERT, held()), ended_at=minutes(5), end_reason="it rose")
    assert covers(silence(), over, ALERT, held(1), minutes(6)) == "it rose"


def test_ids_tell_silences_apart() -> None:
    mine, other = Matchers(rule="a"), Matchers(rule="b")
    ids = {silence_id(m, who, at) for m in (mine, other) for who in "ab" for at in (START, minutes(1))}
    assert len(ids) == 8
    assert silence_id(mine, "a", START) == silence_id(mine, "a", START)


@given(then=allowances(), now=allowances(), grade=st.sampled_from(Severity), graver=st.sampled_from(Severity))
def test_a_cover_holds_exactly_as_long_as_nothing_is_worse(
    then: Allowance, now: Allowance, grade: Severity, graver: Severity
) -> None:
    cover = bound(replace(ALERT, severity=grade), replace(held(), approval=structs.replace(ROW, allowance=then)))
    after = replace(held(), approval=structs.replace(ROW, allowance=now))
    wide = silence(*Severity)
    said = covers(wide, cover, replace(ALERT, severity=graver), after, minutes(1))
    known = now.magnitude is not None and (then.magnitude is None or now.magnitude > then.magnitude)
    first = now.unlimited() is True and then.unlimited() is not True
    worse = not grade.reaches(graver) or first or (known and then.unlimited() is not True)
    assert (said is not None) is worse


@given(st.sampled_from(Severity), st.sets(st.sampled_from(Severity)))
def test_a_critical_alert_is_never_hidden_by_who_did_not_say_critical(grade: Severity, named: set[Severity]) -> None:
    wide = Silence("S-1", Matchers(chain="1", severity=frozenset(named)), True, "a", "b", START, WEEK)
    alert = replace(ALERT, severity=grade)
    hidden = covers(wide, bound(alert, held()), alert, held(), minutes(1)) is None
    assert not (hidden and grade is Severity.CRITICAL and Severity.CRITICAL not in named)
