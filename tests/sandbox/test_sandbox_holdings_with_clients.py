"""The readers of what is held and the sandbox were written apart from the same documents, and have to agree."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from scanner.context.exchanges import EXCHANGES, Access
from scanner.context.lists.parsing import parse
from scanner.context.okx_balances import OkxBalances
from scanner.domain.approvals import Target
from scanner.domain.assets import Account
from scanner.domain.holdings import BalanceReading, Wanted, decimals_of
from scanner.domain.lists import Entry
from scanner.errors import Reason
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
    Sandbox,
    Token,
    World,
    bundled_world,
    day_of,
)

ANN, SUE = f"0x{'a1' * 20}", "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV1"
ETH = Token("1", "", "ETH", 18, Decimal("3120.55"))
USDT = Token("1", f"0x{'d7' * 20}", "USDT", 6, Decimal("0.9998"))
LURE = Token("56", f"0x{'1e' * 20}", "LURE", 0, risk=True)
BONK = Token("501", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "BONK", 5)
HELD = {
    (ANN, ETH): Decimal("12345.123456789012345678"),
    (ANN, USDT): Decimal("1.940611"),
    (ANN, LURE): Decimal(5000),
    (SUE, BONK): Decimal("2.5"),
}
WANTED = [
    Wanted(Target("1", ANN), frozenset({USDT.address, f"0x{'99' * 20}"})),
    Wanted(Target("56", ANN), frozenset()),
    Wanted(Target("501", SUE), frozenset({BONK.address})),
]
ACCOUNTS = {("okx", "USDT"): Decimal("1200.5"), ("okx", "BTC"): Decimal("0.1"), ("xt", "BTC"): Decimal("0.3")}


def world() -> World:
    return World("held", (replace(day_of([]), balances=HELD, accounts=ACCOUNTS),))


async def balances(sandbox: Sandbox, api: str = "v5") -> dict[Target, BalanceReading]:
    """One reading of everything, without a second try."""
    mine = sandbox.credentials
    key = Credentials(mine.key, mine.secret, mine.passphrase, mine.project)
    async with sandbox.serve() as server, aiohttp.ClientSession() as session:
        settings = OkxSettings(base_url=server.url, requests_per_second=1000, timeout=0.3, patience=0)
        reader = OkxBalances(OkxClient(session, key, settings, MemoryLedger()), api=api)
        return {reading.target: reading async for reading in reader.read(WANTED)}


@pytest.mark.parametrize("api", ["v5", "v6"])
@pytest.mark.parametrize(
    "dialect",
    [
        {},
        {"raw": RawForm.EMPTY},
        {"balance_address": OwnerField.EMPTY, "masked_symbol": True},
        {"chain_as_number": True, "code_as_number": True, "always_200": True},
        {"truncated": False},
        {"price": PriceForm.ZERO},
        {"price": PriceForm.EMPTY},
    ],
    ids=str,
)
async def test_what_is_held_is_read_in_every_dialect(dialect: dict[str, Any], api: str) -> None:
    sandbox = Sandbox(world(), quirks=Quirks(**dialect))
    found = await balances(sandbox, api)
    assert {one.trouble for one in found.values()} == {None}
    ethereum, bsc, solana = (found[one.target] for one in WANTED)
    assert ethereum.rows.keys() == {"", USDT.address}
    assert ethereum.asked == WANTED[0].tokens - {USDT.address}, "what the list lacks is asked for by its address"
    assert bsc.rows[LURE.address].amount == 5000
    assert bsc.rows[LURE.address].risk
    assert solana.rows[BONK.address].amount == Decimal("2.5")
    assert solana.rows[BONK.address].price_usd is None
    usdt, eth = ethereum.rows[USDT.address], ethereum.rows[""]
    assert usdt.price_usd == (Decimal("0.9998") if "price" not in dialect else None)
    assert (usdt.raw, decimals_of(usdt)) == ((1940611, 6) if "raw" not in dialect else (None, None))
    assert decimals_of(eth) == (18 if "truncated" in dialect else None), "a balance that is cut off proves no decimals"
    assert {entry.code for entry in sandbox.requests} == {"0"}


ALIKE = {name for name in FAULTS_AT[Endpoint.BALANCES] if name.startswith("code-")} - {"code-50026", "code-81157"}
"""Codes are the shared client's to know; those of each kind are tested there."""


@pytest.mark.parametrize(
    "fault",
    sorted(
        name
        for name, fault in FAULTS_AT[Endpoint.BALANCES].items()
        if fault.fatal and name not in {*ALIKE, "http-429-retry-after"}
    ),
)
async def test_what_a_fault_spoils_is_never_read_as_something_else(fault: str) -> None:
    sandbox = Sandbox(world())
    sandbox.fail(fault, endpoint="balances", times=None)
    true = {(owner, token.chain, token.address): amount for (owner, token), amount in HELD.items()}
    for target, reading in (await balances(sandbox)).items():
        assert reading.trouble is not None
        assert not reading.asked, "what was not answered is not missing"
        for address, seen in reading.rows.items():
            amount = true[target.owner, target.chain, address]
            assert seen.amount is None or seen.amount <= amount < seen.amount + Decimal("1e-12")


@asynccontextmanager
async def served(sandbox: Sandbox) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    async with sandbox.serve() as server, aiohttp.ClientSession() as session:
        yield server.url, session


async def account(sandbox: Sandbox, exchange: str, api: str, **change: str) -> Account:
    """One reading of an account."""
    mine = sandbox.credentials
    keys: Mapping[str, tuple[str, str]] = {"okx": (mine.key, mine.secret), "xt": (mine.xt_key, mine.xt_secret)}
    key, secret = keys[exchange]
    async with served(sandbox) as (url, session):
        access = Access(
            **{
                "name": "ours",
                "setting": f"exchanges.{exchange}",
                "key": key,
                "secret": secret,
                "passphrase": mine.passphrase,
                "base_url": url,
                **change,
            },
            timeout=0.3,
        )
        return await EXCHANGES[exchange, api](access, session, MemoryLedger()).read()


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("page", [1, 100])
@pytest.mark.parametrize(("exchange", "api"), EXCHANGES)
async def test_what_lies_on_an_exchange_is_read_whole(exchange: str, api: str, page: int, frozen: bool) -> None:
    sandbox = Sandbox(world(), quirks=Quirks(part_frozen=frozen, largest_page=page))
    found = await account(sandbox, exchange, api)
    assert found.trouble is None
    assert {name.upper(): amount for name, amount in found.amounts.items()} == sandbox.today.account(exchange)


@pytest.mark.parametrize(("exchange", "api"), EXCHANGES)
async def test_a_wrong_secret_is_a_refused_key(exchange: str, api: str) -> None:
    found = await account(Sandbox(world()), exchange, api, secret="another one")
    assert found.trouble is not None
    assert found.trouble.reason is Reason.REFUSED_KEY


PLACES = {
    ("okx", "v5"): Endpoint.FUNDING,
    ("okx", "v3"): Endpoint.WALLET,
    ("xt", "v1"): Endpoint.XT,
    ("xt", "v4"): Endpoint.XT_V4,
}


async def test_the_list_of_exploited_spenders_is_read_with_what_happened() -> None:
    sandbox = Sandbox(bundled_world())
    sandbox.day = 2
    async with served(sandbox) as (url, session), session.get(f"{url}/lists/exploited.csv") as answer:
        copy = parse({"": await answer.read()}, "exploited")
    ((spender, incident),) = sandbox.today.incidents.items()
    assert copy.entries == (Entry(spender.address, ("exploited",), None, spender.name, incident),)
    assert copy.bad == 0


UNTOLD = {"drip", "ten-megabytes", "amount-number"}
"""Faults that only take time, and one that is another way to write an amount."""


@pytest.mark.parametrize(
    ("exchange", "api", "fault"),
    [
        (exchange, api, fault)
        for (exchange, api), place in PLACES.items()
        for fault in sorted(FAULTS_AT[place].keys() - UNTOLD)
        if not fault.startswith("code-50")
    ],
)
async def test_no_fault_of_an_exchange_makes_up_an_amount(exchange: str, api: str, fault: str) -> None:
    sandbox = Sandbox(world())
    sandbox.fail(fault, endpoint=PLACES[exchange, api], times=None)
    found = await account(sandbox, exchange, api)
    true = sandbox.today.account(exchange)
    assert all(amount in (None, true[name.upper()]) for name, amount in found.amounts.items())
    assert found.trouble is not None or found.amounts or fault == "data-empty"
