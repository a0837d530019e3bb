"""`holdings`: wallets from a real store, exchanges on loopback, and what is said of what cannot be known."""

import asyncio
import csv
import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from known_store import CONFIG, DAI, HOT, NOW, TARGETS, TREASURY, USDT, fill
from shell import Ended, run

from scanner.domain.approvals import Target
from scanner.domain.holdings import BalanceReading, Seen
from scanner.errors import Reason, Trouble
from scanner.store.balances import record
from scanner.store.engine import Store

SECRETS = {
    "MAIN_KEY": "main-key",
    "MAIN_SECRET": "main-secret",
    "MAIN_PASS": "main-pass",
    "XT_KEY": "side-key",
    "XT_SECRET": "side-secret",
}
EXCHANGES = """
exchanges:
  okx:
    main: {{base_url: "{okx}", key: {{env: MAIN_KEY}}, secret: {{env: MAIN_SECRET}}, passphrase: {{env: MAIN_PASS}}}}
  xt:
    side: {{base_url: "{xt}", key: {{env: XT_KEY}}, secret: {{env: XT_SECRET}}}}
"""
SPAM = "0x00000000000000000000000000000000000005ba"


def row(token: str, symbol: str, amount: str, price: str | None, *, risk: bool = False) -> Seen:
    return Seen(token, symbol, Decimal(amount), price_usd=None if price is None else Decimal(price), risk=risk)


async def hold(folder: Path, target: Target, *rows: Seen, trouble: Trouble | None = None) -> None:
    """What an owner holds, as it was read two hours ago."""
    store = await Store.open(f"sqlite:///{folder / 'approval-watch.db'}")
    reading = BalanceReading(target, {one.token: one for one in rows}, NOW - timedelta(hours=2), trouble=trouble)
    try:
        await store.write(lambda connection: record(connection, reading))
    finally:
        await store.close()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A store in which `treasury` gave unlimited USDT away, and `hot` holds what nobody can value."""
    await fill(tmp_path)
    await hold(
        tmp_path,
        TARGETS["1"],
        row("", "ETH", "2", "3000"),
        row(USDT, "USDT", "1000.5", "1"),
        row(SPAM, "=visit scam.example", "100000", "5", risk=True),
    )
    node = Trouble(Reason.NODE_FAILED, "the chain's node failed")
    await hold(tmp_path, TARGETS["56"], row(DAI, "DAI", "7", None), trouble=node)
    return tmp_path


async def okx_sound(_: web.Request) -> web.Response:
    return web.json_response({"code": "0", "data": [{"ccy": "USDT", "bal": "3001.5"}, {"ccy": "DOGE", "bal": "40"}]})


async def xt_sound(_: web.Request) -> web.Response:
    return web.json_response({"code": 200, "data": {"eth": {"freeze": "1", "available": "1"}}, "info": "success"})


async def held(folder: Path, *arguments: str, okx: Any = okx_sound, xt: Any = xt_sound, **environ: str) -> Ended:
    """Run the command beside two exchanges."""
    app = web.Application()
    app.router.add_get("/api/v5/asset/balances", okx)
    app.router.add_get("/trade/api/v1/getBalance", xt)
    server = TestServer(app)
    await server.start_server()
    try:
        url = str(server.make_url("/")).rstrip("/")
        (folder / "config.yaml").write_text(CONFIG + EXCHANGES.format(okx=url, xt=url))
        return await asyncio.to_thread(run, folder, "holdings", *arguments, **{**SECRETS, **environ})
    finally:
        await server.close()


async def test_wallets_exchanges_and_what_is_at_stake_come_together(folder: Path) -> None:
    ended = await held(folder, "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assets = {asset["symbol"]: asset for asset in found["assets"]}
    usdt = assets["USDT"]
    assert usdt["contracts"] == [{"chain": "ethereum", "chain_index": "1", "address": USDT}]
    assert usdt["wallets"] == {"amount": "1000.5", "usd": "1000.5", "unknown": 0}
    assert usdt["exchanges"] == {"amount": "3001.5", "usd": "3001.5", "unknown": 0}
    assert (usdt["at_stake"]["usd"], usdt["share"]) == ("1000.5", "0.25")
    assert (assets["ETH"]["exchanges"]["usd"], assets["ETH"]["contracts"][0]["address"]) == ("6000", None)
    assert (assets["DOGE"]["apart"], assets["DOGE"]["exchanges"]["usd"]) == ("not-in-wallets", None)
    assert found["total"] == {
        "wallets": {"amount": None, "usd": "7000.5", "unknown": 0},
        "exchanges": {"amount": None, "usd": "9001.5", "unknown": 0},
        "at_stake": {"usd": "1000.5", "unvalued": 1},
        "share": "0.0625234",
        "unvalued": 3,
    }
    assert [(one["name"], one["currencies"], one["error"]) for one in found["accounts"]] == [
        ("okx main", 2, None),
        ("xt side", 1, None),
    ]
    assert [(one["label"], one["error"]) for one in found["wallets"]] == [
        ("treasury", None),
        ("hot", "the chain's node failed"),
    ]


async def test_an_account_that_fails_is_said_and_the_rest_is_shown(folder: Path) -> None:
    async def locked(_: web.Request) -> web.Response:
        return web.json_response({"code": 307, "info": "success"})

    for form in ("table", "json", "csv", "markdown"):
        ended = await held(folder, "--format", form, xt=locked)
        assert ended.code == 3
        assert "the access key is not valid" in ended.words
        assert "exchanges.xt.side" in ended.words
        assert "3001.5" in ended.out.replace(",", "")


async def test_a_missing_secret_is_told_before_anything_is_asked(folder: Path) -> None:
    async def asked(_: web.Request) -> web.Response:
        raise AssertionError("nothing may be asked")

    ended = await held(folder, okx=asked, xt=asked, XT_SECRET="", MAIN_PASS="geheimnis-ü")
    assert (ended.code, ended.out) == (2, "")
    assert "exchanges.xt.side.secret" in ended.err
    assert "exchanges.okx.main.passphrase: this cannot stand in an HTTP header" in ended.err
    assert "geheimnis" not in ended.err


async def test_without_exchanges_it_shows_the_wallets_alone(folder: Path) -> None:
    ended = await asyncio.to_thread(run, folder, "holdings", OKX_API_KEY="")
    assert (ended.code, ended.err) == (0, "")
    assert "on exchanges" not in ended.out
    assert "$7,000.50" in ended.out


async def test_one_wallet_alone_is_shown_when_it_is_named(folder: Path) -> None:
    found = json.loads((await asyncio.to_thread(run, folder, "holdings", "--wallet", HOT, "--format", "json")).out)
    assert [asset["symbol"] for asset in found["assets"]] == ["DAI"]
    assert [one["owner"] for one in found["wallets"]] == [HOT]


@pytest.mark.parametrize("columns", ["80", "160"])
async def test_the_table_says_what_was_taken_for_what_and_what_was_not(folder: Path, columns: str) -> None:
    ended = await held(folder, COLUMNS=columns)
    assert all(len(line) <= int(columns) for line in ended.out.splitlines())
    for said in (
        "“USDT” ethereum 0xdac17f95…3d831ec7",
        "“ETH” ethereum (its own coin)",
        "Matched with nothing (1): the source calls it a scam or a honeypot",
        "“=visit scam[.]example” 100,000, ethereum",
        "“DAI” 7, bsc 0x6b175474…495271d0f"[:18],
        "“DOGE” 40",
        "25.0%",
        "≥ $1,000.50",
        "balances of hot on bsc: never wholly read: the chain's node failed",
        "3 assets could not be valued, and are in no total",
        "balances of wallets were read 2 h ago",
    ):
        assert said in ended.words


async def test_a_spreadsheet_has_a_row_for_each_asset(folder: Path) -> None:
    rows = list(csv.DictReader(StringIO((await held(folder, "--format", "csv")).out)))
    assert [(row["symbol"], row["apart"], row["at_stake_usd"]) for row in rows] == [
        ("ETH", "", "0"),
        ("USDT", "", "1000.5"),
        ("'=visit scam[.]example", "risk", "0"),
        ("DAI", "no-price", ""),
        ("DOGE", "not-in-wallets", "0"),
    ]
    assert rows[1]["contracts"] == f"ethereum:{USDT}"


async def test_check_config_mentions_a_secret_of_an_exchange_that_is_missing(folder: Path) -> None:
    (folder / "config.yaml").write_text(CONFIG + EXCHANGES.format(okx="https://localhost", xt="https://localhost"))
    ended = run(folder, "check-config", **{**SECRETS, "XT_KEY": ""})
    assert ended.code == 0
    assert "config.yaml:11:" in ended.err or "exchanges.xt.side.key" in ended.err
    assert TREASURY not in ended.err
