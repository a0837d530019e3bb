"""What it costs to ask who has approved a spender."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.far_side import far_side
from benchmarks.figures import Figure, Sizes, Spent, against, median, spend, spend_on
from benchmarks.house import opened
from benchmarks.stores import stored
from scanner.cli.approvals import believed
from scanner.domain.report import (
    AlertEntry,
    AllowanceEntry,
    ApprovalEntry,
    ExposureEntry,
    SpenderEntry,
    TargetEntry,
    TokenEntry,
)
from scanner.formats.documents import Approvals
from scanner.store.engine import Store
from scanner.store.filters import Filter

__all__ = ["figures"]

ROWS = """
SELECT a.id, a.chain, a.owner, a.kind, a.token, a.symbol, a.spender, a.spender_name, a.raw, a.status, a.first_seen,
  a.changed_at, t.label, b.amount, b.read_at, k.price_usd, k.risk, k.decimals, e.labels
FROM approvals a JOIN targets t ON t.id = a.target_id
LEFT JOIN balances b ON b.target_id = a.target_id AND b.token = a.token
LEFT JOIN tokens k ON k.chain = a.chain AND k.token = a.token
LEFT JOIN list_entries e ON e.address = a.spender AND e.chain = a.chain
WHERE a.spender = ? AND a.in_force AND t.watched
"""
ALERTS = """
SELECT l.id, l.rule, l.severity, l.state, l.approval_id, l.title, l.opened_at, l.reason
FROM approvals a JOIN alerts l ON l.approval_id = a.id WHERE a.spender = ? AND l.state <> 'resolved'
"""
TARGETS = """
SELECT chain, owner, label, read_at, (SELECT count(*) FROM approvals a WHERE a.target_id = t.id AND a.in_force = 1)
FROM targets t WHERE watched ORDER BY id
"""
FLOOR = "the same document by three bare indexed SQLite queries and a plain loop"


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """`approvals --spender` for the rarest and for the most usual spender, in a process that is warm."""
    found = []
    async with far_side(sizes.approvals) as far, stored(far, sizes.stored_owners) as file, opened(file) as house:
        stored_rows = f"{sizes.stored_owners * sizes.approvals:,}"
        for spender, count in _spenders(house.store.path):
            bare = partial(_bare, house.store.path, spender)
            told = partial(_told, house.store, Filter(spender=spender))
            await told()
            taken, floors, rows = [], [], []
            for _ in range(sizes.runs):
                document, rows_alone = bare()
                floors.append(document)
                rows.append(rows_alone)
                taken.append(await spend_on(told))
            figure = against(f"approvals --spender of {stored_rows}: {count:,} found", taken, FLOOR, floors, 3.0)
            beside = {"rows_seconds": median(rows).wall, "rows_cpu_seconds": median(rows).cpu}
            found.append(replace(figure, parts={**figure.parts, **beside}))
    return found


async def _told(store: Store, wanted: Filter) -> None:
    await store.read(lambda connection: believed(connection, wanted, None, None))


def _bare(path: Path, spender: str) -> tuple[Spent, Spent]:
    """What the whole document takes, and what its rows alone take."""
    with closing(sqlite3.connect(path)) as connection:
        _document(connection, spender)
        rows = spend(lambda: connection.execute(ROWS, [spender]).fetchall())
        return spend(lambda: _document(connection, spender)), rows


def _document(connection: sqlite3.Connection, spender: str) -> Approvals:
    return Approvals(
        approvals=tuple(_approval(*row) for row in connection.execute(ROWS, [spender])),
        alerts=tuple(_alert(*row) for row in connection.execute(ALERTS, [spender])),
        targets=tuple(
            TargetEntry(
                "ethereum", row[0], row[1], row[2], complete=True, approvals=row[4], error=None, read_at=_time(row[3])
            )
            for row in connection.execute(TARGETS)
        ),
    )


def _approval(*row: Any) -> ApprovalEntry:
    id_, chain, owner, kind, token, symbol, spender, name, raw, status, seen, changed, label, held, read_at, *known = (
        row
    )
    price, risk, decimals, labels = known
    worth = None if held is None or price is None else f"{Decimal(held) * Decimal(price):f}"
    return ApprovalEntry(
        id=id_,
        chain="ethereum",
        chain_index=chain,
        owner=owner,
        kind=kind,
        token=TokenEntry(token, symbol, decimals, risk),
        spender=SpenderEntry(spender, name, (labels,) if labels else ()),
        allowance=AllowanceEntry(str(int(raw)), int(raw) >= 2**128 - 1),
        exposure=ExposureEntry(worth, held, price, held, covers_balance=True, read_at=read_at and _time(read_at)),
        status=status,
        first_seen=_time(seen),
        changed_at=_time(changed),
        owner_label=label,
    )


def _alert(*row: Any) -> AlertEntry:
    id_, rule, severity, state, approval, title, opened_at, reason = row
    return AlertEntry(id_, rule, severity, state, approval, title, _time(opened_at), None, reason or None)


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat().replace("+00:00", "Z")


def _spenders(path: Path) -> list[tuple[str, int]]:
    """The spenders with the fewest and with the most approvals, and how many these are."""
    count = "SELECT spender, count(*) FROM approvals GROUP BY spender ORDER BY 2"
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(count).fetchall()
    return [found[0], found[-1]]
