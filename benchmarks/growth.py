"""What a quiet day leaves in the store."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.far_side import far_side
from benchmarks.figures import Figure, Goal, Sizes
from benchmarks.house import configured, opened, wallets_of

__all__ = ["figures"]


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """Bytes a target for a scan in which nothing moved, and for each approval once."""
    async with far_side(sizes.approvals) as far:
        with configured(far, wallets_of(sizes.owners)) as file:
            async with opened(file) as house:
                empty = _bytes(house.store.path)
                await house.scan()
                first = _bytes(house.store.path)
                for _ in range(sizes.rounds):
                    await house.scan()
                last = _bytes(house.store.path)
    lines = sizes.rounds * sizes.owners
    return [
        Figure(
            f"growth a target for a scan in which nothing moved ({sizes.owners:,} targets)",
            f"{sizes.rounds} scans",
            (last - first) / lines,
            "bytes",
            Goal(200),
            {"first_bytes": first, "last_bytes": last},
        ),
        Figure(
            "size of an approval, with its change, balance and alerts",
            "the first scan",
            (first - empty) / (sizes.owners * sizes.approvals),
            "bytes",
        ),
    ]


def _bytes(path: Path) -> int:
    """What is in use of a store."""
    with closing(sqlite3.connect(path)) as connection:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
    return (pages - free) * size
