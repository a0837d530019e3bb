"""Scenarios are played through the real line: what they say is what a daemon would have done."""

from pathlib import Path

import pytest

from scanner.cli.scenarios import play, read_scenario
from scanner.formats.documents import TrialEntry
from scanner.policy.loading import default_rules

WORLD = """\
world:
  tokens: {usdt: {chain: ethereum, address: 0xc011a1000000000000000000000000000000d701, decimals: 6, price: 1}}
  spenders:
    dex: {address: 0x5be0de90000000000000000000000000000a5e01, name: Dex}
    stranger: {address: 0x0dd0de90000000000000000000000000000bad01}
  owners: {treasury: 0x71ea5000000000000000000000000000000a11ce}
"""
BEGIN = (
    "  - happens: [{approve: dex, by: treasury, token: usdt, amount: 5}, {hold: usdt, by: treasury, amount: 2000}]\n"
)
GRANT = "  - happens: [{approve: stranger, by: treasury, token: usdt, amount: max}]\n"


async def played(folder: Path, text: str) -> list[TrialEntry]:
    (folder / "a.yaml").write_text(f"scenario: a\n{WORLD}{text}", "utf-8")
    (folder / "stage").mkdir()
    return await play(read_scenario(folder / "a.yaml"), folder / "stage")


@pytest.mark.parametrize("name", sorted(path.stem for path in (default_rules() / "scenarios").glob("*.yaml")))
async def test_the_default_packs_scenarios_hold(name: str, tmp_path: Path) -> None:
    scenario = read_scenario(default_rules() / "scenarios" / f"{name}.yaml")
    assert [entry for entry in await play(scenario, tmp_path) if not entry.passed] == []


async def test_what_does_not_come_true_fails_with_its_place_the_difference_and_the_facts(tmp_path: Path) -> None:
    text = f"""\
channels: {{ops: high, log: low}}
lists: {{ours: {{label: known, spenders: [dex]}}}}
steps:
{BEGIN}{GRANT}    expect:
      changes: [{{new: dex}}]
      alerts:
        - {{opened: unlimited-to-nameless, severity: low}}
        - {{opened: unlimited-to-stranger, spender: stranger}}
      messages: {{ops: 0}}
      notices: [{{channel: ops, rule: unlimited-to-nameless, sent: no}}]
      complete: no
"""
    first, second = await played(tmp_path, text)
    assert (first.passed, first.expected, first.found) == (True, (), ())
    assert not second.passed
    assert (Path(second.file).name, second.line) == ("a.yaml", 14)
    assert second.expected == (
        "changes: change new, spender dex",
        "alerts: alert opened, rule unlimited-to-nameless, severity low",
        "alerts: alert opened, rule unlimited-to-stranger, spender stranger",
        "notices: rule unlimited-to-nameless, channel ops, sent no",
        "messages to ops: 0",
        "the scan is incomplete",
    )
    assert "changes: change new, owner treasury, token usdt, spender stranger" in second.found
    assert "messages to ops: 1" in second.found
    assert any(said.startswith("unlimited-to-nameless treasury usdt stranger: ") for said in second.facts)
    quiet = next(
        said for said in second.facts if said.startswith("unlimited-to-stranger treasury usdt stranger, fails")
    )
    assert "spender.name none" in quiet


async def test_only_what_is_stated_is_checked_unless_it_is_exact(tmp_path: Path) -> None:
    text = """\
rules: {default: false}
steps:
  - happens:
      - {approve: dex, by: treasury, token: usdt, amount: 5}
      - {approve: stranger, by: treasury, token: usdt, amount: max}
    expect: {changes: [{baseline: dex}]}
  - happens:
      - {lower: dex, by: treasury, token: usdt, amount: 4}
      - {lower: stranger, by: treasury, token: usdt, raw: 4}
    expect: {exactly: true, changes: [{decreased: dex}]}
"""
    loose, exact = await played(tmp_path, text)
    assert loose.passed
    assert (exact.expected, exact.found) == (
        (),
        ("changes: change decreased, owner treasury, token usdt, spender stranger",),
    )


async def test_what_fails_in_one_step_is_well_in_the_next(tmp_path: Path) -> None:
    text = f"""\
rules: {{default: false}}
steps:
{BEGIN}  - fault: {{fault: http-503}}
    expect: {{changes: [], alerts: []}}
  - fault: [{{fault: http-502, times: 1}}]
    expect: {{complete: true}}
  - expect: {{changes: []}}
"""
    assert [entry.expected for entry in await played(tmp_path, text)] == [(), (), (), ()]


async def test_own_rules_overrides_and_tags_are_in_force(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cold.yaml").write_text(
        "rules: [{id: cold, title: T, why: W, fix: F, severity: low, when: '\"cold\" in owner.tags'}]"
    )
    text = f"""\
rules: {{default: false, dirs: [own], overrides: {{cold: {{severity: critical}}}}}}
tags: {{treasury: [cold]}}
steps:
{BEGIN}    expect:
      exactly: true
      alerts: [{{opened: cold, owner: treasury, token: usdt, spender: dex, severity: critical}}]
"""
    (entry,) = await played(tmp_path, text)
    assert entry.passed, entry


async def test_the_world_goes_on_by_its_own_days_and_stays_at_the_last(tmp_path: Path) -> None:
    days = """\
  days:
    - happens: [{approve: dex, by: treasury, token: usdt, amount: 5}]
    - happens: [{raise: dex, by: treasury, token: usdt, amount: 6}]
rules: {default: false}
steps:
  - {expect: {changes: [{baseline: dex}]}}
  - {expect: {changes: [{increased: dex}]}}
  - {expect: {changes: []}}
"""
    assert all(entry.passed for entry in await played(tmp_path, days))
