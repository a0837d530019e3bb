"""Refreshing lists by hand: looked at and judged by this process; delivered by the daemon where one lives."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from scanner.app import now, open_deliverer, open_refresher
from scanner.config import Config
from scanner.domain.lists import ListState
from scanner.judge import Judge
from scanner.packs import load_pack
from scanner.store.daemons import daemon_lives
from scanner.store.engine import Store
from scanner.store.workers import take_over, worker_name

__all__ = ["Relisted", "relist"]

DELIVER_WITHIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Relisted:
    """How the lists stand now, and how many approvals were judged again.

    `left` counts the messages of each channel that were not taken in time and wait.
    """

    states: tuple[ListState, ...]
    judged: int
    left: dict[str, int]


async def relist(config: Config, store: Store, names: Collection[str], *, accept: bool) -> Relisted:
    """Look at lists now. Raises StoreError, or ConfigError for a channel's secret that is missing.

    A secret is only needed to deliver: what was judged is stored by then, and waits in the outbox.
    """
    alone = not daemon_lives(store.path)
    # Nobody is here any more when a wait ends.
    at_once = replace(config.alerting, group_wait=timedelta(), group_interval=timedelta())
    config = replace(config, alerting=at_once) if alone else config
    judge = Judge(load_pack(config, now()), telling=config.telling, now=now)
    async with open_refresher(config, store, judge) as refresher:
        done = await refresher.refresh(names, accept=accept)
    if not (alone and done.judged):
        return Relisted(done.states, done.judged, {})
    worker = worker_name()
    await take_over(store, worker, now())
    deliverer = open_deliverer(config, store, worker=worker)
    return Relisted(done.states, done.judged, await deliverer.drain(DELIVER_WITHIN))
