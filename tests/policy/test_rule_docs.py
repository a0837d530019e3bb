"""docs/rules.md says what is so: every field, every default rule, and examples that load."""

import re
from pathlib import Path

from scanner.domain.changes import ChangeKind
from scanner.policy.fields import FIELDS
from scanner.policy.loading import default_rules, load
from scanner.policy.trials import run_tests

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")


def field_table() -> str:
    rows = [
        f"| `{field.name}` | {field.type} | {field.meaning}"
        + (f": {', '.join(f'`{choice}`' for choice in field.choices)}" if 0 < len(field.choices) < 10 else "")
        + f" | {field.unknown or 'never'} |"
        for field in FIELDS.values()
    ]
    return "\n".join(["| field | type | what it is | unknown |", "|---|---|---|---|", *rows])


def rule_table() -> str:
    rows = [
        f"| `{rule.id}` | {' to '.join((rule.severity, *rule.severities[1:][-1:]))} | {rule.title} |"
        f" {', '.join(kind for kind in ChangeKind if kind in rule.on) or 'a state'} |"
        for rule in sorted(load([default_rules()]).rules, key=lambda rule: (-rule.severity.rank, rule.id))
    ]
    return "\n".join(["| rule | severity | title | about |", "|---|---|---|---|", *rows])


def test_every_field_stands_in_the_documentation_as_it_is() -> None:
    assert field_table() in PAGE


def test_every_default_rule_stands_in_the_documentation_as_it_is() -> None:
    assert rule_table() in PAGE


def test_every_example_loads_and_passes_its_own_tests(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(rules:\n.*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 3
    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example, "utf-8")
    pack = load([tmp_path])
    assert pack.problems == pack.warnings == ()
    assert all(result.passed for result in run_tests(pack))
    assert all(rule.tests for rule in pack.rules)
