"""The daemon's life: it starts, tells how it is, scans in time, reads its configuration again, and ends."""

import fcntl
import signal
import sqlite3
import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from house import GUEST, OPS, STORY, TREASURY, house, until, wallets

from scanner.store.daemons import Lock, daemon_lives

RULE = """\
rules:
  - id: own-rule
    title: A rule of one's own
    severity: critical
    when: {when}
    why: To see it judged again.
    fix: Nothing.
"""


async def test_the_service_manager_is_told_of_every_stage(tmp_path: Path) -> None:
    async with house(tmp_path, installed=True) as home, home.daemon(WATCHDOG_USEC="400000") as daemon:
        await daemon.tells("READY=1")
        await daemon.tells("STATUS=watching 2 targets")
        await daemon.tells("WATCHDOG=1")
        await daemon.tells("WATCHDOG=1", within=2)
        daemon.send(signal.SIGHUP)
        await daemon.tells("RELOADING=1")
        await daemon.tells("READY=1")
        daemon.send(signal.SIGTERM)
        await daemon.tells("STOPPING=1")
        assert await daemon.ended() == 0
        await daemon.says("daemon.stopped")


async def test_it_scans_at_once_then_on_schedule_and_a_restart_keeps_to_it(tmp_path: Path) -> None:
    async with house(tmp_path, schedule={"every": "1s"}) as home:
        async with home.daemon() as daemon:
            await daemon.says("daemon.ready")
            await daemon.says("scan.finished", within=5)
            await daemon.says("scan.finished", count=3)
            assert await daemon.stop() == 0
        begun = [row[0] for row in home.rows("SELECT started_at FROM scans ORDER BY started_at")]
        assert all(0.5e6 < later - earlier < 4e6 for earlier, later in pairwise(begun))
        home.write(schedule={"every": "1h"})
        async with home.daemon() as daemon:
            await daemon.says("daemon.ready")
            assert (await home.scan(env=home.shell)).code == 0
            assert not [scan for scan in daemon.events("scan.finished") if scan["asked_by"] == "schedule"]
            [(due,)] = home.rows("SELECT next_scan_at FROM daemons")
            assert abs(due - begun[-1] - 3600e6) < 2e6


SOAK = pytest.mark.soak


@pytest.mark.parametrize("hanging", ["both", pytest.param("scan", marks=SOAK), pytest.param("delivery", marks=SOAK)])
async def test_it_ends_in_time_whatever_hangs(tmp_path: Path, hanging: str) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.advance()
        if hanging != "delivery":
            home.sandbox.fail("hang", times=None, target=("1", OPS))
        home.hook.hangs = hanging != "scan"
        async with home.daemon() as daemon:
            if hanging == "scan":
                await until(lambda: any(one.fault == "hang" for one in home.sandbox.requests))
            else:
                await until(lambda: bool(home.hook.messages))
            assert await daemon.stop(within=10) == 0
            await daemon.says("daemon.stopped")
            assert not daemon.events("daemon.work_failed")
        assert home.rows("SELECT worker FROM messages WHERE worker IS NOT NULL") == []
        states = [row[0] for row in home.rows("SELECT state FROM scans WHERE asked_by = 'schedule'")]
        assert states == ["finished" if hanging == "delivery" else "interrupted"]


@pytest.mark.soak
async def test_it_ends_in_time_though_another_process_holds_the_store(tmp_path: Path) -> None:
    async with house(tmp_path) as home, home.daemon() as daemon:
        await daemon.says("scan.finished")
        with closing(sqlite3.connect(home.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await daemon.stop(within=10) == 1
        await daemon.says("daemon.broken_off")


async def test_a_reload_watches_new_wallets_judges_by_new_rules_and_closes_what_nobody_watches(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.yaml").write_text(RULE.format(when="false"))
    async with (
        house(tmp_path, watched=("treasury", "guest"), rules={"dirs": ["rules"]}) as home,
        home.daemon() as daemon,
    ):
        await daemon.says("scan.finished")
        asked = len(home.sandbox.requests)
        (rules / "own.yaml").write_text(RULE.format(when="true"))
        daemon.send(signal.SIGHUP)
        await daemon.says("daemon.reloaded")
        await until(lambda: "A rule of one's own" in "".join(home.hook.bodies), seen=daemon.log.read_text)
        assert len(home.sandbox.requests) == asked, "what is stored is judged again without a request"
        home.write(wallets=wallets(STORY, "treasury", "ops"))
        daemon.send(signal.SIGHUP)
        await daemon.says("daemon.reloaded", count=2)
        await daemon.says("scan.finished", count=2)
        assert home.rows("SELECT count(*) FROM approvals WHERE owner = ?", OPS) == [(1,)], "it is read at once"
        await until(lambda: "no longer watched" in "\n".join(home.hook.bodies).lower(), seen=daemon.log.read_text)
        [(state, reason)] = home.rows("SELECT state, reason FROM alerts WHERE rule = 'unlimited-to-nameless'")
        assert (state, reason) == ("resolved", "no longer watched: the wallet is no longer in the configuration")
        done = await home.scan(env=home.shell)
        assert {one["owner"] for one in done.report["scan"]["targets"]} == {TREASURY, OPS}


async def test_what_a_scan_finds_of_a_wallet_removed_meanwhile_is_closed_when_it_ends(tmp_path: Path) -> None:
    async with house(tmp_path, watched=("treasury", "guest")) as home:
        okx = {**home.settings["source"]["okx"], "timeout": "2s"}
        home.write(source={"okx": okx})
        home.sandbox.fail("hang", target=("1", GUEST))
        async with home.daemon() as daemon:
            await until(lambda: any(one.fault == "hang" for one in home.sandbox.requests))
            home.write(wallets=wallets(STORY, "treasury"))
            daemon.send(signal.SIGHUP)
            await daemon.says("daemon.reloaded")
            assert not daemon.events("scan.finished")
            await daemon.says("scan.finished")
            told = "SELECT state FROM alerts WHERE rule = 'unlimited-to-nameless'"
            await until(lambda: home.rows(told) == [("resolved",)], seen=daemon.log.read_text)


async def test_a_configuration_that_was_replaced_before_the_last_scan_ended_closes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, watched=("treasury", "guest")) as home:
        okx = {**home.settings["source"]["okx"], "timeout": "2s"}
        home.write(source={"okx": okx})
        home.sandbox.fail("hang", target=("1", GUEST))
        async with home.daemon() as daemon:
            await daemon.says("daemon.ready")
            await until(lambda: home.rows("SELECT 1 FROM approvals") != [])
            daemon.send(signal.SIGHUP)
            await daemon.says("daemon.reloaded")
            (tmp_path / "rules").mkdir()
            (tmp_path / "rules" / "own.yaml").write_text(RULE.format(when="'true'"))
            home.write(rules={"dirs": ["./rules"]})
            daemon.send(signal.SIGHUP)
            await daemon.says("daemon.reloaded", count=2)
            await until(lambda: home.rows("SELECT 1 FROM alerts WHERE rule = 'own-rule'") != [])
            assert not daemon.events("scan.finished")
            await daemon.says("scan.finished")
            assert await daemon.stop() == 0
        assert home.rows("SELECT DISTINCT state FROM alerts WHERE rule = 'own-rule'") == [("open",)]


async def test_a_broken_configuration_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    async with house(tmp_path, schedule={"every": "1s"}) as home, home.daemon() as daemon:
        await daemon.says("scan.finished")
        sound = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text("schedule: {every: soon}\nwallets: nobody\n")
        daemon.send(signal.SIGHUP)
        refused = await daemon.says("daemon.reload_refused")
        assert "config.yaml:1:" in refused["problem"]
        assert "config.yaml:2:" in refused["problem"]
        await daemon.tells("STATUS=the new configuration is broken; the old one stays in force")
        await daemon.says("scan.finished", count=len(daemon.events("scan.finished")) + 2)
        (tmp_path / "config.yaml").write_text(
            sound.replace("every: 1s", "every: 1h\nstore: {url: 'sqlite:///other.db'}")
        )
        daemon.send(signal.SIGHUP)
        refused = await daemon.says("daemon.reload_refused", count=2)
        assert "keeps its store" in refused["problem"]


async def test_a_second_daemon_is_refused_in_words(tmp_path: Path) -> None:
    async with house(tmp_path) as home, home.daemon() as daemon:
        await daemon.says("daemon.ready")
        second = await home.run("run")
        assert second.code == 1
        assert f"another daemon (process {daemon.process.pid}) runs on {home.store}" in second.err
        assert daemon.process.returncode is None


def test_a_command_that_looks_whether_a_daemon_lives_keeps_none_from_starting(tmp_path: Path) -> None:
    store = tmp_path / "approval-watch.db"
    Lock.take(store).release()
    with (tmp_path / "approval-watch.db.lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.15, lambda: fcntl.flock(looking, fcntl.LOCK_UN)).start()
        lock = Lock.take(store)
    assert daemon_lives(store)
    lock.release()
    assert not daemon_lives(store)


async def test_it_does_not_start_by_a_configuration_that_cannot_work(tmp_path: Path) -> None:
    async with house(tmp_path, channels={"ops": {"url": {"env": "NOBODY_SET_THIS"}}}) as home:
        bare = await home.run("run", env=home.shell)
        assert bare.code == 2
        for name in ("OKX_API_KEY", "OKX_SECRET_KEY", "OKX_API_PASSPHRASE", "OKX_PROJECT_ID", "NOBODY_SET_THIS"):
            assert name in bare.err
        home.write(wallets=[], channels=None)
        nobody = await home.run("run")
        assert nobody.code == 2
        assert "there is no wallet to watch" in nobody.err
        assert not home.sandbox.requests


async def test_a_rule_that_breaks_is_left_out_and_logged_as_is_one_of_which_nobody_is_told(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(RULE.format(when="allowance.unlimitd"))
    rules = {"dirs": ["rules"], "overrides": {"new-approval": {"channels": []}}}
    async with house(tmp_path, rules=rules) as home, home.daemon() as daemon:
        left_out = await daemon.says("rules.left_out")
        assert "own.yaml:5:" in left_out["problem"]
        warned = await daemon.says("config.warning")
        assert "nobody is told of the alerts of new-approval" in warned["problem"]
        await daemon.says("scan.finished")
