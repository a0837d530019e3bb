"""`make bench`: each figure against a floor, as the median of several runs in one go.

The floors are what somebody would write who wants only the bytes: a bare aiohttp and json loop with the same
concurrency, a bare interpreter start. Machines are noisy; the ratios are what counts. The figures are kept as JSON.
"""

import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from benchmarks.far_side import PATH
from scanner import app
from scanner.config import load
from scanner.scan import Job
from scanner.store.engine import Store

OWNERS = 200
APPROVALS = 100
RUNS = 3
IN_FLIGHT = 64
KEPT = Path("build/bench.json")

CONFIGURATION = """\
source:
  okx:
    base_url: http://127.0.0.1:{port}
    requests_per_second: 10000
    key: {{env: BENCH}}
    secret: {{env: BENCH}}
    passphrase: {{env: BENCH}}
    project: {{env: BENCH}}
wallets:
{wallets}
log: {{level: error}}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was compared with what: medians in seconds, and their ratio."""

    name: str
    floor: str
    seconds: float
    floor_seconds: float

    @property
    def ratio(self) -> float:
        """How many times the floor."""
        return self.seconds / self.floor_seconds


def owner(number: int) -> str:
    """An owner's address."""
    return f"0x{number + 1:040x}"


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def bare(port: int) -> None:
    """The floor of a scan: every page asked for and decoded, nothing else."""
    gate = asyncio.Semaphore(IN_FLIGHT)
    async with aiohttp.ClientSession() as session:

        async def one(number: int) -> None:
            cursor = ""
            async with gate:
                while True:
                    asked = {"addressList": [{"chainIndex": "1", "address": owner(number)}], "limit": "100"}
                    body = asked | ({"cursor": cursor} if cursor else {})
                    async with session.post(f"http://127.0.0.1:{port}{PATH}", json=body) as answer:
                        cursor = json.loads(await answer.read())["data"][0]["cursor"]
                    if not cursor:
                        return

        await asyncio.gather(*(one(number) for number in range(OWNERS)))


@asynccontextmanager
async def far_side() -> AsyncIterator[int]:
    """The server's port, while it runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.far_side", str(APPROVALS), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


async def scans(port: int) -> tuple[float, float]:
    """Seconds of a first scan, and of one in which nothing moved."""
    with tempfile.TemporaryDirectory() as folder:
        wallets = "\n".join(f'  - {{address: "{owner(number)}", chains: [ethereum]}}' for number in range(OWNERS))
        file = Path(folder) / "config.yaml"
        file.write_text(CONFIGURATION.format(port=port, wallets=wallets), encoding="utf-8")
        config = load(file, {"BENCH": "bench"})
        store = await Store.open(config.store.url)
        works = await app.open_works(config, store, worker="1-bench")
        job = Job(config.targets, frozenset(config.targets), "bench")

        async def scan() -> None:
            report = await works.scanner.scan(job)
            assert report.scan.complete
            assert len(report.approvals) == OWNERS * APPROVALS

        try:
            return await timed(scan), await timed(scan)
        finally:
            await works.close()
            await store.close()


def started(*arguments: str) -> float:
    """Seconds that a process takes from start to end, the best of several."""
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    def once() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, env=environ)
        return time.perf_counter() - began

    return min(once() for _ in range(7))


async def measure() -> list[Figure]:
    """All figures."""
    rows = OWNERS * APPROVALS
    loop = f"a bare aiohttp and json loop over the same pages, {IN_FLIGHT} in flight"
    async with far_side() as port:
        await bare(port)
        floors = [await timed(lambda: bare(port)) for _ in range(RUNS)]
        taken = [await scans(port) for _ in range(RUNS)]
    floor = statistics.median(floors)
    interpreter = started("-c", "pass")
    return [
        Figure(f"first scan of {rows} approvals", loop, statistics.median(first for first, _ in taken), floor),
        Figure(f"scan of {rows} unchanged approvals", loop, statistics.median(again for _, again in taken), floor),
        Figure("--version", "a bare interpreter start", started("-m", "scanner", "--version"), interpreter),
        Figure("scan --help", "a bare interpreter start", started("-m", "scanner", "scan", "--help"), interpreter),
    ]


def main() -> None:
    """Measure, print the table, keep the figures."""
    figures = asyncio.run(measure())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; shared and noisy"
    print(f"{'figure':44} {'seconds':>9} {'floor':>9} {'ratio':>7}   compared with")
    for figure in figures:
        print(
            f"{figure.name:44} {figure.seconds:9.3f} {figure.floor_seconds:9.3f} {figure.ratio:6.1f}×   {figure.floor}"
        )
    print(f"peak memory of this process: {memory:.0f} MB; machine: {machine}")
    KEPT.parent.mkdir(exist_ok=True)
    kept = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
    KEPT.write_text(json.dumps({"machine": machine, "peak_mb": memory, "figures": kept}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
