"""Approvals as the chain itself knows them: any node, no key, and nothing that is not in its state.

A reading pins one block, reads every owner's past up to it (`evm_past`), and puts all that was ever nominated to the
state of exactly that block (`evm_truth`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

import structlog

from scanner.domain.approvals import Kind, Snapshot, Target, Underway, Unmoved
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.errors import ApprovalWatchError, Reason, Trouble, broke_off
from scanner.evm.index import Index
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block
from scanner.sources import NOTHING_KNOWN
from scanner.sources.evm_chain import Caught, ChainReader, Terms, incomplete
from scanner.streams import mixed

__all__ = ["Caught", "EvmSource", "Terms"]

log = structlog.get_logger()

_NOT_COVERED = Trouble(
    Reason.NOT_COVERED, "no node of this chain is configured", "Name one below source.evm, or take the chain out"
)


class EvmSource:
    """Reads chains through their nodes (by chainIndex). What is known of their past outlives a reading.

    `terms` say how each chain is read, `cost` is what all of the nodes have cost. A reading waits for the past for
    `patience` seconds, or to its end where that is None; then what is known is told as incomplete, and the past is read
    on beside. The caller closes it.
    """

    name = "evm"

    def __init__(
        self,
        nodes: Mapping[str, Nodes],
        index: Index,
        *,
        cost: Cost,
        now: Callable[[], datetime],
        terms: Mapping[str, Terms],
        patience: float | None = None,
    ) -> None:
        self.cost = cost
        self._nodes = nodes
        self._terms = terms
        self._now = now
        self._chains = {
            chain: ChainReader(each, index, terms[chain], patience=patience, now=now) for chain, each in nodes.items()
        }

    def covers(self, chain: Chain) -> frozenset[Kind]:
        """Every kind, on the chains whose nodes are configured."""
        return frozenset(Kind) if chain.index in self._chains else frozenset()

    async def read(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved | Underway]:
        """Read each target once, chains beside each other. Closing it stops what is in flight but for the past."""
        by_chain: dict[str, list[Target]] = {}
        for target in dict.fromkeys(targets):
            by_chain.setdefault(target.chain, []).append(target)
        chains = [self._read(chain, mine, known) for chain, mine in by_chain.items()]
        async with aclosing(mixed(chains)) as readings:
            async for reading in readings:
                yield reading

    def heads(self, chain: str) -> AsyncGenerator[Block]:
        """Each new block of a chain from now on, without end (see `Nodes.heads`). Raises LookupError."""
        return self._nodes[chain].heads()

    def silence(self, chain: str) -> Trouble | None:
        """Why nobody tells new blocks of a chain, as far as that is known. Raises LookupError."""
        return self._nodes[chain].trouble

    def confirmations(self, chain: str) -> int:
        """How many blocks make one of a chain final. Raises LookupError."""
        return self._terms[chain].confirmations

    async def catch_up(self, chain: str, owners: Collection[str], head: Block) -> Caught | Trouble:
        """Read what is new up to a head, for all of these owners at once. What it speaks of is in the index.

        Raises StoreError, and LookupError for a chain that is not read.
        """
        return await self._chains[chain].catch_up(owners, head)

    async def close(self) -> None:
        """Stop reading the past. The next start goes on where it was."""
        await asyncio.gather(*(reader.close() for reader in self._chains.values()))

    async def _read(
        self, chain: str, targets: Sequence[Target], known: Mapping[Target, str]
    ) -> AsyncGenerator[Snapshot | Unmoved | Underway]:
        """Read one chain's targets; whatever goes wrong, each of them is told."""
        due = dict.fromkeys(targets)
        trouble = _NOT_COVERED
        try:
            if chain in self._chains:
                async with aclosing(self._chains[chain].read(targets, known)) as readings:
                    async for reading in readings:
                        if not isinstance(reading, Underway):
                            due.pop(reading.target)
                        yield reading
        except Exception as error:  # the edge of the task: one chain's failure stays its own
            if not isinstance(error, ApprovalWatchError):
                log.exception("reading.broke_off", chain=chain)
            trouble = broke_off("the reading", error)
        for target in due:
            yield incomplete(target, trouble, self._now())
