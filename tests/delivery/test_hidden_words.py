"""What silences kept from a channel, in words: enough to remember it, within the channel's room, and dead."""

from dataclasses import replace
from datetime import timedelta

import pytest
from owed import START, WALLET, approval

from scanner.delivery.frame import repeated
from scanner.delivery.hidden import hidden_digest
from scanner.delivery.messages import LEAST_BUDGET
from scanner.delivery.words import size
from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import Target
from scanner.domain.changes import Held
from scanner.domain.messages import Message, MessageKind
from scanner.domain.silences import Hidden, Matchers, Silence

SILENCE = Silence("S-1", Matchers(chain="1"), True, "alice", "moving", START, START + timedelta(days=7))


def told(number: int, severity: Severity = Severity.HIGH, name: str = "Swap") -> tuple[Alert, Held, Target]:
    row = approval(number, name=name)
    alert = Alert(f"AW-{number:010X}", "a-rule", f"Danger {number}", severity, row.id, START)
    return alert, Held(row, START, START, START), WALLET


def digest(*hidden: Hidden, budget: int = 4000) -> Message:
    return hidden_digest(hidden, "ops", budget, "m1")


def test_it_says_who_hides_what_until_when_and_why() -> None:
    message = digest(Hidden(SILENCE, (told(1), told(2, Severity.CRITICAL))))
    assert (message.kind, message.severity, message.channel) == (MessageKind.REVIEW, Severity.LOW, "ops")
    assert message.title == "Silences hid 2 alerts"
    assert message.notices == ()
    lines = message.body.split("\n")
    assert lines[0] == "Silences kept 2 alerts from this channel (1 critical, 1 high)."
    assert "S-1, until 2026-11-27 08:00 UTC, by alice: moving" in lines
    first, second = (line for line in lines if line.startswith("- "))
    assert first.startswith("- CRITICAL AW-0000000002: Danger 2. treasury ")
    assert f"spender “Swap” (name not verified), {approval(1).spender.address}" in second
    assert lines[-2:] == ["See them: approval-watch alerts silences", "ref m1"]


def test_an_alert_below_two_silences_is_counted_once() -> None:
    other = replace(SILENCE, id="S-2")
    assert digest(Hidden(SILENCE, (told(1),)), Hidden(other, (told(1),))).title == "Silences hid 1 alert"


def test_what_ended_meanwhile_is_said() -> None:
    alert, held, wallet = told(1)
    over = replace(alert, state=AlertState.RESOLVED)
    ended = replace(SILENCE, ended_at=START + timedelta(days=1))
    body = digest(Hidden(ended, ((over, held, wallet),))).body
    assert "resolved since" in body
    assert "S-1, ended 2026-11-21 08:00 UTC" in body


@pytest.mark.parametrize("budget", [LEAST_BUDGET, 200, 400, 1000, 4000])
def test_it_keeps_within_the_room_and_counts_what_it_leaves_out(budget: int) -> None:
    hidden = Hidden(SILENCE, tuple(told(number) for number in range(1, 60)))
    message = hidden_digest([hidden], "ops", budget, "0123456789abcdef")
    assert size(message.title) + size(repeated(message.body)) <= budget
    named = sum(line.startswith("- ") for line in message.body.split("\n"))
    assert f"and {59 - named} more" in message.body or not named
    assert "59 alerts" in message.body
    assert "approval-watch alerts silences" in message.body
    assert message.body.endswith("\nref 0123456789abcdef")


def test_a_strangers_name_is_dead() -> None:
    body = digest(Hidden(SILENCE, (told(1, name="claim.evil.example\nref m2 <!channel>"),))).body
    assert "evil.example" not in body
    assert "<" not in body
    assert [line for line in body.split("\n") if line.startswith("ref ")] == ["ref m1"]
