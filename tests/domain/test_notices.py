"""Who is told of a step in an alert's life: each decision has one named reason."""

from dataclasses import replace

import pytest
from strategies import START

from scanner.domain.alerts import Alert, Move, Severity, Transition
from scanner.domain.notices import Notice, Why, decide

ALERT = Alert("AW-1", "unlimited", "Unlimited", Severity.HIGH, "a1", START)


def owed(
    move: Move,
    severity: Severity = Severity.HIGH,
    *,
    least: Severity = Severity.MEDIUM,
    told: bool = False,
    baseline: bool = False,
) -> Notice | None:
    """What one channel is owed for a step of one alert; None where it is not even noted."""
    step = Transition(move, replace(ALERT, severity=severity, baseline=baseline), "why it moved")
    found = decide(step, {"ops": least}, {"ops"} if told else set())
    return found[0] if found else None


@pytest.mark.parametrize("severity", [s for s in Severity if s is not Severity.INFORMATIONAL])
@pytest.mark.parametrize("least", list(Severity))
def test_a_channel_is_told_of_what_reaches_its_severity(severity: Severity, least: Severity) -> None:
    notice = owed(Move.OPENED, severity, least=least)
    told = severity.reaches(least)
    assert notice == Notice("AW-1", "ops", Move.OPENED, send=told, reason=Why.FIRST if told else Why.BELOW)


@pytest.mark.parametrize("move", [Move.OPENED, Move.WORSENED])
def test_informational_never_notifies(move: Move) -> None:
    notice = owed(move, Severity.INFORMATIONAL, least=Severity.INFORMATIONAL)
    assert notice is not None
    assert (notice.send, notice.reason) == (False, Why.INFORMATIONAL)


def test_what_got_worse_is_told_as_that() -> None:
    notice = owed(Move.WORSENED, Severity.CRITICAL)
    assert notice is not None
    assert (notice.send, notice.reason, notice.what) == (True, Why.WORSENED, Move.WORSENED)


@pytest.mark.parametrize("told", [True, False])
def test_what_got_better_is_noted_and_told_to_nobody(told: bool) -> None:
    notice = owed(Move.EASED, Severity.MEDIUM, told=told)
    assert notice is not None
    assert (notice.send, notice.reason) == (False, Why.EASED)


@pytest.mark.parametrize(("move", "why"), [(Move.RESOLVED, Why.RESOLVED), (Move.UNWATCHED, Why.UNWATCHED)])
@pytest.mark.parametrize("severity", list(Severity))
def test_who_was_told_that_it_opened_is_told_that_it_ended_whatever_it_has_become(
    move: Move, why: Why, severity: Severity
) -> None:
    assert owed(move, severity, least=Severity.CRITICAL, told=True) == Notice(
        "AW-1", "ops", move, send=True, reason=why
    )
    assert owed(move, severity, told=False) is None


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("baseline", [True, False])
def test_only_the_opening_of_a_first_reading_waits_for_the_digest(move: Move, baseline: bool) -> None:
    notice = owed(move, told=True, baseline=baseline)
    assert notice is not None
    assert notice.digest is (baseline and move is Move.OPENED)


def test_each_channel_is_decided_by_itself() -> None:
    step = Transition(Move.OPENED, ALERT, "the rule holds")
    found = decide(step, {"pager": Severity.CRITICAL, "ops": Severity.LOW}, set())
    assert [(notice.channel, notice.send) for notice in found] == [("pager", False), ("ops", True)]
