"""`scan` by itself: what it reads, records, tells and exits with."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from house import GUEST, OPS, TREASURY, Done, house, until, without_escapes

RULE_OF_ITS_OWN = """\
rules:
  - id: anything
    title: There is an approval
    severity: critical
    when: true
    why: Why not.
    fix: Nothing.
  - id: broken
    title: This cannot be
    severity: high
    when: allowance.unlimitd
"""


def opened(report: dict[str, Any]) -> list[str]:
    return [alert["rule"] for alert in report["alerts"] if alert["state"] == "open"]


async def test_a_scan_records_tells_and_shows_what_it_found(tmp_path: Path) -> None:
    async with house(tmp_path, installed=True) as home:
        first = await home.scan()
        assert first.code == 0
        assert {change["kind"] for change in first.report["changes"]} == {"baseline"}
        home.sandbox.advance()
        second = await home.scan("--output", "report.json")
        assert (second.code, second.out) == (0, "")
        report = Done(0, (tmp_path / "report.json").read_text(), "").report
        assert set(report) >= {"version", "scan", "approvals", "changes", "alerts"}
        assert [change["kind"] for change in report["changes"]] == ["new"]
        assert opened(report) == ["unlimited-to-nameless"]
        [message] = home.hook.messages
        assert message["title"].startswith("HIGH: ")
        assert report["alerts"][0]["id"] in message["message"]
        assert re.fullmatch(r"ref [0-9a-f]{16}", message["message"].splitlines()[-1])


async def test_fail_on_wins_counts_an_event_once_and_nothing_that_was_taken_note_of(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.sandbox.day = 1
        assert (await home.scan("--fail-on", "high")).code == 4
        rest = "UPDATE alerts SET state = 'acknowledged'"
        home.change(rest)
        home.sandbox.advance()
        assert (await home.scan("--fail-on", "medium")).code == 4
        again = await home.scan("--fail-on", "medium")
        assert again.code == 0, "the event was raised by the scan before, the other one was acknowledged"
        assert opened(again.report) == ["allowance-increased"]
        home.change(rest.replace("acknowledged", "open"))
        home.sandbox.fail("code-51000", times=None, target=("1", OPS))
        assert (await home.scan("--fail-on", "critical")).code == 3
        assert (await home.scan("--fail-on", "high")).code == 4
        home.sandbox.heal()
        home.sandbox.advance()
        assert (await home.scan("--fail-on", "high")).code == 0, "it is resolved"


async def test_a_dry_run_judges_but_leaves_and_sends_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.advance()
        before = home.tables()
        dry = await home.scan("--dry-run", "--fail-on", "high")
        assert dry.code == 4
        assert opened(dry.report) == ["unlimited-to-nameless"]
        assert home.tables() == before
        assert not home.hook.messages
        assert "dry run" in dry.err
        real = await home.scan()
        told = [{name: change[name] for name in ("kind", "approval")} for change in dry.report["changes"]]
        assert [{name: change[name] for name in ("kind", "approval")} for change in real.report["changes"]] == told
        assert len(home.hook.messages) == 1


async def test_a_wallet_that_the_configuration_does_not_know_is_read_like_a_dry_run(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        before = {name: rows for name, rows in home.tables().items() if name in ("approvals", "alerts", "changes")}
        done = await home.scan("--wallet", GUEST, "--chain", "eth")
        assert done.code == 0
        assert [target["owner"] for target in done.report["scan"]["targets"]] == [GUEST]
        assert opened(done.report) == ["unlimited-to-nameless"]
        assert {name: home.tables()[name] for name in before} == before
        assert not home.hook.messages


async def test_a_scan_beside_another_one_leaves_its_digest_whole(tmp_path: Path) -> None:
    async with house(tmp_path, watched=("treasury", "guest")) as home:
        home.write(source={**home.settings["source"], "okx": {**home.settings["source"]["okx"], "timeout": "4s"}})
        home.sandbox.day = 1
        home.sandbox.fail("hang", target=("1", GUEST))
        async with home.begun("scan") as first:
            await until(lambda: home.store.exists() and any(one.fault == "hang" for one in home.sandbox.requests))
            await until(lambda: home.rows("SELECT 1 FROM alerts") != [])
            assert (await home.scan("--wallet", TREASURY)).code == 0
            assert home.rows("SELECT 1 FROM scans WHERE state = 'running'") == [(1,)]
            await first.communicate()
        assert first.returncode == 0
        [digest] = home.hook.messages
        assert digest["title"] == "First reading of 2 wallets: 2 alerts"


async def test_what_a_command_closes_is_told_before_it_ends(tmp_path: Path) -> None:
    async with house(tmp_path, alerting={"group_wait": "1h"}) as home:
        home.sandbox.day = 1
        assert (await home.scan()).code == 0
        home.write(rules={"disable": ["unlimited-to-nameless"]})
        assert (await home.scan()).code == 0
        assert home.hook.messages[-1]["title"].startswith("No longer watched: ")


async def test_broken_rules_are_left_out_and_named_and_the_sound_ones_judge(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(RULE_OF_ITS_OWN)
    async with house(tmp_path, rules={"dirs": ["rules"]}) as home:
        done = await home.scan("--fail-on", "critical", "--wallet", TREASURY)
        assert done.code == 4
        assert "anything" in opened(done.report)
        assert "own.yaml:11:11" in done.err
        assert any("own.yaml:11:11" in problem for problem in done.report["scan"]["broken_rules"])


async def test_what_cannot_be_read_leaves_the_last_good_state_with_its_age(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.fail("code-51000", times=None, target=("1", TREASURY))
        table = await home.run("scan")
        assert table.code == 3
        assert "INCOMPLETE: 1 not read completely" in table.out
        assert re.search(r"treasury.*last complete reading (just now|\d+ seconds? ago)", table.out)
        assert "2,500,000,000" in table.out
        report = (await home.scan()).report
        unread, sound = report["scan"]["targets"]
        assert (unread["complete"], unread["approvals"], sound["complete"]) == (False, 1, True)
        assert unread["error"]
        assert unread["read_at"] < sound["read_at"]
        assert len(report["approvals"]) == 2
        assert not report["changes"]


async def test_a_refused_key_is_an_incomplete_scan_that_names_the_setting(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        done = await home.scan(env={**home.environ, "OKX_API_PASSPHRASE": "wrong-passphrase"})
        assert done.code == 3
        assert "source.okx.passphrase" in done.report["scan"]["targets"][0]["error"]
        assert "wrong-passphrase" not in done.out + done.err


async def test_a_channel_that_is_down_keeps_its_message_for_the_next_scan(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.advance()
        home.hook.status, home.hook.wish = 503, "30"
        down = await home.scan()
        assert down.code == 0
        assert opened(down.report) == ["unlimited-to-nameless"]
        assert "channel ops: 1 waiting; they stay in the outbox" in down.err
        home.hook.status = 200
        home.change("UPDATE messages SET next_at = next_at - 30000000")
        home.change("UPDATE channel_health SET next_at = NULL")
        back = await home.scan()
        assert back.code == 0
        assert not back.report["changes"]
        refused, taken = (body for body in home.hook.bodies if down.report["alerts"][0]["id"] in body)
        assert taken == refused, "it was refused, and did not arrive"


@pytest.mark.soak
async def test_a_channel_that_hangs_holds_a_scan_up_for_20_seconds_and_its_message_may_have_arrived(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.advance()
        home.hook.hangs = True
        async with asyncio.timeout(45):
            down = await home.scan()
        assert down.code == 0
        assert opened(down.report) == ["unlimited-to-nameless"]
        assert "channel ops: 1 waiting; they stay in the outbox" in down.err
        home.hook.hangs = False
        home.hook.messages.clear()
        back = await home.scan()
        assert back.code == 0
        assert not back.report["changes"]
        [body] = home.hook.bodies
        assert down.report["alerts"][0]["id"] in body
        assert body.splitlines()[-2] == "(possible repeat)"


async def test_stdout_is_data_alone(tmp_path: Path) -> None:
    (tmp_path / "wallets.csv").write_text("address,label,chains\nnonsense,x,ethereum\n")
    async with house(tmp_path, wallets_file="wallets.csv", log={"level": "debug"}) as home:
        home.sandbox.fail("code-51000", times=None, target=("1", TREASURY))
        done = await home.scan()
        assert done.code == 3
        assert done.report["version"] == 1
        assert "wallets.csv:2" in done.err
        assert '"event": "scan.finished"' in done.err
        assert "treasury on ethereum: " in done.err
        assert "\x1b" not in done.out + done.err


async def test_a_terminal_shows_a_bar_unless_no_colour_is_wanted(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.sandbox.fail("code-50001", times=2)  # long enough for a bar to be drawn
        code, shown = await home.on_a_terminal("scan")
        assert code == 0
        assert "\x1b[" in shown
        assert "/2 targets" in without_escapes(shown)
        code, plain = await home.on_a_terminal("scan", NO_COLOR="1")
        assert code == 0
        assert "\x1b" not in plain
        assert "2 approvals of 2 wallets" in plain


async def test_mistakes_end_before_the_first_request(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.write(channels={"ops": {"url": {"env": "NOBODY_SET_THIS"}}})
        bare = await home.run("scan", env=home.shell)
        assert bare.code == 2
        for name in ("OKX_API_KEY", "OKX_SECRET_KEY", "OKX_API_PASSPHRASE", "OKX_PROJECT_ID", "NOBODY_SET_THIS"):
            assert name in bare.err
        for arguments, said in {
            ("--chain", "etherium"): "ethereum",
            ("--wallet", "0x1234"): "0x1234",
            ("--wallet", TREASURY[:-1] + "Z"): "Z",
            ("--config", "elsewhere.yaml"): "No such option",
        }.items():
            wrong = await home.run("scan", *arguments)
            assert (wrong.code, wrong.out) == (2, "")
            assert said in wrong.err
        missing = await home.run("--config", "elsewhere.yaml", "scan")
        assert missing.code == 2
        assert "elsewhere.yaml" in missing.err
        home.write(schedule={"every": "soon"}, wallets=[{"address": "0x12", "chains": ["etherium"]}], nonsense=1)
        broken = await home.run("scan")
        assert broken.code == 2
        assert len(re.findall(r"config\.yaml:\d+:\d+: ", broken.err)) == 4
        assert not home.sandbox.requests
