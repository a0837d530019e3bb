"""The only place that builds adapters: from a configuration to things that read, judge and deliver."""

import os
import random
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp
import structlog
from apscheduler.triggers.base import BaseTrigger

from scanner.clock import MACHINE, Clock, now
from scanner.config import (
    AccountConfig,
    ChannelConfig,
    Config,
    ExchangesConfig,
    ListConfig,
    read_credentials,
)
from scanner.context.exchanges import EXCHANGES, Access, Exchange
from scanner.context.lists import ListReader
from scanner.daemon import Daemon, Works
from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.approvals import Target
from scanner.domain.lists import KNOWN
from scanner.errors import ConfigError, Place, Problem
from scanner.follow import Follower
from scanner.heartbeat import Heartbeat
from scanner.judge import Judge
from scanner.okx.pacing import Ledger
from scanner.packs import load_pack
from scanner.policy.loading import default_rules
from scanner.policy.rules import Pack
from scanner.readers import Sources, open_sources
from scanner.reconcile import Reconciler, Reconciling
from scanner.refresh import Refresher
from scanner.retention import Retention
from scanner.scan import Scanner
from scanner.schedule import due_after, longest_pause, trigger_of
from scanner.store.engine import Store
from scanner.store.workers import worker_name
from scanner.systemd import ServiceManager
from scanner.watchdog import Plan, Watchdog

__all__ = [
    "MACHINE",
    "Clock",
    "configured_lists",
    "daemon",
    "list_reader",
    "now",
    "open_channel",
    "open_channels",
    "open_deliverer",
    "open_exchanges",
    "open_reconciler",
    "open_refresher",
    "open_store",
    "open_works",
]

log = structlog.get_logger()

PACK_LIST = "well-known"
"""The name of the default pack's own list, which a list of that name in the configuration replaces."""

PATIENCE = timedelta(seconds=15)
"""How long a scheduled scan waits for the past of a chain. Then who follows the chain reads it on, and whose past is
known at last is read at once."""

SHORTEST_STALE = timedelta(hours=1)
"""Below this, a wallet that was not read completely is not called stale unless the configuration says so."""


def configured_lists(config: Config) -> dict[str, ListConfig]:
    """The lists by name: the default pack's, unless it is switched off, and the user's own."""
    pack = {PACK_LIST: ListConfig(from_=default_rules() / "known.csv", label=KNOWN)} if config.rules.default else {}
    return {**pack, **config.lists}


@asynccontextmanager
async def open_exchanges(config: ExchangesConfig, ledger: Ledger) -> AsyncGenerator[list[Exchange], None]:
    """The configured accounts at exchanges. Raises ConfigError where a secret cannot be read."""
    if problems := config.missing_secrets():
        raise ConfigError(problems)
    # A connection that is kept is tried a second time by aiohttp itself when it turns out closed, and no exchange here
    # takes a nonce twice.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, trust_env=True, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield [
            EXCHANGES[exchange, account.api](_access(exchange, name, account), session, ledger)
            for exchange, name, account in config
        ]


def _access(exchange: str, name: str, account: AccountConfig) -> Access:
    texts = read_credentials(account)
    return Access(
        name=f"{exchange} {name}",
        setting=f"exchanges.{exchange}.{name}",
        key=texts["key"],
        secret=texts["secret"],
        passphrase=texts.get("passphrase", ""),
        base_url=account.base_url,
    )


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator[Store]:
    """The configured store, brought up to date. Raises StoreError."""
    store = await Store.open(config.store.url)
    try:
        yield store
    finally:
        await store.close()


def open_channels(config: Config, only: Collection[str] | None = None) -> list[Channel]:
    """The configured channels, or `only` some of them. Raises ConfigError, and ChannelError for a URL that can never be
    sent to."""
    return [open_channel(name, each) for name, each in config.channels.items() if only is None or name in only]


def open_channel(name: str, config: ChannelConfig) -> Channel:
    """One channel. Raises like `open_channels`."""
    channel = Channel(name, config.read_url(), config.min_severity)
    channel.check()
    return channel


def open_deliverer(
    config: Config, store: Store, *, worker: str, only: Collection[str] | None = None, clock: Clock = MACHINE
) -> Deliverer:
    """What delivers over the configured channels, or `only` over some. Raises as `open_channels` does."""
    return Deliverer(
        store,
        open_channels(config, only),
        worker=worker,
        now=clock.now,
        new_id=_new_id,
        jitter=random.random,
        telling=config.telling,
    )


@asynccontextmanager
async def open_refresher(
    config: Config, store: Store, judge: Judge, clock: Clock = MACHINE
) -> AsyncGenerator[Refresher, None]:
    """What keeps the lists fresh."""
    async with list_reader() as reader:
        yield Refresher(store, judge, reader, configured_lists(config), clock.now)


@asynccontextmanager
async def open_reconciler(config: Config, store: Store) -> AsyncGenerator[Reconciler, None]:
    """What holds the API against the chain. Raises ConfigError where the configuration lacks one of them."""
    if problems := [*config.source.okx.missing_secrets(), *config.missing_nodes()]:
        raise ConfigError(problems)
    async with open_sources(config, store) as sources:
        if (reconciler := _reconciler(sources, MACHINE)) is not None:
            yield reconciler


def _reconciler(sources: Sources, clock: Clock) -> Reconciler | None:
    """What compares the two sources; None where one of them is not there."""
    if sources.chains is None or sources.api is None or sources.witness is None:
        return None
    return Reconciler(sources.chains, sources.api, sources.witness, clock.now)


def _reconciling(config: Config, store: Store, sources: Sources, clock: Clock) -> Reconciling:
    both = [target for target in config.targets if target.chain in config.nodes]
    return Reconciling(store, _reconciler(sources, clock), both, config.source.reconcile)


@asynccontextmanager
async def list_reader() -> AsyncGenerator[ListReader, None]:
    """What looks at lists."""
    async with aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield ListReader(session)


async def open_works(
    config: Config,
    store: Store,
    *,
    worker: str,
    pack: Pack | None = None,
    beats: bool = False,
    clock: Clock = MACHINE,
) -> Works:
    """Everything that one configuration makes, on an open store. The caller closes it.

    `beats` says that the heartbeat is to be pinged, which only who keeps the schedule may do; its scans wait for no
    chain's long past, either. `clock` is everybody's in it. Raises ConfigError where
    a secret cannot be read, ChannelError where a channel can never work.
    """
    pack = load_pack(config, clock.now()) if pack is None else pack
    deliverer = open_deliverer(config, store, worker=worker, clock=clock)
    judge = Judge(pack, telling=config.telling, now=clock.now)
    trigger = trigger_of(config.schedule)
    followed = [target for target in config.targets if config.source.read_by(target) == "evm"]
    watchdog = Watchdog(
        store, _plan(config, pack, trigger, followed), open_channels(config), now=clock.now, new_id=_new_id
    )
    async with AsyncExitStack() as stack:
        heartbeat = await stack.enter_async_context(_heartbeat(config, beats=beats))
        patience = PATIENCE if beats else None
        sources = await stack.enter_async_context(open_sources(config, store, clock=clock, patience=patience))
        lists = await stack.enter_async_context(open_refresher(config, store, judge, clock))
        scanner = Scanner(
            store,
            sources.approvals,
            judge,
            worker=worker,
            confirm_after=config.source.confirm_absence_after,
            now=clock.now,
            balances=sources.balances,
            balances_every=config.balances.every or timedelta(),
        )
        return Works(
            scanner=scanner,
            judge=judge,
            lists=lists,
            deliverer=deliverer,
            watchdog=watchdog,
            heartbeat=heartbeat,
            follower=Follower(
                store, sources.chains, followed, confirm_after=config.source.confirm_absence_after, now=clock.now
            ),
            reconciling=_reconciling(config, store, sources, clock),
            retention=Retention(store, config.store.keep, clock.now),
            targets=config.targets,
            certain=config.wallets_certain,
            trigger=trigger,
            close=stack.pop_all().aclose,
        )


def _new_id() -> str:
    return secrets.token_hex(8)


@asynccontextmanager
async def _heartbeat(config: Config, *, beats: bool) -> AsyncGenerator[Heartbeat, None]:
    url = config.heartbeat.read_url() if beats else None
    async with aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session:
        heartbeat = Heartbeat(session, url, config.heartbeat.timeout)
        try:
            yield heartbeat
        finally:
            await heartbeat.close()


def _plan(config: Config, pack: Pack, trigger: BaseTrigger, followed: Sequence[Target]) -> Plan:
    """What the watch is held against."""
    interval = longest_pause(trigger, now())
    return Plan(
        targets=len(config.targets),
        interval=interval,
        due_after=partial(due_after, trigger),
        stale_after=config.alerting.stale_after or max(3 * interval, SHORTEST_STALE),
        broken_rules=tuple(str(problem) for problem in pack.problems),
        wallets_certain=config.wallets_certain,
        wallets_problems=tuple(str(problem) for problem in config.warnings),
        followed=tuple(sorted({target.chain for target in followed})),
        reconciles=config.source.reconcile is not None,
        drill=config.alerting.drill,
    )


def daemon(store: Store, read: Callable[[], Config]) -> Daemon:
    """The daemon on a store. `read` reads the configuration, at the start and at each reload."""
    worker = worker_name()

    async def build() -> Works:
        config = read()
        if Path(config.store.url.removeprefix("sqlite:///")) != store.path:
            said = f"store.url: a running daemon keeps its store, {store.path}"
            raise ConfigError([Problem(Place(str(config.file)), said, "store-moved", "restart it to use another")])
        for problem in config.warnings:
            log.warning("config.warning", problem=str(problem))
        pack = load_pack(config, now())
        for problem in pack.problems:
            log.error("rules.left_out", problem=str(problem), hint="the other rules are in force")
        for problem in pack.warnings:
            if problem.place.file == str(config.file):  # of rules themselves `rules check` tells
                log.warning("config.warning", problem=str(problem))
        return await open_works(config, store, worker=worker, pack=pack, beats=True)

    return Daemon(store, build, worker=worker, now=now, manager=ServiceManager(os.environ))
