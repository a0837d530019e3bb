"""Killed at any moment of a scan: the store is sound, no change is lost or told twice, and every alert is owed."""

import asyncio
import multiprocessing
import random
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from scanning import CHANNELS, address, all_rows, house, in_words, opened, reading, row, rows, shown, story

from scanner.domain.approvals import Target
from scanner.sandbox import UINT256_MAX, Fault, Row, Sandbox, World
from scanner.sandbox.pages import Asked
from scanner.store import scans
from scanner.store.budgets import StoredLedger

OWNERS = [address(0xA00 + number) for number in range(10)]


def day(number: int) -> list[Row]:
    """On every day each wallet has something new and dangerous, something raised, and something gone.

    What is dangerous goes to the same spender from all of them.
    """
    return [
        one
        for place, owner in enumerate(OWNERS)
        for one in (
            row(1, 5 + number, owner=owner, spender=place),
            *rows(3, first=2, owner=owner, spender=place),
            row(100, UINT256_MAX, owner=owner, spender=100 + number),
        )
    ]


def scan_once(url: str, path: Path, targets: list[Target]) -> None:
    """A process of its own that scans once, unless it is killed."""

    async def scanning() -> None:
        far = Sandbox(story([]))
        async with opened(path) as store, reading(far, StoredLedger(store), url=url) as source:
            await house(store, source).scan(targets)

    asyncio.run(scanning())


class Noticing(Sandbox):
    """A sandbox that says when it is asked."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked = asyncio.Event()

    def strike(self, asked: Asked) -> Fault | None:
        self.asked.set()
        return super().strike(asked)


async def lives(process: BaseProcess, sandbox: Noticing, seconds: float | None = None) -> tuple[int | None, float]:
    """Run a process, and kill it so many seconds after its first request; its exit code, and how long that took."""
    sandbox.asked.clear()
    process.start()
    asking, ending = asyncio.ensure_future(sandbox.asked.wait()), asyncio.ensure_future(asyncio.to_thread(process.join))
    await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
    assert asking.done(), "it ended before it asked for anything"
    began = time.monotonic()
    if seconds is not None:
        await asyncio.sleep(seconds)
        process.kill()
    await ending
    code = process.exitcode
    process.close()
    return code, time.monotonic() - began


async def kills(folder: Path, cycles: int, seed: int) -> None:
    """Kill a scan on each of so many days, the first reading included, and look at what each leaves behind."""
    chance = random.Random(seed)
    sandbox = Noticing(story(*map(day, range(cycles))))
    targets = [Target("1", owner) for owner in OWNERS]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "scanner.app", "scanner.sandbox"])
    killed = 0
    async with sandbox.serve() as server:

        def scanner(file: str) -> BaseProcess:
            return context.Process(target=scan_once, args=(server.url, folder / file, targets))

        code, whole = await lives(scanner("whole.db"), sandbox)
        assert code == 0
        for number in range(cycles):
            sandbox.day = number
            code, took = await lives(scanner("store.db"), sandbox, chance.random() * whole)
            killed += code != 0
            whole = took if code == 0 else whole  # the first one may have been slow
            await check_after(folder / "store.db", sandbox, server.url, targets, number)
    assert killed > cycles / 3


async def check_after(path: Path, sandbox: Sandbox, url: str, targets: list[Target], number: int) -> None:
    """Start again where a process died: what it left is sound, and one more scan tells exactly what it did not."""
    async with opened(path) as store, reading(sandbox, StoredLedger(store), url=url) as source:
        assert await store.check() == []
        await store.write(lambda connection: scans.interrupt(connection, ["1-test"], datetime.now(UTC)))
        report = await house(store, source).scan(targets)
        assert shown(report) == in_words(day(number))
        assert report.scan.complete
        stored = await all_rows(store)
    told = Counter(one["kind"] for one in stored["changes"])
    moved = len(OWNERS) * number
    assert told == Counter({"baseline": 5 * len(OWNERS), "new": moved, "increased": moved, "revoked": moved})
    assert len({one["id"] for one in stored["changes"]}) == len(stored["changes"])
    assert {one["state"] for one in stored["scans"]} <= {"finished", "interrupted"}

    lives = Counter((one["rule"], one["approval_id"], one["change_id"]) for one in stored["alerts"])
    assert set(lives.values()) == {1}
    opened_ones = Counter(one["alert_id"] for one in stored["alert_events"] if one["move"] == "opened")
    assert opened_ones == Counter(one["id"] for one in stored["alerts"])
    owed = Counter((one["alert_id"], one["channel"]) for one in stored["notices"] if one["what"] == "opened")
    assert owed == Counter((one["id"], channel) for one in stored["alerts"] for channel in CHANNELS)
    assert all(one["due_at"] for one in stored["notices"] if one["send"])
    dangerous = {one["id"] for one in stored["approvals"] if one["in_force"] and one["raw"] == UINT256_MAX}
    for rule in ("unlimited-to-stranger", "spender-in-several-wallets"):
        assert dangerous == {
            one["approval_id"] for one in stored["alerts"] if one["rule"] == rule and one["state"] == "open"
        }, rule


async def test_a_scan_that_is_killed_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    await kills(tmp_path, 8, seed=2026)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_scan_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    await kills(tmp_path, 200, seed=1120)
