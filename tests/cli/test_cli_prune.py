"""`db prune`, and what commands say of the time that is forgotten."""

import asyncio
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

from known_store import CONFIG, NOW, TREASURY, fill
from shell import run

MICROSECOND = timedelta(microseconds=1)


def age(folder: Path, by: timedelta) -> None:
    """Make everything that happened in a store longer ago."""
    with sqlite3.connect(folder / "approval-watch.db") as connection:
        for table, columns in (("scans", ("started_at", "finished_at")), ("changes", ("at",))):
            for column in columns:
                connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (by // MICROSECOND,))
        connection.execute(
            "INSERT INTO conditions (key, kind, severity, title, detail, fix, since, ended_at, told) "
            "VALUES ('list:a', 'list', 'medium', 't', 'd', 'f', 1, 1, '[]')"
        )
    connection.close()


def test_what_is_young_is_kept_and_nothing_is_said(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    pruned = run(tmp_path, "db", "prune")
    assert (pruned.code, pruned.err) == (0, "")
    assert pruned.out.startswith("Forgot 0 rows of what was over before ")
    told = run(tmp_path, "history", "--format", "json")
    assert (json.loads(told.out)["known_since"], told.err) == (None, "")


def test_what_was_over_goes_and_who_asks_for_it_is_told(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    age(tmp_path, timedelta(days=500))
    before = json.loads(run(tmp_path, "approvals", "--at", "1h", "--format", "json").out)["approvals"]
    pruned = run(tmp_path, "db", "prune")
    assert pruned.code == 0
    assert "  changes: 2 rows\n" in pruned.out
    assert "  conditions: 1 row\n" in pruned.out
    assert json.loads(run(tmp_path, "approvals", "--at", "1h", "--format", "json").out)["approvals"] == before
    history = run(tmp_path, "history", "--format", "json")
    since = NOW - timedelta(days=400)
    assert json.loads(history.out)["known_since"][:10] == f"{since:%Y-%m-%d}"
    said = f"Not all that was before {since:%Y-%m-%d}"
    asked = [("history",), ("history", "--since", "401d"), ("approvals", "--at", "401d")]
    for command in [*asked, ("rules", "backtest", "--since", "401d")]:
        assert said in run(tmp_path, *command).err, command
    for command in [
        ("history", "--since", "1d"),
        ("approvals",),
        ("approvals", "--at", "1d"),
        ("approvals", "--wallet", TREASURY),
    ]:
        assert said not in run(tmp_path, *command).err, command
    assert run(tmp_path, "db", "prune").out.startswith("Forgot 0 rows")


def test_where_all_is_kept_there_is_nothing_to_forget(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    age(tmp_path, timedelta(days=5000))
    (tmp_path / "config.yaml").write_text(CONFIG + "store: {keep: off}\n")
    assert run(tmp_path, "db", "prune").out == "Everything is kept for ever: store.keep is off.\n"


def test_what_is_kept_is_kept_for_a_week_at_least(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + "store: {keep: 6d}\n")
    ended = run(tmp_path, "check-config")
    assert ended.code == 2
    assert "store.keep" in ended.err
