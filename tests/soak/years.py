"""A year of many wallets, written straight into a store: tables, no scans."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from blank import blank
from scanning import address
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Spender, Token
from scanner.domain.changes import Change, ChangeKind, Held
from scanner.store.engine import Store
from scanner.store.rows import approval_row, change_row
from scanner.store.tables import (
    approvals,
    balance_moves,
    changes,
    list_entries,
    lists,
    scan_targets,
    scans,
    targets,
    token_moves,
    watches,
)

__all__ = ["APPROVALS", "END", "START", "year_of"]

START = datetime(2025, 6, 1, tzinfo=UTC)
END = START + timedelta(days=365)

EVERY = timedelta(hours=6)
"""The time between two scans."""

TOKENS, SPENDERS, APPROVALS = 200, 400, 3


async def year_of(path: Path, wallets: int, seed: int = 1) -> Store:
    """A store with a year of so many wallets, each with a handful of approvals that changed, and money that moved."""
    await blank(path)
    store = await Store.open(f"sqlite:///{path}")
    random = Random(seed)
    beginnings = [START + EVERY * number for number in range((END - START) // EVERY)]

    async def writing(connection: AsyncConnection) -> None:
        for table, rows in (
            (scans, _scans(beginnings)),
            (lists, [{"name": "mine", "label": "known", "origin": "mine.csv"}]),
            (list_entries, _entries(random)),
            (token_moves, _prices(random, beginnings)),
            (targets, _targets(wallets)),
            (watches, _watches(wallets)),
        ):
            await _insert(connection, table, rows)
        for first in range(0, wallets, 1000):
            found = [_approvals(random, number) for number in range(first, min(wallets, first + 1000))]
            for table, key in ((approvals, 0), (changes, 1), (balance_moves, 2)):
                await _insert(connection, table, [row for one in found for row in one[key]])
        await _insert(
            connection,
            scan_targets,
            [
                {"scan_id": "scan-0", "target_id": number + 1, "complete": True, "approvals": APPROVALS}
                for number in range(wallets)
            ],
        )

    await store.write(writing)
    return store


async def _insert(connection: AsyncConnection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    found = list(rows)
    for start in range(0, len(found), 20_000):
        await connection.execute(table.insert(), found[start : start + 20_000])


def _scans(beginnings: Iterable[datetime]) -> Iterator[dict[str, Any]]:
    for number, at in enumerate(beginnings):
        times = {"started_at": at, "finished_at": at + timedelta(hours=1)}
        yield {"id": f"scan-{number}", "asked_by": "schedule", "worker": "1-made", "state": "finished", **times}


def _entries(random: Random) -> Iterator[dict[str, Any]]:
    for number in range(0, SPENDERS, 3):
        row = {"list": "mine", "address": address(0x59E0000 + number), "labels": ["known"]}
        yield {**row, "since": START + timedelta(days=random.choice([0, 0, 90, 200]))}


def _prices(random: Random, beginnings: Iterable[datetime]) -> Iterator[dict[str, Any]]:
    """Every price moves in every scan."""
    prices = [random.choice([0.01, 1.0, 30.0, 3000.0]) for _ in range(TOKENS)]
    for at in beginnings:
        for number, price in enumerate(prices):
            # Every other token is a stable one.
            prices[number] = price * random.uniform(0.985, 1.0152) if number % 2 else random.uniform(0.999, 1.001)
            known = {"decimals": 6, "price_usd": Decimal(f"{prices[number]:.8f}"), "risk": False}
            yield {"chain": "1", "token": address(0x70C0000 + number), "at": at + timedelta(minutes=1), **known}


def _targets(wallets: int) -> Iterator[dict[str, Any]]:
    for number in range(wallets):
        known = {"watched": True, "watched_at": START, "read_at": END, "tags": [], "covered": ["erc20"]}
        yield {"id": number + 1, "chain": "1", "owner": address(0xA0000000 + number), **known}


def _watches(wallets: int) -> Iterator[dict[str, Any]]:
    return ({"target_id": number + 1, "since": START, "tags": []} for number in range(wallets))


Rows = list[dict[str, Any]]


def _approvals(random: Random, number: int) -> tuple[Rows, Rows, Rows]:
    """One wallet's approvals, their changes, and how its balances moved, each by the month; often there is nothing."""
    kept: Rows = []
    moved: Rows = []
    money: Rows = []
    for token in random.sample(range(TOKENS), APPROVALS):
        spender = Spender(address(0x59E0000 + random.randrange(SPENDERS)), "Swap")
        held = Approval("1", address(0xA0000000 + number), Token(address(0x70C0000 + token)), spender, Allowance(5))
        at, before, kind = START + timedelta(minutes=1), None, ChangeKind.BASELINE
        first = since = at
        for _ in range(random.choice([1, 1, 2, 3, 4])):
            raw = random.choice([10**6, 500 * 10**6, 20_000 * 10**6, UINT256_MAX])
            after = Approval("1", held.owner, held.token, spender, Allowance(raw))
            moved.append(change_row(Change(kind, before, after, at), f"scan-{(at - START) // EVERY}"))
            before, changed_at = after, at
            kind = random.choice([ChangeKind.INCREASED, ChangeKind.DECREASED])
            at += timedelta(days=random.randint(5, 90))
        kept.append(approval_row(Held(after, first, since, changed_at), number + 1))
        last = None
        for month in range(12):
            amount = random.choice([0, 0, 0, 5, 300, 4_000])
            if amount == last:
                continue
            last = amount
            then = START + timedelta(days=30 * month, minutes=1)
            row = {"target_id": number + 1, "token": held.token.address, "at": then}
            money.append({**row, "amount": Decimal(amount), "raw": amount * 10**6})
    return kept, moved, money
