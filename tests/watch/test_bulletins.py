"""Messages about the watch: they fit, they name the worst, they count the rest, and they end in their reference."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scanner.delivery.bulletins import begun, drill, ended
from scanner.delivery.frame import REPEAT
from scanner.delivery.messages import LEAST_BUDGET
from scanner.delivery.words import size
from scanner.domain.alerts import Severity
from scanner.domain.conditions import Condition, ConditionKind

START = datetime(2026, 11, 20, 8, tzinfo=UTC)


def condition(number: int, severity: Severity = Severity.HIGH, detail: str = "It answered 503.") -> Condition:
    return Condition(
        key=f"channel:c{number}",
        kind=ConditionKind.CHANNEL,
        severity=severity,
        title=f"The channel c{number} takes no messages",
        detail=detail,
        fix="try it: approval-watch channels test",
        since=START,
        ended_at=START + timedelta(hours=1),
    )


def test_the_worst_stands_first_and_the_title_counts_the_others() -> None:
    message = begun([condition(1, Severity.MEDIUM), condition(2)], "ops", 4000, "m-1")
    assert message.title == "HIGH, the watch itself: The channel c2 takes no messages and 1 more"
    assert message.severity is Severity.HIGH
    first, second = message.body.split("\n———\n")
    assert first == (
        "HIGH: The channel c2 takes no messages\nIt answered 503.\nSince: 2026-11-20 08:00 UTC\n"
        "Do: try it: approval-watch channels test"
    )
    assert second.startswith("MEDIUM: ")
    assert second.endswith("\nref m-1")


def test_what_is_over_says_from_when_to_when() -> None:
    message = ended([condition(1)], "ops", 4000, "m-1")
    assert message.body == (
        "OVER: The channel c1 takes no messages\n"
        "It was so from 2026-11-20 08:00 UTC to 2026-11-20 09:00 UTC. It answered 503.\n"
        "ref m-1"
    )


def test_a_drill_says_what_it_means_if_the_next_one_is_missing() -> None:
    message = drill("ops", 4000, "m-1", START)
    assert "nothing is wrong" in message.body
    assert "if it does not come, alerts would not come either" in message.body
    assert "2026-11-20 08:00 UTC" in message.body
    assert size(drill("ops", LEAST_BUDGET, "m-1", START).body) <= LEAST_BUDGET


@given(
    count=st.integers(1, 40),
    budget=st.integers(LEAST_BUDGET, 5000),
    detail=st.text(max_size=600),
    over=st.booleans(),
)
def test_every_message_fits_with_room_to_say_that_it_may_repeat(
    count: int, budget: int, detail: str, over: bool
) -> None:
    told = [condition(number, detail=detail) for number in range(count)]
    message = (ended if over else begun)(told, "ops", budget, "0123456789abcdef")
    *rest, reference = message.body.split("\n")
    assert reference == "ref 0123456789abcdef"
    repeated = "\n".join([*rest, REPEAT, reference])
    assert size(message.title) + size(repeated) <= budget
    named = message.body.count("The channel c")
    assert named == count or f"and {count - named} more: approval-watch doctor" in message.body
