"""`doctor` tries each real part, names each one that is broken, and says what to do about it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from house import TREASURY, closed_port, house


async def test_all_is_sound(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        done = await home.run("doctor")
        assert done.code == 0, done.out
        assert "broken" not in done.out
        for part in ("configuration", "rules", "store", "list well-known", "clock", "API", "balances", "channel ops"):
            assert f"ok       {part}: " in done.out
        assert f"{TREASURY} on ethereum: 1 approval in 1 page, 1 request;" in done.out
        [message] = home.hook.messages
        assert message["title"] == "approval-watch: test"
        async with home.daemon() as daemon:
            await daemon.says("daemon.ready")
            beside = await home.run("doctor", "--no-send")
            assert beside.code == 0
            assert "ok       daemon: it runs on this store" in beside.out
        assert len(home.hook.messages) == 1


async def test_a_wrong_key_broken_rules_and_a_dead_channel_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text("rules:\n  - {id: own, title: Own, severity: hgh, when: true}\n")
    with closed_port() as port:
        async with house(
            tmp_path, rules={"dirs": ["rules"]}, channels={"ops": {"url": f"json://127.0.0.1:{port}/"}}
        ) as home:
            done = await home.run("doctor", env={**home.environ, "OKX_SECRET_KEY": "something-else"})
            assert done.code == 1
            for part, said, hint in (
                ("rules", "own.yaml:2:", "rules check"),
                ("key", "signature", "source.okx.secret"),
                ("channel ops", "could not connect", "channels test"),
            ):
                line, after = excerpt(done.out, f"broken   {part}: ")
                assert said in line
                assert hint in line + after
            missing = await home.run("doctor", env=home.shell)
            assert missing.code == 1
            assert missing.out.count("broken   key: ") == 4


async def test_a_list_and_an_account_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("address\n0x1234\n0x" + "1" * 40 + "\n")
    lists = {name: {"from": file, "label": "known"} for name, file in (("gone", "gone.csv"), ("odd", "odd.csv"))}
    with closed_port() as port:
        account = {
            "key": {"env": "OKX_API_KEY"},
            "secret": {"env": "OKX_API_KEY"},
            "base_url": f"http://127.0.0.1:{port}",
        }
        async with house(tmp_path, lists=lists, exchanges={"xt": {"side": account}}) as home:
            done = await home.run("doctor", "--no-send")
            assert done.code == 1
            assert "gone.csv" in excerpt(done.out, "broken   list gone: ")[0]
            assert "1 entry, 1 bad row" in excerpt(done.out, "warning  list odd: ")[0]
            assert excerpt(done.out, "broken   account xt side: ")


async def test_a_clock_that_is_too_far_off_is_named(tmp_path: Path) -> None:
    async with house(tmp_path, ahead=timedelta(minutes=2)) as home:
        done = await home.run("doctor", "--no-send")
        assert done.code == 1
        line, hint = excerpt(done.out, "broken   clock: ")
        assert "120 seconds behind the API's" in line
        assert "Set this machine's clock" in hint
        assert "ok       API: " in done.out, "the client corrects its own timestamps"


async def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "approval-watch.db").write_bytes(b"this is not a database, whatever its name says" * 20)
    async with house(tmp_path) as home:
        done = await home.run("doctor", "--no-send")
        assert done.code == 1
        line, hint = excerpt(done.out, "broken   store: ")
        assert "is not a database" in line
        assert "store.url" in hint


@pytest.mark.soak
async def test_a_dead_api_is_named_and_ends_a_scan_within_its_bound(tmp_path: Path) -> None:
    with closed_port() as port:
        dead = {"okx": {"base_url": f"http://127.0.0.1:{port}", "requests_per_second": 1000}}
        async with house(tmp_path, source=dead) as home:
            async with asyncio.timeout(35):
                scanned = await home.scan()
            examined = await home.run("doctor", within=90)
        assert examined.code == 1
        line, hint = excerpt(examined.out, "broken   API: ")
        assert "no connection to 127.0.0.1" in line
        assert "source.okx.base_url" in hint
        assert scanned.code == 3
        for target in scanned.report["scan"]["targets"]:
            assert "no connection to 127.0.0.1" in target["error"]


def excerpt(text: str, start: str) -> tuple[str, str]:
    """The line that begins so, and the one after it."""
    lines = [*text.splitlines(), ""]
    for place, line in enumerate(lines):
        if line.startswith(start):
            return line, lines[place + 1]
    pytest.fail(f"no line begins with {start!r}:\n{text}")
