"""Killed at any moment, the daemon goes on where it was."""

import asyncio
from pathlib import Path

import pytest
from house import OPS, house, until

from scanner.sandbox import big_world


async def test_killed_in_mid_scan_it_reads_the_rest_at_once_and_repeats_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.day = 2
        home.sandbox.fail("hang", times=None, target=("1", OPS))
        async with home.daemon() as daemon:
            await until(lambda: home.rows("SELECT count(*) FROM alerts") == [(1,)])
            await daemon.die()
        home.sandbox.heal()
        async with home.daemon() as daemon:
            await daemon.says("daemon.ready")
            await daemon.says("scan.finished", within=5)
            await until(lambda: len(home.hook.messages) == 2, seen=daemon.log.read_text)
            assert await daemon.stop() == 0
        assert home.rows("SELECT rule, count(*) FROM alerts GROUP BY rule ORDER BY rule") == [
            ("allowance-increased", 1),
            ("unlimited-to-nameless", 1),
        ]
        assert [row[0] for row in home.rows("SELECT state FROM scans ORDER BY started_at")] == [
            "finished",
            "interrupted",
            "finished",
        ]
        for (alert,) in home.rows("SELECT id FROM alerts"):
            assert sum(alert in body for body in home.hook.bodies) == 1


async def test_killed_in_mid_delivery_it_sends_again_at_once_and_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.advance()
        home.hook.hangs = True
        async with home.daemon() as daemon:
            await until(lambda: bool(home.hook.messages), seen=daemon.log.read_text)
            await daemon.die()
        [first] = home.hook.bodies
        home.hook.hangs = False
        async with home.daemon() as daemon:
            await daemon.says("daemon.ready")
            await until(lambda: len(home.hook.messages) == 2, within=5, seen=daemon.log.read_text)
            again = home.hook.bodies[1].splitlines()
            assert again == [*first.splitlines()[:-1], "(possible repeat)", first.splitlines()[-1]]
            await until(lambda: home.rows("SELECT state FROM messages") == [("sent",)])
            assert await daemon.stop() == 0
        outcomes = [row[0] for row in home.rows("SELECT outcome FROM attempts ORDER BY seq")]
        assert outcomes == ["unknown", "delivered"]


async def test_a_scan_that_was_killed_is_taken_up_by_the_next_one(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.scan()
        home.sandbox.advance()
        home.hook.hangs = True
        async with home.begun("scan") as scanning:
            await until(lambda: bool(home.hook.messages))
            scanning.kill()
            await scanning.wait()
        home.hook.hangs = False
        done = await home.scan()
        assert done.code == 0
        assert "stay in the outbox" not in done.err
        assert home.hook.bodies[1].splitlines()[-2] == "(possible repeat)"
        assert home.rows("SELECT state FROM messages") == [("sent",)]


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_killed_again_and_again_it_loses_nothing(tmp_path: Path) -> None:
    world = big_world(12, 6, days=8, moved=6)
    async with house(tmp_path, world, watched=(), schedule={"every": "1s"}) as home:
        okx = {**home.settings["source"]["okx"], "requests_per_second": 20}
        ops = {"url": home.hook.url(), "min_severity": "low"}
        home.write(source={"okx": okx, "confirm_absence_after": "0s"}, channels={"ops": ops})
        for kill in range(24):
            async with home.daemon() as daemon:
                await daemon.says("daemon.ready")
                await asyncio.sleep(0.05 * kill)
                await daemon.die()
            if kill % 3 == 2:
                home.sandbox.advance()
        async with home.daemon() as daemon:
            await daemon.says("scan.finished")
            unsent = "SELECT count(*) FROM messages WHERE state != 'sent'"
            await until(lambda: home.rows(unsent) == [(0,)], seen=daemon.log.read_text)
            assert await daemon.stop() == 0
        rows = [row for found in home.sandbox.truth().values() for row in found]
        stored = home.rows("SELECT owner, token, spender, raw FROM approvals WHERE in_force")
        assert {(*names, int(raw)) for *names, raw in stored} == {
            (row.owner, row.token.address, row.spender.address, row.raw) for row in rows
        }
        owed = "SELECT count(*) FROM notices WHERE send AND message_id IS NULL"
        assert home.rows(owed) == [(0,)]
        bodies = {body.splitlines()[-1]: 0 for body in home.hook.bodies}
        for body in home.hook.bodies:
            bodies[body.splitlines()[-1]] += "(possible repeat)" not in body
        assert all(unmarked <= 1 for unmarked in bodies.values())
