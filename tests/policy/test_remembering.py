"""The facts of a past moment, from the words that an alert keeps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.alerts import Alert, Severity
from scanner.errors import Place
from scanner.policy.engine import Condition, compile_condition
from scanner.policy.fields import in_words
from scanner.policy.remembering import explain_then, remembered
from scanner.policy.rules import Grade, Rule

EXACT = st.fixed_dictionaries(
    {},
    optional={
        "allowance.unlimited": st.booleans(),
        "spender.name": st.sampled_from(["", "Swap", "A B"]),
        "spender.labels": st.lists(st.sampled_from(["known", "ours", "exploited"])),
        "spender.owners": st.integers(0, 999),
        "exposure.usd": st.integers(0, 10**8).map(lambda cents: cents / 100),
        "approval.age": st.one_of(
            st.integers(0, 59).map(lambda count: timedelta(seconds=count)),
            st.integers(1, 9999).map(lambda count: timedelta(days=count)),
        ),
    },
)


@given(EXACT)
def test_what_words_can_say_comes_back_from_them(facts: dict[str, object]) -> None:
    words = {name: in_words(value) for name, value in facts.items()}
    assert remembered(words) == facts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("exposure.usd", "unknown"),
        ("token.risk", "unknown"),
        ("spender.owners", "many"),
        ("approval.age", "soon"),
        ("approval.age", "3 moons"),
        ("no.field", "yes"),
    ],
)
def test_what_words_do_not_say_is_not_known(name: str, said: str) -> None:
    assert remembered({name: said}) == {}


def sound(text: str) -> Condition:
    compiled = compile_condition(text)
    assert isinstance(compiled, Condition)
    return compiled


RULE = Rule(
    "money",
    "Money",
    Severity.LOW,
    sound("exposure.usd > 100"),
    Place("rules.yaml"),
    until=sound("exposure.usd < 80"),
    grades=(Grade(Severity.HIGH, sound("exposure.usd > 1000"), sound("exposure.usd < 800")),),
)


def alert(usd: str, severity: Severity) -> Alert:
    opened = datetime(2026, 1, 1, tzinfo=UTC)
    return Alert("A", "money", "Money", severity, "p", opened, values={"exposure.usd": usd})


@pytest.mark.parametrize(
    ("usd", "severity"),
    [("500", Severity.LOW), ("5,000", Severity.HIGH), ("900", Severity.HIGH), ("90", Severity.LOW)],
)
def test_a_decision_is_told_again_where_it_makes_the_same_alert(usd: str, severity: Severity) -> None:
    explanation = explain_then(RULE, alert(usd, severity))
    assert explanation is not None
    assert explanation.values[0].value == usd


@pytest.mark.parametrize(
    ("usd", "severity"),
    [("500", Severity.HIGH), ("5,000", Severity.LOW), ("50", Severity.LOW), ("unknown", Severity.LOW)],
)
def test_a_decision_that_the_rule_would_not_make_of_these_words_is_not_told(usd: str, severity: Severity) -> None:
    assert explain_then(RULE, alert(usd, severity)) is None


def test_a_rule_that_reads_something_else_by_now_says_nothing_of_then() -> None:
    edited = replace(RULE, condition=sound("exposure.usd > 100 && !spender.trusted"))
    assert explain_then(edited, alert("500", Severity.LOW)) is None
    assert explain_then(RULE, replace(alert("500", Severity.LOW), values=None)) is None
