"""`make bench`: each figure against its floor, as the median of several runs in one go.

The floors are what somebody would write who wants only the bytes: a bare aiohttp and json loop with the same
concurrency, a bare interpreter start, a bare query. Machines are noisy; the ratios are what counts. Where other work
shares the machine, the ratio of CPU times says more than that of the clock. The figures are kept as JSON.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from benchmarks.figures import Figure, Sizes
from benchmarks.subjects import SUBJECTS
from scanner.cli import NEW_OBJECTS

__all__ = ["FULL", "QUICK", "SMALLEST", "main", "measure", "table"]

KEPT = Path("build/bench.json")

SMALLEST = Sizes(
    owners=4,
    approvals=10,
    chain_owners=2,
    runs=1,
    stored_owners=4,
    judged=20,
    judged_by_floor=4,
    paced_seconds=1.0,
    rounds=2,
    messages=3,
    starts=1,
)
"""Just enough to see that everything can be measured."""

QUICK = Sizes(
    owners=50,
    approvals=100,
    chain_owners=200,
    runs=3,
    stored_owners=200,
    judged=10_000,
    judged_by_floor=100,
    paced_seconds=30.0,
    rounds=10,
    messages=300,
    starts=7,
)
"""A look in less than two minutes."""

FULL = Sizes(
    owners=1_000,
    approvals=100,
    chain_owners=200,
    runs=3,
    stored_owners=10_000,
    judged=100_000,
    judged_by_floor=500,
    paced_seconds=120.0,
    rounds=20,
    messages=1_000,
    starts=15,
)
"""The sizes that the goals speak of."""


async def measure(names: Sequence[str], sizes: Sizes) -> list[Figure]:
    """The figures of some subjects."""
    found: list[Figure] = []
    for name in names:
        began = time.perf_counter()
        figures = await SUBJECTS[name](sizes)
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
        found += figures
    return found


def table(figures: Sequence[Figure]) -> str:
    """The figures to read."""
    lines = [f"{'figure':64} {'value':>10}  {'CPU':>6}  {'goal':>7}  {'':3}  compared with"]
    for figure in figures:
        cpu = f"{figure.parts['cpu_ratio']:.2f}×" if "cpu_ratio" in figure.parts else ""
        met = {None: "", True: "yes", False: "NO"}[figure.met]
        value = f"{figure.value:.4g} {figure.unit}" if len(figure.unit) > 1 else f"{figure.value:.2f}{figure.unit}"
        goal = "" if figure.goal is None else str(figure.goal)
        lines.append(f"{figure.name:64} {value:>10}  {cpu:>6}  {goal:>7}  {met:3}  {figure.floor}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against honest floors.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"some of: {', '.join(SUBJECTS)}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", dest="sizes", action="store_const", const=FULL, help="the sizes of the goals")
    size.add_argument("--smallest", dest="sizes", action="store_const", const=SMALLEST, help="only see that it works")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.subjects) - SUBJECTS.keys():
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    gc.set_threshold(NEW_OBJECTS)  # as the command has it, for the floors as well
    load = os.getloadavg()
    figures = asyncio.run(measure(asked.subjects or list(SUBJECTS), asked.sizes or QUICK))
    told = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": load,
        "load_after": os.getloadavg(),
    }
    print(table(figures))
    print(f"{told['machine']}; load {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after; shared and noisy")
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(told | {"figures": [figure.kept() for figure in figures]}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
