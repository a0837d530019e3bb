"""What it costs to ask who has approved a spender."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.far_side import far_side
from benchmarks.figures import Figure, Sizes, Spent, against, spend, spend_on
from benchmarks.house import opened
from benchmarks.stores import stored
from scanner.cli.approvals import believed
from scanner.store.engine import Store
from scanner.store.knowledge import Filter

__all__ = ["figures"]

BARE = """
SELECT a.*, t.label, t.tags, t.read_at FROM approvals a JOIN targets t ON t.id = a.target_id
WHERE a.spender = ? AND a.in_force AND t.watched
"""


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """`approvals --spender` for the rarest and for the most usual spender, in a process that is warm."""
    found = []
    async with far_side(sizes.approvals) as far, stored(far, sizes.stored_owners) as file, opened(file) as house:
        stored_rows = f"{sizes.stored_owners * sizes.approvals:,}"
        for spender, count in _spenders(house.store.path):
            bare = partial(_bare, house.store.path, spender)
            told = partial(_told, house.store, Filter(spender=spender))
            await told()
            taken, floors = [], []
            for _ in range(sizes.runs):
                floors.append(bare())
                taken.append(await spend_on(told))
            name = f"approvals --spender of {stored_rows}: {count:,} found"
            found.append(against(name, taken, "the same rows by a bare indexed SQLite query", floors, 3.0))
    return found


async def _told(store: Store, wanted: Filter) -> None:
    await store.read(lambda connection: believed(connection, wanted, None, None))


def _bare(path: Path, spender: str) -> Spent:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(BARE, [spender]).fetchall()
        return spend(lambda: connection.execute(BARE, [spender]).fetchall())


def _spenders(path: Path) -> list[tuple[str, int]]:
    """The spenders with the fewest and with the most approvals, and how many these are."""
    count = "SELECT spender, count(*) FROM approvals GROUP BY spender ORDER BY 2"
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(count).fetchall()
    return [found[0], found[-1]]
