"""`deliveries` on a real outbox: what waits, and again now, beside a daemon and without one."""

import json
from pathlib import Path
from typing import Any

import pytest
from house import House, house, until

pytestmark = pytest.mark.timeout(180)  # each of these runs up to ten processes

URL = {"ops": {"url": {"env": "HOOK_URL"}}}


async def fall_behind(home: House, env: dict[str, str]) -> str:
    """Have an alert raised that the channel refuses; the id of its message, which waits for whoever mends that."""
    assert (await home.scan(env=env)).code == 0
    home.sandbox.advance()
    home.hook.status = 404
    assert (await home.scan(env=env)).code == 0
    [(message,)] = home.rows("SELECT id FROM messages WHERE state = 'waiting'")
    return str(message)


async def listed(home: House, *arguments: str) -> list[Any]:
    done = await home.run("deliveries", "list", "--format", "json", *arguments, env=home.shell)
    assert (done.code, done.err) == (0, "")
    return list(json.loads(done.out)["deliveries"])


async def test_what_a_channel_did_not_take_is_listed_with_why_and_sent_on_demand(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        message = await fall_behind(home, home.environ)
        [entry] = await listed(home)
        [(alert,)] = home.rows("SELECT id FROM alerts WHERE state = 'open'")
        assert (entry["id"], entry["channel"], entry["state"]) == (message, "ops", "waiting")
        assert (entry["alerts"], entry["attempts"]) == ([alert], 1)
        assert "404" in entry["error"]
        home.hook.status = 503
        failed = await home.run("deliveries", "retry", message, env=home.shell)
        assert failed.code == 1
        assert failed.out.startswith(f"{message}  ops  not delivered, next attempt ")
        [entry] = await listed(home)
        assert (entry["state"], entry["attempts"]) == ("waiting", 2)
        assert "503" in entry["error"]
        assert entry["next_at"] is not None
        home.hook.status = 200
        done = await home.run("deliveries", "retry", env=home.shell)
        assert done.code == 0
        assert done.out.startswith(f"{message}  ops  delivered: HIGH: ")
        assert alert in home.hook.bodies[-1]
        assert await listed(home) == []
        [sent] = [one for one in await listed(home, "--all") if one["id"] == message]
        assert (sent["state"], sent["next_at"], sent["error"]) == ("sent", None, None)
        again = await home.run("deliveries", "retry")
        assert (again.code, again.out) == (0, "Nothing waits, and nothing was given up\n")


async def test_beside_a_daemon_the_daemon_sends_and_the_shell_needs_no_secret(tmp_path: Path) -> None:
    async with house(tmp_path, channels=URL) as home:
        secret = {**home.environ, "HOOK_URL": home.hook.url()}
        message = await fall_behind(home, secret)
        alone = await home.run("deliveries", "retry", env=home.shell)
        assert alone.code == 2
        assert "HOOK_URL" in alone.err
        async with home.daemon(HOOK_URL=home.hook.url()) as daemon:
            await daemon.says("daemon.ready")
            tried = "SELECT count(*) FROM attempts"
            [(before,)] = home.rows(tried)
            failed = await home.run("deliveries", "retry", message, env=home.shell)
            assert failed.code == 1
            assert "404" in failed.out
            assert home.rows(tried) > [(before,)]
            home.hook.status = 200
            done = await home.run("deliveries", "retry", "--channel", "ops", env=home.shell)
            assert (done.code, done.err) == (0, "")
            assert done.out.startswith(f"{message}  ops  delivered")
            assert await daemon.stop() == 0


async def test_messages_are_chosen_by_id_and_channel(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        message = await fall_behind(home, home.environ)
        assert await listed(home, "--channel", "other") == []
        for arguments, said in (
            (["0123456789abcdef"], "There is no message 0123456789abcdef"),
            ([message[:-1]], f"Did you mean {message}?"),
            ([message, "--channel", "other"], f"The message {message} does not wait, or not for this channel"),
        ):
            refused = await home.run("deliveries", "retry", *arguments)
            assert (refused.code, refused.out) == (2, "")
            assert said in refused.err
        other = await home.run("deliveries", "retry", "--channel", "other")
        assert other.out == "Nothing waits, and nothing was given up\n"


async def test_a_message_for_a_channel_that_is_no_more_stays_and_is_said(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        message = await fall_behind(home, home.environ)
        home.hook.status = 200
        home.write(channels={"other": {"url": home.hook.url()}})
        told = len(home.hook.messages)
        done = await home.run("deliveries", "retry", message)
        assert done.code == 1
        assert done.out.startswith(f"{message}  ops  not delivered")
        assert len(home.hook.messages) == told


async def test_a_silence_takes_an_alert_out_of_a_message_that_waits(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await fall_behind(home, home.environ)
        home.hook.status = 503
        assert (await home.run("deliveries", "retry")).code == 1
        [(alert,)] = home.rows("SELECT id FROM alerts WHERE state = 'open'")
        why = ("--for", "1h", "--comment", "known", "--author", "alice")
        assert (await home.run("alerts", "silence", alert, *why)).code == 0
        told = len(home.hook.messages)
        home.hook.status = 200
        assert (await home.run("deliveries", "retry")).code == 0
        assert len(home.hook.messages) == told
        [(silence,)] = home.rows("SELECT id FROM silences")
        assert home.rows("SELECT send, reason FROM notices WHERE alert_id = ?", alert) == [
            (0, f"silenced by {silence}")
        ]
        assert (await home.run("alerts", "unsilence", silence)).code == 0
        assert (await home.scan()).code == 0
        assert alert in home.hook.bodies[-1]
        assert "silence ended" in (await home.run("alerts", "show", alert)).out


async def test_a_daemon_takes_notice_of_what_is_acknowledged_and_silenced_beside_it(tmp_path: Path) -> None:
    at_once = {"group_wait": "0s", "group_interval": "0s"}
    async with house(tmp_path, alerting=at_once) as home:
        await home.scan()
        why = ("--for", "1h", "--comment", "known", "--author", "alice")
        silence = ("alerts", "silence", "--severity", "high", "--severity", "critical", "--future", *why)
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            assert (await home.run(*silence, env=home.shell)).code == 0
            for _ in range(2):
                home.sandbox.advance()
                assert (await home.scan(env=home.shell)).code == 0
            await until(lambda: len(home.hook.messages) == 1, seen=daemon.log.read_text)
            told = {row[0]: row[1] for row in home.rows("SELECT rule, id FROM alerts")}
            assert told["allowance-increased"] in home.hook.bodies[0]
            assert told["unlimited-to-nameless"] not in home.hook.bodies[0]
            assert (await home.run("alerts", "ack", told["allowance-increased"], env=home.shell)).code == 0
            await until(lambda: len(home.hook.messages) == 2, seen=daemon.log.read_text)
            assert "acknowledged by" in home.hook.bodies[1]
            assert await daemon.stop() == 0
