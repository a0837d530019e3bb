"""Large stores, quickly: a few wallets are really read, and the others are their copies, each with its own identity."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

from benchmarks.far_side import VARIANTS, FarSide, owner
from benchmarks.house import configured, opened, wallets_of
from scanner.domain.approvals import stable_id

__all__ = ["stored"]

# What becomes of the copied rows of a table: where a row's owner is found, and which columns are another's then.
_TARGET = "JOIN copies ON copies.model = mine.target_id"
_APPROVAL = "JOIN approvals a ON a.id = mine.approval_id JOIN copies ON copies.model = a.target_id"
_ID = "identity(a.chain, copies.owner, a.token, a.spender, a.kind)"
_COPIED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "targets": ("JOIN copies ON copies.model = mine.id", {"id": "copies.id", "owner": "copies.owner"}),
    "watches": (_TARGET, {"seq": "NULL", "target_id": "copies.id"}),
    "balances": (_TARGET, {"target_id": "copies.id"}),
    "scan_targets": (_TARGET, {"target_id": "copies.id"}),
    "changes": (_APPROVAL, {"seq": "NULL", "approval_id": _ID}),
    "valuations": (_APPROVAL, {"approval_id": _ID}),
    "alerts": (_APPROVAL, {"id": "mine.id || '-' || copies.id", "approval_id": _ID}),
    "approvals": (
        "JOIN approvals a ON a.id = mine.id JOIN copies ON copies.model = a.target_id",
        {"id": _ID, "target_id": "copies.id", "owner": "copies.owner"},
    ),
}


@asynccontextmanager
async def stored(far: FarSide, owners: int, more: str = "") -> AsyncIterator[Path]:
    """The configuration of a store in which so many owners were read; `more` is written below it."""
    models = min(VARIANTS, owners)
    with configured(far, wallets_of(models), more) as file:
        async with opened(file) as house:
            await house.scan()
            path = house.store.path
        _copy(path, models, owners)
        (file.parent / "wallets.csv").write_text(wallets_of(owners), encoding="utf-8")
        yield file


def _copy(path: Path, models: int, owners: int) -> None:
    """Give every further owner what its model has."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.create_function("identity", 5, _identity, deterministic=True)
        connection.execute("CREATE TEMP TABLE copies (id INTEGER PRIMARY KEY, owner TEXT, model INTEGER)")
        ids = dict(connection.execute("SELECT owner, id FROM targets"))
        connection.executemany("INSERT INTO copies VALUES (?, ?, ?)", _copies(ids, models, owners))
        connection.execute("CREATE INDEX temp.of_model ON copies (model)")
        for table, (joined, others) in _COPIED.items():
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            columns = ", ".join(f'"{name}"' for name in names)
            values = ", ".join(others.get(name, f'mine."{name}"') for name in names)
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} mine {joined}")


def _copies(ids: Mapping[str, int], models: int, owners: int) -> Iterator[tuple[int, str, int]]:
    last = max(ids.values())
    for number in range(models, owners):
        yield last + 1 + number, owner(number), ids[owner(number % VARIANTS)]


def _identity(chain: str, wallet: str, token: str, spender: str, kind: str) -> str:
    return stable_id(chain, wallet, token, spender, kind, None, length=20)
