"""Follows chains: each new block is read for all owners at once, and whoever it speaks of is read again at once.

Who is due stands in the store (`store/following.py`), together with how far the logs are read: a daemon that was killed
finds at its next start whatever was mined since, and whom it did not come to.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

import structlog

from scanner.domain.approvals import Target, Underway
from scanner.domain.chains import by_index
from scanner.domain.observations import Hearing
from scanner.errors import Trouble
from scanner.evm.values import Block
from scanner.jobs import Job, Step, Told
from scanner.loops import guarded, rest
from scanner.sources.evm import EvmSource
from scanner.store import following
from scanner.store.engine import Store

__all__ = ["Begin", "Follower"]

log = structlog.get_logger()

AGAIN_AFTER = timedelta(seconds=30)
"""How long a target is left alone that was read and is still due for the same reason: the reading failed."""

RETRY_AFTER = timedelta(seconds=2)
"""The time after which what could not be read is tried again, where no new block comes before."""

IDLE = timedelta(seconds=3)
"""The longest time between two looks at what is due, and at whether blocks come at all."""

BACKFILL_LOOK = timedelta(seconds=1)
BACKFILL_TOLD_EVERY = timedelta(minutes=1)
"""How often it is looked at how far the past of newcomers is read, and how often the log tells."""

Begin: TypeAlias = Callable[[Job, Told], asyncio.Task[None]]
"""Begins a scan, which tells its steps, as a task that ends by itself, well or not."""


class Follower:
    """Follows the chains of some targets, each by itself. `confirm_after` is that of the scans."""

    def __init__(
        self,
        store: Store,
        source: EvmSource | None,
        targets: Iterable[Target],
        *,
        confirm_after: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        by_chain: dict[str, dict[str, Target]] = {}
        for target in targets:
            by_chain.setdefault(target.chain, {})[target.owner] = target
        self._chains = (
            []
            if source is None
            else [_Chain(store, source, chain, mine, confirm_after, now) for chain, mine in by_chain.items()]
        )

    async def run(self, begin: Begin) -> None:
        """Follow until it is cancelled; what it has begun goes on by itself then."""
        works = [work for chain in self._chains for work in (chain.listen(), chain.follow(begin))]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def hearing(self) -> Mapping[str, Hearing]:
        """How each chain is heard, by chainIndex."""
        return {chain.index: chain.hearing for chain in self._chains}

    @property
    def underway(self) -> Collection[Underway]:
        """How far the past of newcomers is read, of each chain that has some."""
        return [chain.underway for chain in self._chains if chain.underway is not None]


class _Chain:
    """One chain that is followed. Only one scan of it reads: who is spoken of meanwhile comes to the next."""

    def __init__(
        self,
        store: Store,
        source: EvmSource,
        index: str,
        targets: Mapping[str, Target],
        confirm_after: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self.index = index
        self.underway: Underway | None = None
        self.hearing = Hearing(index, since=now())
        self._store = store
        self._source = source
        self._name = by_index(index).name
        self._targets = targets
        self._confirm_after = confirm_after
        self._now = now
        self._head: Block | None = None
        self._news = asyncio.Event()
        self._tried: dict[str, tuple[int | None, datetime]] = {}
        self._told_at: datetime | None = None
        self._scan: asyncio.Task[None] | None = None
        self._pause = IDLE

    async def listen(self) -> None:
        """Note each new block; of several only the newest counts."""
        while True:
            await guarded(self._listen())
            await asyncio.sleep(RETRY_AFTER.total_seconds())

    async def _listen(self) -> None:
        async with aclosing(self._source.heads(self.index)) as heads:
            async for head in heads:
                self._head = head
                self._news.set()

    async def follow(self, begin: Begin) -> None:
        """Read what blocks tell, and whom they speak of, whenever one has come or something is due."""
        while True:
            self._pause = RETRY_AFTER
            self._news.clear()
            await guarded(self._turn(begin))
            await rest(self._news, self._pause)

    async def _turn(self, begin: Begin) -> None:
        """Catch up with the newest block, and read who is due. `_pause` is how long there is nothing to do then."""
        head = self._head
        if head is None:
            self._note(self._source.silence(self.index))
            return
        caught = await self._source.catch_up(self.index, list(self._targets), head)
        if isinstance(caught, Trouble):
            self._note(caught)
            return
        self._note(self._source.silence(self.index))
        self._follows(head)
        self._progress(caught.underway)
        final_after = self._source.confirmations(self.index)
        block = caught.block
        moment = following.Moment(
            self.index, block.number, head.number, final_after, self._now(), block.time, self._confirm_after
        )
        due = await self._store.read(partial(following.due, now=moment))
        if wanted := self._untried(due, moment.at):
            self._tried |= {owner: (due[owner], moment.at) for owner in wanted}
            await self._read([self._targets[owner] for owner in wanted], begin)
            self._pause = timedelta()
        else:
            self._pause = await self._free(moment)

    async def _read(self, wanted: Sequence[Target], begin: Begin) -> None:
        """Have targets read now. Balances hold up nobody: while some are being read, those of others are left to the
        next scan that reads some."""
        read = asyncio.Event()

        async def step(step: Step | Underway) -> None:
            if isinstance(step, Step) and step.done == step.total:
                read.set()

        weighs = self._scan is None or self._scan.done()
        recorded = frozenset(wanted)
        job = Job(wanted, recorded, "chain", at_once=True, urgent=True, brief=True, weighs=weighs, money_moved=True)
        scan = begin(job, step)
        scan.add_done_callback(lambda _: read.set())
        if weighs:
            self._scan = scan
        await read.wait()

    async def _free(self, now: following.Moment) -> timedelta:
        """How long nothing will be due, as far as that does not depend on new blocks."""
        next_at = await self._store.read(partial(following.next_at, now=now))
        by_time = IDLE if next_at is None else next_at - now.at
        return min(IDLE if self.underway is None else BACKFILL_LOOK, by_time)

    def _untried(self, due: Mapping[str, int | None], at: datetime) -> list[str]:
        """Who is due and was not read just now for the same reason."""
        mine = {owner: heard for owner, heard in due.items() if owner in self._targets}
        still = {owner: tried for owner, tried in self._tried.items() if mine.get(owner, -1) == tried[0]}
        self._tried = {owner: tried for owner, tried in still.items() if abs(at - tried[1]) < AGAIN_AFTER}
        return [owner for owner in mine if owner not in self._tried]

    def _follows(self, head: Block) -> None:
        """The chain is read up to this block."""
        if head.number == self.hearing.block:
            return
        if self.hearing.block is None:
            log.info("chain.followed", chain=self._name, owners=len(self._targets), block=head.number)
        self.hearing = Hearing(self.index, self._now(), head.number, self.hearing.trouble)

    def _note(self, trouble: Trouble | None) -> None:
        """Tell the log what is in the way where nothing was before, and that it is gone."""
        said = None if trouble is None else str(trouble)
        if trouble is not None and self.hearing.trouble is None:
            log.warning("chain.unread", chain=self._name, problem=trouble.message, hint=trouble.hint)
        elif trouble is None and self.hearing.trouble is not None:
            log.info("chain.read_again", chain=self._name)
        self.hearing = replace(self.hearing, trouble=said)

    def _progress(self, underway: Underway | None) -> None:
        """Tell the log now and then how far the past of newcomers is read."""
        now = self._now()
        if underway is None and self.underway is not None:
            self._told_at = None
            log.info("chain.backfilled", chain=self._name, blocks=self.underway.total)
        elif underway is not None and (self._told_at is None or now - self._told_at >= BACKFILL_TOLD_EVERY):
            self._told_at = now
            log.info("chain.backfill", chain=self._name, done=underway.done, total=underway.total)
        self.underway = underway
