"""Balances are asked for and answered as the documents say, in every reading of them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from sandbox_client import OTHER, OWNER, Client, Reply, talking

from scanner.sandbox import (
    FAULTS_AT,
    Day,
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

ALL = "/api/v6/dex/balance/all-token-balances-by-address"
SOME = "/api/v6/dex/balance/token-balances-by-address"
CHAINS = "/api/v6/dex/balance/supported/chain"
ALICE = "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV1"
MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"

ETH = Token("1", "", "ETH", 18, Decimal("3120.55"))
USDT = Token("1", f"0x{'d7' * 20}", "USDT", 6, Decimal("0.9998"))
LURE = Token("1", f"0x{'1e' * 20}", "LURE", 0, risk=True)
CAKE = Token("56", f"0x{'ca' * 20}", "CAKE", 18)
ODD = Token("56", f"0x{'0d' * 20}", "ODD")
BONK = Token("501", MINT, "BONK", 5, Decimal("0.00001234"))

HELD = {
    (OWNER, ETH): Decimal("12345.123456789012345678"),
    (OWNER, USDT): Decimal("1.940611"),
    (OWNER, LURE): Decimal(5000),
    (OWNER, CAKE): Decimal("0.000000000000000007"),
    (OWNER, ODD): Decimal("2.50"),
    (OTHER, USDT): Decimal(0),
    (ALICE, BONK): Decimal(100),
}


def world(**more: Any) -> World:
    """A world of one day, on which things are held and nothing is approved."""
    return World("held", (replace(day_of([]), balances=HELD, **more),))


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(world())


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with talking(sandbox) as client:
        yield client


def of(address: str = OWNER, chains: str = "1") -> dict[str, str]:
    """The query for what an address holds."""
    return {"address": address, "chains": chains}


async def everything(client: Client, chains: str = "1,56", address: str = OWNER) -> list[dict[str, Any]]:
    """What an address holds, risk tokens and all."""
    (entry,) = (await client.get(ALL, {**of(address, chains), "excludeRiskToken": "1"})).data
    assert list(entry) == ["tokenAssets"]
    rows: list[dict[str, Any]] = entry["tokenAssets"]
    return rows


def some(*tokens: Token | dict[str, Any], **more: Any) -> dict[str, Any]:
    named = [
        {"chainIndex": token.chain, "tokenContractAddress": token.address} if isinstance(token, Token) else token
        for token in tokens
    ]
    return {"address": OWNER, "tokenContractAddresses": named, "excludeRiskToken": "1", **more}


async def test_what_is_held_is_answered_as_documented(client: Client) -> None:
    reply = await client.get(ALL, {**of(), "excludeRiskToken": "1"})
    assert (reply.status, reply.code, reply.json["msg"]) == (200, "0", "success")
    eth, usdt, lure = reply.data[0]["tokenAssets"]
    assert usdt == {
        "chainIndex": "1",
        "tokenContractAddress": USDT.address,
        "address": OWNER,
        "symbol": "USDT",
        "balance": "1.940611",
        "rawBalance": "1940611",
        "tokenPrice": "0.9998",
        "isRiskToken": False,
    }
    assert (eth["tokenContractAddress"], lure["isRiskToken"], lure["rawBalance"]) == ("", True, "5000")


async def test_a_balance_is_cut_off_after_seventeen_digits_and_its_raw_integer_is_not(client: Client) -> None:
    (eth, *_), (cake, odd) = await everything(client, "1"), await everything(client, "56")
    assert (eth["balance"], eth["rawBalance"]) == ("12345.123456789012", "12345123456789012345678")
    assert (cake["balance"], cake["rawBalance"]) == ("0.000000000000000007", "7")
    assert (odd["balance"], odd["rawBalance"]) == ("2.5", ""), "without decimals there is no smallest unit"


async def test_digits_before_the_point_are_never_cut_off() -> None:
    huge = {(OWNER, USDT): Decimal("123456789012345678901.5")}
    async with talking(Sandbox(World("huge", (replace(day_of([]), balances=huge),)))) as client:
        (row,) = await everything(client)
    assert (row["balance"], row["rawBalance"]) == ("123456789012345678901", "123456789012345678901500000")


async def test_a_price_that_nobody_knows_is_zero_and_moves_by_the_day() -> None:
    sandbox = Sandbox(world(prices={USDT: None, CAKE: Decimal("2.50")}, flagged=frozenset({USDT})))
    async with talking(sandbox) as client:
        rows = {row["symbol"]: row for row in await everything(client)}
    assert {symbol: row["tokenPrice"] for symbol, row in rows.items()} == {
        "ETH": "3120.55",
        "USDT": "0",
        "LURE": "0",
        "CAKE": "2.5",
        "ODD": "0",
    }
    assert [symbol for symbol, row in rows.items() if row["isRiskToken"]] == ["USDT", "LURE"]


async def test_risk_tokens_are_filtered_out_unless_they_are_asked_for_by_the_word_that_sounds_otherwise(
    client: Client,
) -> None:
    for query in ({"excludeRiskToken": "0"}, {}):
        (entry,) = (await client.get(ALL, {**of(), **query})).data
        assert [row["symbol"] for row in entry["tokenAssets"]] == ["ETH", "USDT"]
    for exclude, count in (("0", 0), ("1", 1)):
        (entry,) = (await client.post(some(LURE, excludeRiskToken=exclude), SOME)).data
        assert len(entry["tokenAssets"]) == count


async def test_tokens_are_found_by_address_and_what_is_not_held_is_left_out(client: Client) -> None:
    (entry,) = (await client.post(some(CAKE, ETH, USDT, USDT, replace(USDT, address=f"0x{'9' * 40}")), SOME)).data
    assert [row["symbol"] for row in entry["tokenAssets"]] == ["CAKE", "ETH", "USDT"]
    for reply in (
        await client.post(some(USDT, address=OTHER), SOME),
        await client.get(ALL, of(OTHER)),
    ):
        assert reply.data == [{"tokenAssets": []}], "a balance of nothing is no row"


async def test_both_versions_and_an_address_in_mixed_case_are_answered_alike(client: Client) -> None:
    mixed = f"0x{'A1' * 20}"
    answers = [await client.get(path, of(mixed)) for path in (ALL, ALL.replace("v6", "v5"))]
    assert answers[0] == answers[1]
    assert len(answers[0].data[0]["tokenAssets"]) == 2
    assert (await client.post(some(USDT), SOME)) == (await client.post(some(USDT), SOME.replace("v6", "v5")))


async def test_a_wallet_on_solana_has_balances_of_its_own(client: Client) -> None:
    (row,) = await everything(client, "501", ALICE)
    assert (row["tokenContractAddress"], row["address"], row["tokenPrice"]) == (MINT, ALICE, "0.00001234")
    (entry,) = (await client.post(some(BONK, address=ALICE), SOME)).data
    assert entry["tokenAssets"] == [row]


WRONG_QUERIES = [
    ({"chains": "1"}, "50014"),
    ({"address": OWNER}, "50014"),
    ({"address": OWNER, "chains": ""}, "50014"),
    ({"address": OWNER, "chains": "1,31337"}, "81104"),
    ({"address": OWNER, "chains": "1, 56"}, "81104"),
    ({"address": OWNER, "chains": "1,"}, "81104"),
    ({"address": OWNER, "chains": "1,501"}, "81157"),
    ({"address": ALICE, "chains": "501,1"}, "81157"),
    ({"address": "0x1234", "chains": "1"}, "81157"),
    ({"address": OWNER, "chains": ",".join(["1"] * 51)}, "51000"),
    ({"address": OWNER, "chains": "1", "excludeRiskToken": "true"}, "51000"),
]


@pytest.mark.parametrize(("query", "code"), WRONG_QUERIES)
async def test_a_wrong_query_is_refused_with_its_code(query: dict[str, str], code: str, client: Client) -> None:
    reply = await client.get(ALL, query)
    assert (reply.code, reply.data) == (code, [])


WRONG_BODIES: list[tuple[Any, str]] = [
    (b"", "50000"),
    (b"{", "50002"),
    ({"tokenContractAddresses": [{"chainIndex": "1", "tokenContractAddress": ""}]}, "50014"),
    ({"address": OWNER}, "50014"),
    (some(), "50014"),
    (some(*[USDT] * 21), "51000"),
    ({"address": OWNER, "tokenContractAddresses": "all"}, "51000"),
    ({"address": OWNER, "tokenContractAddresses": ["all"]}, "51000"),
    (some({"chainIndex": "1"}), "50014"),
    (some({"chainIndex": "1", "tokenContractAddress": None}), "50014"),
    (some({"chainIndex": "1", "tokenContractAddress": 7}), "51000"),
    (some({"chainIndex": 1, "tokenContractAddress": ""}), "51000"),
    (some({"chainIndex": "31337", "tokenContractAddress": ""}), "81104"),
    (some({"chainIndex": "1", "tokenContractAddress": "0x12"}), "81157"),
    (some({"chainIndex": "1", "tokenContractAddress": f"0x{'D7' * 20}"}), "81106"),
    (some(USDT, BONK), "81157"),
    (some(USDT, excludeRiskToken=1), "51000"),
    (some(USDT, excludeRiskToken="2"), "51000"),
]


@pytest.mark.parametrize(("body", "code"), WRONG_BODIES)
async def test_a_wrong_body_is_refused_with_its_code(body: Any, code: str, client: Client) -> None:
    reply = await client.post(body, SOME)
    assert (reply.code, reply.data) == (code, [])


async def test_fifty_chains_and_twenty_tokens_are_accepted(client: Client) -> None:
    assert (await client.get(ALL, of(chains=",".join(["1"] * 50)))).code == "0"
    assert (await client.post(some(*[USDT] * 20), SOME)).code == "0"


async def test_a_query_is_part_of_what_is_signed(client: Client) -> None:
    headers = client.signed("GET", f"{ALL}?address={OWNER}&chains=1")
    assert (await client.send("GET", f"{ALL}?address={OWNER}&chains=1", headers=headers)).code == "0"
    assert (await client.send("GET", f"{ALL}?chains=1&address={OWNER}", headers=headers)).code == "50113"
    assert (await client.send("GET", ALL, headers=headers)).code == "50113"
    assert (await client.get(ALL, change=lambda headers: headers.pop("OK-ACCESS-PROJECT"))).code == "50014"


async def test_the_documented_vector_is_accepted_over_the_wire_at_its_own_time() -> None:
    sandbox = Sandbox(world(), now=lambda: datetime(2020, 12, 8, 9, 9, 0, tzinfo=UTC))
    mine = sandbox.credentials
    headers = {
        "OK-ACCESS-KEY": mine.key,
        "OK-ACCESS-SIGN": "DMiHjB7OECqdtucNXOiph8/d1RZZldXBi4og6R5acJI=",
        "OK-ACCESS-TIMESTAMP": "2020-12-08T09:08:57.715Z",
        "OK-ACCESS-PASSPHRASE": mine.passphrase,
    }
    async with talking(sandbox) as client:
        reply = await client.send("GET", f"{ALL}?address=0x{'0' * 39}1&chains=1%2C8453", headers=headers)
    assert (reply.code, reply.data) == ("0", [{"tokenAssets": []}])
    assert sandbox.requests[-1].entries == (("1", f"0x{'0' * 39}1"), ("8453", f"0x{'0' * 39}1"))


async def test_other_methods_are_refused(client: Client) -> None:
    assert (await client.post(some(USDT), ALL)).code == "50115"
    assert (await client.get(SOME)).code == "50115"
    assert (await client.get("/api/v7/dex/balance/supported/chain")).code == "404"


async def test_the_chains_that_are_served_are_listed(client: Client) -> None:
    listed = [row["chainIndex"] for row in (await client.get(CHAINS)).data]
    assert {"1", "56", "501"} <= set(listed)
    for index in listed:
        assert (await client.get(ALL, of(chains=index))).code in ("0", "81157")


@pytest.mark.parametrize(
    ("quirks", "name", "shown"),
    [
        (Quirks(raw=RawForm.EMPTY), "rawBalance", ["", "", ""]),
        (Quirks(balance_address=OwnerField.EMPTY), "address", ["", "", ""]),
        (Quirks(price=PriceForm.ZERO), "tokenPrice", ["0", "0", "0"]),
        (Quirks(price=PriceForm.EMPTY), "tokenPrice", ["", "", ""]),
        (Quirks(risk=RiskForm.TEXT), "isRiskToken", ["false", "false", "true"]),
        (Quirks(masked_symbol=True), "symbol", ["***", "***", "***"]),
        (Quirks(chain_as_number=True), "chainIndex", [1, 1, 1]),
        (Quirks(truncated=False), "balance", ["12345.123456789012345678", "1.940611", "5000"]),
    ],
)
async def test_a_dialect_changes_one_field_of_every_row_and_nothing_else(
    quirks: Quirks, name: str, shown: list[Any], sandbox: Sandbox, client: Client
) -> None:
    plain = await everything(client, "1")
    sandbox.quirks = quirks
    assert await everything(client, "1") == [{**row, name: value} for row, value in zip(plain, shown, strict=True)]


@pytest.mark.parametrize("fault", sorted(FAULTS_AT[Endpoint.BALANCES].keys() - {"hang", "drip"}))
async def test_a_fault_spoils_one_answer_at_its_endpoint_alone(fault: str, sandbox: Sandbox, client: Client) -> None:
    sound = await client.post(some(ETH, USDT), SOME)
    sandbox.fail(fault, endpoint="balances")
    assert (await client.ask(("1", OWNER))).code == "0", "the approvals are another endpoint"
    try:
        spoilt: Reply | None = await client.post(some(ETH, USDT), SOME)
    except (aiohttp.ClientError, UnicodeDecodeError):
        spoilt = None
    assert spoilt is None or (spoilt.status, spoilt.text) != (sound.status, sound.text)
    assert await client.post(some(ETH, USDT), SOME) == sound
    logged = [(entry.endpoint, entry.fault) for entry in sandbox.requests]
    assert logged == [
        (Endpoint.BALANCES, None),
        (Endpoint.APPROVALS, None),
        (Endpoint.BALANCES, fault),
        (Endpoint.BALANCES, None),
    ]


async def test_a_fault_can_wait_for_a_target_or_a_request_for_balances(sandbox: Sandbox, client: Client) -> None:
    await client.ask(("1", OWNER))
    sandbox.fail("http-502", endpoint="balances", target=("56", OWNER))
    sandbox.fail("code-81159", endpoint="balances", request=3)
    statuses = [(await client.get(ALL, of(chains=chain))) for chain in ("1", "1,56", "1", "1")]
    assert [reply.status for reply in statuses] == [200, 502, 200, 200]
    assert statuses[2].code == "81159"


async def test_a_token_can_be_missing_from_both_answers(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("token-missing", endpoint="balances", times=2)
    assert [row["symbol"] for row in await everything(client, "1")] == ["USDT", "LURE"]
    assert (await client.post(some(ETH), SOME)).data == [{"tokenAssets": []}]
    assert [row["symbol"] for row in await everything(client, "1")] == ["ETH", "USDT", "LURE"]


async def test_balances_and_approvals_share_the_keys_limit() -> None:
    asked: list[Callable[[Client], Any]] = [
        lambda client: client.ask(("1", OWNER)),
        lambda client: client.get(ALL, of()),
        lambda client: client.get(CHAINS),
    ]
    async with talking(Sandbox(world(), requests_per_second=2)) as client:
        replies = [await ask(client) for ask in asked]
    assert [reply.code for reply in replies] == ["0", "0", "50011"]


async def test_balances_are_answered_for_the_day_that_it_is(sandbox: Sandbox, client: Client) -> None:
    today = sandbox.today
    later = replace(today, balances={(OWNER, USDT): Decimal(7)})
    days: tuple[Day, ...] = (today, later)
    sandbox.world = World("two days", days)
    sandbox.advance()
    assert [row["balance"] for row in await everything(client)] == ["7"]
