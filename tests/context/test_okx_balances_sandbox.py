"""The reader against the bundled sandbox, which was written from the documents a second time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

import aiohttp
import pytest

from scanner.context.okx_balances import OkxBalances
from scanner.domain.approvals import Target
from scanner.domain.holdings import BalanceReading, Seen, Wanted, decimals_of
from scanner.okx.client import OkxClient, OkxSettings
from scanner.okx.pacing import MemoryLedger
from scanner.okx.signing import Credentials
from scanner.sandbox import (
    FAULTS_AT,
    Endpoint,
    OwnerField,
    PriceForm,
    Quirks,
    RawForm,
    RiskForm,
    Sandbox,
    Token,
    World,
    day_of,
)

ANN, BOB = f"0x{'a1' * 20}", f"0x{'b0' * 20}"
SOL = "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV1"

ETH = Token("1", "", "ETH", 18, Decimal("3120.55"))
USDT = Token("1", f"0x{'d7' * 20}", "USDT", 6, Decimal("0.9998"))
LURE = Token("1", f"0x{'1e' * 20}", "LURE", 0, risk=True)
CAKE = Token("56", f"0x{'ca' * 20}", "CAKE", 18)
BONK = Token("501", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "BONK", 5, Decimal("0.00001234"))
GONE = f"0x{'60' * 20}"

HELD = {
    (ANN, ETH): Decimal("12345.123456789012345678"),
    (ANN, USDT): Decimal("1.940611"),
    (ANN, LURE): Decimal(5000),
    (ANN, CAKE): Decimal("0.000000000000000007"),
    (BOB, USDT): Decimal(0),
    (SOL, BONK): Decimal(100),
}
WORLD = World("held", (replace(day_of([]), balances=HELD),))

TARGETS = [Target("1", ANN), Target("56", ANN), Target("1", BOB), Target("501", SOL)]
WANTED = [
    Wanted(target, frozenset({"", USDT.address, GONE} if target.chain != "501" else {BONK.address}))
    for target in TARGETS
]


@asynccontextmanager
async def playing(
    quirks: Quirks | None = None, *, api: str, **settings: Any
) -> AsyncIterator[tuple[Sandbox, OkxBalances]]:
    sandbox = Sandbox(WORLD, quirks=quirks)
    theirs = sandbox.credentials
    credentials = Credentials(theirs.key, theirs.secret, theirs.passphrase, theirs.project)
    async with sandbox.serve() as server, aiohttp.ClientSession() as session:
        chosen = OkxSettings(base_url=server.url, **{"requests_per_second": 10_000.0, **settings})
        yield sandbox, OkxBalances(OkxClient(session, credentials, chosen, MemoryLedger()), api=api)


async def read(reader: OkxBalances) -> dict[Target, BalanceReading]:
    return {reading.target: reading async for reading in reader.read(WANTED)}


def truth(target: Target) -> dict[str, tuple[Token, Decimal]]:
    return {
        token.address: (token, amount)
        for (owner, token), amount in HELD.items()
        if owner == target.owner and token.chain == target.chain
    }


def true_of(seen: Seen, token: Token, amount: Decimal) -> bool:
    """Whether all that is known of a row is so, apart from digits that were cut off."""
    assert token.decimals is not None
    cut = None if seen.amount is None else amount.quantize(seen.amount, ROUND_DOWN)
    return (
        seen.amount == cut
        and seen.raw in (None, int(amount.scaleb(token.decimals)))
        and seen.price_usd in (None, token.price)
        and seen.risk in (None, token.risk)
        and decimals_of(seen) in (None, token.decimals)
    )


READINGS: list[dict[str, Any]] = [
    {},
    {"chain_as_number": True, "code_as_number": True},
    {"raw": RawForm.EMPTY},
    {"balance_address": OwnerField.EMPTY},
    {"price": PriceForm.ZERO},
    {"price": PriceForm.EMPTY},
    {"risk": RiskForm.TEXT},
    {"masked_symbol": True},
    {"truncated": False},
    {"truncated": False, "raw": RawForm.EMPTY},
]


@pytest.mark.parametrize("api", ["v5", "v6"])
@pytest.mark.parametrize("quirks", READINGS, ids=str)
async def test_every_reading_of_the_documents_gives_the_truth(quirks: dict[str, Any], api: str) -> None:
    dialect = Quirks(**quirks)
    async with playing(dialect, api=api) as (sandbox, reader):
        found = await read(reader)
        assert len(sandbox.requests) == 5  # a list for each of three owners, and what two of them do not hold
    for target, reading in found.items():
        assert reading.trouble is None
        held = truth(target)
        assert {token for token, row in reading.rows.items() if row.amount} == {
            token for token, (_, amount) in held.items() if amount
        }
        for token, (true, amount) in held.items():
            if amount:
                row = reading.rows[token]
                assert row.amount is not None
                assert true_of(row, true, amount)
                assert row.risk is true.risk
                assert (row.raw is None) is (dialect.raw is RawForm.EMPTY)
                assert (row.price_usd is None) is (dialect.price is not PriceForm.PLAIN or true.price is None)
        assert GONE not in reading.rows
        assert (GONE in reading.asked) is (target.chain != "501")


async def test_decimals_are_known_where_nothing_was_cut_off() -> None:
    async with playing(api="v5") as (_, reader):
        rows = (await read(reader))[TARGETS[0]].rows
    assert {token: decimals_of(row) for token, row in rows.items()} == {"": None, USDT.address: 6, LURE.address: 0}


LIES = frozenset({"token-foreign", "amount-number"})
"""Faults that put a sound row of another token, or another amount, in place of the true one."""

HIDES = frozenset({"token-missing", "data-empty"})
"""Faults that leave a row out of an answer that is sound otherwise."""


@pytest.mark.parametrize("api", ["v5", "v6"])
@pytest.mark.parametrize("fault", sorted(FAULTS_AT[Endpoint.BALANCES].keys() - LIES))
async def test_no_fault_makes_anything_known_that_is_not_so(fault: str, api: str) -> None:
    async with playing(api=api, timeout=0.2, patience=0.05) as (sandbox, reader):
        sandbox.fail(fault, endpoint=Endpoint.BALANCES, times=None)
        found = await read(reader)
    assert set(found) == set(TARGETS)
    for target, reading in found.items():
        held = truth(target)
        assert all(true_of(row, *held[token]) for token, row in reading.rows.items())
        if reading.trouble is None and fault not in HIDES:
            assert reading.rows.keys() >= {token for token, (_, amount) in held.items() if amount}
        if fault not in HIDES:
            assert not {token for token in reading.asked - reading.rows.keys() if held.get(token, (None, 0))[1]}
