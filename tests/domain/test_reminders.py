"""When an open alert is told again, and why not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import START

from scanner.domain.alerts import Alert, AlertState, Move, Severity
from scanner.domain.notices import Notice
from scanner.domain.reminders import Known, Withheld, catch_up, remind, reveal
from scanner.domain.telling import Telling

TELLING = Telling(channels={"ops": Severity.HIGH, "log": Severity.LOW})
ALERT = Alert("AW-1", "r", "A title", Severity.CRITICAL, "a1", START)


def hours(number: float) -> datetime:
    return START + timedelta(hours=number)


def known(
    number: int = 1,
    severity: Severity = Severity.CRITICAL,
    *,
    told: float = 0,
    channel: str = "ops",
    state: AlertState = AlertState.OPEN,
    change: str | None = None,
    withheld: str = "",
    silence: str | None = None,
) -> Known:
    alert = replace(ALERT, id=f"AW-{number}", severity=severity, state=state, change=change)
    return Known(alert, channel, "g", hours(told), withheld, silence)


def told(*found: Known, at: float = 24) -> list[tuple[str, bool, str]]:
    return [(one.alert, one.send, one.reason) for one in remind(found, TELLING, hours(at))]


def test_a_reminder_is_due_at_once_and_stays_in_its_group() -> None:
    assert remind([known()], TELLING, hours(24)) == [
        Notice("AW-1", "ops", Move.REMINDED, send=True, reason="reminder due", group="g", due_at=hours(24))
    ]


@pytest.mark.parametrize(
    ("severity", "at", "due"),
    [
        (Severity.CRITICAL, 23.99, False),
        (Severity.CRITICAL, 24, True),
        (Severity.HIGH, 24 * 7 - 0.01, False),
        (Severity.HIGH, 24 * 7, True),
        (Severity.MEDIUM, 24 * 365, False),
    ],
)
def test_each_severity_has_its_time(severity: Severity, at: float, due: bool) -> None:
    assert bool(told(known(severity=severity), at=at)) is due


@pytest.mark.parametrize(
    "one",
    [known(change="c1"), known(severity=Severity.MEDIUM), known(channel="gone")],
    ids=["an event", "below the channel", "no such channel"],
)
def test_what_is_never_told_again(one: Known) -> None:
    assert told(one, at=24 * 365) == []


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (known(state=AlertState.ACKNOWLEDGED), "acknowledged"),
        (known(silence="S-1"), "silenced by S-1"),
        (known(silence="S-1", state=AlertState.ACKNOWLEDGED), "acknowledged"),
    ],
)
def test_why_not_is_noted_once(one: Known, reason: str) -> None:
    assert told(one) == [("AW-1", False, reason)]
    assert told(replace(one, withheld=reason)) == []
    assert told(replace(one, withheld="silenced by S-2")) == [("AW-1", False, reason)]


def test_what_has_become_informational_is_never_told_again() -> None:
    mild = replace(ALERT, severity=Severity.INFORMATIONAL)
    telling = Telling(channels={"ops": Severity.INFORMATIONAL}, repeat={Severity.INFORMATIONAL: timedelta(hours=1)})
    assert remind([Known(mild, "ops", "g", START)], telling, hours(24)) == []
    assert reveal([Withheld(mild, "ops", "g")], telling, START) == []
    assert catch_up([Withheld(mild, "ops", "g")], telling, START) == []


@pytest.mark.parametrize(("told_at", "due"), [(1, False), (23, False), (24, True), (24 * 365, True)])
def test_what_was_told_by_a_clock_that_was_far_ahead_is_told_again(told_at: float, due: bool) -> None:
    assert bool(told(known(told=told_at), at=0)) is due


def test_what_was_withheld_is_told_once_nothing_withholds_it() -> None:
    assert told(known(withheld="silenced by S-1")) == [("AW-1", True, "reminder due")]
    assert told(known(withheld="less severe than before")) == [("AW-1", True, "reminder due")]


def test_what_is_nearly_due_goes_with_what_is() -> None:
    first, second, third = known(1), known(2, told=0.9), known(3, told=1.1)
    assert told(first, second, third, at=24) == [("AW-1", True, "reminder due"), ("AW-2", True, "reminder due")]
    assert told(second, third, at=24) == []
    assert told(replace(first, silence="S-1"), second) == [("AW-1", False, "silenced by S-1")]
    assert told(first, replace(second, silence="S-1")) == [("AW-1", True, "reminder due")]
    assert told(first, known(2, told=0.9, channel="log")) == [("AW-1", True, "reminder due")]


everything = st.lists(
    st.builds(
        known,
        st.integers(1, 50),
        st.sampled_from(Severity),
        told=st.floats(-200, 1),
        channel=st.sampled_from(["ops", "log", "gone"]),
        state=st.sampled_from([AlertState.OPEN, AlertState.ACKNOWLEDGED]),
        silence=st.none() | st.just("S-1"),
        withheld=st.sampled_from(["", "acknowledged", "silenced by S-1"]),
    ),
    max_size=12,
    unique_by=lambda one: (one.alert.id, one.channel),
)


@given(everything)
def test_nothing_is_told_much_before_its_time_and_nothing_that_is_due_is_forgotten(found: list[Known]) -> None:
    owed = {(one.alert, one.channel): one for one in remind(found, TELLING, START)}
    for one in found:
        mine, repeat = owed.get((one.alert.id, one.channel)), TELLING.repeat.get(one.alert.severity)
        quiet = one.silence is not None or one.alert.state is AlertState.ACKNOWLEDGED
        if mine is not None:
            assert repeat is not None
            assert START - one.told_at >= repeat * 23 / 24
            assert mine.send is not quiet
        elif repeat is not None and one.alert.severity.reaches(TELLING.channels.get(one.channel, Severity.CRITICAL)):
            assert START - one.told_at < repeat or one.withheld or one.channel == "gone"


def test_what_a_silence_hid_from_a_channel_is_owed_to_it_when_that_ends() -> None:
    hidden = [Withheld(replace(ALERT, severity=Severity.MEDIUM), name, "g") for name in ("ops", "log", "gone")]
    assert reveal(hidden, TELLING, START) == [
        Notice(
            "AW-1",
            "log",
            Move.OPENED,
            send=True,
            reason="silence ended",
            group="g",
            due_at=START,
        )
    ]


def test_a_rule_that_is_told_to_other_channels_is_not_told_again_nor_caught_up_with() -> None:
    elsewhere = replace(TELLING, only={known().alert.rule: frozenset({"log"})})
    assert remind([known()], elsewhere, hours(24)) == []
    assert [one.channel for one in remind([known(channel="log")], elsewhere, hours(24))] == ["log"]
    untold = [Withheld(known().alert, channel, "g") for channel in ("ops", "log")]
    assert [one.channel for one in catch_up(untold, elsewhere, START)] == ["log"]
    assert [one.channel for one in reveal(untold, elsewhere, START)] == ["log"]
