"""The only place that builds adapters: from a configuration to things that read, judge and deliver."""

import os
import random
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import structlog
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scanner.config import ChannelConfig, Config, OkxConfig, ScheduleConfig
from scanner.daemon import Daemon, Works, worker_name
from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.errors import ConfigError, Place, Problem
from scanner.judge import Judge
from scanner.okx.client import OkxClient, OkxSettings
from scanner.okx.pacing import Ledger
from scanner.okx.signing import Credentials
from scanner.policy.loading import default_rules, load
from scanner.policy.rules import Pack
from scanner.scan import Scanner
from scanner.sources.okx import OkxSource
from scanner.store.budgets import StoredLedger
from scanner.store.engine import Store
from scanner.systemd import ServiceManager

__all__ = [
    "daemon",
    "load_pack",
    "now",
    "okx_client",
    "okx_source",
    "open_channel",
    "open_channels",
    "open_store",
    "open_works",
]

log = structlog.get_logger()


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def load_pack(config: Config | None = None) -> Pack:
    """The default rules, unless they are switched off, and the user's own. Never raises: see `Pack.problems`."""
    if config is None:
        return load([default_rules()])
    default = [default_rules()] if config.rules.default else []
    return load([*default, *config.rules.dirs], config.rules.disable)


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator[Store]:
    """The configured store, brought up to date. Raises StoreError."""
    store = await Store.open(config.store.url)
    try:
        yield store
    finally:
        await store.close()


def open_channels(config: Config) -> list[Channel]:
    """The configured channels. Raises ConfigError, and ChannelError for a URL that can never be sent to."""
    return [open_channel(name, each) for name, each in config.channels.items()]


def open_channel(name: str, config: ChannelConfig) -> Channel:
    """One channel. Raises like `open_channels`."""
    channel = Channel(name, config.read_url(), config.min_severity)
    channel.check()
    return channel


@asynccontextmanager
async def okx_client(config: OkxConfig, ledger: Ledger) -> AsyncGenerator[OkxClient, None]:
    """A client of the approvals API under the configured key. Raises ConfigError where a secret cannot be read."""
    credentials = _credentials(config)
    settings = OkxSettings(
        base_url=config.base_url,
        requests_per_second=config.requests_per_second,
        timeout=config.timeout.total_seconds(),
    )
    async with aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield OkxClient(session, credentials, settings, ledger)


def okx_source(config: OkxConfig, client: OkxClient) -> OkxSource:
    """The approvals API as a source, in the configured dialect."""
    return OkxSource(client, api=config.api, path=config.approvals_path, address_key=config.address_key)


def _credentials(config: OkxConfig) -> Credentials:
    if problems := config.missing_secrets():
        raise ConfigError(problems)
    project = config.project.read() if config.project in config.credentials else None
    return Credentials(config.key.read(), config.secret.read(), config.passphrase.read(), project)


async def open_works(config: Config, store: Store, *, worker: str, pack: Pack | None = None) -> Works:
    """Everything that one configuration makes, on an open store. The caller closes it.

    Raises ConfigError where a secret cannot be read, ChannelError where a channel can never work.
    """
    channels = open_channels(config)
    judge = Judge(
        load_pack(config) if pack is None else pack,
        channels={channel.name: channel.min_severity for channel in channels},
        group_wait=config.alerting.group_wait,
        now=now,
    )
    async with AsyncExitStack() as stack:
        okx = config.source.okx
        client = await stack.enter_async_context(okx_client(okx, StoredLedger(store)))
        scanner = Scanner(
            store,
            [okx_source(okx, client)],
            judge,
            worker=worker,
            confirm_after=config.source.confirm_absence_after,
            now=now,
        )
        deliverer = Deliverer(
            store,
            channels,
            worker=worker,
            now=now,
            new_id=lambda: secrets.token_hex(8),
            jitter=random.random,
        )
        return Works(
            scanner=scanner,
            judge=judge,
            deliverer=deliverer,
            targets=config.targets,
            certain=config.wallets_certain,
            trigger=_trigger(config.schedule),
            close=stack.pop_all().aclose,
        )


def _trigger(schedule: ScheduleConfig) -> BaseTrigger:
    if schedule.cron is not None:
        return CronTrigger.from_crontab(schedule.cron, timezone=UTC)
    return IntervalTrigger(seconds=schedule.every.total_seconds(), timezone=UTC)


def daemon(store: Store, read: Callable[[], Config]) -> Daemon:
    """The daemon on a store. `read` reads the configuration, at the start and at each reload."""
    worker = worker_name()

    async def build() -> Works:
        config = read()
        if Path(config.store.url.removeprefix("sqlite:///")) != store.path:
            said = f"store.url: a running daemon keeps its store, {store.path}"
            raise ConfigError([Problem(Place(str(config.file)), said, "store-moved", "restart it to use another")])
        for problem in (*config.warnings, *config.not_yet):
            log.warning("config.warning", problem=str(problem))
        pack = load_pack(config)
        for problem in pack.problems:
            log.error("rules.left_out", problem=str(problem), hint="the other rules are in force")
        return await open_works(config, store, worker=worker, pack=pack)

    return Daemon(store, build, worker=worker, now=now, manager=ServiceManager(os.environ))
