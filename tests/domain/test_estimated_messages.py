"""How many messages steps of alerts would have come to: one for each channel and group that comes up together."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs
from strategies import address, approval, minutes

from scanner.domain.alerts import Alert, AlertState, Move, Severity, Transition
from scanner.domain.approvals import Approval
from scanner.domain.backtest import Message, Step, messages
from scanner.domain.telling import Telling

WAIT = timedelta(seconds=10)
TELLING = Telling(channels={"all": Severity.LOW, "grave": Severity.HIGH})
ABOUT = approval()
OTHER = structs.replace(ABOUT, spender=structs.replace(ABOUT.spender, address=address(99)))


def step(
    at: float,
    move: Move = Move.OPENED,
    severity: Severity = Severity.MEDIUM,
    rule: str = "a",
    first: datetime | None = None,
) -> Step:
    state = AlertState.RESOLVED if move is Move.RESOLVED else AlertState.OPEN
    alert = Alert(f"AW-{rule}", rule, "T", severity, ABOUT.id, minutes(0), state=state)
    return Step(minutes(at), Transition(move, alert, "so"), first)


def told(*steps: Step, telling: Telling = TELLING, about: Approval = ABOUT) -> list[tuple[str, datetime, list[str]]]:
    return listed(messages([(one, about) for one in steps], telling))


def listed(found: Sequence[Message]) -> list[tuple[str, datetime, list[str]]]:
    return [(one.channel, one.at, sorted(one.rules)) for one in found]


def test_alerts_of_one_group_share_a_message_and_others_do_not() -> None:
    assert told(step(0), step(0.1, rule="b")) == [("all", minutes(0) + WAIT, ["a", "b"])]
    apart = messages([(step(0), ABOUT), (step(0.1, rule="b"), OTHER)], TELLING)
    assert [one.rules for one in apart] == [{"a"}, {"b"}]


def test_what_follows_waits_for_the_interval_unless_it_is_urgent() -> None:
    soon = minutes(0) + WAIT
    later = soon + TELLING.group_interval
    assert told(step(0), step(1, rule="b"), step(2, rule="c")) == [("all", soon, ["a"]), ("all", later, ["b", "c"])]
    urgent = told(step(0), step(1, Move.WORSENED))
    assert urgent == [("all", soon, ["a"]), ("all", minutes(1) + WAIT, ["a"])]
    critical = told(step(0), step(1, severity=Severity.CRITICAL, rule="b"))
    assert ("all", minutes(1) + WAIT, ["b"]) in critical


def test_an_end_is_told_to_those_who_know_the_beginning() -> None:
    assert [one[0] for one in told(step(0), step(30, Move.RESOLVED))] == ["all", "all"]
    grave = told(step(0), step(20, Move.WORSENED, Severity.HIGH), step(40, Move.RESOLVED, Severity.HIGH))
    assert [one[0] for one in grave] == ["all", "all", "grave", "all", "grave"]
    assert told(step(0, Move.RESOLVED)) == []


def test_what_eases_and_what_is_informational_is_told_to_nobody() -> None:
    assert told(step(0, Move.EASED), step(1, severity=Severity.INFORMATIONAL)) == []


def test_a_rule_with_channels_of_its_own_is_told_there_alone() -> None:
    only = replace(TELLING, only={"a": frozenset({"grave"})})
    assert [one[0] for one in told(step(0, severity=Severity.HIGH), telling=only)] == ["grave"]


def test_first_readings_are_one_message_at_the_end_of_their_scan() -> None:
    end = minutes(7)
    found = messages([(step(0, first=end), ABOUT), (step(3, rule="b", first=end), OTHER)], TELLING)
    assert listed(found) == [("all", end, ["a", "b"])]
