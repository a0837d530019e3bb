"""Rule files: all mistakes at once, each with its place, and none of them stops the sound rules."""

from pathlib import Path
from textwrap import dedent

import pytest

from scanner.domain.alerts import Severity
from scanner.domain.changes import ChangeKind
from scanner.errors import Problem
from scanner.policy.loading import default_rules, load
from scanner.policy.rules import IfUnknown, Pack

SOUND = """
  - id: {id}
    title: A title
    severity: high
    when: {when}
    why: It is dangerous.
    fix: Do something.
"""


def pack(directory: Path, text: str, name: str = "mine.yaml") -> Pack:
    (directory / name).write_text(dedent(text), "utf-8")
    return load([directory])


def one(directory: Path, lines: str) -> Problem:
    """The one problem of a file with one rule, whose own lines replace or follow the sound ones."""
    own = dict(line.split(": ", 1) for line in lines.splitlines())
    sound = {"id": "mine", "title": "A title", "severity": "high", "when": "true", "why": "Why.", "fix": "Fix."}
    entry = "".join(f"    {key}: {value}\n" for key, value in {**sound, **own}.items() if value != "MISSING")
    loaded = pack(directory, f"rules:\n  -\n{entry}")
    assert loaded.rules == ()
    assert loaded.warnings == ()
    (problem,) = loaded.problems
    return problem


def test_a_rule_as_the_contract_shows_it(tmp_path: Path) -> None:
    loaded = pack(
        tmp_path,
        """
        rules:
          - id: unlimited-to-stranger
            title: Unlimited allowance to a spender on no list
            severity: high
            when: allowance.unlimited && spender.labels.size() == 0        # CEL
            why: One sentence on the danger.
            fix: One sentence on what to do.
            tests:
              - {name: max uint to a stranger, given: {allowance.raw: max, spender.labels: []}, expect: alert}
              - {name: known router, given: {allowance.raw: max, spender.labels: [known]}, expect: quiet}
          - id: allowance-increased
            title: Allowance was raised
            severity: medium
            on: [increased]                                       # an event rule
            when: true
            if_unknown: alert
        """,
    )
    assert loaded.problems == ()
    state, event = loaded.rules
    assert (state.id, state.severity, state.on) == ("unlimited-to-stranger", Severity.HIGH, frozenset())
    assert state.when == "allowance.unlimited && spender.labels.size() == 0"
    assert state.fields_read == ("allowance.unlimited", "spender.labels")
    assert (state.why, state.fix) == ("One sentence on the danger.", "One sentence on what to do.")
    assert [trial.name for trial in state.tests] == ["max uint to a stranger", "known router"]
    assert (state.place.line, state.place.column) == (3, 5)
    assert (event.on, event.if_unknown) == (frozenset({ChangeKind.INCREASED}), IfUnknown.ALERT)
    assert loaded.ids == {"unlimited-to-stranger", "allowance-increased"}


def test_a_rule_without_advice_and_tests_works_with_warnings(tmp_path: Path) -> None:
    loaded = pack(tmp_path, "rules:\n  - {id: bare, title: Bare, severity: low, when: token.risk}\n")
    assert [rule.id for rule in loaded.rules] == ["bare"]
    assert [(w.code, w.place.line) for w in loaded.warnings] == [("no-fix", 2), ("no-tests", 2), ("no-why", 2)]


def test_a_typo_in_the_tenth_rule_leaves_the_others_in_force(tmp_path: Path) -> None:
    whens = ["true"] * 9 + ["allowance.unlimted"] + ["spender.trusted"] * 2
    text = "rules:" + "".join(SOUND.format(id=f"rule-{n}", when=when) for n, when in enumerate(whens, start=1))
    loaded = pack(tmp_path, text)
    assert [rule.id for rule in loaded.rules] == [f"rule-{n}" for n in range(1, 13) if n != 10]
    (problem,) = loaded.problems
    assert problem.render() == (
        f"{tmp_path}/mine.yaml:68:11: there is no field 'allowance.unlimted' (did you mean 'allowance.unlimited'?) "
        "[unknown-field]\n"
        "        when: allowance.unlimted\n"
        "              ^"
    )
    assert "rule-10" in loaded.ids


def test_all_problems_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    pack(tmp_path, "rules:" + SOUND.format(id="a", when="fo"), "1.yaml")
    pack(tmp_path, "rules: [", "2.yml")
    pack(tmp_path, "- no mapping", "3.yaml")
    pack(tmp_path, "rule: []", "4.yaml")
    pack(tmp_path, "rules: nothing", "5.yaml")
    pack(tmp_path, "rules: [text]", "6.yaml")
    pack(tmp_path, "", "7.yaml")
    pack(tmp_path, "rules:\n", "8.yaml")
    pack(tmp_path, "nonsense", ".hidden.yaml")
    pack(tmp_path, "nonsense", "README.md")
    (tmp_path / "9.yaml").write_bytes(b"rules: \xff")
    loaded = load([tmp_path, tmp_path / "missing"])
    assert [(Path(p.place.file).name, p.code) for p in loaded.problems] == [
        ("1.yaml", "unknown-field"),
        ("2.yml", "yaml-syntax"),
        ("3.yaml", "rule-shape"),
        ("4.yaml", "unknown-key"),
        ("5.yaml", "rule-shape"),
        ("6.yaml", "rule-shape"),
        ("9.yaml", "rules-unreadable"),
        ("missing", "rules-unreadable"),
    ]


@pytest.mark.parametrize(
    ("lines", "code", "column", "says"),
    [
        ("id: MISSING", "missing-key", 5, "this rule has no `id`"),
        ("title: MISSING", "missing-key", 5, "mine has no `title`"),
        ("severity: MISSING", "missing-key", 5, "mine has no `severity`"),
        ("when: MISSING", "missing-key", 5, "mine has no `when`"),
        ("title: ''", "rule-shape", 12, "`title` is empty"),
        ("title: [a]", "rule-shape", 12, "`title` is a text"),
        ("title: ~", "rule-shape", 12, "`title` is empty"),
        ("id: my rule", "bad-id", 9, "letters, digits and single hyphens"),
        ("severity: hihg", "bad-word", 15, "did you mean 'high'?"),
        ("severity: worst", "bad-word", 15, "informational, low, medium, high, critical"),
        ("severity: ~", "bad-word", 15, "informational"),
        ("when: ''", "rule-shape", 11, "`when` is empty"),
        ("when: {a: b}", "rule-shape", 11, "`when` is a text"),
        ("when: spender.owners", "not-a-condition", 11, "this is a whole number"),
        ("when: change.was_unlimited", "needs-on", 11, "on: [new, increased]"),
        ("on: increased", "rule-shape", 9, "list"),
        ("on: []", "rule-shape", 9, "list"),
        ("on: [new, increasd]", "bad-word", 15, "`on` cannot be 'increasd' (did you mean 'increased'?)"),
        ("if_unknown: alarm", "bad-word", 17, "alert"),
        ("if_unknown: ~", "bad-word", 17, "alert"),
        ("wenn: true", "unknown-key", 5, "did you mean 'when'?"),
        ("why: [a]", "rule-shape", 10, "`why` is a text"),
        ("until: ''", "rule-shape", 12, "`until` is empty"),
        ("until: spender.owners", "not-a-condition", 12, "this is a whole number"),
        ("until: spender.nme == ''", "unknown-field", 12, "did you mean 'spender.name'?"),
        ("until: change.was_unlimited", "needs-on", 12, "on: [new, increased]"),
        ("on: [new]\nuntil: true", "state-only", 12, "`until` is only for rules on states"),
        ("on: [new]\ngrades: [{severity: critical, when: true}]", "state-only", 13, "`grades` is only for rules on"),
        ("grades: much", "rule-shape", 13, "`grades` is a list (such as [{severity: critical"),
        ("grades: []", "rule-shape", 13, "`grades` is a list"),
        ("grades: [critical]", "rule-shape", 14, "a grade is a mapping"),
        ("grades: [{when: true}]", "missing-key", 14, "this grade has no `severity`"),
        ("grades: [{severity: critical}]", "missing-key", 14, "this grade has no `when`"),
        ("grades: [{severity: worst, when: true}]", "bad-word", 25, "informational, low"),
        ("grades: [{severity: critical, when: [a]}]", "rule-shape", 41, "`when` is a text"),
        ("grades: [{severity: critical, when: exposure.usd > x}]", "unknown-field", 56, "no field 'x'"),
        ("grades: [{severity: critical, when: exposure.usd}]", "not-a-condition", 41, "a number"),
        ("grades: [{severity: critical, when: change.was_unlimited}]", "needs-on", 41, "rules on changes"),
        ("grades: [{severity: critical, when: true, until: fo}]", "unknown-field", 54, "no field 'fo'"),
        ("grades: [{severity: critical, when: true, untill: true}]", "unknown-key", 47, "did you mean 'until'?"),
        ("grades: [{severity: high, when: true}]", "grade-order", 25, "`high` is not worse than `high`"),
        ("grades: [{severity: low, when: true}]", "grade-order", 25, "`low` is not worse than `high`"),
        (
            "severity: low\ngrades: [{severity: high, when: true}, {severity: medium, when: true}]",
            "grade-order",
            55,
            "`medium` is not worse than `high`",
        ),
        ("tests: some", "rule-shape", 12, "`tests` is a list"),
        ("tests: [{name: x, given: {}, expect: alert, severity: worst}]", "bad-word", 59, "informational, low"),
        (
            "tests: [{name: x, given: {}, expect: alert, severity: low}]",
            "test-value",
            59,
            "never `low` (it is one of high)",
        ),
        ("tests: [{name: x, given: {}, expect: quiet, severity: high}]", "test-value", 59, "what is quiet has no"),
        ("tests: [{name: x, given: {}, expect: alert, open: maybe}]", "bad-word", 55, "`open` cannot be 'maybe'"),
        ("tests: [{name: x, given: {}, expect: alert, open: low}]", "test-value", 55, "never `low`"),
        ("on: [new]\ntests: [{name: x, given: {}, expect: alert, open: true}]", "state-only", 55, "alert of its own"),
        ("tests: [some]", "rule-shape", 13, "a test is a mapping"),
        ("tests: [{name: x, given: {}}]", "missing-key", 13, "no `expect`"),
        ("tests: [{given: {}, expect: alert}]", "missing-key", 13, "no `name`"),
        ("tests: [{name: x, expect: alert}]", "missing-key", 13, "no `given`"),
        ("tests: [{name: x, given: {}, expect: ~}]", "bad-word", 42, "alert, quiet, undecided"),
        ("tests: [{name: x, given: {}, expect: silent}]", "bad-word", 42, "alert, quiet, undecided"),
        ("tests: [{name: [], given: {}, expect: alert}]", "rule-shape", 20, "`name` is a text"),
        ("tests: [{name: x, given: [], expect: alert}]", "rule-shape", 30, "`given` is a mapping"),
        ("tests: [{name: x, given: {}, expect: alert, expected: a}]", "unknown-key", 49, "did you mean 'expect'?"),
        (
            "tests: [{name: x, given: {spender.nam: x}, expect: alert}]",
            "test-value",
            44,
            "did you mean 'spender.name'?",
        ),
        ("tests: [{name: x, given: {allowance.rw: x}, expect: alert}]", "test-value", 45, "'allowance.raw'"),
        ("tests: [{name: x, given: {spender.owners: x}, expect: alert}]", "test-value", 47, "whole number, not 'x'"),
    ],
)
def test_a_mistake_has_its_place_and_a_way_out(tmp_path: Path, lines: str, code: str, column: int, says: str) -> None:
    problem = one(tmp_path, lines)
    assert (problem.code, problem.place.column) == (code, column)
    assert says in str(problem)
    assert problem.place.file == str(tmp_path / "mine.yaml")


def test_a_caret_points_into_a_block_of_several_lines(tmp_path: Path) -> None:
    text = "rules:" + SOUND.format(id="a", when="|\n      allowance.unlimited &&\n      spender.nam == ''")
    (problem,) = pack(tmp_path, text).problems
    assert problem.render().splitlines()[1:] == ["          spender.nam == ''", "          ^"]


def test_of_two_rules_with_one_id_the_first_stays_and_both_places_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        pack(tmp_path / name, "rules:" + SOUND.format(id="same", when="true"), "rules.yaml")
    loaded = load([tmp_path / "a", tmp_path / "b"])
    assert [rule.place.file for rule in loaded.rules] == [str(tmp_path / "a" / "rules.yaml")]
    (problem,) = loaded.problems
    assert (problem.code, problem.place.file) == ("duplicate-id", str(tmp_path / "b" / "rules.yaml"))
    assert f"{tmp_path}/a/rules.yaml:2:9" in problem.message
    assert "rules.disable" in problem.hint


def test_a_directory_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    pack(tmp_path, "rules:" + SOUND.format(id="a", when="true"))
    loaded = load([tmp_path, tmp_path / ".." / tmp_path.name])
    assert (len(loaded.rules), loaded.problems) == (1, ())


def test_a_disabled_rule_is_left_out_and_still_known_by_name(tmp_path: Path) -> None:
    pack(tmp_path, "rules:" + SOUND.format(id="a", when="true") + SOUND.format(id="b", when="true"))
    loaded = load([tmp_path], disable=["a"])
    assert [rule.id for rule in loaded.rules] == ["b"]
    assert loaded.ids == {"a", "b"}


def test_a_rule_that_says_a_thing_twice_is_left_out_and_its_neighbours_stay(tmp_path: Path) -> None:
    rules = [SOUND.format(id=name, when="true") for name in "abc"]
    loaded = pack(tmp_path, "rules:" + rules[0] + rules[1] + "    severity: low\n" + rules[2] + "rules: []\n")
    assert [rule.id for rule in loaded.rules] == ["a", "c"]
    assert [(p.code, p.place.line, p.place.column) for p in loaded.problems] == [
        ("duplicate-key", 15, 5),
        ("duplicate-key", 23, 1),
    ]


def test_the_default_pack_is_found_and_sound() -> None:
    loaded = load([default_rules()])
    assert loaded.problems == loaded.warnings == ()
    assert loaded.ids == {rule.id for rule in loaded.rules}


def test_what_no_file_can_hold_as_text_is_a_problem(tmp_path: Path) -> None:
    loaded = pack(tmp_path, "rules:" + SOUND.format(id="a", when=r'"spender.name == \"\ud800\""'))
    assert loaded.rules == ()
    assert loaded.problems


def test_a_caret_points_into_the_condition_of_a_grade(tmp_path: Path) -> None:
    grade = (
        "      - severity: critical\n        when: >-\n          allowance.unlimited\n          && exposre.usd > 1\n"
    )
    more = f"    grades:\n{grade}"
    (problem,) = pack(tmp_path, "rules:" + SOUND.format(id="a", when="true") + more).problems
    assert problem.render().splitlines()[1:] == ["              && exposre.usd > 1", "                 ^"]


def test_all_that_is_wrong_with_grades_is_said_at_once(tmp_path: Path) -> None:
    more = "    until: fo\n    grades: [{severity: low, when: ba}, text, {when: true, until: ~}]\n"
    loaded = pack(tmp_path, "rules:" + SOUND.format(id="a", when="true") + more)
    assert [problem.code for problem in loaded.problems] == [
        *("unknown-field", "unknown-field", "rule-shape", "missing-key", "rule-shape"),
    ]
