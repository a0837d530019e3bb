"""Every wrong request has its documented code, and a right one passes whatever else the headers hold."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sandbox_client import APPROVALS, OWNER, small_world, talking

from scanner.sandbox import Credentials, Quirks, Sandbox
from scanner.sandbox.checks import check_headers, signature

SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
STAMP = "2020-12-08T09:08:57.715Z"
VECTORS = [
    ("GET", "/api/v5/account/balance?ccy=BTC", b"", "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
    (
        "POST",
        APPROVALS,
        b'{"addressList":[{"chainIndex":"1","address":"0x0000000000000000000000000000000000000001"}],"limit":"100"}',
        "e3pwswZzNT5/3AzXSKrVLCjZdLtUvL4H2N63s5C68To=",
    ),
    (
        "GET",
        f"/api/v6/dex/balance/all-token-balances-by-address?address=0x{'0' * 39}1&chains=1%2C8453",
        b"",
        "DMiHjB7OECqdtucNXOiph8/d1RZZldXBi4og6R5acJI=",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), VECTORS)
def test_the_documented_vectors_are_signed_and_accepted(method: str, path: str, body: bytes, expected: str) -> None:
    assert signature(SECRET, STAMP, method, path, body) == expected
    mine = Credentials(secret=SECRET)
    headers = {
        "OK-ACCESS-KEY": mine.key,
        "OK-ACCESS-SIGN": expected,
        "OK-ACCESS-TIMESTAMP": STAMP,
        "OK-ACCESS-PASSPHRASE": mine.passphrase,
        "OK-ACCESS-PROJECT": mine.project,
    }
    check_headers(headers, method, path, body, mine, datetime(2020, 12, 8, 9, 9, 20, tzinfo=UTC))


async def test_a_vector_is_accepted_over_the_wire_at_its_own_time() -> None:
    _, path, body, sign = VECTORS[1]
    sandbox = Sandbox(small_world(), now=lambda: datetime(2020, 12, 8, 9, 9, 27, 715000, tzinfo=UTC))
    mine = sandbox.credentials
    headers = {
        "OK-ACCESS-KEY": mine.key,
        "OK-ACCESS-SIGN": sign,
        "OK-ACCESS-TIMESTAMP": STAMP,
        "OK-ACCESS-PASSPHRASE": mine.passphrase,
        "OK-ACCESS-PROJECT": mine.project,
        "Content-Type": "application/json",
    }
    async with talking(sandbox) as client:
        reply = await client.send("POST", path, data=body, headers=headers)
    assert (reply.status, reply.code) == (200, "0")
    assert reply.headers["Date"] == "Tue, 08 Dec 2020 09:09:27 GMT"


def without(name: str) -> Callable[[dict[str, str]], object]:
    return lambda headers: headers.pop(name)


def given(name: str, value: str) -> Callable[[dict[str, str]], object]:
    return lambda headers: headers.update({name: value})


WRONG_HEADERS = [
    (without("OK-ACCESS-KEY"), "50103"),
    (without("OK-ACCESS-PASSPHRASE"), "50104"),
    (without("OK-ACCESS-SIGN"), "50106"),
    (without("OK-ACCESS-TIMESTAMP"), "50107"),
    (without("OK-ACCESS-PROJECT"), "50121"),
    (given("OK-ACCESS-KEY", "another"), "50111"),
    (given("OK-ACCESS-PASSPHRASE", "another"), "50105"),
    (given("OK-ACCESS-PASSPHRASE", "pässphrase"), "50105"),
    (given("OK-ACCESS-PROJECT", "another"), "50121"),
    (given("OK-ACCESS-SIGN", "bm90IGEgc2lnbmF0dXJl"), "50113"),
    (given("OK-ACCESS-TIMESTAMP", "1607418537715"), "50112"),
    (given("OK-ACCESS-TIMESTAMP", "2020-12-08T09:08:57Z"), "50112"),
    (given("OK-ACCESS-TIMESTAMP", "2020-12-08T09:08:57.715+00:00"), "50112"),
    (given("OK-ACCESS-TIMESTAMP", "2020-13-08T09:08:57.715Z"), "50112"),
    (given("OK-ACCESS-TIMESTAMP", STAMP), "50102"),
]


@pytest.mark.parametrize(("change", "code"), WRONG_HEADERS)
async def test_a_wrong_header_is_refused_with_its_code(change: Callable[[dict[str, str]], object], code: str) -> None:
    sandbox = Sandbox(small_world())
    async with talking(sandbox) as client:
        reply = await client.post(request(), change=change)
    assert (reply.status, reply.code, reply.data) == (401, code, [])
    assert sandbox.requests[-1].code == code


@pytest.mark.parametrize(("late", "code"), [(29, "0"), (31, "50102"), (-29, "0"), (-31, "50102")])
async def test_a_clock_may_be_off_by_thirty_seconds(late: int, code: str) -> None:
    async with talking(Sandbox(small_world())) as client:
        assert (await client.post(request(), late=timedelta(seconds=late))).code == code


async def test_a_changed_body_does_not_fit_its_signature() -> None:
    async with talking(Sandbox(small_world())) as client:
        taken: dict[str, str] = {}
        await client.post(request(), change=taken.update)
        assert (await client.send("POST", APPROVALS, data=b"{}", headers=taken)).code == "50113"


def entry(chain: Any = "1", address: Any = OWNER) -> dict[str, Any]:
    return {"chainIndex": chain, "address": address}


def request(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"addressList": list(entries) or [entry()], **more}


SOLANA = "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV1"

WRONG_BODIES: list[tuple[Any, str]] = [
    (b"", "50000"),
    (b"{", "50002"),
    (b"\xff\xfe", "50002"),
    (b"[" * 100_000, "50002"),
    ([], "50002"),
    ({}, "50014"),
    ({"addressList": []}, "50014"),
    ({"addresses": [entry()]}, "50014"),
    ({"addressList": "all"}, "51000"),
    (request("all"), "51000"),
    (request({"chainIndex": "1"}), "50014"),
    (request({"address": OWNER}), "50014"),
    (request(entry(chain=1)), "51000"),
    (request(entry(address=7)), "51000"),
    (request(entry(address="")), "50014"),
    (request(entry(chain="31337")), "81104"),
    (request(entry(address="0x1234")), "81157"),
    (request(entry(address=SOLANA)), "81157"),
    (request(entry(chain="501")), "81157"),
    (request(entry(address=OWNER.replace("a", "A"))), "81106"),
    (request(*[entry()] * 21), "81107"),
    (request(limit="101"), "51000"),
    (request(limit="0"), "51000"),
    (request(limit=100), "51000"),
    (request(limit="-1"), "51000"),
    (request(cursor=3), "51000"),
    (request(cursor="x"), "51000"),
    (request(cursor=""), "51000"),
    (request(cursor="007"), "51000"),
    (request(cursor=["3"]), "51000"),
]


@pytest.mark.parametrize(("body", "code"), WRONG_BODIES)
async def test_a_wrong_body_is_refused_with_its_code(body: Any, code: str) -> None:
    async with talking(Sandbox(small_world())) as client:
        reply = await client.post(body)
    assert reply.code == code
    assert reply.status == (200 if code.startswith("8") else 400)


async def test_twenty_addresses_and_a_solana_address_as_it_is_are_accepted() -> None:
    async with talking(Sandbox(small_world())) as client:
        assert len((await client.post(request(*[entry()] * 20))).data) == 20
        assert (await client.post(request(entry("501", SOLANA)))).code == "0"


async def test_a_body_that_is_not_said_to_be_json_is_refused() -> None:
    async with talking(Sandbox(small_world())) as client:
        assert (await client.post(request(), content_type="text/plain")).code == "50006"


async def test_other_paths_and_methods_are_refused() -> None:
    async with talking(Sandbox(small_world())) as client:
        assert (await client.post(request(), "/api/v5/wallet/elsewhere")).status == 404
        assert (await client.send("GET", APPROVALS)).code == "50103"


async def test_a_path_and_a_key_of_other_copies_of_the_documents_are_served_on_demand() -> None:
    quirks = Quirks(path="/api/v5/waas/wallet/security/approvals", address_key="addresses")
    async with talking(Sandbox(small_world(), quirks=quirks)) as client:
        assert (await client.ask(("1", OWNER))).code == "0"
        reply = await client.post({"addresses": [entry()]}, quirks.path, change=without("OK-ACCESS-PROJECT"))
        assert reply.code == "50121"


async def test_errors_come_with_http_200_on_demand() -> None:
    async with talking(Sandbox(small_world(), quirks=Quirks(always_200=True, code_as_number=True))) as client:
        reply = await client.post(request(), change=without("OK-ACCESS-KEY"))
    assert (reply.status, reply.code) == (200, 50103)


async def test_what_comes_too_fast_is_told_to_wait() -> None:
    async with talking(Sandbox(small_world(), requests_per_second=2)) as client:
        replies = [await client.ask(("1", OWNER)) for _ in range(3)]
        await asyncio.sleep(1)
        assert (await client.ask(("1", OWNER))).code == "0"
    assert [reply.code for reply in replies] == ["0", "0", "50011"]
    assert (replies[2].status, replies[2].headers["Retry-After"]) == (429, "1")


async def test_the_servers_time_needs_no_signature() -> None:
    sandbox = Sandbox(small_world(), now=lambda: datetime(2026, 11, 20, 8, tzinfo=UTC))
    async with talking(sandbox) as client:
        assert (await client.send("GET", "/api/v5/public/time")).data == [{"ts": "1795161600000"}]


def test_credentials_keep_their_secrets_out_of_their_repr() -> None:
    mine = Credentials()
    assert mine.secret not in repr(mine)
    assert mine.passphrase not in repr(mine)


async def test_a_client_that_asks_twice_is_logged_twice() -> None:
    sandbox = Sandbox(small_world())
    async with talking(sandbox) as client:
        await client.ask(("1", OWNER), limit="3")
        await client.ask(("1", OWNER), limit="3", cursor="3")
    first, second = sandbox.requests
    assert (first.entries, first.cursor, first.offset, first.code) == ((("1", OWNER),), None, 0, "0")
    assert (second.path, second.cursor, second.offset, second.limit) == (APPROVALS, "3", 3, 3)
