"""No secret is ever written: not in output, not in a log, not in a file."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from house import House, closed_port, house, until

from scanner.sandbox import Credentials

SECRETS = {
    "key": "KEYkeyKEY-5c1f0a77",
    "secret": "SECRETsecretSECRET-8812ee",
    "passphrase": "PASSphrasePASS-77aa01",
    "project": "PROJECTproject-0f0f31",
    "user": "hookUSER-4411bc",
    "password": "hookPASSWORD-a1b2c3",
    "token": "hookTOKEN-d4e5f6a7",
    "header": "hookHEADER-99aa88",
    "bot": "AAF-botTOKENbotTOKEN_331177",
}
THEIRS = Credentials(SECRETS["key"], SECRETS["secret"], SECRETS["passphrase"], SECRETS["project"])
FAULTS = ("http-401", "code-50111", "redirect", "hang", "html", "closed", "code-50011", "http-429", "http-502")


def told(home: House, dead: int) -> None:
    """Let the configuration name two channels whose URLs are full of secrets: one works, at one nobody listens."""
    inside = "{user}:{password}@127.0.0.1:{{}}/{token}?+X-Auth={header}".format(**SECRETS)
    home.environ |= {
        "HOOK": f"json://{inside.format(home.hook.port)}",
        "DEAD": f"json://{inside.format(dead)}",
    }
    channels = {name: {"url": {"env": name.upper()}, "min_severity": "low"} for name in ("hook", "dead")}
    home.write(channels=channels, log={"level": "debug"})


def shown(text: bytes) -> list[str]:
    """Which secrets stand in a text."""
    return [name for name, secret in SECRETS.items() if secret.encode() in text]


@pytest.mark.parametrize("faults", [FAULTS[:3], pytest.param(FAULTS, marks=pytest.mark.soak)], ids=["some", "all"])
async def test_a_daemon_that_meets_failures_writes_no_secret(faults: Sequence[str], tmp_path: Path) -> None:
    with closed_port() as dead:
        async with house(tmp_path, credentials=THEIRS, schedule={"every": "1s"}) as home:
            told(home, dead)
            okx = {**home.settings["source"]["okx"], "timeout": "0.3s"}
            home.write(source={"okx": okx, "confirm_absence_after": "0s"})
            async with home.daemon() as daemon:
                await daemon.says("scan.finished")
                home.sandbox.advance()
                await daemon.says("message.sent")
                await daemon.says("message.failed")
                for fault in faults:
                    home.sandbox.fail(fault, times=1)
                await until(lambda: not home.sandbox.armed, within=40, seen=daemon.log.read_text)
                home.sandbox.fail("http-401", times=None)
                incomplete = [scan for scan in daemon.events("scan.finished") if not scan["complete"]]
                assert incomplete
                await daemon.says("scan.finished", count=len(daemon.events("scan.finished")) + 2)
                assert await daemon.stop() == 0
            assert home.hook.messages
            assert shown(home.everything()) == []


async def test_commands_that_fail_write_no_secret(tmp_path: Path) -> None:
    with closed_port() as dead:
        async with house(tmp_path, credentials=THEIRS) as home:
            told(home, dead)
            listed = await home.run("channels", "list")
            assert listed.code == 0
            assert "json://127.0.0.1" in listed.out
            tried = await home.run("channels", "test")
            assert tried.code == 1
            assert "hook: delivered" in tried.out
            assert "dead: not delivered (transient): could not connect" in tried.out
            wrong = dict(home.environ, OKX_SECRET_KEY=SECRETS["secret"] + "x")
            refused, examined = await asyncio.gather(home.scan("--dry-run", env=wrong), home.run("doctor", env=wrong))
            assert refused.code == 3
            assert examined.code == 1
            home.write(channels={"bot": {"url": {"env": "BOT"}}})
            home.environ["BOT"] = f"tgram://123456789:{SECRETS['bot']}!!/"
            broken = await home.run("--debug", "channels", "test")
            assert broken.code == 2
            said = [part for done in (listed, tried, refused, examined, broken) for part in (done.out, done.err)]
            assert shown("".join(said).encode() + home.everything()) == []


async def test_a_traceback_shows_no_local_variable(tmp_path: Path) -> None:
    program = f"""
from scanner.cli.logs import set_up_logs
from scanner.config import LogConfig
import structlog
set_up_logs(LogConfig(level="debug", format="text"))
def sign(secret):
    raise ZeroDivisionError
try:
    sign("{SECRETS["secret"]}")
except ZeroDivisionError:
    structlog.get_logger().exception("it.broke")
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-", stdin=-1, stderr=-1, cwd=tmp_path)
    _, err = await process.communicate(program.encode())
    assert b"ZeroDivisionError" in err
    assert shown(err) == []
