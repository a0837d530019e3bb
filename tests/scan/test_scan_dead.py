"""A far side that is dead ends a scan within its bound, however many targets there are."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from scanning import Clock, House, address, house, opened, reading, row, story

from scanner.domain.approvals import Target
from scanner.domain.chains import CHAINS
from scanner.domain.report import Report
from scanner.okx.client import OkxSettings
from scanner.policy.rules import Pack
from scanner.sandbox import Sandbox
from scanner.sources.okx import OkxSource
from scanner.store.budgets import StoredLedger

WAYS = ["refused", "hanging", "error"]
EVM = [chain.index for chain in CHAINS if chain.eip155 is not None][:20]


@pytest.fixture
def refused() -> Iterator[str]:
    """An address on which nobody listens."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def many(count: int) -> list[Target]:
    """So many targets, over 20 chains."""
    return [Target(EVM[number % len(EVM)], address(0xD000 + number // len(EVM))) for number in range(count)]


class Dead:
    """A scanner whose far side is dead in one way, and can be healed where it is a sandbox."""

    def __init__(self, way: str, refused: str) -> None:
        self.way, self.refused = way, refused
        self.sandbox = Sandbox(story([row(1)]))
        if way != "refused":
            self.sandbox.fail("hang" if way == "hanging" else "http-503", times=None)

    async def open(self, stack: AsyncExitStack, path: Path, settings: OkxSettings) -> tuple[House, OkxSource]:
        store = await stack.enter_async_context(opened(path))
        url = self.refused if self.way == "refused" else None
        source = await stack.enter_async_context(reading(self.sandbox, StoredLedger(store), url=url, settings=settings))
        return house(store, source, clock=Clock(), pack=Pack(())), source


def said(report: Report) -> Counter[str | None]:
    return Counter(one.reason for one in report.scan.targets)


@pytest.mark.parametrize("way", ["refused", "hanging", pytest.param("error", marks=pytest.mark.soak)])
async def test_a_dead_far_side_ends_a_scan_after_five_targets(way: str, refused: str, tmp_path: Path) -> None:
    """Twenty times as fast as in earnest: there it is 1 request a second, and 20 seconds of patience."""
    targets, dead = many(200), Dead(way, refused)
    async with AsyncExitStack() as stack:
        ours, source = await dead.open(
            stack, tmp_path / "store.db", OkxSettings(requests_per_second=20.0, timeout=1.0, patience=1.0)
        )
        began = time.monotonic()
        report = await ours.scan(targets)
        assert time.monotonic() - began < 12
        assert len(report.scan.targets) == 200
        assert said(report) == {"unavailable": 5, "not-asked": 195}
        assert all(one.error for one in report.scan.targets)
        assert source.cost.requests < 60

        asked = source.cost.requests
        again = await ours.scan(targets[:40])
        assert said(again) == {"unavailable": 1, "not-asked": 39}, "one probe"
        assert source.cost.requests - asked < 15

        if way != "refused":
            dead.sandbox.heal()
            healed = await ours.scan(targets[:40])
            assert healed.scan.complete, "a probe that succeeds reopens it"


@pytest.mark.soak
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", WAYS)
async def test_a_dead_far_side_ends_a_scan_of_a_thousand_targets_in_a_minute(
    way: str, refused: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        ours, _ = await Dead(way, refused).open(stack, tmp_path / "store.db", OkxSettings())
        async with asyncio.timeout(60):
            report = await ours.scan(many(1000))
        assert len(report.scan.targets) == 1000
        assert not any(one.complete for one in report.scan.targets)
        assert all(one.error for one in report.scan.targets)
