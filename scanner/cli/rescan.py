"""An ad-hoc scan: the daemon's to do where one lives on the store, else this process's own.

So key, budget and delivery stay in one hand, and a shell beside the service needs none of its secrets.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from scanner.app import now, open_works
from scanner.config import Config
from scanner.domain.approvals import Target
from scanner.domain.report import Report
from scanner.errors import ApprovalWatchError, ConfigError, StoreError
from scanner.jobs import Job, Told
from scanner.store import requests
from scanner.store.daemons import daemon_lives
from scanner.store.engine import Store
from scanner.store.workers import take_over, worker_name

__all__ = ["Follower", "Rescan", "rescan"]

LOOK_EVERY = 0.2
DELIVER_WITHIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Follower:
    """Who is shown how far a scan is: `step` for what is read here, `count` for what the daemon tells."""

    step: Told
    count: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rescan:
    """What came of it. `left` counts the messages of each channel that were not taken in time and wait."""

    report: Report
    left: dict[str, int]


async def rescan(
    config: Config, store: Store, targets: Sequence[Target], *, dry_run: bool, follower: Follower
) -> Rescan:
    """Scan now. Raises ConfigError for a secret that is missing, StoreError, or what the daemon says went wrong."""
    if daemon_lives(store.path):
        return Rescan(await _by_daemon(store, targets, dry_run=dry_run, follower=follower), {})
    return await _by_ourselves(config, store, targets, dry_run=dry_run, follower=follower)


async def _by_ourselves(
    config: Config, store: Store, targets: Sequence[Target], *, dry_run: bool, follower: Follower
) -> Rescan:
    if problems := config.missing_secrets():
        raise ConfigError(problems)
    worker = worker_name()
    # Nobody is here any more when a wait ends.
    at_once = replace(config.alerting, group_wait=timedelta(), group_interval=timedelta())
    hasty = replace(config, alerting=at_once)
    works = await open_works(hasty, store, worker=worker)
    try:
        if not dry_run:
            await take_over(store, worker, now())
            await works.judge.tidy(store, frozenset(config.targets), certain=config.wallets_certain)
            await works.lists.refresh(due=True)
        job = Job(targets, frozenset(config.targets), "command", dry_run=dry_run, at_once=True)
        report = await works.scanner.scan(job, follower.step)
        if not dry_run:
            await works.watchdog.look()
        left = {} if dry_run else await works.deliverer.drain(DELIVER_WITHIN)
        return Rescan(report, left)
    finally:
        await works.close()


async def _by_daemon(store: Store, targets: Sequence[Target], *, dry_run: bool, follower: Follower) -> Report:
    scope = tuple((target.chain, target.owner) for target in targets)
    asked = requests.Asked(secrets.token_hex(8), scope, dry_run, "asked")
    await store.write(lambda connection: requests.ask(connection, asked, now()))
    try:
        return await _followed(store, asked.id, follower)
    finally:
        await store.write(lambda connection: requests.withdraw(connection, asked.id))


async def _followed(store: Store, request: str, follower: Follower) -> Report:
    while True:
        asked = await store.read(lambda connection: requests.follow(connection, request))
        if asked is None:
            raise StoreError("the daemon forgot the request", "Ask again")
        follower.count(asked.done, asked.total)
        if asked.report is not None:
            return msgspec.json.decode(asked.report, type=Report)
        if asked.error is not None:
            raise ApprovalWatchError(f"the daemon could not do the scan: {asked.error}")
        if not daemon_lives(store.path):
            raise StoreError("the daemon ended before it had done the scan", "Ask again, or start it")
        await asyncio.sleep(LOOK_EVERY)
