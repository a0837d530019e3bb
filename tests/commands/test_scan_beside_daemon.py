"""`scan` beside a daemon: asked through the store, followed, answered; without a secret of the service."""

import signal
from pathlib import Path

import pytest
from house import GUEST, OPS, TREASURY, house, until, without_escapes

from scanner.sandbox import big_world


async def test_the_daemon_does_it_and_the_answer_is_the_same(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        alone = (await home.scan()).report
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            home.sandbox.advance()
            done = await home.scan("--fail-on", "high", env=home.shell)
            assert done.code == 4
            assert [change["kind"] for change in done.report["changes"]] == ["new"]
            assert done.report.keys() == alone.keys()
            assert done.report["scan"].keys() == alone["scan"].keys()
            await until(lambda: len(home.hook.messages) == 1, seen=daemon.log.read_text)
            dry = await home.scan("--dry-run", "--wallet", TREASURY, "--chain", "1", env=home.shell)
            assert dry.code == 0
            assert dry.report["scan"]["dry_run"] is True
            guest = await home.scan("--wallet", GUEST, "--chain", "ethereum", env=home.shell)
            assert [alert["rule"] for alert in guest.report["alerts"]] == ["unlimited-to-nameless"]
            assert home.rows("SELECT count(*) FROM approvals WHERE owner = ?", GUEST) == [(0,)]
            assert home.rows("SELECT count(*) FROM requests") == [(0,)]
            assert len(home.hook.messages) == 1
            home.sandbox.fail("code-51000", times=None, target=("1", OPS))
            assert (await home.scan(env=home.shell)).code == 3
            asked = [scan["asked_by"] for scan in daemon.events("scan.finished")]
            assert asked == ["schedule", *["command"] * 4]
        assert home.rows("SELECT count(*) FROM budgets") == [(1,)]


async def test_its_progress_is_followed(tmp_path: Path) -> None:
    world = big_world(12, 2)
    async with house(tmp_path, world, watched=()) as home:
        home.write(
            source={"okx": {**home.settings["source"]["okx"], "requests_per_second": 8}}, balances={"every": "off"}
        )
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            code, shown = await home.on_a_terminal("scan")
            assert code == 0
            assert any(f" {done}/12 targets" in without_escapes(shown) for done in range(2, 11))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
async def test_a_daemon_that_ends_meanwhile_is_said(tmp_path: Path, number: signal.Signals) -> None:
    async with house(tmp_path) as home:
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            home.sandbox.fail("hang", times=None)
            async with home.begun("scan", env=home.shell) as scanning:
                await until(lambda: home.rows("SELECT state FROM requests") == [("running",)])
                daemon.send(number)
                out, err = await scanning.communicate()
                assert scanning.returncode == 1
                assert b"daemon" in err
                assert b"sk again" in err
                assert not out
        assert home.rows("SELECT count(*) FROM requests") == [(0,)]
