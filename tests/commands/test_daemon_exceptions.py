"""Exceptions in real commands: a daemon takes them with SIGHUP, and doctor names those that nothing needs."""

import signal
from pathlib import Path

from house import STRANGER, TREASURY, house, until

RULE = "unlimited-to-nameless"
ENDED = """
    SELECT owner, reason FROM alerts JOIN approvals ON approvals.id = approval_id
    WHERE rule = ? AND alerts.state = 'resolved'
"""


async def test_an_exception_ends_an_alert_without_a_request_and_its_channel_is_told(tmp_path: Path) -> None:
    exception = {"rule": RULE, "spender": STRANGER, "owner": TREASURY, "reason": "our own contract"}
    async with house(tmp_path) as home:
        home.sandbox.day = 1
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            await until(lambda: home.hook.bodies != [], seen=daemon.log.read_text)
            asked = len(home.sandbox.requests)
            home.write(rules={"exceptions": [exception]})
            daemon.send(signal.SIGHUP)
            await daemon.says("daemon.reloaded")
            await until(lambda: "excepted: our own contract" in "\n".join(home.hook.bodies), seen=daemon.log.read_text)
            [told] = [body for body in home.hook.bodies if "excepted:" in body]
            assert "NO LONGER WATCHED" in told
            assert "RESOLVED" not in told
            assert len(home.sandbox.requests) == asked
            assert home.rows(ENDED, RULE) == [(TREASURY, "excepted: our own contract")]
            scanned = await home.scan(env=home.shell)
            assert scanned.report["scan"]["excepted"] == 1
            assert RULE not in {one["rule"] for one in scanned.report["alerts"] if one["state"] == "open"}


async def test_doctor_names_an_exception_that_fits_nothing(tmp_path: Path) -> None:
    used, idle = ({"rule": RULE, "spender": STRANGER, "owner": who, "reason": "ours"} for who in (TREASURY, STRANGER))
    async with house(tmp_path, rules={"exceptions": [used, idle]}) as home:
        home.sandbox.day = 1
        await home.scan()
        said = (await home.run("doctor", "--no-send")).out
        written = (tmp_path / "config.yaml").read_text().splitlines()
        line = [number for number, text in enumerate(written, 1) if "- rule:" in text][1]
        place = f"{tmp_path / 'config.yaml'}:{line}:5"
        assert [text for text in said.splitlines() if "exceptions:" in text] == [
            f"warning  exceptions: {place}: the exception from {RULE} fits no approval in force"
        ]
