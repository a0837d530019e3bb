"""The schema of rule files takes what the loader takes, and refuses what a schema can refuse."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typed_yaml import typed

from scanner.policy.fields import FIELDS
from scanner.policy.loading import default_rules, load
from scanner.policy.schema import rules_schema

ROOT = Path(__file__).parents[2]
SCHEMA = rules_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = {
    **{path.name: path.read_text() for path in sorted(default_rules().glob("*.yaml"))},
    **{
        f"{page.name} {number}": text
        for page in sorted((ROOT / "docs").glob("*.md"))
        for number, text in enumerate(re.findall(r"```yaml\n(rules:\n  - .*?)```", page.read_text(), re.DOTALL))
    },
}


def refused(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(typed(text))]


def loads(folder: Path, text: str) -> bool:
    (folder / "mine.yaml").write_text(text)
    return load([folder]).problems == ()


def rule(lines: str) -> str:
    """A file with one rule, whose own lines replace or follow the sound ones."""
    own = dict(line.split(": ", 1) for line in lines.splitlines())
    entry = {"id": "mine", "title": "T", "severity": "low", "when": "allowance.unlimited", **own}
    return "rules:\n  -\n" + "".join(f"    {key}: {value}\n" for key, value in entry.items() if value != "MISSING")


def test_it_is_a_schema_of_this_draft_and_names_no_host() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].startswith("urn:")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_passes(name: str) -> None:
    assert refused(EXAMPLES[name]) == []


@pytest.mark.parametrize(
    "lines",
    [
        "wenn: true",
        "id: my rule",
        "id: a--b",
        "title: MISSING",
        "title: ''",
        "severity: hihg",
        "severity: ~",
        "when: ''",
        "when: {a: b}",
        "until: [a]",
        "on: new",
        "on: []",
        "on: [new, increasd]",
        "on: [new]\nuntil: token.risk",
        "on: [new]\ngrades: [{severity: high, when: token.risk}]",
        "if_unknown: alarm",
        "noise: ''",
        "grades: []",
        "grades: [{severity: high}]",
        "grades: [{severity: high, when: token.risk, untill: true}]",
        "params: {}",
        "params: {Usd: 7}",
        "params: {usd: }",
        "exceptions: [[colour]]",
        "exceptions: spender",
        "tests: {}",
        "tests: [{name: a, given: {}}]",
        "tests: [{name: a, given: {}, expect: louder}]",
        "tests: [{name: a, given: [], expect: quiet}]",
        "tests: [{name: a, given: {spender.nam: a}, expect: quiet}]",
        "tests: [{name: a, given: {allowance.raw: 1.5}, expect: quiet}]",
        "tests: [{name: a, given: {allowance.raw: -1}, expect: quiet}]",
        "tests: [{name: a, given: {spender.labels: known}, expect: quiet}]",
        "tests: [{name: a, given: {spender.owners: 1.5}, expect: quiet}]",
        "tests: [{name: a, given: {spender.trusted: maybe}, expect: quiet}]",
        "tests: [{name: a, given: {approval.age: 90}, expect: quiet}]",
        "tests: [{name: a, given: {approval.status: grnted}, expect: quiet}]",
        "tests: [{name: a, given: {chain.name: etherium}, expect: quiet}]",
        "tests: [{name: a, given: {exposure.usd: much}, expect: quiet}]",
        "tests: [{name: a, given: {spender.name: }, expect: quiet}]",
        "tests: [{name: a, given: {}, expect: alert, severity: worst}]",
        "tests: [{name: a, given: {}, expect: alert, open: perhaps}]",
    ],
)
def test_what_a_schema_can_say_is_refused_by_both(tmp_path: Path, lines: str) -> None:
    assert refused(rule(lines))
    assert not loads(tmp_path, rule(lines))


@pytest.mark.parametrize(
    "lines",
    [
        "title: 7",
        "when: true",
        "id: 7",
        "on: [new]",
        "on: [new]\nwhen: change.was_unlimited || true",
        "if_unknown: alert",
        "noise: When it rains.",
        "why: ~\nfix: ~",
        "tests: ~",
        "until: false",
        """params: {usd: 7, age: 90d, who: [a, 7]}
when: exposure.usd > params.usd && approval.age > params.age && spender.name in params.who""",
        "exceptions: [[spender, token], [owner]]",
        "exceptions: []",
        "grades: [{severity: high, when: token.risk, until: false}]",
        "tests: [{name: 7, given: {}, expect: quiet, open: true}]",
        "tests: [{name: a, given: {allowance.raw: 7, spender.trusted: no, approval.age: 90 d}, expect: quiet}]",
        "tests: [{name: a, given: {allowance.raw: max, exposure.usd: 1e3, spender.owners: 3}, expect: alert}]",
        "tests: [{name: a, given: {allowance.raw: '7', exposure.usd: '1_000.5', spender.owners: '3'}, expect: quiet}]",
        "tests: [{name: a, given: {spender.labels: [7, true], token.symbol: 7}, expect: quiet}]",
    ],
)
def test_what_the_loader_takes_passes(tmp_path: Path, lines: str) -> None:
    assert loads(tmp_path, rule(lines))
    assert refused(rule(lines)) == []


@pytest.mark.parametrize("text", ["", "rules:", "rules: []"])
def test_a_file_without_rules_passes(tmp_path: Path, text: str) -> None:
    assert loads(tmp_path, text)
    assert refused(text) == []


@pytest.mark.parametrize("text", ["[]", "rules: {}", "rules: [a]", "rulez: []"])
def test_a_file_of_another_shape_is_refused_by_both(tmp_path: Path, text: str) -> None:
    assert refused(text)
    assert not loads(tmp_path, text)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_given_described_unknown_and_only_in_its_type(name: str, tmp_path: Path) -> None:
    given = SCHEMA["properties"]["rules"]["items"]["properties"]["tests"]["items"]["properties"]["given"]
    assert FIELDS[name].meaning in given["properties"][name]["description"]
    test = "tests: [{{name: a, given: {{{}: {}}}, expect: undecided}}]"
    assert refused(rule(test.format(name, "unknown"))) == []
    assert refused(rule(test.format(name, "{a: b}")))
