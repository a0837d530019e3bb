"""Who is told of what, when, and why or why not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import START, minutes

from scanner.domain.alerts import Alert, AlertState, Move, Severity, Transition
from scanner.domain.groups import GroupState
from scanner.domain.notices import Case, Notice, Why, decide
from scanner.domain.telling import Telling

TELLING = Telling(channels={"ops": Severity.HIGH, "log": Severity.LOW})
SOON = START + timedelta(seconds=10)
ALERT = Alert("AW-1", "a-rule", "A title", Severity.HIGH, "a1", START)
ENDED = replace(ALERT, state=AlertState.RESOLVED, resolved_at=START)


def case(
    move: Move = Move.OPENED,
    alert: Alert = ALERT,
    *,
    wallet: str = "0xa",
    group: str = "g",
    told: frozenset[str] = frozenset(),
    silence: str | None = None,
    first_reading: bool = False,
    known: GroupState | None = None,
) -> Case:
    """A step, with the same state of its group on each channel."""
    known = known or GroupState()
    return Case(
        Transition(move, alert, "why"), group, wallet, told, silence, first_reading, {"ops": known, "log": known}
    )


def on(channel: str, *cases: Case) -> list[Notice]:
    return [notice for notice in decide(cases, TELLING, START) if notice.channel == channel]


def test_the_first_alert_of_a_group_is_told_to_each_channel_that_wants_it() -> None:
    ops, log = decide([case()], TELLING, START)
    assert ops == Notice("AW-1", "ops", Move.OPENED, send=True, reason="first", group="g", due_at=SOON)
    assert log == replace(ops, channel="log")


LATELY = minutes(-1)
INTERVAL_OVER = minutes(4)
MINE = frozenset({"0xa"})


@pytest.mark.parametrize(
    ("known", "severity", "reason", "due"),
    [
        (GroupState(), Severity.HIGH, Why.FIRST, SOON),
        (GroupState(LATELY, wallets=MINE), Severity.HIGH, Why.FIRST, INTERVAL_OVER),
        (GroupState(LATELY), Severity.HIGH, Why.FIRST, SOON),
        (GroupState(minutes(-9), open=True, wallets=MINE), Severity.HIGH, Why.NEW_IN_GROUP, SOON),
        (GroupState(LATELY, open=True, wallets=MINE), Severity.HIGH, Why.NEW_IN_GROUP, INTERVAL_OVER),
        (GroupState(LATELY, open=True), Severity.HIGH, Why.NEW_WALLET, SOON),
        (GroupState(LATELY, open=True, wallets=MINE), Severity.CRITICAL, Why.NEW_IN_GROUP, SOON),
    ],
    ids=["first", "again soon after", "other wallet after", "later", "within", "new wallet", "critical"],
)
def test_what_opens_in_a_group(known: GroupState, severity: Severity, reason: str, due: datetime) -> None:
    (notice,) = on("ops", case(alert=replace(ALERT, severity=severity), known=known))
    assert (notice.send, notice.reason, notice.due_at) == (True, reason, due)


def test_what_gets_worse_breaks_the_wait() -> None:
    (notice,) = on("ops", case(Move.WORSENED, known=GroupState(LATELY, open=True, wallets=MINE)))
    assert (notice.send, notice.reason, notice.due_at) == (True, "worsened", SOON)


def test_steps_that_are_taken_together_know_of_one_another() -> None:
    cases = [
        case(),
        case(alert=replace(ALERT, id="AW-2")),
        case(alert=replace(ALERT, id="AW-3"), wallet="0xb"),
        case(alert=replace(ALERT, id="AW-4"), group="h"),
    ]
    assert [notice.reason for notice in on("ops", *cases)] == [
        "first",
        "new in group",
        "new wallet in group",
        "first",
    ]


def test_what_a_channel_is_not_told_does_not_make_it_know_the_group() -> None:
    low, high = replace(ALERT, severity=Severity.LOW), replace(ALERT, id="AW-2")
    assert [notice.reason for notice in on("ops", case(alert=low), case(alert=high))] == [Why.BELOW, Why.FIRST]
    assert [notice.reason for notice in on("log", case(alert=low), case(alert=high))] == [Why.FIRST, Why.NEW_IN_GROUP]


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (case(alert=replace(ALERT, severity=Severity.MEDIUM)), "below the channel's severity"),
        (case(Move.WORSENED, replace(ALERT, severity=Severity.MEDIUM)), "below the channel's severity"),
        (case(alert=replace(ALERT, severity=Severity.INFORMATIONAL)), "informational never notifies"),
        (case(Move.EASED, told=frozenset({"ops"})), "less severe than before"),
        (case(silence="S-1"), "silenced by S-1"),
        (case(Move.WORSENED, silence="S-1", told=frozenset({"ops"})), "silenced by S-1"),
    ],
)
def test_why_not(of: Case, reason: str) -> None:
    (notice,) = on("ops", of)
    assert (notice.send, notice.reason, notice.due_at) == (False, reason, None)


@pytest.mark.parametrize(("move", "reason"), [(Move.RESOLVED, "resolved"), (Move.UNWATCHED, "no longer watched")])
def test_who_was_told_of_the_beginning_is_told_of_the_end_whatever_hides_it(move: Move, reason: str) -> None:
    below = replace(ENDED, severity=Severity.LOW)
    of = case(move, below, told=frozenset({"ops", "gone"}), silence="S-1", known=GroupState(LATELY))
    assert [(n.channel, n.send, n.reason, n.due_at) for n in decide([of], TELLING, START)] == [
        ("gone", True, reason, SOON),
        ("ops", True, reason, INTERVAL_OVER),
    ]


def test_who_was_not_told_of_the_beginning_is_told_nothing() -> None:
    assert decide([case(Move.RESOLVED, ENDED), case(Move.UNWATCHED, ENDED)], TELLING, START) == []


def test_that_somebody_knows_of_an_alert_is_told_to_nobody() -> None:
    assert decide([case(Move.ACKNOWLEDGED, told=frozenset({"ops"}))], TELLING, START) == []


@pytest.mark.parametrize(("move", "reason"), [(Move.OPENED, Why.FIRST), (Move.WORSENED, Why.WORSENED)])
def test_what_a_first_reading_finds_waits_for_its_digest(move: Move, reason: str) -> None:
    (notice,) = on("ops", case(move, replace(ALERT, baseline=True), first_reading=True))
    assert (notice.send, notice.reason, notice.digest, notice.due_at) == (True, reason, True, None)


def test_what_becomes_of_it_after_the_first_reading_does_not_wait() -> None:
    baseline = replace(ALERT, baseline=True)
    for move, alert in ((Move.WORSENED, baseline), (Move.RESOLVED, replace(ENDED, baseline=True))):
        (notice,) = on("ops", case(move, alert, told=frozenset({"ops"})))
        assert not notice.digest
        assert notice.due_at == SOON


cases = st.builds(
    lambda move, severity, wallet, group, told, silence, number: case(
        move,
        replace(
            ALERT,
            id=f"AW-{number}",
            severity=severity,
            state=AlertState.RESOLVED if move in (Move.RESOLVED, Move.UNWATCHED) else AlertState.OPEN,
        ),
        wallet=wallet,
        group=group,
        told=told,
        silence=silence,
    ),
    st.sampled_from([Move.OPENED, Move.WORSENED, Move.EASED, Move.RESOLVED, Move.UNWATCHED]),
    st.sampled_from(Severity),
    st.sampled_from(["0xa", "0xb"]),
    st.sampled_from(["g", "h"]),
    st.frozensets(st.sampled_from(["ops", "log"])),
    st.none() | st.just("S-1"),
    st.integers(1, 9),
)


@given(st.lists(cases, max_size=12))
def test_every_decision_has_a_reason_and_what_is_sent_has_a_time(steps: list[Case]) -> None:
    owed = decide(steps, TELLING, START)
    for notice in owed:
        assert notice.reason
        assert notice.send is (notice.due_at is not None)
    for step in steps:
        mine = [notice.channel for notice in owed if notice.alert == step.step.alert.id]
        if step.step.move in (Move.RESOLVED, Move.UNWATCHED):
            assert set(mine) >= step.told
        else:
            assert set(mine) == {"ops", "log"}


ONLY_LOG = replace(TELLING, only={"a-rule": frozenset({"log"}), "another": frozenset({"ops"})})


@pytest.mark.parametrize("move", [Move.OPENED, Move.WORSENED, Move.EASED])
def test_a_rule_that_is_told_to_other_channels_says_so(move: Move) -> None:
    ops = next(notice for notice in decide([case(move)], ONLY_LOG, START) if notice.channel == "ops")
    assert (ops.send, ops.reason) == (False, Why.OTHER_CHANNEL)
    assert decide([case(move)], ONLY_LOG, START)[1:] == decide([case(move)], TELLING, START)[1:]


def test_who_was_told_before_a_rule_went_to_other_channels_is_told_that_it_ended() -> None:
    [ended] = decide([case(Move.RESOLVED, ENDED, told=frozenset({"ops"}))], ONLY_LOG, START)
    assert (ended.channel, ended.send, ended.reason) == ("ops", True, Why.RESOLVED)
