"""Grades and `until`: how bad it is, when it is over, and what moves nothing in between."""

from pathlib import Path

import pytest

from scanner.domain.alerts import Judgement, Severity
from scanner.policy.loading import load
from scanner.policy.rules import Expectation, Pack, Verdict
from scanner.policy.trials import run_tests

HOLDS, FAILS, LINGERS, UNDECIDED = Judgement.HOLDS, Judgement.FAILS, Judgement.LINGERS, Judgement.UNDECIDED
LOW, MEDIUM, HIGH, CRITICAL = (grade for grade in Severity if grade is not Severity.INFORMATIONAL)

RULE = """
rules:
  - id: money
    title: T
    severity: low
    when: {when}
    until: exposure.usd < 80 || spender.trusted
    grades:
      - {{severity: medium, when: exposure.usd > 1000}}
      - {{severity: critical, when: exposure.usd > 9000 && !token.risk, until: exposure.usd < 8000}}
    why: W
    fix: F
"""


def pack(directory: Path, when: str = "exposure.usd > 100 && !spender.trusted", more: str = "") -> Pack:
    (directory / "rules.yaml").write_text(RULE.format(when=when) + more, "utf-8")
    loaded = load([directory])
    assert loaded.problems == ()
    return loaded


def said(loaded: Pack, usd: float | None, *, trusted: bool = False, risk: bool | None = False) -> Verdict:
    known = {"exposure.usd": usd, "spender.trusted": trusted, "token.risk": risk}
    ((_, verdict),) = loaded.judge({name: value for name, value in known.items() if value is not None})
    return verdict


@pytest.mark.parametrize(
    ("usd", "verdict"),
    [
        (None, Verdict(UNDECIDED, LOW)),
        (79.0, Verdict(FAILS, LOW)),
        (80.0, Verdict(LINGERS, LOW)),
        (100.0, Verdict(LINGERS, LOW)),
        (101.0, Verdict(HOLDS, LOW)),
        (1_000.0, Verdict(HOLDS, LOW)),
        (1_001.0, Verdict(HOLDS, MEDIUM)),
        (7_999.0, Verdict(HOLDS, MEDIUM)),
        (8_000.0, Verdict(HOLDS, MEDIUM, CRITICAL)),
        (9_001.0, Verdict(HOLDS, CRITICAL)),
    ],
)
def test_the_worst_grade_that_holds_is_said_and_what_is_not_over_lingers(
    tmp_path: Path, usd: float | None, verdict: Verdict
) -> None:
    assert said(pack(tmp_path), usd) == verdict


def test_what_cannot_be_decided_lets_no_severity_fall_and_none_rise(tmp_path: Path) -> None:
    loaded = pack(tmp_path)
    assert said(loaded, 9_500.0, risk=None) == Verdict(HOLDS, MEDIUM, CRITICAL)
    assert said(loaded, 500.0, risk=None) == Verdict(HOLDS, LOW)
    assert said(loaded, None, trusted=True) == Verdict(FAILS, LOW)
    assert said(pack(tmp_path, "'!spender.trusted'"), None) == Verdict(HOLDS, LOW, CRITICAL)


def test_an_end_that_cannot_be_decided_has_not_come(tmp_path: Path) -> None:
    assert said(pack(tmp_path, "token.risk"), None) == Verdict(LINGERS, LOW, CRITICAL)


def test_what_cannot_be_decided_is_not_over_whatever_its_end_says(tmp_path: Path) -> None:
    assert said(pack(tmp_path, "token.risk"), 3.0, risk=None) == Verdict(UNDECIDED, LOW)


def test_an_undecided_rule_that_alerts_is_graded_too(tmp_path: Path) -> None:
    loaded = pack(tmp_path, "token.risk", "    if_unknown: alert\n")
    assert said(loaded, 5_000.0, risk=None) == Verdict(HOLDS, MEDIUM)


def test_a_rule_reads_the_fields_of_all_of_its_conditions(tmp_path: Path) -> None:
    (rule,) = pack(tmp_path, "allowance.unlimited").rules
    assert rule.fields_read == ("allowance.unlimited", "exposure.usd", "spender.trusted", "token.risk")
    assert rule.severities == (LOW, MEDIUM, CRITICAL)


TEST = "    tests: [{{name: x, given: {{exposure.usd: {usd}, token.risk: no}}, expect: {expect}{more}}}]\n"


@pytest.mark.parametrize(
    ("usd", "open_", "got", "severity"),
    [
        ("90", None, "quiet", None),
        ("90", "true", "alert", "low"),
        ("90", "critical", "alert", "low"),
        ("79", "true", "quiet", None),
        ("2000", None, "alert", "medium"),
        ("8500", "medium", "alert", "medium"),
        ("8500", "critical", "alert", "critical"),
        ("unknown", None, "undecided", None),
        ("unknown", "medium", "undecided", "medium"),
    ],
)
def test_a_rules_own_test_may_have_the_alert_open_already(
    tmp_path: Path, usd: str, open_: str | None, got: str, severity: str | None
) -> None:
    more = "" if open_ is None else f", open: {open_}"
    (result,) = run_tests(pack(tmp_path, more=TEST.format(usd=usd, expect=got, more=more)))
    assert (result.got, result.severity, result.passed) == (Expectation(got), severity, True)


@pytest.mark.parametrize(("severity", "passed"), [("low", False), ("medium", True), ("critical", False)])
def test_a_rules_own_test_may_expect_a_severity(tmp_path: Path, severity: str, passed: bool) -> None:
    test = TEST.format(usd="2000", expect="alert", more=f", severity: {severity}")
    (result,) = run_tests(pack(tmp_path, more=test))
    assert result.passed is passed
