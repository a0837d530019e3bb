"""The worked example in docs/testing-rules.md is a scenario that holds, and the page names every key."""

import re
from pathlib import Path

from scanner.cli.scenarios import play, read_scenario
from scanner.cli.scenarios.reading import OWN
from scanner.cli.scenarios.scenario import PASSED_ON

PAGE = (Path(__file__).parents[2] / "docs" / "testing-rules.md").read_text()


async def test_the_worked_example_holds(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "hurry.yaml").write_text(example)
    (tmp_path / "stage").mkdir()
    entries = await play(read_scenario(tmp_path / "hurry.yaml"), tmp_path / "stage")
    assert [(entry.expected, entry.found) for entry in entries] == [((), ())] * 3


async def test_what_a_failing_step_says_is_on_the_page_as_it_is(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    wrong = re.sub(r"\{opened: .*?\}", "{opened: unlimited-to-stranger, spender: stranger}", example)
    (tmp_path / "hurry.yaml").write_text(wrong)
    (tmp_path / "stage").mkdir()
    failed = (await play(read_scenario(tmp_path / "hurry.yaml"), tmp_path / "stage"))[1]
    told = PAGE.rpartition("FAIL ")[2].splitlines()
    assert told[0] == f"hurry.yaml:{failed.line}  {failed.subject}: {failed.title}"
    said = [
        *(f"- {one}" for one in failed.expected),
        *(f"+ {one}" for one in failed.found),
        *(f"because {one}" for one in failed.facts),
    ]
    assert [line.strip() for line in told[1:-1]] == said


def test_every_key_of_a_scenario_is_named() -> None:
    assert {key for key in (*OWN, *PASSED_ON) if f"`{key}`" not in PAGE} == set()
