"""What is told together, what it has come to by then, and in how many messages."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import START, approval, minutes

from scanner.domain.alerts import Alert, AlertState, Move, Severity
from scanner.domain.approvals import Target
from scanner.domain.bundles import Lying, Plan, Traffic, arrange, bundle_of, gather, thread_of
from scanner.domain.changes import Held
from scanner.domain.messages import Due
from scanner.domain.notices import Why
from scanner.domain.telling import Storm

STORM = Storm(3, timedelta(minutes=10))
LATER = minutes(1)


def lying(seq: int, alert: str = "", bundle: str = "", message: str | None = None, **more: object) -> Lying:
    """A notice that is not due yet and shares nothing, but for what is said."""
    known = {"due_at": LATER} | more
    return Lying(seq, alert or f"AW-{seq}", "ops", bundle or f"group {seq}", message=message, **known)  # type: ignore[arg-type]  # - the test names the fields


def due(
    seq: int,
    what: Move = Move.OPENED,
    severity: Severity = Severity.HIGH,
    *,
    alert: int | None = None,
    group: str = "",
    told: bool = False,
    state: AlertState | None = None,
    reading: str | None = None,
    silence: str | None = None,
) -> Due:
    """A notice of an alert of its own, in a group of its own, that its channel knows nothing of yet."""
    number = seq if alert is None else alert
    over = AlertState.RESOLVED if what in (Move.RESOLVED, Move.UNWATCHED) else AlertState.OPEN
    row = approval(number)
    return Due(
        seq=seq,
        channel="ops",
        what=what,
        alert=Alert(f"AW-{number}", "r", "A title", severity, row.id, START, state=state or over),
        held=Held(row, START, START, START),
        target=Target(row.chain, row.owner),
        why="",
        fix="",
        reading=reading,
        group=group or f"g{number}",
        told=told,
        silence=silence,
    )


def arranged(*dues: Due, traffic: Traffic | None = None, storm: Storm | None = STORM) -> Plan:
    return arrange(dues, traffic or Traffic(), storm, START)


def numbers(bundles: Sequence[Sequence[Due]]) -> list[list[int]]:
    return [[one.seq for one in bundle] for bundle in bundles]


# What is taken up.


def test_nothing_is_taken_up_before_something_is_due() -> None:
    found = [lying(1), lying(2, message="m"), lying(3, due_at=None), lying(4, message="m", collected=True)]
    assert gather(found, START) == set()
    assert gather(found, LATER) == {1, 4, 2}


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ([lying(2, bundle="group 1")], {2}),
        ([lying(2, bundle="group 1", message="m")], {2}),
        ([lying(2, alert="AW-1")], {2}),
        ([lying(2, alert="AW-1", message="m"), lying(3, message="m")], {2, 3}),
        ([lying(2, bundle="group 1", message="m"), lying(3, bundle="x", message="m"), lying(4, bundle="x")], {2, 3, 4}),
        ([lying(2, message="m", collected=True), lying(3, message="m", collected=True)], {2, 3}),
        ([lying(2, bundle="group 1", due_at=None)], set()),
        ([lying(2, alert="AW-1", due_at=None)], set()),
        ([lying(2), lying(3, message="m")], set()),
        ([replace(lying(2, alert="AW-1", bundle="group 1"), channel="mail")], set()),
    ],
    ids=[
        "its group",
        "its group in a message",
        "its alert",
        "the whole message",
        "and what that is tied to",
        "what collects",
        "not what waits for a scan",
        "nor if it is the same alert",
        "nothing strange",
        "nor another channel's",
    ],
)
def test_what_is_due_takes_up_what_it_is_tied_to(others: list[Lying], taken: set[int]) -> None:
    assert gather([lying(1, due_at=START), *others], START) == {1, *taken}


def test_a_message_that_was_recalled_is_taken_up_by_itself() -> None:
    assert gather([lying(1, message="m", recalled=True), lying(2, message="n")], START) == {1}


lyings = st.builds(
    lambda seq, alert, bundle, wait, message, collected: Lying(
        seq, f"AW-{alert}", "ops", bundle, wait and START + wait, message, collected and message is not None
    ),
    st.integers(1, 10_000),
    st.integers(1, 9),
    st.sampled_from("abcdef"),
    st.none() | st.sampled_from([timedelta(minutes=-1), timedelta(minutes=1)]),
    st.none() | st.sampled_from("mno"),
    st.booleans(),
)


@given(st.lists(lyings, max_size=20, unique_by=lambda one: one.seq))
def test_no_message_is_taken_up_in_part_and_nothing_due_is_left(found: list[Lying]) -> None:
    taken = gather(found, START)
    for one in found:
        if one.message is None and one.due_at is not None and one.due_at <= START:
            assert one.seq in taken
        if one.message is not None:
            assert len({other.seq in taken for other in found if other.message == one.message}) == 1
        if one.seq in taken:
            tied = {other.seq for other in found if other.may_go and (other.alert == one.alert)}
            assert not one.may_go or tied <= taken
    assert gather([one for one in found if one.seq in taken], START) == taken


# What it has come to.


def test_each_group_is_a_message_of_its_own_the_worst_first() -> None:
    plan = arranged(
        due(1, severity=Severity.MEDIUM, group="a"),
        due(2, severity=Severity.HIGH, group="b"),
        due(3, severity=Severity.CRITICAL, group="c"),
        due(4, severity=Severity.LOW, group="b"),
    )
    assert numbers(plan.told) == [[3], [2, 4], [1]]
    assert (plan.summed, plan.later, plan.dropped, plan.renamed) == ((), (), {}, {})


def test_an_alert_is_told_where_its_last_step_belongs() -> None:
    plan = arranged(
        due(1, Move.REMINDED, alert=1, group="a", told=True),
        due(2, Move.REMINDED, alert=2, group="b", told=True),
        due(3, Move.WORSENED, alert=1, group="a", told=True),
    )
    assert numbers(plan.told) == [[1, 3], [2]]


def test_what_opened_and_ended_unheard_is_told_together_as_moot() -> None:
    plan = arranged(
        due(1, alert=1),
        due(2, alert=2),
        due(3, Move.RESOLVED, alert=1),
        due(4, Move.RESOLVED, alert=2),
        due(5, Move.RESOLVED, alert=3, told=True),
    )
    assert numbers(plan.told) == [[5], [1, 3, 2, 4]]
    assert plan.renamed == dict.fromkeys([1, 3, 2, 4], Why.MOOT)


def test_what_nobody_watches_any_more_is_never_moot() -> None:
    plan = arranged(due(1, alert=1), due(2, Move.UNWATCHED, alert=1))
    assert numbers(plan.told) == [[1, 2]]
    assert plan.renamed == {}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (due(1, state=AlertState.RESOLVED), Why.OVER),
        (due(1, Move.REMINDED, state=AlertState.ACKNOWLEDGED, told=True), Why.ACKNOWLEDGED),
        (due(1, silence="S-1"), "silenced by S-1"),
        (due(1, Move.WORSENED, silence="S-1", told=True), "silenced by S-1"),
    ],
    ids=["told elsewhere that it ended", "acknowledged", "silenced", "silenced, grown worse"],
)
def test_what_is_not_so_any_more_is_not_told(one: Due, reason: str) -> None:
    plan = arranged(one)
    assert plan.dropped == {1: reason}
    assert plan.told == ()


@pytest.mark.parametrize(
    "one",
    [
        due(1, state=AlertState.ACKNOWLEDGED),
        due(1, Move.WORSENED, state=AlertState.ACKNOWLEDGED),
        due(1, Move.RESOLVED, silence="S-1", told=True),
        due(1, Move.UNWATCHED, silence="S-1"),
    ],
    ids=["acknowledged elsewhere", "worse", "its end", "nobody watches"],
)
def test_what_was_owed_all_the_same_is_told(one: Due) -> None:
    assert numbers(arranged(one).told) == [[1]]


# Storms.


def test_beyond_the_cap_what_is_not_critical_is_summed_up() -> None:
    dues = [due(seq, severity=Severity.MEDIUM) for seq in range(1, 6)] + [due(9, severity=Severity.HIGH)]
    plan = arranged(*dues)
    assert numbers(plan.told) == [[9], [1], [2]]
    assert [one.seq for one in plan.summed] == [3, 4, 5]
    assert plan.renamed == dict.fromkeys([3, 4, 5], "rate-capped")


def test_what_is_critical_or_read_for_the_first_time_or_moot_is_never_capped() -> None:
    full = Traffic(messages=99)
    dues = [*(due(seq, severity=Severity.CRITICAL) for seq in range(1, 9)), due(9, reading="scan-1")]
    plan = arranged(*dues, traffic=full)
    assert len(plan.told) == 9
    assert plan.summed == ()
    moot = arranged(due(1, alert=1), due(2, Move.RESOLVED, alert=1), traffic=full)
    assert numbers(moot.told) == [[1, 2]]
    mixed = arranged(due(1, group="g", severity=Severity.CRITICAL), due(2, group="g"), traffic=full)
    assert numbers(mixed.told) == [[1, 2]]


def test_there_is_one_summary_in_a_stretch_and_the_rest_waits() -> None:
    traffic = Traffic(messages=3, summary_at=minutes(-4))
    plan = arranged(due(1), due(2, severity=Severity.CRITICAL), traffic=traffic)
    assert numbers(plan.told) == [[2]]
    assert ([one.seq for one in plan.later], plan.until) == ([1], minutes(6))
    assert plan.summed == ()
    over = arranged(due(1), traffic=Traffic(messages=3, summary_at=minutes(-10)))
    assert [one.seq for one in over.summed] == [1]


def test_without_a_cap_everything_is_told() -> None:
    plan = arranged(*(due(seq) for seq in range(1, 9)), traffic=Traffic(messages=99), storm=None)
    assert len(plan.told) == 8


dues = st.builds(
    lambda seq, what, severity, alert, group, told, silence, reading: due(
        seq,
        what,
        severity,
        alert=alert,
        group=group,
        told=told,
        silence=silence,
        reading=reading if what is Move.OPENED else None,
    ),
    st.integers(1, 10_000),
    st.sampled_from([Move.OPENED, Move.WORSENED, Move.REMINDED, Move.RESOLVED, Move.UNWATCHED]),
    st.sampled_from(Severity),
    st.integers(1, 12),
    st.sampled_from("abcde"),
    st.booleans(),
    st.none() | st.just("S-1"),
    st.none() | st.just("scan-1"),
)
traffics = st.builds(Traffic, st.integers(0, 4), st.none() | st.sampled_from([minutes(-4), minutes(-40)]))


@given(st.lists(dues, max_size=25, unique_by=lambda one: one.seq), traffics, st.none() | st.just(STORM))
def test_every_notice_has_one_fate_and_nothing_critical_is_only_counted(
    found: list[Due], traffic: Traffic, storm: Storm | None
) -> None:
    plan = arrange(found, traffic, storm, START)
    told = [one for bundle in plan.told for one in bundle]
    fates = [one.seq for one in (*told, *plan.summed, *plan.later)] + list(plan.dropped)
    assert sorted(fates) == sorted(one.seq for one in found)
    assert not [one for one in (*plan.summed, *plan.later) if one.alert.severity is Severity.CRITICAL]
    ends = {one.seq for one in found if one.what in (Move.RESOLVED, Move.UNWATCHED)}
    last = {one.alert.id: one.seq for one in sorted(found, key=lambda one: one.seq)}
    assert not ends & set(last.values()) & plan.dropped.keys(), "an end is always told"
    by_alert: dict[str, int] = {}
    for number, bundle in enumerate((*plan.told, plan.summed, plan.later)):
        for one in bundle:
            assert by_alert.setdefault(one.alert.id, number) == number, "an alert is told once"


def test_bundles_and_threads_have_names() -> None:
    assert bundle_of(Move.OPENED, "AW-1", "g", None) == bundle_of(Move.RESOLVED, "AW-2", "g", None) == "group g"
    assert bundle_of(Move.OPENED, "AW-1", "g", "scan-1") == "reading scan-1"
    assert bundle_of(Move.REMINDED, "AW-1", "g", None) == bundle_of(Move.REMINDED, "AW-2", "h", None)
    assert bundle_of(Move.OPENED, "AW-1", "", None) != bundle_of(Move.OPENED, "AW-2", "", None)
    assert thread_of([due(1, group="g"), due(2, group="g")]) == "g"
    assert thread_of([due(1, group="g"), due(2, group="h")]) == ""
    assert thread_of([due(1, group="g", reading="scan-1")]) == ""
