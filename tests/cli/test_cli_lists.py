"""`lists`, and what they say of a spender."""

import asyncio
import json
from pathlib import Path

import pytest
from known_store import CONFIG, EXCHANGE, STRANGER, TREASURY, fill
from shell import run

QUIET = CONFIG.replace("channels:\n  ops: {url: json://127.0.0.1:1, min_severity: high}\n", "")
"""Without a channel, so that nobody waits for one that is not there."""

LISTS = QUIET + "lists:\n  hacks: {from: hacks.csv, label: exploited}\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    asyncio.run(fill(tmp_path))
    (tmp_path / "config.yaml").write_text(LISTS)
    (tmp_path / "hacks.csv").write_text(f"address,name,chain_id\n{EXCHANGE},Swap <b>,1\nnonsense,,\n")
    return tmp_path


def test_an_update_judges_what_is_stored_and_shows_the_list(home: Path) -> None:
    done = run(home, "lists", "update", "hacks", "--format", "json")
    assert done.code == 0, done.err
    [shown] = json.loads(done.out)["lists"]
    assert (shown["entries"], shown["bad"], shown["approvals"], shown["error"]) == (1, 1, 1, None)
    assert shown["examples"][0].startswith("line 3: ")
    assert "judged again" in done.err
    alerts = json.loads(run(home, "alerts", "list", "--severity", "critical", "--format", "json").out)["alerts"]
    assert [alert["rule"] for alert in alerts] == ["exploited-spender"]


def test_a_list_that_went_keeps_its_copy_and_the_command_fails(home: Path) -> None:
    run(home, "lists", "update")
    (home / "hacks.csv").unlink()
    done = run(home, "lists", "update", "hacks")
    assert done.code == 1
    assert "the last good copy stays in force" in done.words
    assert "1 entry" in run(home, "lists", "show", "hacks").words


def test_a_new_label_counts_at_once_also_for_a_list_that_went(home: Path) -> None:
    (home / "config.yaml").write_text(LISTS.replace("exploited", "known"))
    run(home, "lists", "update")
    (home / "hacks.csv").unlink()
    (home / "config.yaml").write_text(LISTS)
    done = run(home, "lists", "update")
    assert done.code == 1
    assert "judged again" in done.err
    alerts = json.loads(run(home, "alerts", "list", "--severity", "critical", "--format", "json").out)["alerts"]
    assert [alert["rule"] for alert in alerts] == ["exploited-spender"]


def test_a_list_that_left_the_configuration_loses_its_entries_and_its_alerts(home: Path) -> None:
    run(home, "lists", "update")
    (home / "config.yaml").write_text(QUIET)
    run(home, "lists", "update")
    alerts = json.loads(run(home, "alerts", "list", "--severity", "critical", "--format", "json").out)["alerts"]
    assert alerts == []


def test_a_list_that_is_not_there_is_a_usage_error_with_a_guess(home: Path) -> None:
    done = run(home, "lists", "show", "hack")
    assert done.code == 2
    assert "Did you mean hacks?" in done.words


def test_accepting_needs_a_name(home: Path) -> None:
    assert run(home, "lists", "update", "--accept").code == 2


def test_a_spender_is_told_of_with_its_past_and_what_lists_say(home: Path) -> None:
    run(home, "lists", "update")
    shown = json.loads(run(home, "approvals", "--spender", EXCHANGE, "--format", "json").out)
    assert [entry["list"] for entry in shown["said"]] == ["hacks"]
    assert (shown["said"][0]["labels"], shown["said"][0]["chain"]) == (["exploited"], "ethereum")
    assert "<" not in shown["said"][0]["name"]
    past = json.loads(run(home, "approvals", "--spender", STRANGER, "--format", "json").out)
    assert [entry["owner"] for entry in (*past["approvals"], *past["ended"])] == [TREASURY]


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_every_format_shows_the_lists(home: Path, form: str) -> None:
    run(home, "lists", "update")
    done = run(home, "lists", "show", "--format", form)
    assert done.code == 0
    assert "well-known" in done.out
    assert "hacks" in done.out
