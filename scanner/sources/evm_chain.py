"""One chain's targets: pinned to a block, their past read up to it, their approvals read from its state."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from scanner.domain.approvals import End, Kind, Snapshot, Target, Underway, Unmoved, gather
from scanner.errors import Reason, Trouble
from scanner.evm.index import Index, Kept
from scanner.evm.nodes import PRUNED, Nodes
from scanner.evm.values import Block
from scanner.sources.evm_past import BEHIND, Past
from scanner.sources.evm_truth import Seen, Truth
from scanner.streams import mixed

__all__ = ["Caught", "ChainReader", "Terms", "incomplete"]

NAME = "evm"
EVERY_KIND = frozenset(Kind)

PIECE = 5_000
"""Nominations that are put to the state together."""

AT_A_TIME = 10
"""Readings that are made without a pause."""

TOGETHER = 50
"""Owners whose nominations are looked up together."""

STALE = 60.0
"""Seconds after which a pinned block is left for a newer one: most nodes keep the state of the last 128 alone."""

IN_A_ROW = 5
"""Pieces that fail one after the other, until nothing more is asked in that reading."""

MOST_PINS = 12
"""Blocks that one reading pins in a row without reading anything, where the chain or its nodes do not hold still."""

SETTLE = 0.25
"""Seconds until another block is pinned where the chain or its nodes did not hold still."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a chain is read: how many blocks make one final, whether only what is final is read, and where it begins."""

    confirmations: int = 12
    await_final: bool = False
    from_block: int = 0


@dataclass(frozen=True, slots=True)
class Caught:
    """What is known by now: everything up to `block`, but of newcomers whose past is `underway`."""

    block: Block
    underway: Underway | None


@dataclass(frozen=True, slots=True)
class _Pin:
    """A block to read at, the number of the newest one then, and when that was known: `at` to count from."""

    block: Block
    head: int
    at: float
    began: datetime


@dataclass(frozen=True, slots=True)
class _Piece:
    """What was seen of some owners, nothing where the state was not told or not asked, and what is wrong with it."""

    owners: Sequence[str]
    seen: Mapping[str, Seen]
    wrong: Trouble | None


class ChainReader:
    """Reads the targets of one chain, and keeps what is known of its past (see `EvmSource`)."""

    def __init__(
        self, nodes: Nodes, index: Index, terms: Terms, *, patience: float | None, now: Callable[[], datetime]
    ) -> None:
        self._nodes = nodes
        self._index = index
        self._terms = terms
        self._patience = patience
        self._now = now
        self._past = Past(nodes, index, terms.from_block)
        said = f"{nodes.chain.title} does not hold still: the block that was read is no longer part of it"
        self._restless = Trouble(Reason.NODE_FAILED, said, "It is tried again at the next scan", retry=True)

    async def close(self) -> None:
        """Stop reading the past."""
        await self._past.close()

    async def read(
        self, targets: Sequence[Target], known: Mapping[Target, str]
    ) -> AsyncGenerator[Snapshot | Unmoved | Underway]:
        """Read targets: those whose past is known at once, the others when it is, or when patience ends."""
        nodes = self._nodes.patient()
        left = {target.owner: target for target in targets}
        ends = self._ends()
        vain = 0
        while left:
            pin = await self._pinned(nodes)
            if isinstance(pin, Trouble) or vain > MOST_PINS:
                for target in left.values():
                    trouble = pin if isinstance(pin, Trouble) else self._past.trouble or self._restless
                    yield incomplete(target, trouble, self._now())
                return
            await self._past.want(left, pin.block, nodes)
            async for underway in self._waited(left, pin, ends):
                yield underway
            before = len(left)
            if not self._outdated(pin):
                obstacle = self._obstacle(left, pin, ends)
                async with aclosing(self._told(left, pin, known, obstacle, nodes)) as readings:
                    async for reading in readings:
                        del left[reading.target.owner]
                        yield reading
            if len(left) < before:
                vain = 0
                if any(self._past.reached(owner, pin.block) for owner in left):
                    # Reading the others' state took so long: what came since is no past that nobody waits for.
                    ends = self._ends()
            else:
                vain += 1
                await asyncio.sleep(SETTLE)

    def _ends(self) -> float | None:
        """When patience ends that begins now."""
        return None if self._patience is None else monotonic() + self._patience

    async def catch_up(self, owners: Collection[str], head: Block) -> Caught | Trouble:
        """Read on for owners whose past is known but for what is new; that of newcomers is read on beside."""
        nodes = self._nodes.patient()
        pin = await self._below(head, nodes)
        if isinstance(pin, Trouble):
            return pin
        past, block = self._past, pin.block
        await past.want(owners, block, nodes, live=True)
        mine = [owner for owner in owners if past.near(owner, block)]
        while not all(past.reached(one, block) for one in mine):
            if past.trouble or past.idle:
                return past.trouble or self._restless
            await past.moved(None)
        newcomers = [owner for owner in owners if not past.reached(owner, block)]
        return Caught(block, past.underway(newcomers, block) if newcomers else None)

    async def _pinned(self, nodes: Nodes) -> _Pin | Trouble:
        """The newest block, or the newest that is final where only that counts."""
        head = await nodes.head()
        return head if isinstance(head, Trouble) else await self._below(head, nodes)

    async def _below(self, head: Block, nodes: Nodes) -> _Pin | Trouble:
        """What is read when this is the newest block."""
        at, began = monotonic(), self._now()
        block = await nodes.below(head, self._terms.confirmations if self._terms.await_final else 0)
        return block if isinstance(block, Trouble) else _Pin(block, head.number, at, began)

    async def _waited(self, owners: Collection[str], pin: _Pin, ends: float | None) -> AsyncGenerator[Underway]:
        """Wait until the past of somebody is read up to the pin, or nothing more is to be waited for."""
        past = self._past
        while not (past.trouble or past.idle or _over(ends) or any(past.reached(one, pin.block) for one in owners)):
            await past.moved(None if ends is None else timedelta(seconds=max(0.0, ends - monotonic())))
            yield past.underway(owners, pin.block)

    def _outdated(self, pin: _Pin) -> bool:
        """Whether another block is to be pinned: this one has become old, or a node has not come as far as another."""
        behind = self._past.trouble is not None and self._past.trouble.code == BEHIND
        return behind or monotonic() - pin.at > STALE

    def _obstacle(self, owners: Collection[str], pin: _Pin, ends: float | None) -> Trouble | None:
        """Why the past of those who are not read up to the pin is not waited for."""
        if self._past.trouble is None and not _over(ends):
            return None
        known = self._past.underway(owners, pin.block)
        far = f"its past is read up to block {known.done:,} of {known.total:,}"
        if self._past.trouble is None:
            return Trouble(Reason.CACHING, far, "It is read on; the next scan has more of it")
        return replace(self._past.trouble, message=f"{far}; {self._past.trouble.message}")

    async def _told(
        self,
        targets: Mapping[str, Target],
        pin: _Pin,
        known: Mapping[Target, str],
        obstacle: Trouble | None,
        nodes: Nodes,
    ) -> AsyncGenerator[Snapshot | Unmoved]:
        """What is in force at the pin, of each whose past is known, and with an obstacle of the others, too."""
        ready = [owner for owner in targets if self._past.reached(owner, pin.block)]
        others = [owner for owner in targets if owner not in ready] if obstacle is not None else []
        states = self._states(((ready, None), (others, obstacle)), pin, nodes)
        # While the readings of one piece are made and handed on, the next one is put to the state.
        async with aclosing(mixed([states])) as pieces:
            async for piece in pieces:
                for place, owner in enumerate(piece.owners):
                    if place % AT_A_TIME == 0:
                        await asyncio.sleep(0)  # making readings without a pause would hold that up
                    yield self._reading(targets[owner], piece, pin, known.get(targets[owner]))

    async def _states(
        self, groups: Iterable[tuple[Sequence[str], Trouble | None]], pin: _Pin, nodes: Nodes
    ) -> AsyncGenerator[_Piece]:
        """Put what is kept of owners to the state at the pin; each group of them comes with what its readings lack.

        Ends early where the pin turns out to be no longer part of the chain, and where it has become too old for what
        is left: then nodes may not keep its state any more.
        """
        truth = Truth(nodes, self._index, self._terms.confirmations, self._now)
        failed: list[Trouble] = []
        got_on = False
        for owners, lacks in groups:
            async for kept in self._pieces(owners):
                if len(failed) == IN_A_ROW:
                    yield _Piece(list(kept), {}, failed[-1])
                    continue
                if got_on and self._outdated(pin):
                    return
                seen = await truth.at(pin.block, pin.head, kept)
                there = await nodes.block(pin.block.number)
                if there is None or (isinstance(there, Block) and there.hash != pin.block.hash):
                    return
                trouble = seen if isinstance(seen, Trouble) else there if isinstance(there, Trouble) else None
                if got_on and trouble is not None and trouble.code == PRUNED:
                    return
                got_on |= trouble is None
                failed = [] if trouble is None else [*failed, trouble]
                yield _Piece(list(kept), {} if isinstance(seen, Trouble) else seen, lacks or trouble)

    async def _pieces(self, owners: Sequence[str]) -> AsyncGenerator[dict[str, list[Kept]]]:
        """What is kept of owners, of as many at a time as are put to the state together.

        Who was forgotten since, as a wallet that had left the configuration, is left out, and has to be read anew.
        """
        piece: dict[str, list[Kept]] = {}
        for start in range(0, len(owners), TOGETHER):
            part = owners[start : start + TOGETHER]
            kept = {owner: fresh for owner in part if (fresh := self._past.take_fresh(owner)) is not None}
            if others := [owner for owner in part if owner not in kept]:
                kept |= await self._index.kept(self._nodes.chain.index, others, self._now())
            piece |= {owner: kept.get(owner, []) for owner in part if owner in kept or not self._past.forget(owner)}
            if sum(map(len, piece.values())) >= PIECE:
                yield piece
                piece = {}
        if piece:
            yield piece

    def _reading(self, target: Target, piece: _Piece, pin: _Pin, known: str | None) -> Snapshot | Unmoved:
        """What a target comes to; what says the same as the last time is not even made."""
        seen, wrong = piece.seen.get(target.owner), piece.wrong
        sign = None if wrong is not None or seen is None else seen.fingerprint()
        if sign is not None and sign == known:
            return Unmoved(target, NAME, self._now(), pin.block.number)
        return Snapshot(
            target=target,
            approvals={} if seen is None else gather(seen.approvals()),
            end=End.COMPLETE if wrong is None else End.INCOMPLETE,
            kinds=EVERY_KIND,
            source=NAME,
            read_at=self._now(),
            trouble=wrong,
            block=pin.block.number,
            as_of=pin.block.time,
            began_at=pin.began,
            withdrawn=frozenset() if seen is None else seen.withdrawn,
            fingerprint=sign,
        )


def incomplete(target: Target, trouble: Trouble, at: datetime) -> Snapshot:
    """What is told of a target of which nothing could be read."""
    return Snapshot(target, {}, End.INCOMPLETE, EVERY_KIND, NAME, at, trouble=trouble)


def _over(ends: float | None) -> bool:
    return ends is not None and monotonic() >= ends
