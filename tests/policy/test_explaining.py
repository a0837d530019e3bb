"""Explanations: the tree is what the engine decided, and what is named as missing is what is missing."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.alerts import Alert, Judgement, Severity
from scanner.domain.explanation import Explanation, OperandEntry
from scanner.policy.engine import Condition, compile_condition, known_facts
from scanner.policy.explaining import NOT_ASKED, explain, foresee, outcome_of, taken_apart, tree_of, ways_of
from scanner.policy.loading import default_rules, load
from scanner.policy.rules import Rule
from scanner.policy.splitting import Join, Part
from scanner.policy.trials import run_tests

HOLDS, FAILS, UNDECIDED = Judgement.HOLDS, Judgement.FAILS, Judgement.UNDECIDED

INDEPENDENT: Mapping[str, tuple[str, object, object]] = {
    "allowance.unlimited": ("allowance.unlimited", True, False),
    "spender.labels.size() == 0": ("spender.labels", [], ["known"]),
    "exposure.usd > 1000": ("exposure.usd", 1001.0, 1000.0),
    "days(90) <= approval.age": ("approval.age", timedelta(days=90), timedelta(days=89)),
    '"cold" in owner.tags': ("owner.tags", ["cold", "b"], ["b"]),
    'spender.name.startsWith("a && b")': ("spender.name", "a && b", "c || d"),
    'chain.name in ["ethereum", "bsc"]': ("chain.name", "bsc", "base"),
    "token.risk == true": ("token.risk", True, False),
}
"""Tests that share no field: each with its field, a value for which it holds, and one for which it fails."""

TESTS = st.sampled_from(sorted(INDEPENDENT)).map(lambda text: (text, frozenset({text})))


def _joined(operator: str, parts: list[tuple[str, frozenset[str]]]) -> tuple[str, frozenset[str]]:
    return operator.join(f"({text})" for text, _ in parts), frozenset().union(*(tests for _, tests in parts))


CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: _joined(" && ", parts)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: _joined(" || ", parts)),
        inner.map(lambda part: (f"!({part[0]})", part[1])),
        st.tuples(inner, inner, inner).map(
            lambda parts: (
                f"({parts[0][0]}) ? ({parts[1][0]}) : ({parts[2][0]})",
                frozenset().union(*(p[1] for p in parts)),
            )
        ),
    ),
    max_leaves=6,
)
"""Conditions over these tests, each with those that it is made of."""

OUTCOMES = st.fixed_dictionaries({text: st.sampled_from([True, False, None]) for text in INDEPENDENT})


def facts_of(outcomes: Mapping[str, bool | None]) -> dict[str, object]:
    """Facts for which the tests come out like this; None leaves a field unknown."""
    return {
        INDEPENDENT[text][0]: INDEPENDENT[text][1 if outcome else 2]
        for text, outcome in outcomes.items()
        if outcome is not None
    }


def sound(text: str) -> Condition:
    compiled = compile_condition(text)
    assert isinstance(compiled, Condition), compiled
    return compiled


def every(tree: OperandEntry) -> Iterator[OperandEntry]:
    yield tree
    for operand in tree.operands:
        yield from every(operand)


@given(CONDITIONS, OUTCOMES)
def test_each_operand_comes_to_what_the_engine_says_and_none_is_taken_apart_too_little(
    made: tuple[str, frozenset[str]], outcomes: Mapping[str, bool | None]
) -> None:
    text, tests = made
    facts = facts_of(outcomes)
    tree = tree_of(sound(text), facts)
    for operand in every(tree):
        assert operand.outcome == sound(operand.text).judge(known_facts(facts)).value
    assert {operand.text for operand in every(tree) if not operand.operands} == tests
    assert tree.outcome == sound(text).judge(known_facts(facts)).value


@given(CONDITIONS, OUTCOMES)
def test_what_is_named_as_a_way_is_one_and_nothing_smaller_is(
    made: tuple[str, frozenset[str]], outcomes: Mapping[str, bool | None]
) -> None:
    text, tests = made
    condition = sound(text)
    tree = tree_of(condition, facts_of(outcomes))
    ways = list(ways_of(tree))
    assert all(goal.value != tree.outcome for goal, _ in ways)
    for goal, flips in ways:
        after = {**outcomes, **{test: to is HOLDS for test, to in flips.items()}}
        assert condition.judge(known_facts(facts_of(after))) is goal
    for goal in {HOLDS, FAILS} - {Judgement(tree.outcome)}:
        mine = {frozenset(flips.items()) for reached, flips in ways if reached is goal}
        assert len({len(flips) for flips in mine}) <= 1, "the smallest alone"
        alone = {
            frozenset({(test, HOLDS if to else FAILS)})
            for test in tests
            for to in (True, False)
            if outcomes[test] is not to and condition.judge(known_facts(facts_of({**outcomes, test: to}))) is goal
        }
        assert mine == alone if alone else all(len(flips) == 2 for flips in mine)


def test_two_operands_are_named_where_one_is_not_enough_and_three_never() -> None:
    both = tree_of(
        sound("allowance.unlimited && exposure.usd > 1000"), {"allowance.unlimited": False, "exposure.usd": 1.0}
    )
    assert list(ways_of(both)) == [(HOLDS, {"allowance.unlimited": HOLDS, "exposure.usd > 1000": HOLDS})]
    facts = {"allowance.unlimited": False, "exposure.usd": 1.0, "token.risk": False}
    assert list(ways_of(tree_of(sound("allowance.unlimited && exposure.usd > 1000 && token.risk"), facts))) == []


def test_the_same_test_flips_wherever_it_stands() -> None:
    tree = tree_of(sound("token.risk || (token.risk && allowance.unlimited)"), {"token.risk": True})
    assert list(ways_of(tree)) == [(FAILS, {"token.risk": FAILS})]
    assert outcome_of(tree, {"token.risk": FAILS}) is FAILS


@pytest.mark.parametrize("text", ["true", "1 < 2", "true || token.risk"])
def test_what_no_value_decides_is_no_way(text: str) -> None:
    tree = tree_of(sound(text), {"token.risk": False})
    assert tree.outcome == "holds"
    assert list(ways_of(tree)) == []


@pytest.mark.parametrize(
    "part",
    [
        Part("token.risk && allowance.unlimited", Join.ALL, (Part("token.risk"), Part("allowance.unlimited"))),
        Part("token.risk || unheard.of", Join.ANY, (Part("token.risk"), Part("unheard.of"))),
        Part("!token.risk", Join.NOT, (Part("token.risk"),)),
    ],
)
def test_operands_that_do_not_add_up_to_the_whole_are_one_operand(part: Part) -> None:
    condition = sound("token.risk || allowance.unlimited")
    facts = {"token.risk": True, "allowance.unlimited": False}
    tree = taken_apart(condition, part, facts)
    assert (tree.join, tree.operands, tree.outcome) == ("test", (), "holds")
    assert tree.about == "allowance.unlimited is no, token.risk is yes"


def rules(tmp_path: Path, text: str) -> list[Rule]:
    (tmp_path / "rules.yaml").write_text(text)
    pack = load([tmp_path])
    assert not pack.problems, pack.problems
    return list(pack.rules)


GRADED = """\
rules:
  - id: money
    title: Money
    severity: low
    when: exposure.usd > 100
    until: exposure.usd < 80
    grades:
      - {severity: high, when: exposure.usd > 1000, until: exposure.usd < 800}
    why: x
    fix: x
"""


def said(explanation: Explanation) -> str:
    return " ".join(explanation.said)


def test_the_verdict_is_the_rules_own_for_every_test_of_the_default_pack() -> None:
    pack = load([default_rules()])
    tried = run_tests(pack)
    assert len(tried) > 100
    for result in tried:
        rule, facts = result.rule, result.trial.given
        verdict = rule.judge(known_facts(facts))
        explanation = explain(rule, facts)
        asked = not rule.on or facts["change.kind"] in rule.on
        assert explanation.judgement == (verdict.judgement.value if asked else NOT_ASKED)
        assert explanation.severity == verdict.severity.value
        assert tuple(entry.field for entry in explanation.values) == rule.fields_read
        for condition in explanation.conditions:
            assert [one.join for one in every(condition.tree)] != ["test"] or not {"&&", "||"} & {
                *condition.text.split()
            }


def test_grades_and_ends_are_told_with_what_keeps_them(tmp_path: Path) -> None:
    [rule] = rules(tmp_path, GRADED)
    explanation = explain(rule, {"exposure.usd": 900.0})
    outcomes = {condition.name: condition.outcome for condition in explanation.conditions}
    assert outcomes == {"when": "holds", "until": "fails", "high when": "fails", "high until": "fails"}
    assert (explanation.judgement, explanation.severity, explanation.floor) == ("holds", "low", "high")
    assert said(explanation) == "It holds, at severity low. An alert that had been worse would not fall below high yet."
    assert "an alert that is open stays" in said(explain(rule, {"exposure.usd": 90.0}))
    assert said(explain(rule, {"exposure.usd": 79.0})) == "It does not hold."


def test_what_is_not_known_is_named_with_its_reason(tmp_path: Path) -> None:
    [rule] = rules(tmp_path, GRADED)
    explanation = explain(rule, {})
    [value] = explanation.values
    assert (value.field, value.value) == ("exposure.usd", "unknown")
    assert value.unknown == "if a part of that is not known, and nothing else makes it 0"
    assert "It cannot be decided: exposure.usd is not known. That neither opens nor resolves" in said(explanation)


def test_an_undecided_condition_that_is_to_alert_says_so(tmp_path: Path) -> None:
    [rule] = rules(tmp_path, GRADED.replace("    why: x", "    if_unknown: alert\n    why: x"))
    explanation = explain(rule, {})
    assert explanation.judgement == "holds"
    assert "`if_unknown: alert` makes that an alert, at severity low" in said(explanation)


EVENT = "rules: [{id: e, title: E, severity: low, on: [increased], when: 'true', why: x, fix: x}]"


@pytest.mark.parametrize(
    ("facts", "judgement", "words"),
    [
        ({"change.kind": "increased"}, "holds", "It holds, at severity low."),
        ({"change.kind": "new"}, NOT_ASKED, "It speaks only of changes (increased), and its last change was `new`."),
        ({}, NOT_ASKED, "It speaks only of changes (increased), and no change of this approval is recorded."),
    ],
)
def test_a_rule_on_changes_is_asked_of_its_changes_alone(
    tmp_path: Path, facts: dict[str, object], judgement: str, words: str
) -> None:
    [rule] = rules(tmp_path, EVENT)
    explanation = explain(rule, facts)
    assert (explanation.judgement, said(explanation)) == (judgement, words)


def test_what_is_in_force_no_more_is_asked_only_for_what_happened(tmp_path: Path) -> None:
    [rule] = rules(tmp_path, GRADED)
    assert explain(rule, {"exposure.usd": 500.0}, in_force=False).judgement == NOT_ASKED
    [event] = rules(tmp_path, EVENT)
    assert explain(event, {"change.kind": "increased"}, in_force=False).judgement == "holds"


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("usd", "open_at", "words"),
    [
        (500.0, None, "No alert is open for it. The next complete reading opens one, at low."),
        (50.0, None, "No alert is open for it, and none would be."),
        (500.0, Severity.LOW, "Nothing would change at the next reading."),
        (90.0, Severity.LOW, "Nothing would change at the next reading."),
        (5000.0, Severity.LOW, "changes A: worsened, its severity was low and is high."),
        (500.0, Severity.HIGH, "changes A: eased, its severity was high and is low."),
        (900.0, Severity.HIGH, "Nothing would change at the next reading."),
        (50.0, Severity.LOW, "changes A: resolved, the rule no longer holds."),
    ],
)
def test_what_the_next_reading_would_do_is_said(
    tmp_path: Path, usd: float, open_at: Severity | None, words: str
) -> None:
    [rule] = rules(tmp_path, GRADED)
    alerts = [] if open_at is None else [Alert("A", "money", "Money", open_at, "p", NOW)]
    assert foresee(rule, {"exposure.usd": usd}, "p", alerts, NOW).endswith(words)
