"""`rules backtest`, from a real store, in every format."""

import asyncio
import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from known_store import DAI_APPROVAL, RAISED, fill
from shell import Ended, run

from scanner.domain.alerts import Alert

CANDIDATES = """\
rules:
  - id: unlimited-to-stranger
    title: Something else
    severity: low
    when: spender.name == "claim.xyz"
    why: Danger.
    fix: Remedy.
    tests:
      - {name: the one, given: {spender.name: claim.xyz}, expect: alert}
      - {name: another, given: {spender.name: Swap}, expect: quiet}
"""


@pytest.fixture(autouse=True)
def alert(tmp_path: Path) -> Alert:
    """A store in which `treasury` gave unlimited USDT to a spender on no list; an alert of that is open."""
    (tmp_path / "candidates").mkdir()
    (tmp_path / "candidates" / "mine.yaml").write_text(CANDIDATES)
    return asyncio.run(fill(tmp_path))


def backtest(folder: Path, *more: str) -> Ended:
    return run(folder, "rules", "backtest", "--since", "30d", *more)


def told(folder: Path, *more: str) -> Any:
    ended = backtest(folder, "--format", "json", *more)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def of(document: Any, rule: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["approval"]) for one in document["differences"] if one["rule"] == rule]


def test_what_really_was_is_no_difference_and_what_nobody_told_is_new(tmp_path: Path) -> None:
    document = told(tmp_path)
    assert of(document, "unlimited-to-stranger") == []
    assert ("new", RAISED.id) in of(document, "limited-turned-unlimited")
    [rule] = [one for one in document["rules"] if one["rule"] == "unlimited-to-stranger"]
    assert (rule["alerts"], rule["alerts_would"], rule["new"], rule["gone"], rule["changed"]) == (1, 1, 0, 0, 0)
    assert (document["lived"], document["scans"]) == (3, 4)
    assert document["messages_would"]["ops"] == 1
    assert "Messages to ops: 0 were, about 1 would be" in backtest(tmp_path).words


def test_a_candidate_takes_the_place_of_the_default_rule_of_its_id(tmp_path: Path, alert: Alert) -> None:
    document = told(tmp_path, "--rules", "candidates")
    assert of(document, "unlimited-to-stranger") == [("new", DAI_APPROVAL.id), ("gone", RAISED.id)]
    gone = next(one for one in document["differences"] if one["was"] is not None)
    assert (gone["was"]["alert"], gone["was"]["severity"], gone["would"]) == (alert.id, "high", None)
    new = next(one for one in document["differences"] if one["approval"] == DAI_APPROVAL.id)
    assert (new["would"]["severity"], new["would"]["alert"], new["would"]["resolved_at"] is None) == (
        "low",
        None,
        False,
    )


def test_what_opened_before_is_not_told_again(tmp_path: Path) -> None:
    ended = run(tmp_path, "rules", "backtest", "--since", "1h", "--format", "json")
    assert json.loads(ended.out)["differences"] == []


def test_every_format_tells_the_same_alerts(tmp_path: Path, alert: Alert) -> None:
    rows = list(csv.DictReader(StringIO(backtest(tmp_path, "--rules", "candidates", "--format", "csv").out)))
    assert [(row["kind"], row["alert"]) for row in rows if row["rule"] == "unlimited-to-stranger"] == [
        ("new", ""),
        ("gone", alert.id),
    ]
    for form in ("table", "markdown"):
        ended = backtest(tmp_path, "--rules", "candidates", "--format", form)
        assert alert.id in ended.out
        assert (
            "1 → 1 alert" in ended.words
            or "| unlimited-to-stranger | Something else | 1 | 1 | 1 | 1 | 0 |" in ended.out
        )


def test_names_of_strangers_and_words_of_rules_are_dead(tmp_path: Path) -> None:
    path = tmp_path / "candidates" / "mine.yaml"
    path.write_text(path.read_text().replace("Something else", "see https://evil.example"))
    for form in ("table", "markdown"):
        assert "https://evil.example" not in backtest(tmp_path, "--rules", "candidates", "--format", form).out


def test_rules_that_are_not_sound_end_it(tmp_path: Path) -> None:
    (tmp_path / "candidates" / "broken.yaml").write_text(CANDIDATES.replace("spender.name ==", "spender.nam =="))
    ended = backtest(tmp_path, "--rules", "candidates")
    assert ended.code == 2
    assert "broken.yaml" in ended.err


def test_a_stretch_that_ends_before_it_begins_is_a_mistake(tmp_path: Path) -> None:
    ended = backtest(tmp_path, "--until", "60d")
    assert ended.code == 2
    assert "--until is not after --since" in ended.err
