"""The daemon watches itself: what goes wrong with the watch reaches people, and so does its end."""

import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from house import Daemon, House, closed_port, house, until

SECRET = "5f2d-heartbeat-secret"


@dataclass
class Switch:
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def setting(self) -> dict[str, object]:
        return {"url": {"env": "HEARTBEAT_URL"}, "timeout": "2s"}

    @property
    def environ(self) -> dict[str, str]:
        return {"HEARTBEAT_URL": f"http://127.0.0.1:{self.port}/{SECRET}"}


@asynccontextmanager
async def counting() -> AsyncIterator[Switch]:
    made = Switch()

    async def take(request: web.Request) -> web.Response:
        made.asked.append(request.path.removeprefix(f"/{SECRET}"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        yield made
    finally:
        await runner.cleanup()


async def test_a_scan_without_the_wallets_of_a_file_that_cannot_be_read_is_no_success(tmp_path: Path) -> None:
    async with counting() as switch, house(tmp_path, heartbeat=switch.setting, wallets_file="gone.csv") as home:
        async with home.daemon(**switch.environ) as daemon:
            assert (await daemon.says("scan.finished"))["complete"]
            await until(lambda: len(switch.asked) == 2)
            assert await daemon.stop() == 0
        assert switch.asked == ["/start", "/fail"]


async def test_a_key_that_is_refused_and_accepted_again_is_told_on_every_channel(tmp_path: Path) -> None:
    async with counting() as switch, house(tmp_path, schedule={"every": "2s"}, heartbeat=switch.setting) as home:
        desk = {"url": home.hook.url("desk"), "min_severity": "critical"}
        home.write(channels={"ops": {"url": home.hook.url()}, "desk": desk})
        home.sandbox.fail("code-50111", times=None)
        async with home.daemon(**switch.environ) as daemon:
            began = await daemon.says("condition.began")
            assert began["condition"] == "api-refused"
            await daemon.tells("STATUS=watching 2 targets; The approvals API refuses the key")
            await until(lambda: len(told(home, "HIGH: The approvals API refuses the key")) == 2)
            doctor = await home.run("doctor", "--no-send", env={**home.environ, **switch.environ})
            assert doctor.code == 1
            assert "broken   watch: The approvals API refuses the key" in doctor.out
            assert "/fail" in switch.asked
            assert "" not in switch.asked
            home.sandbox.heal()
            ended = await daemon.says("condition.ended")
            assert ended["condition"] == "api-refused"
            await daemon.tells("STATUS=watching 2 targets")
            await until(lambda: len(told(home, "OVER: The approvals API refuses the key")) == 2)
            await until(lambda: "" in switch.asked)
            assert await daemon.stop() == 0
        assert len(told(home, "refuses the key")) == 4
        assert switch.asked[:2] == ["/start", "/fail"]
        assert SECRET.encode() not in home.everything()


async def test_answers_that_make_no_sense_are_told_after_two_rounds(tmp_path: Path) -> None:
    async with house(tmp_path, schedule={"every": "1s"}) as home:
        home.sandbox.fail("rows-text", times=None)
        async with home.daemon() as daemon:
            began = await daemon.says("condition.began")
            assert began["condition"] == "schema-drift"
            assert len(daemon.events("scan.finished")) == 2
            home.sandbox.heal()
            await daemon.says("condition.ended")
            await until(lambda: len(told(home, "OVER: The approvals API's answers make no sense")) == 1)


async def test_wallets_that_all_come_back_empty_are_told_before_that_is_believed(tmp_path: Path) -> None:
    source = {"confirm_absence_after": "1h"}
    async with house(tmp_path, schedule={"every": "1s"}) as home:
        home.write(source={**home.settings["source"], **source})
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            home.sandbox.fail("data-empty", times=None)
            began = await daemon.says("condition.began")
            assert began["condition"] == "all-empty"
            await until(lambda: len(told(home, "HIGH: Every wallet came back empty at once")) == 1)
        assert home.rows("SELECT count(*) FROM approvals WHERE in_force") == [(2,)]


async def test_broken_rules_and_an_unreadable_wallets_file_are_told_until_a_reload_mends_them(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    rule = tmp_path / "rules" / "own.yaml"
    rule.write_text("rules:\n  - {id: own, title: Own, severity: hgh, when: true}\n")
    async with (
        house(tmp_path, rules={"dirs": ["rules"]}, wallets_file="wallets.csv") as home,
        home.daemon() as daemon,
    ):
        await daemon.says("condition.began", count=2)
        await until(lambda: len(told(home, "Rules are broken")) == 1)
        assert "The wallets file cannot be read" in told(home, "Rules are broken")[0], "one cause, one message"
        rule.unlink()
        home.write(wallets_file=None)
        daemon.send(signal.SIGHUP)
        await daemon.says("condition.ended", count=2)
        await until(lambda: len(told(home, "OVER: Rules are broken")) == 1)


@pytest.mark.soak
async def test_a_dead_channel_is_told_on_the_other_and_a_drill_finds_it(tmp_path: Path) -> None:
    with closed_port() as port:
        async with house(tmp_path, alerting={"drill": "daily"}, schedule={"every": "1s"}) as home:
            sound = {"url": home.hook.url()}
            home.write(channels={"ops": sound, "mail": {"url": f"json://127.0.0.1:{port}/"}})
            async with home.daemon() as daemon:
                await until(lambda: mail_in(daemon, "condition.began"))
                await until(lambda: len(told(home, "HIGH: The channel mail takes no messages")) == 1)
                assert len(told(home, "This is a drill: nothing is wrong")) == 1
                home.write(channels={"ops": sound, "mail": sound})
                daemon.send(signal.SIGHUP)
                await until(lambda: mail_in(daemon, "condition.ended"))
                await until(lambda: len(told(home, "OVER: The channel mail takes no messages")) == 1)
                await until(lambda: len(told(home, "This is a drill: nothing is wrong")) == 2)


@pytest.mark.parametrize("again", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["once", "again"])
async def test_a_store_that_cannot_be_written_is_told_to_the_log_and_by_the_exit_code(
    again: bool, tmp_path: Path
) -> None:
    async with house(tmp_path, schedule={"every": "1s"}) as home, home.daemon() as daemon:
        await daemon.says("scan.finished")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (32_768, resource.RLIM_INFINITY))
        failing = await daemon.says("store.failing")
        assert "disk" in failing["problem"]
        if again:
            room = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, room)
            await daemon.says("store.recovered")
            assert len(daemon.events("store.failing")) == 1
            resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (32_768, resource.RLIM_INFINITY))
            await daemon.says("store.failing", count=2)
        assert await daemon.stop() == 1


def mail_in(daemon: Daemon, event: str) -> bool:
    """Whether the log has an event of the condition of the channel `mail`."""
    return "channel:mail" in [line["condition"] for line in daemon.events(event)]


def told(home: House, words: str) -> list[str]:
    """The messages with these words in them."""
    return [body for body in home.hook.bodies if words in body]
