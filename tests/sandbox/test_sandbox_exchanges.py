"""Exchange accounts are asked for, limited and answered as their documents say, in each version."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from sandbox_client import Client, Reply, talking

from scanner.sandbox import FAULTS_AT, OLD_CODES, XT_CODES, XT_V4_CODES, Endpoint, Quirks, Sandbox, World, day_of

FUNDING = "/api/v5/asset/balances"
WALLET = "/api/account/v3/wallet"
STATUS = "/api/system/v3/status"
XT = "/trade/api/v1/getBalance"
XT_V4 = "/v4/balances"

ACCOUNTS = {
    ("okx", "USDT"): Decimal("1200.5"),
    ("okx", "BTC"): Decimal("0.00000001"),
    ("okx", "DAI"): Decimal(0),
    ("xt", "BTC"): Decimal("0.3"),
    ("xt", "USDT"): Decimal(0),
}


@dataclass
class Clock:
    """The server's clock, which can be set forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(World("accounts", (replace(day_of([]), accounts=ACCOUNTS),)), now=clock.now)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with talking(sandbox) as client:
        yield client


def milliseconds(at: datetime | None = None) -> int:
    return int((at or datetime.now(UTC)).timestamp() * 1000)


def mac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


async def xt(client: Client, nonce: int | None = None, change: Mapping[str, str] = {}) -> Reply:
    """Ask version 1; what is changed is not signed, and what is changed to nothing is left out."""
    mine, nonce = client.sandbox.credentials, nonce or milliseconds()
    asked = {"accesskey": mine.xt_key, "nonce": str(nonce)}
    asked["signature"] = mac(mine.xt_secret, f"accesskey={mine.xt_key}&nonce={nonce}")
    query = urlencode({name: value for name, value in {**asked, **change}.items() if value})
    return await client.send("GET", f"{XT}?{query}")


async def xt_v4(
    client: Client, query: str = "", change: Mapping[str, str] = {}, *, window: int = 5000, late: int = 0
) -> Reply:
    """Ask version 4; what is changed is not signed, and what is changed to nothing is left out."""
    mine = client.sandbox.credentials
    headers = {
        "validate-algorithms": "HmacSHA256",
        "validate-appkey": mine.xt_key,
        "validate-recvwindow": str(window),
        "validate-timestamp": str(milliseconds() - late),
    }
    text = "&".join(f"{name}={value}" for name, value in headers.items()) + f"#GET#{XT_V4}"
    headers["validate-signature"] = mac(mine.xt_secret, f"{text}#{query}" if query else text)
    sent = {name: value for name, value in {**headers, **change}.items() if value}
    return await client.send("GET", f"{XT_V4}?{query}" if query else XT_V4, headers=sent)


async def wallet(client: Client, query: str = "", *, stamp: str = "", **change: str) -> Reply:
    """Ask version 3 of the provider's exchange."""
    target = f"{WALLET}?{query}" if query else WALLET
    headers = {**client.signed("GET", target, stamp=stamp), **change}
    return await client.send("GET", target, headers={name: value for name, value in headers.items() if value})


async def test_the_funding_account_shows_what_there_is(sandbox: Sandbox, client: Client) -> None:
    assert (await client.get(FUNDING)).json == {
        "code": "0",
        "msg": "",
        "data": [
            {"ccy": "USDT", "bal": "1200.5", "frozenBal": "0", "availBal": "1200.5"},
            {"ccy": "BTC", "bal": "0.00000001", "frozenBal": "0", "availBal": "0.00000001"},
        ],
    }
    sandbox.quirks = Quirks(part_frozen=True)
    (usdt,) = (await client.get(FUNDING, {"ccy": "USDT,DAI"})).data
    assert usdt == {"ccy": "USDT", "bal": "1200.5", "frozenBal": "300.125", "availBal": "900.375"}


async def test_the_funding_account_is_signed_and_has_a_limit_of_its_own(client: Client) -> None:
    assert (await client.send("GET", FUNDING)).code == "50103"
    assert (await client.post({}, FUNDING)).code == "50115"
    assert (await client.get("/api/v6/asset/balances")).code == "404"
    assert (await client.get(FUNDING, {"ccy": ",".join(f"C{number}" for number in range(21))})).code == "51000"
    assert [(await client.get(FUNDING)).code for _ in range(6)] == ["0"] * 5 + ["50011"]


async def test_version_three_answers_with_a_bare_list(client: Client) -> None:
    reply = await wallet(client)
    assert reply.status == 200
    assert reply.json == [
        {"currency": "USDT", "balance": "1200.5", "available": "1200.5", "hold": "0"},
        {"currency": "BTC", "balance": "0.00000001", "available": "0.00000001", "hold": "0"},
    ]
    assert not {"Ok-Before", "Ok-After", "OK-BEFORE", "OK-AFTER"} & set(reply.headers)


async def test_version_three_takes_epoch_seconds_as_well(client: Client) -> None:
    now = datetime.now(UTC).timestamp()
    for stamp in (f"{now:.0f}", f"{now:.3f}"):
        assert (await wallet(client, stamp=stamp)).status == 200
    for stamp, code in (("now", "30005"), ("16074185377", "30005"), (f"{now - 31:.3f}", "30008")):
        assert (await wallet(client, stamp=stamp)).json["error_code"] == code


async def test_version_three_is_read_in_pages(client: Client) -> None:
    first = await wallet(client, "limit=1")
    assert ([row["currency"] for row in first.json], first.headers["OK-AFTER"]) == (["USDT"], "1")
    second = await wallet(client, f"limit=1&after={first.headers['OK-AFTER']}")
    assert [row["currency"] for row in second.json] == ["BTC"]
    assert (await wallet(client, f"after={second.headers['OK-AFTER']}")).json == []
    back = await wallet(client, f"limit=1&before={second.headers['OK-BEFORE']}")
    assert back.json == first.json
    assert (await wallet(client, "before=2")).json == first.json, "what is before a row ends in front of it"
    assert (await wallet(client, "limit=some")).json["code"] == 30024


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("KEY", "", "30001"),
        ("SIGN", "", "30002"),
        ("TIMESTAMP", "", "30003"),
        ("PASSPHRASE", "", "30004"),
        ("KEY", "another", "30006"),
        ("PASSPHRASE", "another", "30015"),
        ("SIGN", "bm90IGEgc2lnbmF0dXJl", "30013"),
    ],
)
async def test_version_three_refuses_with_its_own_codes(name: str, value: str, code: str, client: Client) -> None:
    reply = await wallet(client, **{f"OK-ACCESS-{name}": value})
    assert reply.status == OLD_CODES[code][0] >= 400
    assert reply.json == {
        "error_message": OLD_CODES[code][1],
        "code": int(code),
        "error_code": code,
        "message": OLD_CODES[code][1],
    }


async def test_version_three_is_asked_six_times_a_second_at_most(client: Client) -> None:
    replies = [await wallet(client) for _ in range(7)]
    assert [reply.status for reply in replies] == [200] * 6 + [429]
    assert replies[-1].json["code"] == 30014


async def test_the_status_tells_of_maintenance_without_a_signature(sandbox: Sandbox, client: Client) -> None:
    assert (await client.send("GET", STATUS)).json == []
    sandbox.quirks = Quirks(maintenance=True)
    (told,) = (await client.send("GET", STATUS)).json
    assert told["status"] == "1"
    assert told["start_time"] < datetime.now(UTC).isoformat() < told["end_time"]
    closed = await wallet(client)
    assert (closed.status, closed.json["error_code"]) == (503, "30032")


async def test_xt_shows_every_currency_also_those_of_which_nothing_is_left(sandbox: Sandbox, client: Client) -> None:
    sandbox.quirks = Quirks(part_frozen=True)
    assert (await xt(client)).json == {
        "code": 200,
        "data": {"btc": {"freeze": "0.075", "available": "0.225"}, "usdt": {"freeze": "0", "available": "0"}},
        "info": "success",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"accesskey": ""}, 307),
        ({"accesskey": "another"}, 307),
        ({"nonce": ""}, 400),
        ({"nonce": "1607418537"}, 400),
        ({"nonce": "9999999999999"}, 308),
        ({"signature": ""}, 308),
        ({"signature": "0" * 64}, 308),
        ({"account": "1"}, 308),
    ],
)
async def test_xt_refuses_with_a_code_in_the_body(change: dict[str, str], code: int, client: Client) -> None:
    reply = await xt(client, change=change)
    assert (reply.status, reply.code) == (200, code)
    assert reply.json["info"].startswith(XT_CODES[str(code)][1])


async def test_xt_wants_its_signature_in_lower_case(client: Client) -> None:
    mine = client.sandbox.credentials
    nonce = milliseconds()
    loud = mac(mine.xt_secret, f"accesskey={mine.xt_key}&nonce={nonce}").upper()
    assert (await xt(client, nonce, {"signature": loud})).code == 308


async def test_xt_signs_every_parameter_in_the_order_of_their_names(client: Client) -> None:
    mine = client.sandbox.credentials
    nonce = milliseconds()
    signature = mac(mine.xt_secret, f"accesskey={mine.xt_key}&account=1&nonce={nonce}")
    assert (await xt(client, nonce, {"account": "1", "signature": signature})).code == 200


async def test_xt_takes_a_nonce_only_if_it_is_larger_than_the_last(client: Client) -> None:
    now = milliseconds()
    codes = [(await xt(client, nonce)).code for nonce in (now, now, now - 1)]
    assert codes == [200, 400, 400]


async def test_xt_locks_an_account_out_for_ten_minutes(clock: Clock, client: Client) -> None:
    now = milliseconds()
    assert [(await xt(client, now + number)).code for number in range(5)] == [200, 200, 200, 404, 404]
    await asyncio.sleep(1)
    clock.ahead = timedelta(minutes=9, seconds=50)
    assert (await xt(client, now + 10)).code == 404, "waiting a second is not enough"
    clock.ahead = timedelta(minutes=10, seconds=1)
    assert (await xt(client, now + 11)).code == 200


async def test_xt_version_four_answers_under_a_result(client: Client) -> None:
    reply = await xt_v4(client)
    assert (reply.status, reply.json["rc"], reply.json["mc"]) == (200, 0, "SUCCESS")
    assert reply.json["result"] == {
        "assets": [
            {"currency": "btc", "frozenAmount": "0", "availableAmount": "0.3", "totalAmount": "0.3"},
            {"currency": "usdt", "frozenAmount": "0", "availableAmount": "0", "totalAmount": "0"},
        ]
    }
    (only,) = (await xt_v4(client, "currencies=btc")).json["result"]["assets"]
    assert only["currency"] == "btc"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"validate-appkey": ""}, "AUTH_001"),
        ({"validate-timestamp": ""}, "AUTH_002"),
        ({"validate-recvwindow": ""}, "AUTH_003"),
        ({"validate-recvwindow": "long"}, "AUTH_004"),
        ({"validate-recvwindow": "60001"}, "AUTH_004"),
        ({"validate-algorithms": ""}, "AUTH_005"),
        ({"validate-algorithms": "HmacMD5"}, "AUTH_006"),
        ({"validate-signature": ""}, "AUTH_007"),
        ({"validate-appkey": "another"}, "AUTH_101"),
        ({"validate-signature": "0" * 64}, "AUTH_103"),
        ({"validate-recvwindow": "6000"}, "AUTH_103"),
        ({"validate-timestamp": "1607418537"}, "AUTH_105"),
    ],
)
async def test_xt_version_four_refuses_with_its_own_codes(change: dict[str, str], code: str, client: Client) -> None:
    reply = await xt_v4(client, change=change)
    assert (reply.status, reply.json) == (200, {"rc": 1, "mc": code, "ma": [], "result": None})


async def test_xt_version_four_takes_a_message_within_its_window_only(client: Client) -> None:
    assert (await xt_v4(client, window=2000, late=500)).json["rc"] == 0
    assert (await xt_v4(client, window=2000, late=2500)).json["mc"] == "AUTH_105"


async def test_xt_version_four_has_a_limit(client: Client) -> None:
    replies = [await xt_v4(client) for _ in range(11)]
    assert [reply.status for reply in replies] == [200] * 10 + [429]


ASKED: dict[Endpoint, Callable[[Client], Any]] = {
    Endpoint.FUNDING: lambda client: client.get(FUNDING),
    Endpoint.WALLET: wallet,
    Endpoint.STATUS: lambda client: client.send("GET", STATUS),
    Endpoint.XT: xt,
    Endpoint.XT_V4: xt_v4,
}
SAID: dict[Endpoint, Callable[[Any], Any]] = {
    Endpoint.FUNDING: lambda said: said["code"],
    Endpoint.WALLET: lambda said: said["error_code"],
    Endpoint.STATUS: lambda said: said["error_code"],
    Endpoint.XT: lambda said: str(said["code"]),
    Endpoint.XT_V4: lambda said: said["mc"],
}


@pytest.mark.parametrize("endpoint", ASKED)
async def test_every_code_of_an_endpoint_can_be_had_there(endpoint: Endpoint, sandbox: Sandbox, client: Client) -> None:
    for name, fault in FAULTS_AT[endpoint].items():
        if fault.code is None:
            continue
        sandbox.requests.clear()
        sandbox.fail(name, endpoint=endpoint)
        async with talking(sandbox) as fresh:
            reply = await ASKED[endpoint](fresh)
        expected = "FAILURE" if endpoint is Endpoint.XT_V4 and fault.code.isdigit() else fault.code
        assert SAID[endpoint](reply.json) == expected
        assert (sandbox.requests[-1].code, sandbox.requests[-1].fault) == (fault.code, name)


@pytest.mark.parametrize("endpoint", ASKED)
@pytest.mark.parametrize("fault", ["http-503", "html", "empty-body", "cut-json", "just-null", "amount-garbage"])
async def test_every_endpoint_goes_wrong_in_its_own_way(
    fault: str, endpoint: Endpoint, sandbox: Sandbox, client: Client
) -> None:
    if fault not in FAULTS_AT[endpoint]:
        assert endpoint is Endpoint.STATUS
        with pytest.raises(KeyError):
            sandbox.fail(fault, endpoint=endpoint)
        return
    sound = await ASKED[endpoint](client)
    await asyncio.sleep(0.002)
    sandbox.fail(fault, endpoint=endpoint)
    spoilt = await ASKED[endpoint](client)
    assert (spoilt.status, spoilt.text) != (sound.status, sound.text)
    assert [entry.fault for entry in sandbox.requests] == [None, fault]


async def test_what_is_served_nowhere_is_refused_in_each_ones_way(client: Client) -> None:
    for reply in (await client.get("/api/account/v3/withdrawal"), await client.post({}, WALLET)):
        assert (reply.status, reply.json["code"]) == (404, 404)
    assert (await client.send("GET", "/trade/api/v1/order")).json["code"] == 404
    assert (await client.send("GET", "/v4/order")).status == 404
    assert [entry.endpoint for entry in client.sandbox.requests] == [None, Endpoint.WALLET, None, None]


def test_every_table_of_codes_has_those_that_are_documented() -> None:
    assert {f"{code}" for code in (*range(30001, 30016), 30026)} <= OLD_CODES.keys()
    assert {"307", "308", "400", "404"} == XT_CODES.keys()
    assert {f"AUTH_{number:03}" for number in (*range(1, 8), *range(101, 107))} <= XT_V4_CODES.keys()
