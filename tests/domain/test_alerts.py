"""An alert's life: opened by a finding, resolved by proof alone, closed without a promise when nobody watches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import START, minutes

from scanner.domain.alerts import (
    Alert,
    AlertState,
    Finding,
    Judgement,
    Move,
    Severity,
    Transition,
    reconcile,
    unwatched,
)

APPROVALS = ["a1", "a2", "a3"]
GRADES = {"unlimited": Severity.HIGH, "old": Severity.LOW, "raised": Severity.MEDIUM}


def finding(
    judgement: Judgement = Judgement.HOLDS,
    *,
    rule: str = "unlimited",
    approval: str = "a1",
    severity: Severity = Severity.HIGH,
    change: str | None = None,
    proven: bool = True,
    lingers: Severity | None = None,
    values: Mapping[str, str] | None = None,
) -> Finding:
    decided = values or {"allowance": "unlimited"}
    return Finding(rule, f"The rule {rule}", severity, approval, judgement, change, proven, decided, lingers)


def steps(
    alerts: Sequence[Alert],
    *findings: Finding,
    gone: Collection[str] = (),
    baseline: Collection[str] = (),
    raised: Collection[str] = (),
    at: datetime = START,
) -> list[Transition]:
    return reconcile(
        alerts, findings, gone=dict.fromkeys(gone, "the approval is gone"), baseline=baseline, raised=raised, at=at
    )


def opened(*findings: Finding, at: datetime = START) -> list[Alert]:
    return [step.alert for step in steps([], *findings, at=at)]


def apply(alerts: Sequence[Alert], transitions: Sequence[Transition]) -> list[Alert]:
    """What is open afterwards."""
    now = {alert.id: alert for alert in alerts} | {step.alert.id: step.alert for step in transitions}
    return [alert for alert in now.values() if alert.state is not AlertState.RESOLVED]


def test_a_rule_that_holds_opens_an_alert_with_all_that_it_said() -> None:
    said = finding(proven=False)
    (step,) = steps([], said)
    assert step.move is Move.OPENED
    assert step.alert == Alert(
        id=step.alert.id,
        rule=said.rule,
        title=said.title,
        severity=said.severity,
        approval=said.approval,
        opened_at=START,
        values=said.values,
    )
    assert step.alert.state is AlertState.OPEN
    assert not step.alert.is_event


@pytest.mark.parametrize("judgement", [Judgement.FAILS, Judgement.LINGERS, Judgement.UNDECIDED])
@pytest.mark.parametrize("change", [None, "c1"])
def test_nothing_else_opens_one(judgement: Judgement, change: str | None) -> None:
    assert steps([], finding(judgement, change=change)) == []


def test_an_alert_opens_once() -> None:
    alerts = opened(finding())
    assert steps(alerts, finding(), at=minutes(15)) == []


def test_an_acknowledged_alert_does_not_open_again() -> None:
    alerts = [replace(alert, state=AlertState.ACKNOWLEDGED) for alert in opened(finding())]
    assert steps(alerts, finding(), at=minutes(15)) == []


def test_rules_and_approvals_have_alerts_of_their_own() -> None:
    alerts = opened(finding(), finding(rule="old"), finding(approval="a2"))
    assert len({alert.id for alert in alerts}) == 3


def test_an_alert_of_a_first_reading_says_so() -> None:
    first, later = steps([], finding(), finding(approval="a2"), baseline={"a1"})
    assert first.alert.baseline
    assert not later.alert.baseline
    assert first.reason != later.reason


@pytest.mark.parametrize("state", [AlertState.OPEN, AlertState.ACKNOWLEDGED])
def test_a_rule_that_provably_fails_resolves_its_alert(state: AlertState) -> None:
    alerts = [replace(alert, state=state) for alert in opened(finding())]
    (step,) = steps(alerts, finding(Judgement.FAILS), at=minutes(15))
    assert step.move is Move.RESOLVED
    assert step.alert.id == alerts[0].id
    assert step.alert.state is AlertState.RESOLVED
    assert step.alert.resolved_at == minutes(15)
    assert step.alert.opened_at == START
    assert step.alert.reason == step.reason == "the rule no longer holds"


def test_a_failure_that_is_not_proven_resolves_nothing() -> None:
    assert steps(opened(finding()), finding(Judgement.FAILS, proven=False)) == []


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("severity", Severity)
def test_what_is_undecided_moves_nothing(proven: bool, severity: Severity) -> None:
    assert steps(opened(finding()), finding(Judgement.UNDECIDED, proven=proven, severity=severity)) == []


def test_what_is_not_judged_moves_nothing() -> None:
    assert steps(opened(finding(), finding(change="c1"))) == []


def test_a_resolved_alert_that_holds_again_is_a_new_one() -> None:
    alerts = opened(finding())
    alerts = apply(alerts, steps(alerts, finding(Judgement.FAILS), at=minutes(15)))
    assert alerts == []
    (again,) = opened(finding(), at=minutes(30))
    assert again.id != opened(finding())[0].id


def test_an_id_is_short_and_the_same_however_often_it_is_made() -> None:
    (first,), (again,) = opened(finding()), opened(finding())
    assert first.id == again.id
    assert first.id == "AW-E102358B7E"
    others = opened(finding(rule="old"), finding(approval="a2"), finding(change="c1")) + opened(
        finding(), at=minutes(1)
    )
    assert len({alert.id for alert in [first, *others]}) == 5


def test_every_alert_of_an_approval_that_is_gone_resolves() -> None:
    alerts = opened(finding(), finding(change="c1"), finding(rule="old"), finding(approval="a2"))
    found = steps(alerts, finding(), finding(approval="a2"), gone={"a1"}, at=minutes(15))
    assert [(step.move, step.alert.id) for step in found] == [(Move.RESOLVED, alert.id) for alert in alerts[:3]]
    assert {step.alert.resolved_at for step in found} == {minutes(15)}
    assert {step.reason for step in found} == {"the approval is gone"}


def test_what_is_gone_opens_nothing() -> None:
    assert steps([], finding(), gone={"a1"}) == []


# Events.


def test_a_change_is_part_of_an_event_alerts_identity() -> None:
    alerts = opened(finding(rule="raised", change="c1"))
    (second,) = steps(alerts, finding(rule="raised", change="c2"), at=minutes(15))
    assert second.move is Move.OPENED
    assert second.alert.is_event
    assert second.alert.change == "c2"
    assert second.alert.id != alerts[0].id


def test_the_same_change_is_told_once() -> None:
    alerts = opened(finding(rule="raised", change="c1"))
    assert steps(alerts, finding(rule="raised", change="c1"), at=minutes(15)) == []


@pytest.mark.parametrize("proven", [True, False])
def test_what_happened_does_not_stop_having_happened(proven: bool) -> None:
    alerts = opened(finding(change="c1"))
    assert steps(alerts, finding(Judgement.FAILS, change="c1", proven=proven)) == []
    assert steps(alerts, finding(Judgement.FAILS, proven=proven)) == []


def test_an_alert_of_the_going_itself_opens_and_does_not_end_with_it() -> None:
    state = opened(finding())
    going = finding(rule="went", change="c9")
    found = steps(state, going, gone={"a1"}, at=minutes(15))
    assert [(step.move, step.alert.rule) for step in found] == [(Move.RESOLVED, "unlimited"), (Move.OPENED, "went")]
    left = apply(state, found)
    assert steps(left, going, gone={"a1"}, at=minutes(15)) == []
    (closed,) = steps(left, gone={"a1"}, at=minutes(30))
    assert closed.move is Move.RESOLVED


# Severity.


@pytest.mark.parametrize(
    ("severity", "move", "state"),
    [
        (Severity.CRITICAL, Move.WORSENED, AlertState.OPEN),
        (Severity.LOW, Move.EASED, AlertState.ACKNOWLEDGED),
    ],
)
def test_an_alert_takes_its_rules_new_severity_and_is_open_again_if_that_is_worse(
    severity: Severity, move: Move, state: AlertState
) -> None:
    alerts = [replace(opened(finding())[0], state=AlertState.ACKNOWLEDGED)]
    regraded = replace(finding(severity=severity), title="Another title")
    (step,) = steps(alerts, regraded, at=minutes(15))
    assert step.move is move
    assert step.alert == replace(alerts[0], severity=severity, title="Another title", state=state)
    assert "high" in step.reason
    assert str(severity) in step.reason


LOW, MEDIUM, HIGH, CRITICAL = (grade for grade in Severity if grade is not Severity.INFORMATIONAL)


@pytest.mark.parametrize(
    ("now", "found", "lingers", "after"),
    [
        (MEDIUM, HIGH, None, HIGH),
        (MEDIUM, HIGH, CRITICAL, HIGH),
        (HIGH, HIGH, CRITICAL, HIGH),
        (CRITICAL, LOW, None, LOW),
        (CRITICAL, LOW, MEDIUM, MEDIUM),
        (CRITICAL, LOW, CRITICAL, CRITICAL),
        (HIGH, LOW, CRITICAL, HIGH),
        (CRITICAL, HIGH, MEDIUM, HIGH),
    ],
)
def test_a_severity_rises_at_once_and_falls_no_lower_than_what_lingers(
    now: Severity, found: Severity, lingers: Severity | None, after: Severity
) -> None:
    (alert,) = opened(finding(severity=now))
    decided = {"exposure.usd": "12"}
    found_steps = steps([alert], finding(severity=found, lingers=lingers, values=decided), at=minutes(15))
    assert [(step.alert.severity, step.alert.values) for step in found_steps] == (
        [] if after is now else [(after, decided)]
    )


@pytest.mark.parametrize("judgement", [Judgement.HOLDS, Judgement.LINGERS])
def test_a_severity_falls_only_by_proof(judgement: Judgement) -> None:
    (alert,) = opened(finding(severity=CRITICAL))
    assert steps([alert], finding(judgement, severity=LOW, proven=False)) == []
    (step,) = steps([alert], finding(judgement, severity=LOW))
    assert (step.move, step.alert.severity) == (Move.EASED, LOW)


def test_what_lingers_neither_resolves_nor_grows_worse_by_itself() -> None:
    (alert,) = opened(finding())
    for severity in (HIGH, CRITICAL):
        assert steps([alert], finding(Judgement.LINGERS, severity=severity, lingers=CRITICAL)) == []


@pytest.mark.parametrize("state", [AlertState.OPEN, AlertState.ACKNOWLEDGED])
@pytest.mark.parametrize("judged", [[Judgement.HOLDS], [Judgement.LINGERS], [Judgement.UNDECIDED], []])
def test_an_alert_whose_allowance_was_raised_is_worse_and_open(state: AlertState, judged: list[Judgement]) -> None:
    alerts = [replace(opened(finding())[0], state=state)]
    (step,) = steps(alerts, *(finding(one) for one in judged), raised={"a1"}, at=minutes(15))
    assert (step.move, step.reason) == (Move.WORSENED, "its allowance was raised")
    assert step.alert == replace(alerts[0], state=AlertState.OPEN)


def test_a_raise_is_told_with_a_change_of_severity_in_one_step() -> None:
    for severity in (Severity.CRITICAL, Severity.LOW):
        (step,) = steps(opened(finding()), finding(severity=severity), raised={"a1"})
        assert step.move is Move.WORSENED
        assert step.reason == f"its severity was high and is {severity}, and its allowance was raised"


def test_a_raise_does_not_worsen_what_happened_nor_what_ends_nor_what_no_longer_holds() -> None:
    state, event = opened(finding(), finding(rule="raised", change="c1"))
    assert steps([event], raised={"a1"}) == []
    assert steps([state], raised={"a2"}) == []
    assert steps([state], finding(Judgement.FAILS, proven=False), raised={"a1"}) == []
    for step in (*steps([state], finding(Judgement.FAILS), raised={"a1"}), *steps([state], gone={"a1"}, raised={"a1"})):
        assert step.move is Move.RESOLVED


def test_severities_are_ordered_as_the_contract_orders_them() -> None:
    ordered = ["informational", "low", "medium", "high", "critical"]
    assert sorted(Severity, key=lambda severity: severity.rank) == ordered
    assert Severity.HIGH.reaches(Severity.HIGH)
    assert Severity.CRITICAL.reaches(Severity.HIGH)
    assert not Severity.MEDIUM.reaches(Severity.HIGH)


# Nobody watches.


def test_what_nobody_watches_is_closed_without_saying_that_it_is_safe() -> None:
    alerts = opened(finding(), finding(change="c1"))
    found = unwatched(alerts, "the wallet was removed", minutes(15))
    assert [step.alert.id for step in found] == [alert.id for alert in alerts]
    for step in found:
        assert step.move is Move.UNWATCHED
        assert step.alert.state is AlertState.RESOLVED
        assert step.alert.resolved_at == minutes(15)
        assert step.reason == step.alert.reason == "no longer watched: the wallet was removed"
        assert not any(word in step.reason for word in ("safe", "resolved", "gone", "no longer holds"))


# Any sequence of judgements.


def worse(now: Severity, before: Severity | None) -> bool:
    """Whether it is worse than it was; anything is worse than nothing."""
    return before is None or now.rank > before.rank


def held_up(now: Severity, one: Finding) -> Severity:
    """The worst severity up to that of an open alert which something still holds it at."""
    holding = [found for found in (one.severity, one.lingers) if found]
    return [step for step in Severity if step.rank <= now.rank and any(step.rank <= up.rank for up in holding)][-1]


findings = st.builds(
    lambda judgement, rule, approval, change, proven, severity, lingers: finding(
        judgement,
        rule=rule,
        approval=approval,
        change=change if rule == "raised" else None,
        proven=proven,
        severity=severity or GRADES[rule],
        lingers=lingers,
    ),
    st.sampled_from(Judgement),
    st.sampled_from(sorted(GRADES)),
    st.sampled_from(APPROVALS),
    st.sampled_from(["c1", "c2"]),
    st.booleans(),
    st.none() | st.sampled_from(Severity),
    st.none() | st.sampled_from(Severity),
)
rounds = st.lists(
    st.tuples(
        st.lists(findings, max_size=8, unique_by=lambda one: (one.rule, one.approval, one.change)),
        st.frozensets(st.sampled_from(APPROVALS), max_size=2),
    ),
    max_size=8,
)


@given(rounds)
def test_open_alerts_are_those_that_the_findings_imply(
    history: list[tuple[list[Finding], frozenset[str]]],
) -> None:
    alerts: list[Alert] = []
    implied: dict[tuple[str, str, str | None], Severity] = {}
    ids: set[str] = set()
    for number, (said, gone) in enumerate(history):
        found = steps(alerts, *said, gone=gone, at=minutes(number))
        alerts = apply(alerts, found)

        happening = {one.change for one in said if one.change}
        implied = {key: grade for key, grade in implied.items() if key[1] not in gone or key[2] in happening}
        for one in said:
            key = (one.rule, one.approval, one.change)
            if one.approval in gone and one.change is None:
                continue
            if one.judgement is Judgement.HOLDS and worse(one.severity, implied.get(key)):
                implied[key] = one.severity
            elif one.judgement in {Judgement.HOLDS, Judgement.LINGERS} and one.proven and key in implied:
                implied[key] = held_up(implied[key], one)
            elif one.judgement is Judgement.FAILS and one.proven and one.change is None:
                implied.pop(key, None)

        assert {(a.rule, a.approval, a.change): a.severity for a in alerts} == implied
        assert steps(alerts, *said, gone=gone, at=minutes(number)) == [], "the same again moves nothing"
        new = {step.alert.id for step in found if step.move is Move.OPENED}
        assert not new & ids
        ids |= new


def test_what_is_excepted_neither_opens_nor_stays_open_and_all_else_does() -> None:
    known = opened(finding(), finding(approval="a2"), finding(rule="raised", change="c1"))
    excepted = {("unlimited", "a1"): "ours", ("raised", "a1"): "ours too", ("unlimited", "a3"): "ours"}
    found = [finding(), finding(approval="a2"), finding(approval="a3"), finding(rule="old", approval="a3")]
    moved = reconcile(known, found, gone={}, baseline=(), raised={"a1"}, excepted=excepted, at=minutes(1))
    assert [(step.move, step.alert.rule, step.alert.approval, step.reason) for step in moved] == [
        (Move.UNWATCHED, "unlimited", "a1", "excepted: ours"),
        (Move.UNWATCHED, "raised", "a1", "excepted: ours too"),
        (Move.OPENED, "old", "a3", "the rule holds"),
    ]


@pytest.mark.parametrize("judgement", list(Judgement))
def test_an_exception_ends_an_alert_whatever_its_rule_says(judgement: Judgement) -> None:
    (step,) = reconcile(
        opened(finding()),
        [finding(judgement, proven=False)],
        gone={},
        baseline=(),
        excepted={("unlimited", "a1"): "ours"},
        at=minutes(1),
    )
    assert (step.move, step.alert.state, step.alert.reason) == (Move.UNWATCHED, AlertState.RESOLVED, "excepted: ours")


def test_what_is_gone_is_gone_although_it_is_excepted() -> None:
    excepted = {("unlimited", "a1"): "ours"}
    gone = {"a1": "the approval has expired"}
    (step,) = reconcile(opened(finding()), [], gone=gone, baseline=(), excepted=excepted, at=minutes(1))
    assert (step.move, step.alert.reason) == (Move.RESOLVED, "the approval has expired")
