"""`holdings`: what is held in wallets and on exchanges, and how much of it approvals put at stake."""

from typing import TYPE_CHECKING

import typer

from scanner.cli.console import configuration, run_to_end, show, stored, tell
from scanner.cli.exits import INCOMPLETE
from scanner.cli.options import Form, FormName, Wallets

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.config import Config
    from scanner.domain.assets import Account
    from scanner.domain.inventory import Holdings
    from scanner.store.engine import Store

__all__ = ["holdings"]


def holdings(context: typer.Context, wallet: Wallets = None, form: Form = FormName.TABLE) -> None:
    """Show what is held in wallets and on exchanges, and how much of it is at stake.

    Wallets are shown as the store knows them; accounts at exchanges are read now. Exits with 3 if one cannot be read.
    """

    async def run() -> "Holdings":
        config = configuration(context)
        async with stored(config) as store:
            accounts = await _accounts(config, store)
            return await store.read(lambda connection: _held(connection, wallet or (), accounts))

    document = run_to_end(run())
    show(document, form)
    if form is not FormName.TABLE:
        for account in document.accounts:
            if account.error is not None:
                tell(f"{account.name} could not be read: {account.error}")
    if not document.complete:
        raise typer.Exit(INCOMPLETE)


async def _accounts(config: "Config", store: "Store") -> "Sequence[Account]":
    """Every account, read at the same time as the others. Raises ConfigError for a secret that is missing."""
    import asyncio

    from scanner.app import open_exchanges
    from scanner.store.budgets import StoredLedger

    if not list(config.exchanges):
        return ()
    async with open_exchanges(config.exchanges, StoredLedger(store)) as exchanges:
        return await asyncio.gather(*(exchange.read() for exchange in exchanges))


async def _held(connection: "AsyncConnection", owners: "Collection[str]", accounts: "Sequence[Account]") -> "Holdings":
    from scanner.domain.assets import Owned, assets
    from scanner.domain.exposure import exposure
    from scanner.domain.inventory import Holdings, WalletEntry
    from scanner.store.balances import holdings_of
    from scanner.store.filters import Filter
    from scanner.store.knowledge import in_force
    from scanner.store.targets import balances_read

    wanted = Filter(owners=owners)
    read = await balances_read(connection, wanted)
    known = await holdings_of(connection, read.keys())
    approvals = [kept.held.approval for kept in await in_force(connection, wanted)]
    found = assets(
        [Owned(target, holding) for target, held in known.items() for holding in held.values()],
        [(one, exposure(one, known.get(one.target, {}).get(one.token.address))) for one in approvals],
        accounts,
    )
    return Holdings.of(found, accounts, (WalletEntry.of(target, *state) for target, state in read.items()))
