"""Scenario files: everything that is wrong in one is told at once, each thing at its place."""

from datetime import timedelta
from pathlib import Path

import pytest

from scanner.cli.scenarios import read_scenario
from scanner.errors import ConfigError, Problem
from scanner.policy.loading import default_rules, load

WORLD = """\
world:
  tokens: {usdt: {chain: ethereum, address: 0xc011a1000000000000000000000000000000d701, decimals: 6, price: 1}}
  spenders: {dex: {address: 0x5be0de90000000000000000000000000000a5e01, name: Dex}}
  owners: {treasury: 0x71ea5000000000000000000000000000000a11ce}
"""
STEP = "steps:\n  - happens: [{approve: dex, by: treasury, token: usdt, amount: 5}]\n"


def problems(folder: Path, text: str) -> list[Problem]:
    (folder / "a.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_scenario(folder / "a.yaml")
    return list(caught.value.problems)


def told(folder: Path, text: str) -> list[tuple[int, str]]:
    return [(problem.place.line, problem.message) for problem in problems(folder, text)]


def test_mistakes_in_every_part_are_told_at_once(tmp_path: Path) -> None:
    text = f"""\
scenario: broken
{WORLD}tags: {{tresury: [cold]}}
lists: {{ours: {{label: known, spenders: [dax]}}}}
channels: {{ops: hihg}}
rules: {{disabled: [x]}}
steps:
  - after: 2 weeks
    fault: htp-502
    happens: [{{approve: dex, by: treasury, token: usdt, amount: 5}}]
    expect:
      changes: [{{nwe: dex}}, {{new: dx}}]
      alerts: [{{opened: unlimited-to-stranger, severity: hgh}}]
      messages: {{opps: 1}}
      notices: [{{channel: ops, sent: maybe}}]
"""
    assert {line for line, _ in told(tmp_path, text)} == {6, 7, 8, 9, 11, 12, 15, 16, 17, 18}


def test_what_is_wrong_in_the_world_has_its_place_in_the_scenario(tmp_path: Path) -> None:
    text = f"scenario: a\n{WORLD}steps:\n  - title: one\n  - happens: [{{aprove: dex}}]\n"
    assert told(tmp_path, text) == [(8, "'aprove' is nothing that can happen")]


def test_a_rule_that_does_not_exist_cannot_be_expected(tmp_path: Path) -> None:
    text = f"scenario: a\n{WORLD}{STEP}    expect: {{alerts: [{{opened: unlimited-to-strangr}}]}}\n"
    (problem,) = problems(tmp_path, text)
    assert (problem.place.line, problem.code) == (8, "unknown-rule")
    assert "unlimited-to-stranger" in problem.hint


def test_broken_rules_break_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text("rules:\n  - {id: mine, title: T, severity: low, when: nonsense}\n")
    (problem,) = problems(tmp_path, f"scenario: a\n{WORLD}rules: {{dirs: [own]}}\n{STEP}")
    assert problem.place.file.endswith("mine.yaml")


def test_a_world_has_its_days_itself_or_in_the_steps(tmp_path: Path) -> None:
    text = f"scenario: a\n{WORLD}  days: [{{title: one}}]\n{STEP}"
    assert told(tmp_path, text) == [(8, "the world has days of its own, and each step is the next one")]


def test_a_world_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    world = WORLD.removeprefix("world:\n  ").replace("\n  ", "\n")
    (tmp_path / "w.yaml").write_text(f"{world}days: [{{title: one}}]\n")
    (tmp_path / "a.yaml").write_text("scenario: a\nworld: w.yaml\nsteps: [{title: x}, {after: 2h}, {}]\n")
    scenario = read_scenario(tmp_path / "a.yaml")
    assert [step.title for step in scenario.steps] == ["step 1: x", "step 2", "step 3"]
    assert [step.after for step in scenario.steps] == [timedelta(), timedelta(hours=2), timedelta(days=1)]
    assert (len(scenario.world.days), list(scenario.world.spenders)) == (1, ["dex"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scenario: a", ["a scenario needs a 'world'", "a scenario needs at least one step"]),
        ("scenario: a\nworld: nowhere.yaml\nsteps: [{}]", ["the world cannot be read"]),
        ("scenario: [", ["this is not YAML"]),
        (f"scenario: ''\n{WORLD}{STEP}", ["'scenario' is empty"]),
        (f"{WORLD}{STEP}", ["'scenario' has to be a plain value"]),
    ],
)
def test_what_is_no_scenario_is_said_in_words_and_once(tmp_path: Path, text: str, said: list[str]) -> None:
    found = sorted(problem.message for problem in problems(tmp_path, text))
    assert [message.startswith(begin) for message, begin in zip(found, sorted(said), strict=True)] == [True] * len(said)


def test_the_default_packs_scenarios_are_no_rule_files() -> None:
    scenarios = sorted((default_rules() / "scenarios").glob("*.yaml"))
    assert len(scenarios) >= 3
    assert load([default_rules()]).problems == ()
