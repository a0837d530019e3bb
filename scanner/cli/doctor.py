"""`doctor`: tries each real part, and says what to do about what fails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.domain.plain import counted, lasting, moment

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.okx.client import OkxClient
    from scanner.policy.rules import Pack
    from scanner.store.engine import Store

__all__ = ["Health", "Sign", "daemon_on", "doctor", "schedule_on"]

SKEW_TO_WARN = 5.0
SKEW_TO_REFUSE = 30.0
"""Seconds of difference between the clocks from which on it is said, and from which on the API refuses requests."""

SILENT_AFTER = timedelta(minutes=1)
"""A daemon that is well says so in the store every few seconds."""


class Health(StrEnum):
    """How one part is."""

    GOOD = "ok"
    WORRYING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Sign:
    """What was found of one part, and what to do about it."""

    part: str
    health: Health
    said: str
    hint: str = ""


def doctor(
    context: typer.Context,
    send: Annotated[bool, typer.Option(help="Send a test message through every channel.")] = True,
) -> None:
    """Try each real part: key, clock, API, store, rules, each channel. Says what to do about what fails."""
    from scanner.cli.console import configuration, put

    config = configuration(context)
    broken = False

    async def examine() -> None:
        nonlocal broken
        async for sign in _examine(config, send=send):
            broken |= sign.health is Health.BROKEN
            put(f"{sign.health.value:8} {sign.part}: {sign.said}\n" + (f"{'':9}→ {sign.hint}\n" if sign.hint else ""))

    asyncio.run(examine())
    if broken:
        raise typer.Exit(1)


async def _examine(config: "Config", *, send: bool) -> AsyncIterator[Sign]:
    from scanner.app import now
    from scanner.packs import load_pack

    pack = load_pack(config, now())
    yield _configuration(config)
    yield _rules(pack)
    async for sign in _store(config, pack):
        yield sign
    async for sign in _lists(config):
        yield sign
    async for sign in _nodes(config):
        yield sign
    async for sign in _api(config):
        yield sign
    async for sign in _exchanges(config):
        yield sign
    async for sign in _channels(config, send=send):
        yield sign


def _configuration(config: "Config") -> Sign:
    worries = [*config.missing_wallets(), *config.warnings]
    said = f"{config.file}, {counted(len(config.targets), 'target')}"
    if worries:
        return Sign(
            "configuration", Health.WORRYING, f"{said}; {worries[0]}", "See all of it: approval-watch check-config"
        )
    return Sign("configuration", Health.GOOD, said)


def _rules(pack: "Pack") -> Sign:
    if pack.problems:
        said = f"{len(pack.rules)} in force, {len(pack.problems)} problems, the first: {pack.problems[0]}"
        return Sign("rules", Health.BROKEN, said, "See all of them: approval-watch rules check")
    return Sign("rules", Health.GOOD, f"{len(pack.rules)} in force")


async def _store(config: "Config", pack: "Pack") -> AsyncIterator[Sign]:
    from scanner.app import open_store
    from scanner.errors import StoreError
    from scanner.store.conditions import standing

    try:
        async with open_store(config) as store:
            if damage := await store.check():
                yield Sign("store", Health.BROKEN, f"{store.path} is damaged: {damage[0]}", "Restore a backup")
            else:
                yield Sign("store", Health.GOOD, f"{store.path}")
            yield await daemon_on(store)
            async for sign in _exceptions(pack, store):
                yield sign
            if config.targets:
                yield await schedule_on(config, store)
            wrong = await store.read(standing)
    except StoreError as error:
        yield Sign("store", Health.BROKEN, error.message, error.hint)
        return
    for one in wrong:
        health = Health.BROKEN if one.blinds else Health.WORRYING
        yield Sign("watch", health, f"{one.title}, since {moment(one.since)}: {one.detail}", one.fix)


async def _exceptions(pack: "Pack", store: "Store") -> AsyncIterator[Sign]:
    """The exceptions that nothing stored needs: mistyped, or left behind."""
    from scanner.app import now
    from scanner.policy.exceptions import idle
    from scanner.store.filters import Filter
    from scanner.store.knowledge import in_force

    if not pack.exemptions:
        return
    kept = await store.read(lambda connection: in_force(connection, Filter()))
    for one in idle(pack.exemptions, [entry.held.approval for entry in kept], now()) if kept else ():
        said = f"{one.place}: the exception from {one.rule} fits no approval in force"
        yield Sign("exceptions", Health.WORRYING, said, "Check its addresses, or take it out")


async def schedule_on(config: "Config", store: "Store") -> Sign:
    """Whether rounds fit the time between them: by the last ones, and by what the key may be asked at the least."""
    from scanner.app import now
    from scanner.domain.laps import fitting
    from scanner.domain.rounds import ROUNDS_LOOKED_AT
    from scanner.schedule import shortest_pause, trigger_of
    from scanner.sources.okx_packs import packs
    from scanner.store.conditions import laps

    last = await store.read(lambda connection: laps(connection, ROUNDS_LOOKED_AT))
    rate, pause = config.source.okx.requests_per_second, shortest_pause(trigger_of(config.schedule), now())
    took = max((lap.took for lap in last), default=timedelta())
    by_key = [target for target in config.targets if config.source.read_by(target) == "okx"]
    least = len(packs(by_key)) if config.source.okx.api == "v5" else len(by_key)
    if not by_key and not last:
        said = f"scans are {lasting(pause)} apart; how long a round takes, the first one shows"
        return Sign("schedule", Health.GOOD, said)
    # What nodes were asked is counted with the rest: where there are some, it says nothing of what the key needs.
    requests = max([least, *(lap.requests for lap in last if not config.nodes)])
    needed = max(timedelta(seconds=requests / rate), took)
    size = f"{'' if last else 'at least '}{counted(requests, 'request')}"
    pace = f"of {size} takes {lasting(needed)} at {rate:g} a second" if by_key else f"takes {lasting(needed)}"
    said = f"a round {pace}; scans are {lasting(pause)} apart"
    if needed <= pause:
        return Sign("schedule", Health.GOOD, said)
    higher = ", or a higher requests_per_second, if the key's plan allows that" if by_key else ""
    return Sign("schedule", Health.WORRYING, said, f"Give schedule.every {fitting(needed)} or longer{higher}")


async def daemon_on(store: "Store") -> Sign:
    """How the daemon on a store is, by its lock and by what it last wrote there."""
    from scanner.app import now
    from scanner.domain.report import rfc3339
    from scanner.store.daemons import daemon_lives, registered

    if not daemon_lives(store.path):
        return Sign("daemon", Health.WORRYING, "none runs on this store", "Start it: approval-watch run")
    line = await store.read(registered)
    if line is None:
        return Sign("daemon", Health.GOOD, "it runs on this store, and has just begun")

    def said(time: datetime) -> str:
        return rfc3339(time.replace(microsecond=0))

    process = f"it runs on this store since {said(line.started_at)} (process {line.pid})"
    if now() - line.seen_at > SILENT_AFTER:
        return Sign(
            "daemon", Health.WORRYING, f"{process}, and was last well at {said(line.seen_at)}", "Look at its log"
        )
    due = "" if line.next_scan_at is None else f"; its next scan is due at {said(line.next_scan_at)}"
    return Sign("daemon", Health.GOOD, process + due)


async def _nodes(config: "Config") -> AsyncIterator[Sign]:
    """Try the nodes of the chains that are read themselves."""
    if config.nodes:
        from scanner.cli.node_health import nodes_of

        async for sign in nodes_of(config):
            yield sign


async def _api(config: "Config") -> AsyncIterator[Sign]:
    from scanner.errors import ConfigError
    from scanner.okx.pacing import MemoryLedger
    from scanner.readers import okx_client

    if not config.needs_okx and config.source.okx.missing_secrets():
        # Then nothing is to be tried: no wallet is read by it, and prices are known not to be.
        if config.balances.every is not None:
            yield Sign("prices", Health.GOOD, "not read: that takes the API's credentials, which are not given")
        return
    try:
        async with okx_client(config.source.okx, MemoryLedger()) as client:
            yield await _clock(client)
            reading = await _reading(config, client)
            yield reading
            # An API that does not answer at all is not asked a second thing.
            if reading.health is not Health.BROKEN and (sign := await _balances(config, client)) is not None:
                yield sign
    except ConfigError as error:
        for problem in error.problems:
            yield Sign("key", Health.BROKEN, problem.message, problem.hint)


async def _clock(client: "OkxClient") -> Sign:
    skew = await client.skew()
    if skew is None:
        return Sign("clock", Health.WORRYING, f"{client.settings.time_url} does not tell the time", "Is it reachable?")
    if abs(skew) > SKEW_TO_WARN:
        said = f"it is {abs(skew):.0f} seconds {'behind' if skew > 0 else 'ahead of'} the API's"
        health = Health.BROKEN if abs(skew) >= SKEW_TO_REFUSE else Health.WORRYING
        return Sign("clock", health, said, "Set this machine's clock, for instance with systemd-timesyncd")
    return Sign("clock", Health.GOOD, f"within {abs(skew):.1f} seconds of the API's")


async def _reading(config: "Config", client: "OkxClient") -> Sign:
    """Read one target, and say what the API does where its documents are silent."""
    from scanner.domain.approvals import End, Snapshot
    from scanner.domain.report import chain_name
    from scanner.errors import Reason
    from scanner.readers import okx_source

    if not config.targets:
        return Sign("API", Health.WORRYING, "not tried: there is no wallet to read", "Add one below wallets:")
    target = next((one for one in config.targets if config.source.read_by(one) == "okx"), config.targets[0])
    source = okx_source(config.source.okx, client)
    [snapshot] = [one async for one in source.read([target]) if isinstance(one, Snapshot)]
    what = f"{target.owner} on {chain_name(target.chain)}"
    if snapshot.end is End.INCOMPLETE and snapshot.trouble is not None:
        part = "key" if snapshot.trouble.reason is Reason.REFUSED_KEY else "API"
        return Sign(part, Health.BROKEN, f"{what}: {snapshot.trouble.message}", snapshot.trouble.hint)
    pages, requests = counted(snapshot.pages, "page"), counted(source.cost.requests, "request")
    said = f"{what}: {counted(len(snapshot.approvals), 'approval')} in {pages}, {requests}"
    if snapshot.end is End.UNPROVEN:
        hint = "What such a reading lacks is believed only when a later one lacks it too"
        return Sign("API", Health.WORRYING, f"{said}; the list's end is not proven by its cursor", hint)
    return Sign("API", Health.GOOD, f"{said}; the list ends cleanly")


async def _balances(config: "Config", client: "OkxClient") -> Sign | None:
    """Read what one wallet holds; None where balances are switched off, or there is no wallet."""
    from scanner.domain.holdings import Wanted
    from scanner.domain.report import chain_name
    from scanner.readers import okx_balances

    if config.balances.every is None or not config.targets:
        return None
    balances = okx_balances(config.source.okx, client)
    target = config.targets[0]
    [reading] = [reading async for reading in balances.read([Wanted(target)])]
    what = f"{target.owner} on {chain_name(target.chain)}"
    if reading.trouble is not None:
        hint = reading.trouble.hint or "Approvals are watched all the same; what is at stake stays unknown"
        return Sign("balances", Health.BROKEN, f"{what}: {reading.trouble.message}", hint)
    valued = sum(seen.price_usd is not None for seen in reading.rows.values())
    return Sign("balances", Health.GOOD, f"{what}: {counted(len(reading.rows), 'token')}, {valued} with a price")


async def _lists(config: "Config") -> AsyncIterator[Sign]:
    """Look at each list, without taking it."""
    from scanner.app import configured_lists, list_reader, now

    async with list_reader() as reader:
        for name, each in configured_lists(config).items():
            state = (await reader.look(name, each, None, now())).state
            part = f"list {name}"
            if state.error is not None:
                yield Sign(part, Health.BROKEN, state.error, "The last good copy holds, if there is one")
            elif state.bad:
                said = f"{counted(state.entries, 'entry', 'entries')}, {counted(state.bad, 'bad row')}"
                yield Sign(part, Health.WORRYING, said, f"See them: approval-watch lists show {name}")
            else:
                yield Sign(part, Health.GOOD, counted(state.entries, "entry", "entries"))


async def _exchanges(config: "Config") -> AsyncIterator[Sign]:
    """Read each account at an exchange."""
    from scanner.app import open_exchanges
    from scanner.errors import ConfigError
    from scanner.okx.pacing import MemoryLedger

    try:
        async with open_exchanges(config.exchanges, MemoryLedger()) as exchanges:
            for exchange in exchanges:
                account = await exchange.read()
                part = f"account {account.name}"
                if account.trouble is not None:
                    yield Sign(part, Health.BROKEN, account.trouble.message, account.trouble.hint)
                else:
                    yield Sign(part, Health.GOOD, counted(len(account.amounts), "asset"))
    except ConfigError as error:
        for problem in error.problems:
            yield Sign("account", Health.BROKEN, problem.message, problem.hint)


async def _channels(config: "Config", *, send: bool) -> AsyncIterator[Sign]:
    from scanner.app import open_channel
    from scanner.cli.channels import in_words, try_channel
    from scanner.delivery.channels import describe
    from scanner.domain.messages import Result
    from scanner.errors import ApprovalWatchError, ConfigError

    if not config.channels:
        yield Sign("channels", Health.WORRYING, "there is none: nobody is told", "Add one below channels:")
    for name, configured in config.channels.items():
        part = f"channel {name}"
        try:
            channel = open_channel(name, configured)
        except ConfigError as error:
            yield Sign(part, Health.BROKEN, error.problems[0].message, error.problems[0].hint)
            continue
        except ApprovalWatchError as error:
            yield Sign(part, Health.BROKEN, error.message, error.hint)
            continue
        if not send:
            yield Sign(part, Health.GOOD, f"{describe(channel.url)}; nothing was sent")
            continue
        outcome = await try_channel(channel)
        good = outcome.result is Result.DELIVERED
        hint = "" if good else "Try again: approval-watch channels test"
        yield Sign(part, Health.GOOD if good else Health.BROKEN, f"{describe(channel.url)}: {in_words(outcome)}", hint)
