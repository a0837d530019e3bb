"""Messages that count say how much, of what, the worst by name, and where to see the rest."""

import re
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from owed import WALLET, approval, due

from scanner.delivery.frame import repeated
from scanner.delivery.messages import LEAST_BUDGET
from scanner.delivery.summaries import review, storm_summary
from scanner.delivery.words import size
from scanner.domain.alerts import Move, Severity
from scanner.domain.messages import Due, MessageKind
from scanner.domain.reminders import Open
from scanner.domain.telling import Storm

STORM = Storm(60, timedelta(minutes=10))


def test_a_storm_is_counted_by_severity_and_its_worst_are_named() -> None:
    dues = [due(seq, severity=Severity.MEDIUM) for seq in range(1, 15)]
    dues += [due(20, severity=Severity.HIGH, title="Unlimited"), due(21, what=Move.RESOLVED)]
    message = storm_summary(dues, STORM, 4000, "0123456789abcdef")
    assert (message.kind, message.severity, message.channel) == (MessageKind.SUMMARY, Severity.HIGH, "ops")
    assert message.title == "Too much at once: 16 alerts in one message"
    assert message.notices == (*range(1, 15), 20, 21)
    lines = message.body.splitlines()
    assert lines[:3] == [
        "More than 60 messages in 10 min: what is not critical is only counted here.",
        "16 alerts: 1 high, 14 medium, 1 ended.",
        "The worst:",
    ]
    assert lines[3].split()[:2] == ["HIGH", dues[14].alert.id]
    assert lines[3].endswith(" Unlimited")
    assert lines[-2:] == ["See them all: approval-watch alerts list --all", "ref 0123456789abcdef"]
    assert len(re.findall("AW-", message.body)) == 10


def test_a_storm_of_nothing_that_ended_is_seen_in_the_plain_list() -> None:
    message = storm_summary([due(1)], STORM, 4000, "1")
    assert message.body.splitlines()[-2] == "See them all: approval-watch alerts list"


def opened(number: int, severity: Severity = Severity.MEDIUM, title: str = "A danger") -> Open:
    return Open(due(number, severity=severity, title=title).alert, WALLET)


def test_a_review_counts_by_severity_and_rule() -> None:
    found = [opened(1, title="Old"), opened(2), opened(3), opened(4, Severity.LOW)]
    message = review(found, "ops", "weekly", 4000, "1")
    assert (message.kind, message.severity, message.notices) == (MessageKind.REVIEW, Severity.MEDIUM, ())
    assert message.title == "Weekly review: 4 alerts still open"
    lines = message.body.splitlines()
    assert lines[:5] == [
        "Open, and not told again one by one: 4 alerts (3 medium, 1 low).",
        "2 × A danger (medium)",
        "1 × Old (medium)",
        "1 × A danger (low)",
        "The worst:",
    ]
    assert [line.split()[:2] for line in lines[5:9]] == [[one.alert.severity.upper(), one.alert.id] for one in found]
    assert lines[9:] == ["See them all: approval-watch alerts list", "ref 1"]


severities = st.sampled_from(list(Severity)[1:])
TITLES = st.text(max_size=150)


@given(
    st.lists(st.tuples(severities, TITLES, st.booleans()), min_size=1, max_size=30),
    st.integers(LEAST_BUDGET, 1000) | st.integers(1000, 6000),
)
@settings(max_examples=100, deadline=None)
def test_a_summary_fits_and_counts_everything(told: list[tuple[Severity, str, bool]], budget: int) -> None:
    dues: list[Due] = [
        due(seq, severity=severity, title=title, of=approval(seq // 3), what=Move.RESOLVED if ended else Move.OPENED)
        for seq, (severity, title, ended) in enumerate(told, start=1)
    ]
    found = [opened(seq, severity, title) for seq, (severity, title, _) in enumerate(told, start=1)]
    for message in (
        storm_summary(dues, STORM, budget, "0123456789abcdef"),
        review(found, "ops", "weekly", budget, "0123456789abcdef"),
    ):
        assert size(message.title) + size("\n") + size(repeated(message.body)) <= budget
        assert message.body.splitlines()[-1] == "ref 0123456789abcdef"
        assert "approval-watch alerts list" in message.body
        assert re.search(rf"\b{len(told)} alerts?\b", message.title + message.body)
