"""What the state of a chain says of single approvals, now and at the blocks that matter: for who doubts a reading."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from msgspec import structs

from scanner.domain.approvals import Approval, Status
from scanner.domain.nominations import Key, Nomination
from scanner.domain.reconciliation import LAG, Evidence
from scanner.errors import Reason, Trouble
from scanner.evm.index import Index, Kept
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block
from scanner.sources.evm_state import Right, rights

__all__ = ["Witness"]

SAMPLE = 100
"""Blocks by which it is seen how quickly a chain makes them."""

MOST_PASTS = 20
"""Blocks of the past that are asked for in one hearing: nodes that keep no old state answer none of them."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Asks the nodes of chains (by chainIndex); `index` knows which logs there were."""

    nodes: Mapping[str, Nodes]
    index: Index

    async def hear(self, chain: str, asked: Sequence[Approval], read: int) -> dict[str, Evidence] | Trouble:
        """What the state says of some approvals of one owner, by their ids; `read` is the block that was read.

        A trouble where the state of now, or of that block, cannot be asked. Raises StoreError, and LookupError for a
        chain without nodes.
        """
        nodes = self.nodes[chain]
        owners = {one.owner for one in asked}
        told = await self.index.kept(chain, owners)
        kept = {one.nomination.key: one for ones in told.values() for one in ones}
        hearing = _Hearing(nodes, {Nomination.about(one).key: one for one in asked}, kept)
        head, then = await nodes.head(), await nodes.block(read)
        held, found = await hearing.at(head), await hearing.at(then)
        if isinstance(held, Trouble) or isinstance(found, Trouble) or not isinstance(head, Block):
            return held if isinstance(held, Trouble) else found if isinstance(found, Trouble) else _ABSENT
        before = await hearing.at(await _earlier(nodes, head))
        pasts = await hearing.pasts({key for key in hearing.asked if key not in held})
        return {
            one.id: Evidence(
                head.number,
                held.get(key),
                found.get(key),
                before=None if isinstance(before, Trouble) else before.get(key),
                remembers=not isinstance(before, Trouble),
                logged=key in kept,
                amount=kept[key].nomination.amount if key in kept else None,
                told_block=kept[key].nomination.block if key in kept else None,
                then=pasts.get(key),
                seen=key in kept and kept[key].seen,
            )
            for key, one in hearing.asked.items()
        }


_ABSENT = Trouble(Reason.NODE_FAILED, "a block that was read is gone", "It is tried again at the next time", retry=True)


@dataclass(frozen=True, slots=True)
class _Hearing:
    """What is asked of one chain, and what is kept of what its logs told."""

    nodes: Nodes
    asked: Mapping[Key, Approval]
    kept: Mapping[Key, Kept]

    async def at(
        self, block: Block | Trouble | None, only: Collection[Key] | None = None
    ) -> dict[Key, Approval] | Trouble:
        """What is in force after a block, in the words of who asked."""
        if not isinstance(block, Block):
            return _ABSENT if block is None else block
        doubted = [
            Kept(Nomination.about(one), seen=key in self.kept and self.kept[key].seen)
            for key, one in self.asked.items()
            if only is None or key in only
        ]
        found = await rights(self.nodes, doubted, block)
        if isinstance(found, Trouble):
            return found
        granted = {one.nomination.key: right for one, right in zip(doubted, found, strict=True) if right is not None}
        there = {key: right for key, right in granted.items() if not right.expired(block.time)}
        return {key: _as_asked(self.asked[key], right) for key, right in there.items()}

    async def pasts(self, keys: Collection[Key]) -> dict[Key, int]:
        """What the state of the block granted (raw integer) in which a log raised each last, as far as nodes know."""
        blocks: dict[int, list[Key]] = {}
        for key in keys:
            number = self.kept[key].nomination.block if key in self.kept else None
            if number is not None:
                blocks.setdefault(number, []).append(key)
        said: dict[Key, int] = {}
        for number in sorted(blocks, reverse=True)[:MOST_PASTS]:
            found = await self.at(await self.nodes.block(number), blocks[number])
            if isinstance(found, Trouble):
                break
            said |= {key: _raw(found.get(key)) for key in blocks[number]}
        return said


async def _earlier(nodes: Nodes, head: Block) -> Block | Trouble | None:
    """A block that was made about so long before the newest as an API may lag."""
    sample = await nodes.block(max(0, head.number - SAMPLE))
    if not isinstance(sample, Block) or sample.time >= head.time:
        return sample
    pace = (head.time - sample.time) / max(1, head.number - sample.number)
    return await nodes.block(max(0, head.number - ceil(LAG / pace)))


def _as_asked(asked: Approval, found: Right) -> Approval:
    return structs.replace(asked, allowance=found.allowance, expires_at=found.expires_at, status=Status.GRANTED)


def _raw(approval: Approval | None) -> int:
    return 0 if approval is None else approval.allowance.magnitude or 0
