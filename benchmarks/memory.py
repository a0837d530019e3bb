"""How large the daemon grows over a large store."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.far_side import FarSide, far_side
from benchmarks.figures import Figure, Goal, Sizes
from benchmarks.house import SECRETS
from benchmarks.stores import stored

__all__ = ["figures"]

SCANS = 2
"""Scheduled scans that the daemon does while it is watched, of which nothing moved."""

MORE = "schedule: {every: 2s}\n"
ENOUGH = 900.0
"""Seconds after which a daemon that has not done them is given up."""


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """The largest resident memory of a daemon from its start over some scans, with few and with many wallets."""
    async with far_side(sizes.approvals) as far:
        few = await _peak(far, 1)
        many = await _peak(far, sizes.stored_owners)
    told = f"{sizes.stored_owners * sizes.approvals:,} approvals of {sizes.stored_owners:,} wallets"
    parts = {"few_mb": few, "each_wallet_kb": (many - few) * 1024 / sizes.stored_owners}
    return [
        Figure(
            f"peak memory of the daemon: {told}",
            f"with one wallet: {few:.0f} MB",
            many,
            "MB",
            Goal(200),
            parts,
        )
    ]


async def _peak(far: FarSide, owners: int) -> float:
    async with stored(far, owners, MORE) as file:
        daemon = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scanner", "--config", str(file), "run"), env={**os.environ, **SECRETS}
        )
        try:
            await _scanned(file.with_name("approval-watch.db"), daemon)
            return _largest(daemon.pid)
        finally:
            daemon.send_signal(signal.SIGTERM)
            await daemon.wait()


async def _scanned(store: Path, daemon: asyncio.subprocess.Process) -> None:
    """Wait until the daemon has done its scans."""
    end = time.monotonic() + ENOUGH
    with closing(sqlite3.connect(store)) as connection:
        done = "SELECT count(*) FROM scans WHERE state = 'finished'"
        before = connection.execute(done).fetchone()[0]
        while connection.execute(done).fetchone()[0] < before + SCANS:
            if daemon.returncode is not None or time.monotonic() > end:
                raise RuntimeError("the daemon did not scan: see what it said above")
            await asyncio.sleep(0.5)


def _largest(pid: int) -> float:
    """The most memory that a process ever had resident, in MB, as Linux tells it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    said = next(line for line in lines if line.startswith("VmHWM:"))
    return int(said.split()[1]) / 1024
