"""How the past of a chain is read: one task for each chain, whoever waits for it, and nothing twice.

What was read is written down before it is called read. A chain that was reorganised is read again from the newest
block on which both agree.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog

from scanner.domain.approvals import Underway
from scanner.domain.nominations import Nomination
from scanner.errors import ApprovalWatchError, Reason, Trouble, broke_off
from scanner.evm.index import Checkpoint, Index, Kept
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block, Log, Stretch
from scanner.loops import rest
from scanner.sources.evm_logs import filters, nominations, touched

__all__ = ["BEHIND", "Past"]

BEHIND = "behind"
"""The code of a trouble: the nodes have not come as far as was read before, or not all of them on the same chain."""

SHALLOW = 1000
"""Blocks behind the newest one that a reorganisation may still reach: they count as read only together with what the
last of them is called. Within them it is worth hearing what owners spend."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Group:
    """Owners whose past is read up to the same block, `last`: they are read on together."""

    owners: tuple[str, ...]
    last: int


class Past:
    """What is known of one chain's past.

    `first` is the first block that can speak of anybody. `heights` tells up to which block the past of each owner is
    read without a gap; `trouble` why it is read no further.

    `_fresh` is what the index keeps of those who were read last, at their `heights`: whatever is read on or taken back
    here empties it. What another process has seen or denied since, it does not say.
    """

    def __init__(self, nodes: Nodes, index: Index, first: int = 0) -> None:
        self.heights: dict[str, int] = {}
        self.trouble: Trouble | None = None
        self._nodes = nodes
        self._index = index
        self._chain = nodes.chain.index
        self._first = first
        self._live = False
        self._pin: Block | None = None
        self._settled: Block | None = None
        self._checkpoints: list[Checkpoint] = []
        self._checkpoints_due = True
        self._fresh: dict[str, list[Kept]] = {}
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    async def want(self, owners: Collection[str], pin: Block, nodes: Nodes, *, live: bool = False) -> None:
        """Have the past of these owners read up to a block, which they need not wait for. Raises StoreError.

        It is read through these nodes, with the patience of who wants it last.
        """
        if unknown := [owner for owner in owners if owner not in self.heights]:
            found = await self._index.heights(self._chain, unknown, self._first)
            self.heights |= {owner: found.get(owner, self._first - 1) for owner in unknown}
            # Another process may have read them on a fork of which only its checkpoints know.
            self._checkpoints_due |= bool(found)
        self._live |= live
        self._nodes = nodes
        if all(self.reached(owner, pin) for owner in owners):
            return
        running = not self.idle
        if self._pin is None or not running or _later(pin, self._pin):
            self._pin = pin
        self.trouble = None
        if not running:
            self._task = asyncio.create_task(self._run())

    def reached(self, owner: str, block: Block) -> bool:
        """Whether an owner's past is read up to a block, on the chain that the block is part of."""
        settled = self._settled
        if settled is None or self._checkpoints_due:
            return False
        return not _later(block, settled) and block.number <= self.heights[owner]

    def forget(self, owner: str) -> bool:
        """Read the past of an owner anew of whom nothing is kept any more; False where nothing of it was read."""
        known = self.heights[owner] >= self._first
        self.heights[owner] = self._first - 1
        self._fresh.pop(owner, None)
        return known

    def take_fresh(self, owner: str) -> list[Kept] | None:
        """All that is kept of an owner whose whole past was read just now, to be asked for once; None of others."""
        return self._fresh.pop(owner, None)

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return self._task is None or self._task.done()

    def near(self, owner: str, block: Block) -> bool:
        """Whether only little is missing of an owner's past up to a block."""
        return self.heights[owner] >= block.number - SHALLOW

    async def moved(self, within: timedelta | None) -> None:
        """Wait until something was read, or nothing is read any more, at the longest for so long."""
        if not self.idle:
            self._moved.clear()
            await rest(self._moved, within)

    def underway(self, owners: Collection[str], block: Block) -> Underway:
        """How far the past of these owners is read, by the one that is furthest behind."""
        done = min(self.heights[owner] for owner in owners) - self._first + 1
        return Underway(self._chain, done, max(block.number - self._first + 1, done))

    async def close(self) -> None:
        """Stop reading. What was read is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Read until everybody's past is read up to the block that was asked for last, or something is in the way."""
        try:
            while self.trouble is None and (pin := self._pin) is not None:
                if pin is not self._settled or self._checkpoints_due:
                    self.trouble = await self._settle(pin)
                elif (group := self._next(pin)) is not None:
                    self.trouble = await self._read(group, pin)
                else:
                    return
        except Exception as error:  # the edge of the task: it ends, and says so
            if not isinstance(error, ApprovalWatchError):
                log.exception("evm.past_broke_off", chain=self._nodes.chain.name)
            self.trouble = broke_off("reading the past", error)
        finally:
            self._moved.set()

    def _next(self, pin: Block) -> _Group | None:
        """Who is read on: those who are furthest, so that nobody waits for a newcomer's long past."""
        last = max((height for height in self.heights.values() if height < pin.number), default=None)
        if last is None:
            return None
        return _Group(tuple(owner for owner, height in self.heights.items() if height == last), last)

    async def _read(self, group: _Group, pin: Block) -> Trouble | None:
        """Read a group's past on, until it is all there, or another block is asked for."""
        live = self._live and group.last >= pin.number - SHALLOW
        wanted = filters(group.owners, live=live)
        async with aclosing(self._nodes.logs(wanted, group.last + 1, pin.number)) as stretches:
            async for stretch in stretches:
                if isinstance(stretch, Trouble):
                    return stretch
                if stretch.last == pin.number and stretch.seal not in (None, pin.hash):
                    return _apart(self._nodes, pin)
                await self._keep(group, stretch, pin)
                self._moved.set()
                if self._pin is not pin:
                    return None
        return None

    async def _keep(self, group: _Group, stretch: Stretch, pin: Block) -> None:
        """Write down what a stretch nominates, of whom it speaks, and that it was read."""
        anew = stretch.first == self._first
        told = await self._told(stretch.logs, group.owners, anew=anew)
        at_pin = Checkpoint(pin.number, pin.hash) if stretch.last == pin.number else None
        sure = stretch.last if at_pin else max(group.last, min(stretch.last, pin.number - SHALLOW))
        heard = dict.fromkeys(touched(stretch.logs, frozenset(group.owners)), stretch.last)
        kept = await self._index.keep(self._chain, group.owners, self._first, sure, told, at_pin, heard, anew=anew)
        self.heights |= dict.fromkeys(group.owners, sure)
        self._fresh = kept if at_pin else {}
        if at_pin is not None and at_pin not in self._checkpoints[:1]:
            self._checkpoints.insert(0, at_pin)

    async def _told(self, logs: Sequence[Log], owners: Sequence[str], *, anew: bool) -> list[Nomination]:
        """What logs nominate. Whether a log raised an amount, the one before it says, and where they begin, none is."""
        mine = frozenset(owners)
        told = nominations(logs, mine)
        known = {} if anew or not told else await self._index.known(self._chain, [one.key for one in told])
        return nominations(logs, mine, known) if known else told

    async def _settle(self, pin: Block) -> Trouble | None:
        """Hold the blocks that were read against the chain that a block is part of; take back what is no more of it."""
        if pin.number < self._first:
            return _too_early(self._nodes, pin, self._first)
        if self._checkpoints_due:
            self._checkpoints_due = False
            try:
                self._checkpoints = await self._index.checkpoints(self._chain)
            except BaseException:
                self._checkpoints_due = True
                raise
        below = [checkpoint for checkpoint in self._checkpoints if checkpoint.number <= pin.number]
        for checkpoint in below:
            there = await self._hash(checkpoint.number, pin)
            if isinstance(there, Trouble):
                return there
            if there == checkpoint.hash:
                if checkpoint is below[0] and len(below) < len(self._checkpoints):
                    return _behind(self._nodes, pin, self._checkpoints[0])
                await self._agree(checkpoint.number, pin)
                return None
        if self._checkpoints and not below:
            return _behind(self._nodes, pin, self._checkpoints[0])
        await self._agree(self._first - 1, pin)
        return None

    async def _hash(self, number: int, pin: Block) -> str | Trouble | None:
        """What the block of a number is called on the chain of `pin`; None where there is none."""
        if number == pin.number:
            return pin.hash
        if number == pin.number - 1:
            return pin.parent
        block = await self._nodes.block(number)
        return block.hash if isinstance(block, Block) else block

    async def _agree(self, number: int, pin: Block) -> None:
        """The chain is the one that was read up to a block: what was read above it is read again."""
        if any(checkpoint.number > number for checkpoint in self._checkpoints):
            log.warning("evm.reorganised", chain=self._nodes.chain.name, read_again_from=number + 1)
            await self._index.rewind(self._chain, number)
            self._checkpoints = [checkpoint for checkpoint in self._checkpoints if checkpoint.number <= number]
            self.heights = {owner: min(height, number) for owner, height in self.heights.items()}
            self._fresh = {}
        self._settled = pin


def _later(block: Block, than: Block) -> bool:
    """Whether a block is higher than another one, or took its place."""
    return block.number > than.number or (block.number == than.number and block.hash != than.hash)


def _behind(nodes: Nodes, pin: Block, newest: Checkpoint) -> Trouble:
    said = f"the nodes of {nodes.chain.title} are at block {pin.number}, and block {newest.number} was read before"
    return Trouble(Reason.NODE_FAILED, said, "They lag: it is tried again at the next scan", retry=True, code=BEHIND)


def _too_early(nodes: Nodes, pin: Block, first: int) -> Trouble:
    """Nothing is read of a past that has not begun: that would look like a wallet without approvals."""
    setting = f"source.evm.{nodes.chain.name}.from_block"
    said = f"{setting} is {first}, and {nodes.chain.title} is read up to block {pin.number}"
    return Trouble(Reason.BAD_REQUEST, said, f"Look at {setting}: it is the first block that can speak of the wallets")


def _apart(nodes: Nodes, pin: Block) -> Trouble:
    """Logs of one block and the state of another with its number would be true of no chain at all."""
    said = f"the nodes of {nodes.chain.title} do not agree on block {pin.number}"
    return Trouble(Reason.NODE_FAILED, said, "It is tried again at the next scan", retry=True, code=BEHIND)
