"""`rules test` as a person and a build server meet it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from shell import run

from scanner.formats.documents import TrialEntry, Trials
from scanner.formats.junit import render
from scanner.policy.loading import default_rules

RULE = """\
rules:
  - id: mine
    title: T
    severity: high
    when: allowance.unlimited
    why: W
    fix: F
    tests:
      - {name: it is, given: {allowance.raw: max}, expect: EXPECT}
      - {name: it is not, given: {}, expect: quiet}
"""


def test_a_failing_test_is_told_with_its_place_the_difference_and_the_facts(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RULE.replace("EXPECT", "quiet"))
    ended = run(tmp_path, "rules", "test", "mine.yaml")
    assert ended.code == 4
    for said in ("mine.yaml:9", "mine: it is", "- quiet", "+ alert", "because allowance.unlimited yes"):
        assert said in ended.out
    assert "2 tests of 1 rule: 1 failed" in ended.out


def test_tests_that_pass_are_counted_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RULE.replace("EXPECT", "alert"))
    ended = run(tmp_path, "rules", "test", "mine.yaml")
    assert (ended.code, ended.out.count("\n")) == (0, 1)
    assert ended.out.startswith("2 tests of 1 rule: all passed, in ")


def test_a_broken_file_is_told_and_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RULE.replace("allowance.unlimited", "allowance.unlimitd"))
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "one.yaml").write_text("scenario: one\nsteps: []\n")
    ended = run(tmp_path, "rules", "test", ".")
    assert (ended.code, ended.out) == (2, "")
    assert "mine.yaml:5:" in ended.err
    assert "one.yaml:" in ended.err


def test_a_changed_copy_of_a_default_rule_can_be_tried(tmp_path: Path) -> None:
    text = (default_rules() / "incidents.yaml").read_text()
    (tmp_path / "copy.yaml").write_text(text.replace("severity: critical", "severity: high", 1))
    assert ": all passed" in run(tmp_path, "rules", "test", "copy.yaml").out


def test_where_nothing_lies_nothing_passes(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("rules are elsewhere")
    ended = run(tmp_path, "rules", "test", ".")
    assert (ended.code, ended.out) == (2, "")
    assert "There are neither rules nor scenarios" in ended.err


def test_a_rule_without_a_test_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RULE.partition("    tests:")[0])
    ended = run(tmp_path, "rules", "test", "mine.yaml")
    assert (ended.code, ended.err) == (0, "without a test: mine\n")


def test_scenarios_lie_beside_rules_or_are_named(tmp_path: Path) -> None:
    scenario = """\
scenario: one
world:
  tokens: {usdt: {chain: ethereum, address: 0xc011a1000000000000000000000000000000d701, decimals: 6}}
  spenders: {dex: {address: 0x5be0de90000000000000000000000000000a5e01, name: Dex}}
  owners: {treasury: 0x71ea5000000000000000000000000000000a11ce}
steps:
  - happens: [{approve: dex, by: treasury, token: usdt, amount: 5}]
    expect: {changes: [{new: dex}]}
"""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "one.yaml").write_text(scenario)
    for named in (".", "scenarios/one.yaml"):
        ended = run(tmp_path, "rules", "test", named, "--format", "json")
        (entry,) = json.loads(ended.out)["tests"]
        assert (ended.code, entry["kind"], entry["line"], entry["passed"]) == (4, "scenario", 8, False)


def test_junit_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RULE.replace("EXPECT", "quiet"))
    assert run(tmp_path, "rules", "test", "mine.yaml", "--junit", "out.xml").code == 4
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    (failure,) = root.iter("failure")
    assert failure.get("message") == "- quiet"
    assert "mine.yaml:9" in str(failure.text)
    names = [(case.get("classname"), case.get("name"), case.get("line")) for case in root.iter("testcase")]
    assert names == [("mine", "it is", "9"), ("mine", "it is not", "10")]
    assert all(float(str(case.get("time"))) >= 0 for case in root.iter("testcase"))


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\x0b", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_replaced(letter: str) -> None:
    entry = TrialEntry("rule", f"a{letter}", f"<b>{letter}&", "f.yaml", 1, False, 0.0, (f"x{letter}",), ("]]>",), ())
    (case,) = ElementTree.fromstring(render(Trials(tests=(entry,), failed=1)).encode()).iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("a\ufffd", "<b>\ufffd&")
    assert "x\ufffd" in str(case[0].text)
