"""`alerts ack`, `silence`, `silences` and `unsilence`, on a real store."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from known_store import DAI_APPROVAL, EXCHANGE, NOW, STRANGER, TREASURY, USDT, fill
from shell import Ended, run

from scanner.domain.alerts import Alert, Finding, Judgement, Severity, reconcile
from scanner.domain.telling import Telling
from scanner.store.alerts import apply
from scanner.store.engine import Store

WHY = ("--comment", "the exchange moves its router")
WEEK = ("--for", "7d", *WHY)


@pytest.fixture(autouse=True)
def alert(tmp_path: Path) -> Alert:
    """A configuration and a filled store in the folder; the alert that is open in it, and about to be told."""
    return asyncio.run(fill(tmp_path))


def silenced(folder: Path, *arguments: str) -> Ended:
    return run(folder, "alerts", "silence", *arguments)


def silences(folder: Path, *arguments: str) -> list[Any]:
    ended = run(folder, "alerts", "silences", "--format", "json", *arguments)
    assert (ended.code, ended.err) == (0, "")
    return list(json.loads(ended.out)["silences"])


def story(folder: Path, alert: Alert) -> Any:
    return json.loads(run(folder, "alerts", "show", alert.id, "--format", "json").out)


def test_a_silence_prints_its_id_and_exactly_what_it_hides(tmp_path: Path, alert: Alert) -> None:
    ended = silenced(tmp_path, alert.id.lower(), *WEEK, "--author", "alice")
    (kept,) = silences(tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{kept['id']} alert {alert.id}\n")
    assert f"HIGH {alert.id} Unlimited allowance to a stranger, treasury on ethereum: “USDT”" in ended.words
    assert "(in 7 d), by alice: the exchange moves its router" in ended.words
    assert kept["matchers"] == {"alert": alert.id}
    assert (kept["future"], kept["author"], kept["ended_at"]) == (False, "alice", None)
    cover = {"alert": alert.id, "severity": "high", "raw": str(2**256 - 1), "unlimited": True}
    assert kept["covers"] == [cover | {"ended_at": None, "reason": None}]
    (first, _) = story(tmp_path, alert)["notices"]
    assert (first["send"], first["reason"]) == (False, f"silenced by {kept['id']}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rule", "unlimited-to-stranger"),
        ("--spender", EXCHANGE),
        ("--token", USDT),
        ("--owner", TREASURY),
        ("--chain", "eth", "--severity", "low", "--severity", "HIGH"),
        ("--spender", EXCHANGE, "--owner", TREASURY, "--chain", "1"),
    ],
)
def test_alerts_are_matched_by_everything_that_is_given(tmp_path: Path, alert: Alert, arguments: tuple[str]) -> None:
    assert silenced(tmp_path, *arguments, *WEEK).code == 0
    assert [cover["alert"] for cover in silences(tmp_path)[0]["covers"]] == [alert.id]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--spender", STRANGER),
        ("--chain", "bsc"),
        ("--severity", "medium"),
        ("--severity", "critical"),
        ("--spender", EXCHANGE, "--rule", "another"),
    ],
)
def test_a_silence_that_hides_nothing_is_not_made(tmp_path: Path, arguments: tuple[str]) -> None:
    ended = silenced(tmp_path, *arguments, *WEEK)
    assert (ended.code, ended.out) == (2, "")
    assert "No open alert fits" in ended.err
    assert silences(tmp_path, "--all") == []


def test_a_silence_of_what_is_to_come_may_hide_nothing_yet(tmp_path: Path) -> None:
    assert "and what opens later" in silenced(tmp_path, "--spender", STRANGER, "--future", *WEEK).words
    assert silences(tmp_path)[0]["future"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--chain", "1", *WHY), "needs one end"),
        (("--chain", "1", "--for", "7d", "--until", "2999-01-01", *WHY), "needs one end"),
        (("--chain", "1", "--until", "2020-01-01", *WHY), "lies in the past"),
        (("--chain", "1", "--until", "7d", *WHY), "lies in the past"),
        (("--chain", "1", "--for", "0s", *WHY), "--for"),
        (("--chain", "1", "--for", "soon", *WHY), "--for"),
        (("--chain", "1", "--for", "7d"), "needs a reason"),
        (("--chain", "1", "--for", "7d", "--comment", "  "), "say in a few words why"),
        (("--chain", "1", "--for", "7d", "--comment", "a\x1b[2Jb"), "invisible character"),
        (("--chain", "1", "--for", "7d", "--comment", "x" * 301), "at most 300"),
        (("--chain", "1", "--author", "x" * 65, *WEEK), "--author"),
        (WEEK, "what it is about"),
        (("--chain", "nowhere", *WEEK), "unknown chain"),
        (("--token", "USDT", *WEEK), "not an address of any known chain"),
        (("AW-NOTHING", *WEEK), "There is no alert AW-NOTHING"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = silenced(tmp_path, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert silences(tmp_path, "--all") == []


async def make_critical(folder: Path) -> Alert:
    """A critical alert beside the other one, of another approval."""
    finding = Finding("drainer", "A known drainer", Severity.CRITICAL, DAI_APPROVAL.id, Judgement.HOLDS)
    (step,) = reconcile([], [finding], gone={}, baseline=(), at=NOW)
    store = await Store.open(f"sqlite:///{folder / 'approval-watch.db'}")
    try:
        await store.write(
            lambda connection: apply(
                connection,
                [step],
                telling=Telling(channels={"ops": Severity.HIGH}),
                words=lambda rule: ("", ""),
                scan_id=None,
                at=NOW,
            )
        )
    finally:
        await store.close()
    return step.alert


def test_what_is_critical_is_named_as_still_told(tmp_path: Path, alert: Alert) -> None:
    critical = asyncio.run(make_critical(tmp_path))
    said = silenced(tmp_path, "--owner", TREASURY, *WEEK).words
    hidden, _, told = said.partition("Still told (1), because only --severity critical hides it")
    assert alert.id in hidden
    assert critical.id not in hidden
    assert critical.id in told
    refused = silenced(tmp_path, critical.id, *WEEK)
    assert refused.code == 2
    assert f"Only critical alerts fit ({critical.id})" in refused.err
    assert silenced(tmp_path, critical.id, "--severity", "critical", *WEEK).code == 0
    assert [cover["alert"] for cover in silences(tmp_path)[0]["covers"]] == [critical.id]


def test_an_end_can_be_a_time(tmp_path: Path) -> None:
    day = datetime.now(UTC).date() + timedelta(days=3)
    assert silenced(tmp_path, "--chain", "1", "--until", f"{day}", *WHY).code == 0
    assert silences(tmp_path)[0]["ends_at"] == f"{day}T00:00:00Z"


def test_a_mistyped_id_is_guessed(tmp_path: Path, alert: Alert) -> None:
    wrong = alert.id[:-1] + "x"
    for command in (("show", wrong), ("ack", wrong), ("silence", wrong, *WEEK)):
        ended = run(tmp_path, "alerts", *command)
        assert ended.code == 2
        assert f"Did you mean {alert.id}?" in ended.err


def test_a_silence_ends_on_demand_and_stays_on_the_list_of_all(tmp_path: Path, alert: Alert) -> None:
    silenced(tmp_path, alert.id, *WEEK)
    (kept,) = silences(tmp_path)
    ended = run(tmp_path, "alerts", "unsilence", kept["id"].lower(), "--author", "bob")
    assert (ended.code, ended.out) == (0, f"{kept['id']} is over. No longer hidden: {alert.id}\n")
    assert silences(tmp_path) == []
    (over,) = silences(tmp_path, "--all")
    assert over["reason"] == "taken back by bob"
    again = run(tmp_path, "alerts", "unsilence", kept["id"])
    assert (again.code, again.out) == (0, f"{kept['id']} is over already: taken back by bob\n")
    wrong = run(tmp_path, "alerts", "unsilence", kept["id"][:-1])
    assert (wrong.code, wrong.out) == (2, "")
    assert f"Did you mean {kept['id']}?" in wrong.err


def test_what_another_silence_hides_stays_hidden(tmp_path: Path, alert: Alert) -> None:
    silenced(tmp_path, alert.id, *WEEK)
    silenced(tmp_path, "--chain", "1", *WEEK)
    first, second = (kept["id"] for kept in silences(tmp_path))
    assert run(tmp_path, "alerts", "unsilence", first).out == f"{first} is over. No longer hidden: nothing\n"
    assert run(tmp_path, "alerts", "unsilence", second).out == f"{second} is over. No longer hidden: {alert.id}\n"


def test_acknowledging_says_who_and_why_and_twice_changes_nothing(tmp_path: Path, alert: Alert) -> None:
    ended = run(tmp_path, "alerts", "ack", alert.id.lower(), "--author", "alice", "--comment", "our own router")
    assert (ended.code, ended.err) == (0, "")
    assert f"{alert.id} is acknowledged" in ended.out
    told = story(tmp_path, alert)
    assert told["alert"]["state"] == "acknowledged"
    assert [(step["move"], step["reason"]) for step in told["steps"][1:]] == [
        ("acknowledged", "acknowledged by alice: our own router")
    ]
    again = run(tmp_path, "alerts", "ack", alert.id, "--author", "bob")
    assert again.code == 0
    assert f"{alert.id} is acknowledged already; alice acknowledged it at " in again.out
    assert story(tmp_path, alert) == told


def test_the_author_is_who_is_logged_in_unless_said_otherwise(tmp_path: Path, alert: Alert) -> None:
    run(tmp_path, "alerts", "ack", alert.id, LOGNAME="carol")
    assert story(tmp_path, alert)["steps"][-1]["reason"] == "acknowledged by carol"


def test_behind_sudo_the_author_is_the_person(tmp_path: Path, alert: Alert) -> None:
    run(tmp_path, "alerts", "ack", alert.id, LOGNAME="approval-watch", SUDO_USER="dave")
    assert story(tmp_path, alert)["steps"][-1]["reason"] == "acknowledged by dave"


def test_commands_agree_across_processes(tmp_path: Path, alert: Alert) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        known = {"PATH": os.environ["PATH"], "LOGNAME": "erin"}
        line = [sys.executable, "-m", "scanner", "alerts", *arguments]
        return subprocess.run(line, cwd=tmp_path, env=known, capture_output=True, text=True)

    made = command("silence", "--spender", EXCHANGE, *WEEK, "--format", "csv")
    assert (made.returncode, made.stderr) == (0, "")
    kept = made.stdout.split("\n")[1].partition(",")[0]
    assert f"silenced by {kept}" in command("show", alert.id).stdout
    assert command("unsilence", kept).stdout == f"{kept} is over. No longer hidden: {alert.id}\n"
    assert "acknowledged" in command("ack", alert.id).stdout


def test_the_list_says_what_a_silence_hides(tmp_path: Path, alert: Alert) -> None:
    silenced(tmp_path, alert.id, *WEEK)
    (kept,) = silences(tmp_path)
    assert f", silenced by {kept['id']}" in run(tmp_path, "alerts", "list").out
    assert f"open, silenced by {kept['id']}" in run(tmp_path, "alerts", "list", "--format", "markdown").out
    assert run(tmp_path, "alerts", "list", "--format", "csv").out.endswith(f",{kept['id']}\n")
    assert json.loads(run(tmp_path, "alerts", "list", "--format", "json").out)["silenced"] == {alert.id: kept["id"]}
    run(tmp_path, "alerts", "unsilence", kept["id"])
    assert "silenced by" not in run(tmp_path, "alerts", "list").out
