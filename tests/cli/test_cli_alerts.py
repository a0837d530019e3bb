"""`alerts list` and `alerts show`, from a real store."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from known_store import TREASURY, fill
from shell import run

from scanner.domain.alerts import Alert


@pytest.fixture(autouse=True)
def alert(tmp_path: Path) -> Alert:
    """A configuration and a filled store in the folder; the alert that is open in it."""
    return asyncio.run(fill(tmp_path))


def listed(folder: Path, *arguments: str) -> list[Any]:
    ended = run(folder, "alerts", "list", "--format", "json", *arguments)
    assert (ended.code, ended.err) == (0, "")
    return list(json.loads(ended.out)["alerts"])


def test_open_alerts_are_listed_with_what_they_speak_of(tmp_path: Path, alert: Alert) -> None:
    ended = run(tmp_path, "alerts", "list")
    about = "treasury on ethereum: “USDT” 0xdac17f95…3d831ec7 for “Swap” 0x2c34a2fb…e6b7cdd6"
    assert f"HIGH Unlimited allowance to a stranger {alert.id} {about}, opened 1 d ago" in ended.words


def test_a_list_can_be_narrowed(tmp_path: Path, alert: Alert) -> None:
    assert [entry["id"] for entry in listed(tmp_path, "--severity", "HIGH", "--wallet", TREASURY)] == [alert.id]
    assert listed(tmp_path, "--severity", "critical") == []
    assert listed(tmp_path, "--wallet", "0x" + "9" * 40) == []
    assert len(listed(tmp_path, "--all")) == 1


def test_the_whole_story_says_why_and_who_was_told_and_who_was_not(tmp_path: Path, alert: Alert) -> None:
    words = run(tmp_path, "alerts", "show", alert.id.lower()).words
    for said in (
        f"HIGH Unlimited allowance to a stranger {alert.id} open",
        "All of it can be taken. Revoke it.",
        f"wallet treasury, {TREASURY}",
        "allowance.unlimited yes",
        "opened: the rule holds",
        "ops is told of “opened”: first (not in a message yet)",
        "pager was not told of “opened”: below the channel's severity",
    ):
        assert said in words


def test_the_story_is_json_too(tmp_path: Path, alert: Alert) -> None:
    story = json.loads(run(tmp_path, "alerts", "show", alert.id, "--format", "json").out)
    assert story["alert"]["id"] == alert.id
    assert story["facts"] == {"allowance.unlimited": "yes"}
    assert [(notice["channel"], notice["send"]) for notice in story["notices"]] == [("ops", True), ("pager", False)]
    assert story["attempts"] == []


def test_an_alert_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    ended = run(tmp_path, "alerts", "show", "AW-NOTHING")
    assert ended.code == 2
    assert "There is no alert AW-NOTHING" in ended.err
