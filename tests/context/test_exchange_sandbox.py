"""Every interface against the sandbox, which knows the protocols from the documents a second time."""

from typing import Any

import pytest
from exchange_sides import opened

from scanner.context.exchanges import EXCHANGES
from scanner.errors import Reason
from scanner.sandbox import Credentials, Quirks, Sandbox, bundled_world

ITS = Credentials()
OF_OKX: dict[str, Any] = {"key": ITS.key, "secret": ITS.secret, "passphrase": ITS.passphrase}
OF_XT: dict[str, Any] = {"key": ITS.xt_key, "secret": ITS.xt_secret}


def credentials(exchange: str) -> dict[str, Any]:
    return OF_OKX if exchange == "okx" else OF_XT


@pytest.mark.parametrize(("exchange", "api"), sorted(EXCHANGES))
@pytest.mark.parametrize("part_frozen", [False, True])
async def test_the_account_is_read_whole(exchange: str, api: str, part_frozen: bool) -> None:
    sandbox = Sandbox(bundled_world(), quirks=Quirks(part_frozen=part_frozen))
    async with sandbox.serve() as server, opened(exchange, api, server.url, **credentials(exchange)) as account:
        found = await account.read()
    assert found.trouble is None
    there = {name: amount for name, amount in sandbox.today.account(exchange).items() if amount}
    assert there
    assert {name.upper(): amount for name, amount in found.amounts.items()} == there


@pytest.mark.parametrize(("exchange", "api"), sorted(EXCHANGES))
@pytest.mark.parametrize("wrong", ["key", "secret"])
async def test_a_wrong_key_is_refused_in_words(exchange: str, api: str, wrong: str) -> None:
    async with (
        Sandbox(bundled_world()).serve() as server,
        opened(exchange, api, server.url, **{**credentials(exchange), wrong: "mistaken"}) as account,
    ):
        found = await account.read()
    assert found.trouble is not None
    assert (found.amounts, found.trouble.reason) == ({}, Reason.REFUSED_KEY)
    assert f"exchanges.{exchange}.main" in found.trouble.hint


async def test_maintenance_of_the_old_interface_is_told() -> None:
    sandbox = Sandbox(bundled_world(), quirks=Quirks(maintenance=True))
    async with sandbox.serve() as server, opened("okx", "v3", server.url, **OF_OKX) as account:
        trouble = (await account.read()).trouble
    assert trouble is not None
    assert "maintenance: “Maintenance” until" in trouble.message
