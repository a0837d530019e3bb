"""Rules judge, and their own tests tell whether they judge as meant."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.domain.alerts import Finding, Judgement, Severity
from scanner.domain.approvals import Allowance, Approval, Spender, Token
from scanner.domain.changes import Change, ChangeKind
from scanner.policy.loading import load
from scanner.policy.rules import Expectation, Pack, findings
from scanner.policy.trials import run_tests

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def pack(directory: Path, *rules: str) -> Pack:
    entries = "".join(f"  - {{title: T, why: W, fix: F, {rule}}}\n" for rule in rules)
    (directory / "rules.yaml").write_text(f"rules:\n{entries}", "utf-8")
    loaded = load([directory])
    assert loaded.problems == ()
    return loaded


def outcome(directory: Path, rule: str, given: str) -> Expectation:
    """What a rule says of what a test gives; the test itself expects anything."""
    test = f"tests: [{{name: x, given: {{{given}}}, expect: alert}}]"
    (result,) = run_tests(pack(directory, f"id: a, severity: low, {rule}, {test}"))
    assert result.passed is (result.got is Expectation.ALERT)
    return result.got


@pytest.mark.parametrize(
    ("when", "given"),
    [
        ("allowance.unlimited && allowance.readable", "allowance.raw: max"),
        ("allowance.unlimited && allowance.readable", "allowance.raw: unlimited"),
        ("!allowance.unlimited && allowance.readable", 'allowance.raw: "340282366920938463463374607431768211454"'),
        ("allowance.unlimited", 'allowance.raw: "340282366920938463463374607431768211455"'),
        ("!allowance.readable", "allowance.raw: unknown"),
        ("allowance.unlimited", "allowance.raw: 1, allowance.unlimited: yes"),
        ("spender.trusted", "spender.labels: [trusted]"),
        ("!spender.trusted", "spender.labels: [trusted], spender.trusted: false"),
        ("approval.age == days(90)", "approval.age: 90d"),
        ('approval.age == duration("90m")', "approval.age: 90 m"),
        ("spender.owners == 3", "spender.owners: 3"),
        ("exposure.usd > 1e3", 'exposure.usd: "1000.01"'),
        ('spender.name == "0x10"', "spender.name: 0x10"),
        ('spender.name == "no"', "spender.name: no"),
        ('approval.status == "granted" && approval.kind == "erc20" && token.address != ""', ""),
        ("allowance.readable && !allowance.unlimited", ""),
        ('spender.labels.size() == 0 && spender.name != "" && spender.owners == 1', ""),
    ],
)
def test_what_a_test_gives_is_what_the_rule_sees(tmp_path: Path, when: str, given: str) -> None:
    assert outcome(tmp_path, f"when: {when!r}", given) is Expectation.ALERT


@pytest.mark.parametrize("field", ["spender.trusted", "allowance.unlimited", "token.risk"])
def test_an_unknown_field_leaves_a_rule_undecided_unless_it_says_otherwise(tmp_path: Path, field: str) -> None:
    assert outcome(tmp_path, f"when: {field}", f"{field}: unknown") is Expectation.UNDECIDED
    assert outcome(tmp_path, f"when: {field}, if_unknown: alert", f"{field}: unknown") is Expectation.ALERT
    assert outcome(tmp_path, f"when: {field}, if_unknown: ignore", f"{field}: unknown") is Expectation.UNDECIDED


def test_a_test_of_an_event_rule_is_about_its_first_kind_of_change(tmp_path: Path) -> None:
    rule = "on: [increased], when: 'change.kind == \"increased\" && !change.was_unlimited'"
    assert outcome(tmp_path, rule, "") is Expectation.ALERT
    assert outcome(tmp_path, rule, "change.kind: new") is Expectation.QUIET
    assert outcome(tmp_path, rule, "change.kind: baseline") is Expectation.QUIET
    assert outcome(tmp_path, rule, "change.was_unlimited: unknown") is Expectation.UNDECIDED


@pytest.mark.parametrize(
    "given",
    [
        "allowance.raw: -1",
        "allowance.raw: 1.5",
        f"allowance.raw: {2**256}",
        "allowance.raw: [max]",
        "spender.labels: known",
        "spender.labels: [[known]]",
        "spender.trusted: maybe",
        "spender.owners: 2.5",
        "spender.owners: ~",
        "spender.name: [x]",
        "exposure.usd: much",
        "exposure.usd: nan",
        "approval.age: 90",
        "approval.age: 99999999999d",
        "approval.status: grantd",
        "spender.nme: x",
    ],
)
def test_a_test_that_gives_what_cannot_be_is_a_problem(tmp_path: Path, given: str) -> None:
    test = f"tests: [{{name: x, given: {{{given}}}, expect: alert}}]"
    (tmp_path / "rules.yaml").write_text(
        f"rules:\n  - {{id: a, title: T, why: W, fix: F, severity: low, when: true, {test}}}\n"
    )
    loaded = load([tmp_path])
    assert loaded.rules == ()
    assert [problem.code for problem in loaded.problems] == ["test-value"]


def test_rules_on_a_state_are_judged_always_and_rules_on_events_for_their_kinds(tmp_path: Path) -> None:
    loaded = pack(
        tmp_path,
        "id: state, severity: low, when: spender.trusted",
        "id: new, severity: low, on: [new], when: true",
        "id: moved, severity: low, on: [increased, decreased], when: allowance.unlimited",
    )

    def judged(kind: ChangeKind | None) -> dict[str, Judgement]:
        return {rule.id: said.judgement for rule, said in loaded.judge({"spender.trusted": False}, kind)}

    assert judged(None) == {"state": Judgement.FAILS}
    assert judged(ChangeKind.NEW) == {"state": Judgement.FAILS, "new": Judgement.HOLDS}
    assert judged(ChangeKind.DECREASED) == {"state": Judgement.FAILS, "moved": Judgement.UNDECIDED}
    assert judged(ChangeKind.BASELINE) == {"state": Judgement.FAILS}


def test_findings_carry_the_change_only_for_rules_on_events_and_the_values_that_decided(tmp_path: Path) -> None:
    loaded = pack(
        tmp_path,
        'id: state, severity: high, when: spender.owners > 1 && spender.name != ""',
        "id: event, severity: low, on: [new], when: token.risk, if_unknown: alert",
        "id: quiet, severity: low, when: spender.owners > 5",
    )
    facts = {"spender.owners": 2, "spender.name": "<b>Visit evil.example"}
    approval = Approval("1", "0x1", Token("0x2"), Spender("0x3"), Allowance(1))
    change = Change(ChangeKind.NEW, None, approval, NOW)
    judged = loaded.judge(facts, change.kind)
    state, event, quiet = findings(judged, approval=approval.id, facts=facts, change=change, proven=True)
    assert state == Finding(
        "state",
        "T",
        Severity.HIGH,
        approval.id,
        Judgement.HOLDS,
        proven=True,
        values={"spender.name": "‹b›Visit evil[.]example", "spender.owners": "2"},
    )
    assert (event.change, event.judgement, event.values) == (change.id, Judgement.HOLDS, {"token.risk": "unknown"})
    assert (quiet.judgement, quiet.values, quiet.change) == (Judgement.FAILS, None, None)
