"""Acknowledging stops repeating; it closes only what merely happened."""

from dataclasses import replace

import pytest
from strategies import START, minutes

from scanner.domain.acknowledgement import acknowledge
from scanner.domain.alerts import Alert, AlertState, Move, Severity

STATE = Alert("AW-1", "unlimited", "Unlimited", Severity.HIGH, "a1", START)
EVENT = replace(STATE, rule="raised", change="c1")


def test_what_is_so_stays_open_and_is_known() -> None:
    step = acknowledge(STATE, "alice", "it is our own router", minutes(1))
    assert step is not None
    assert step.move is Move.ACKNOWLEDGED
    assert step.alert == replace(STATE, state=AlertState.ACKNOWLEDGED)
    assert step.reason == "acknowledged by alice: it is our own router"


def test_what_happened_is_over_once_somebody_knows() -> None:
    step = acknowledge(EVENT, "alice", "", minutes(1))
    assert step is not None
    assert step.move is Move.RESOLVED
    assert step.alert.state is AlertState.RESOLVED
    assert (step.alert.resolved_at, step.alert.reason, step.reason) == (minutes(1), *["acknowledged by alice"] * 2)


def test_channels_are_not_told_the_comment() -> None:
    step = acknowledge(EVENT, "alice", "see https://wiki.example/x", minutes(1))
    assert step is not None
    assert (step.alert.reason, step.reason) == (
        "acknowledged by alice",
        "acknowledged by alice: see https://wiki.example/x",
    )


def test_a_name_is_dead_text_in_what_channels_are_told() -> None:
    step = acknowledge(EVENT, "<!channel>@evil.example", "", minutes(1))
    assert step is not None
    assert not set("<>@") & set(step.alert.reason)


@pytest.mark.parametrize("state", [AlertState.ACKNOWLEDGED, AlertState.RESOLVED])
@pytest.mark.parametrize("alert", [STATE, EVENT])
def test_saying_it_twice_changes_nothing(alert: Alert, state: AlertState) -> None:
    assert acknowledge(replace(alert, state=state), "bob", "", minutes(2)) is None
