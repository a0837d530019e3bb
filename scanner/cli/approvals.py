"""`approvals` and `history`: what the store knows, now and in the past. No network, no secret."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, now, run_to_end, show, stored, tell_forgotten
from scanner.cli.options import At, Chains, Form, FormName, Since, Spender, Token, Wallets

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.formats.documents import Approvals, History, SaidEntry
    from scanner.store.filters import Filter

__all__ = ["approvals", "history"]


def approvals(
    context: typer.Context,
    wallet: Wallets = None,
    chain: Chains = None,
    token: Token = None,
    spender: Spender = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Only unlimited ones.")] = False,
    at: At = None,
    form: Form = FormName.TABLE,
) -> None:
    """Show the approvals in force, the worst first, from the store: no network, no secret.

    With --at, what was believed at that moment. With --spender, also who approved it once and does so no more, and what
    the lists say of it. What could not be read lately is named, and how old the rest is.
    """
    wanted = _filter(wallet, chain, token, spender, unlimited=unlimited)

    async def run() -> None:
        async with stored(configuration(context)) as store:
            document = await store.read(lambda connection: believed(connection, wanted, token, at))
            await tell_forgotten(store, at or now())
        show(document, form)

    run_to_end(run())


def history(
    context: typer.Context,
    wallet: Wallets = None,
    chain: Chains = None,
    token: Token = None,
    spender: Spender = None,
    since: Since = None,
    form: Form = FormName.TABLE,
) -> None:
    """Show every recorded change, the oldest first, from the store: no network, no secret."""
    wanted = _filter(wallet, chain, token, spender)

    async def run() -> None:
        async with stored(configuration(context)) as store:
            document = await store.read(lambda connection: _changes(connection, wanted, token, since))
            await tell_forgotten(store, since)
        show(document, form)

    run_to_end(run())


def _filter(
    wallets: list[str] | None,
    chains: list[str] | None,
    token: str | None,
    spender: str | None,
    *,
    unlimited: bool = False,
) -> "Filter":
    from scanner.store.filters import Filter

    return Filter(
        owners=wallets or (),
        chains=chains or (),
        token=None if token is None or _is_symbol(token) else token,
        spender=spender,
        unlimited=unlimited,
    )


def _is_symbol(token: str) -> bool:
    from scanner.cli.options import LONGEST_SYMBOL

    return len(token) <= LONGEST_SYMBOL


def _means(token: str | None, symbol: str | None) -> bool:
    """Whether a token is the one that was asked for, as far as its symbol goes: the true one, or as it is shown."""
    from scanner.domain.hostile import harmless

    if token is None or not _is_symbol(token):
        return True
    return token.casefold() in {said.casefold() for said in (symbol, harmless(symbol)) if said is not None}


async def believed(
    connection: "AsyncConnection", wanted: "Filter", token: str | None, at: datetime | None
) -> "Approvals":
    """What `approvals` tells: the approvals in force now, or those that were believed to be at a moment."""
    from scanner.domain.report import AlertEntry, ApprovalEntry, rfc3339, said
    from scanner.formats.documents import Approvals
    from scanner.store.alerts import open_alerts
    from scanner.store.knowledge import ended, in_force, in_force_at
    from scanner.store.surroundings import entries, entries_with_total
    from scanner.store.targets import standing

    found = await (in_force(connection, wanted) if at is None else in_force_at(connection, wanted, at))
    kept = [one for one in found if _means(token, one.held.approval.token.symbol)]
    targets = tuple(await standing(connection, wanted))
    if at is not None:
        past = tuple(ApprovalEntry.of(one.held, one.target.label) for one in kept)
        return Approvals(at=rfc3339(at), approvals=past, targets=targets)
    approvals, worth = await entries_with_total(connection, [(one.held, one.target) for one in kept])
    alerts = await open_alerts(connection, [one.held.approval.id for one in kept])
    over = [] if wanted.spender is None else await ended(connection, wanted)
    once = [(one.held, one.target) for one in over if _means(token, one.held.approval.token.symbol)]
    return Approvals(
        approvals=approvals,
        ended=await entries(connection, once),
        said=() if wanted.spender is None else await _said(connection, wanted.spender),
        exposure_usd=said(worth.usd),
        unvalued=worth.unvalued,
        targets=targets,
        alerts=tuple(AlertEntry.of(alert) for alert in alerts),
    )


async def _said(connection: "AsyncConnection", spender: str) -> "tuple[SaidEntry, ...]":
    """What the lists say of a spender, on whatever chain."""
    from scanner.domain.hostile import harmless
    from scanner.domain.report import chain_name
    from scanner.formats.documents import SaidEntry
    from scanner.store.lists import entries_of

    return tuple(
        SaidEntry(
            list=name,
            labels=said.labels,
            chain=None if said.chain is None else chain_name(said.chain),
            chain_index=said.chain,
            name=harmless(said.name),
            incident=harmless(said.incident),
        )
        for name, said in await entries_of(connection, spender)
    )


async def _changes(
    connection: "AsyncConnection", wanted: "Filter", token: str | None, since: datetime | None
) -> "History":
    from scanner.domain.report import rfc3339
    from scanner.formats.documents import History
    from scanner.store.knowledge import history as recorded
    from scanner.store.pruning import known_since
    from scanner.store.surroundings import change_entries
    from scanner.store.targets import standing

    found = [one for one in await recorded(connection, wanted, since) if _means(token, one.after.token.symbol)]
    known = await known_since(connection)
    return History(
        since=None if since is None else rfc3339(since),
        known_since=None if known is None else rfc3339(known),
        changes=await change_entries(connection, found),
        targets=tuple(await standing(connection, wanted)),
    )
