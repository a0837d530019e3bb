"""A condition begins once, ends once, is told of both to whoever it concerns, and does not flap."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.alerts import Severity
from scanner.domain.conditions import Condition, ConditionKind, Observation, Turn, decide, may_begin, wants

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def seen(
    wrong: bool | None,
    kind: ConditionKind = ConditionKind.API_UNREACHABLE,
    *,
    severity: Severity = Severity.HIGH,
    detail: str = "it hangs",
    subject: str = "",
    behind: frozenset[ConditionKind] = frozenset(),
) -> Observation:
    return Observation(kind, severity, wrong, "It is wrong", detail, "mend it", subject, behind)


def begun(one: Observation, at: datetime = START, seq: int = 1) -> Condition:
    [step] = decide([], [one], {}, at)
    assert step.turn is Turn.BEGAN
    return replace(step.condition, seq=seq)


def turns(standing: Sequence[Condition], *observations: Observation, at: datetime = START) -> list[tuple[Turn, str]]:
    return [(step.turn, step.condition.key) for step in decide(standing, observations, {}, at)]


def test_what_is_wrong_begins_and_keeps_its_words() -> None:
    condition = begun(seen(True))
    assert condition == Condition(
        key="api-unreachable",
        kind=ConditionKind.API_UNREACHABLE,
        severity=Severity.HIGH,
        title="It is wrong",
        detail="it hangs",
        fix="mend it",
        since=START,
        seq=1,
    )


@pytest.mark.parametrize("wrong", [False, None])
def test_what_is_right_or_cannot_be_told_begins_nothing(wrong: bool | None) -> None:
    assert turns([], seen(wrong)) == []


def test_what_stays_as_it_is_takes_no_turn() -> None:
    assert turns([begun(seen(True))], seen(True)) == []


def test_what_cannot_be_told_now_leaves_a_condition_open() -> None:
    assert turns([begun(seen(True))], seen(None)) == []


def test_new_words_are_kept_without_being_told_again() -> None:
    known = replace(begun(seen(True)), told=("ops",))
    [step] = decide([known], [seen(True, detail="it still hangs")], {}, START + MINUTE)
    assert step.turn is Turn.CHANGED
    assert step.condition == replace(known, detail="it still hangs")


def test_what_is_right_again_ends_with_what_shows_it() -> None:
    [step] = decide([begun(seen(True))], [seen(False, detail="it answers")], {}, START + MINUTE)
    assert step.turn is Turn.ENDED
    assert (step.condition.since, step.condition.ended_at) == (START, START + MINUTE)
    assert step.condition.detail == "it answers"


def test_what_is_not_looked_at_any_more_is_over() -> None:
    gone = begun(seen(True, ConditionKind.CHANNEL, subject="ops"))
    assert turns([gone]) == [(Turn.ENDED, "channel:ops")]


def test_subjects_are_told_apart() -> None:
    ops = begun(seen(True, ConditionKind.CHANNEL, subject="ops"))
    assert ops.subject == "ops"
    other = seen(True, ConditionKind.CHANNEL, subject="mail")
    assert turns([ops], seen(True, ConditionKind.CHANNEL, subject="ops"), other) == [(Turn.BEGAN, "channel:mail")]


STALE = seen(True, ConditionKind.STALE_TARGETS, behind=frozenset({ConditionKind.API_UNREACHABLE}))


def test_a_consequence_is_not_told_beside_its_cause() -> None:
    assert turns([], STALE, seen(True)) == [(Turn.BEGAN, "api-unreachable")]
    assert turns([begun(seen(True))], STALE, seen(None)) == []


def test_a_consequence_that_outlives_its_cause_is_told() -> None:
    assert turns([begun(seen(True))], STALE, seen(False)) == [
        (Turn.BEGAN, "stale-targets"),
        (Turn.ENDED, "api-unreachable"),
    ]


def test_a_consequence_told_before_its_cause_stays() -> None:
    assert turns([begun(STALE)], STALE, seen(True)) == [(Turn.BEGAN, "api-unreachable")]


@pytest.mark.parametrize(
    ("ends", "after", "may"),
    [
        ([], 0, True),
        ([0], 14, False),
        ([0], 15, True),
        ([-60, 0], 29, False),
        ([-60, 0], 30, True),
        ([-200, -150, -100, -50, 0], 239, False),
        ([-200, -150, -100, -50, 0], 240, True),
        (list(range(0, -200, -10)), 359, False),
        (list(range(0, -200, -10)), 360, True),
        ([-1440], 0, True),
        ([1], 0, False),
        ([60], 0, True),
        ([60 * 24 * 365], 0, True),
    ],
)
def test_what_keeps_coming_back_begins_ever_more_rarely(ends: list[int], after: int, may: bool) -> None:
    assert may_begin([START + end * MINUTE for end in ends], START + after * MINUTE) is may


BLINDING, MILD = begun(seen(True)), begun(seen(True, severity=Severity.MEDIUM))


def test_what_blinds_the_watch_is_everybodys_concern_and_the_rest_goes_by_severity() -> None:
    assert wants("ops", Severity.CRITICAL, BLINDING)
    assert not wants("ops", Severity.HIGH, MILD)
    assert wants("ops", Severity.MEDIUM, MILD)


def test_a_channel_is_not_told_of_its_own_failure() -> None:
    failing = begun(seen(True, ConditionKind.CHANNEL, subject="ops"))
    assert not wants("ops", Severity.LOW, failing)
    assert wants("mail", Severity.CRITICAL, failing)


KINDS = (ConditionKind.API_UNREACHABLE, ConditionKind.STALE_TARGETS, ConditionKind.CHANNEL)
looks = st.lists(
    st.tuples(
        st.integers(1, 120), st.fixed_dictionaries({kind: st.sampled_from([True, False, None]) for kind in KINDS})
    ),
    max_size=60,
)


@given(looks)
def test_nothing_flaps_and_nothing_is_forgotten(watched: list[tuple[int, Mapping[ConditionKind, bool | None]]]) -> None:
    """Each condition is begun and ended in turn; what is wrong for long enough is open; returns grow rare."""
    at, standing, past = START, list[Condition](), dict[str, list[datetime]]()
    begun_at: dict[str, list[datetime]] = {}
    told: Counter[Turn] = Counter()
    for pause, wrongs in watched:
        at += pause * MINUTE
        for step in decide(standing, [seen(wrong, kind) for kind, wrong in wrongs.items()], past, at):
            told[step.turn] += 1
            key = step.condition.key
            if step.turn is Turn.BEGAN:
                assert key not in {one.key for one in standing}
                assert wrongs[step.condition.kind]
                begun_at.setdefault(key, []).append(at)
                standing.append(step.condition)
            else:
                assert step.turn is Turn.ENDED
                assert wrongs[step.condition.kind] is False
                standing = [one for one in standing if one.key != key]
                past.setdefault(key, []).append(at)
        for kind, wrong in wrongs.items():
            if wrong and may_begin(past.get(kind, ()), at):
                assert kind in {one.kind for one in standing}
    assert told[Turn.ENDED] <= told[Turn.BEGAN]
    for key, begins in begun_at.items():
        for end, again in zip(past.get(key, []), begins[1:], strict=False):
            assert again - end >= 15 * MINUTE
