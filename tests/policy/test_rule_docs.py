"""The pages on rules say what is so: every field, every default rule, every code, and examples that load."""

import re
from pathlib import Path

import pytest

from reference import DOCS, PAGES
from scanner.policy.fields import FIELDS
from scanner.policy.keys import RULE_KEYS, TEST_KEYS
from scanner.policy.loading import default_rules, load
from scanner.policy.trials import run_tests

PAGE = (DOCS / "rules.md").read_text("utf-8")
SCANNER = DOCS.parent / "scanner"
CHECKS = (*(SCANNER / "policy" / f"{name}.py" for name in ("loading", "entries", "reach", "faults", "params")),)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_made_from_the_code_is_current(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "make docs"


def test_every_field_is_told_with_its_meaning_and_when_it_is_unknown() -> None:
    page = PAGES["fields.md"]()
    for field in FIELDS.values():
        assert re.search(rf"(?m)^\| `{field.name}` \| {field.type} \| {re.escape(field.meaning)}", page)
        assert not field.unknown or f"| {field.unknown} |" in page


def test_every_default_rule_is_told_with_its_danger_remedy_and_examples() -> None:
    page = PAGES["pack.md"]()
    for rule in load([default_rules()]).rules:
        _, _, section = page.partition(f"\n### {rule.id}\n")
        section = section.partition("\n### ")[0]
        texts = [rule.title, rule.why, rule.fix, rule.noise, rule.when, *(grade.severity for grade in rule.grades)]
        assert [text for text in (*texts, *(trial.name for trial in rule.tests)) if text not in section] == []


def test_every_code_of_a_check_is_told_and_no_other() -> None:
    told = set(
        re.findall(r"`([a-z-]+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", (DOCS / "checking-rules.md").read_text())))
    )
    source = "".join(path.read_text("utf-8") for path in (*CHECKS, SCANNER / "places.py"))
    built = {"no-why", "no-fix"}
    assert told - built == set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source))
    assert built < told


def test_every_key_of_a_rule_and_of_a_test_is_told() -> None:
    assert [key for key in (*RULE_KEYS, *TEST_KEYS) if f"`{key}`" not in PAGE and f"`{key}:" not in PAGE] == []


def test_every_example_loads_and_passes_its_own_tests(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(rules:\n  - .*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 3
    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example, "utf-8")
    pack = load([tmp_path])
    assert pack.problems == pack.warnings == ()
    assert all(result.passed for result in run_tests(pack))
