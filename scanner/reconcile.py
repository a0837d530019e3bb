"""Reads targets from both sources and holds them against each other. Nothing that is read becomes what is known.

What differs, the state itself is asked about; what the API's list may have let slip between two pages is read again.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from scanner.domain.approvals import End, Snapshot, Target, Underway, combine
from scanner.domain.reconciled import Reconciliation
from scanner.domain.reconciliation import Row, Verdict, compare, in_question
from scanner.errors import Trouble
from scanner.jobs import Step, Told
from scanner.sources import Source
from scanner.sources.evm_witness import Witness
from scanner.store import agreements
from scanner.store.engine import Store

__all__ = ["Reconciler", "Reconciling"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reads chains through `evm` and the API through `okx`, and asks the `witness` where they differ."""

    evm: Source
    okx: Source
    witness: Witness
    now: Callable[[], datetime]

    async def reconcile(self, targets: Sequence[Target], told: Told) -> Reconciliation:
        """Read targets, each on a chain that both cover, and compare them. Raises StoreError; all else is told.

        `told` hears of each target that both have read, and of how far the past of a chain is read.
        """
        began = self.now()
        evm: dict[Target, Snapshot] = {}
        okx: dict[Target, Snapshot] = {}

        async def read(source: Source, mine: dict[Target, Snapshot]) -> None:
            async with aclosing(source.read(targets)) as readings:
                async for reading in readings:
                    if isinstance(reading, Underway):
                        await told(reading)
                    elif isinstance(reading, Snapshot):
                        mine[reading.target] = reading
                        both = evm.keys() & okx.keys()
                        if reading.target in both:
                            await told(_step(evm[reading.target], okx[reading.target], len(both), len(targets)))

        async with asyncio.TaskGroup() as group:
            group.create_task(read(self.evm, evm))
            group.create_task(read(self.okx, okx))
        found = [await self._compared(evm[target], okx[target]) for target in dict.fromkeys(targets)]
        return Reconciliation.of(began, self.now(), found)

    async def _compared(self, evm: Snapshot, okx: Snapshot) -> tuple[Snapshot, Snapshot, list[Row]]:
        rows = compare(evm, okx)
        if okx.pages > 1 and okx.end is not End.INCOMPLETE and any(row.verdict is Verdict.ONLY_EVM for row in rows):
            async with aclosing(self.okx.read([okx.target])) as readings:
                again = [one async for one in readings if isinstance(one, Snapshot)]
            okx = combine(okx, *again)
            rows = compare(evm, okx)
        asked = in_question(rows)
        if asked and evm.block is not None:
            said = await self.witness.hear(evm.target.chain, asked, evm.block)
            rows = rows if isinstance(said, Trouble) else compare(evm, okx, said)
        return evm, okx, rows


@dataclass(frozen=True, slots=True)
class Reconciling:
    """Compares the sources of `targets` from time to time, and keeps what that came to for the watch to tell."""

    store: Store
    reconciler: Reconciler
    targets: Sequence[Target]
    every: timedelta

    async def when_due(self, told: Told) -> None:
        """Compare, where so much time has passed since that was last done. Raises StoreError."""
        at = self.reconciler.now()
        last = await self.store.read(agreements.last)
        # A time ahead is a clock that was set back.
        if last is not None and abs(at - last.at) < self.every:
            return
        document = await self.reconciler.reconcile(self.targets, told)
        found = document.agreement(at)
        await self.store.write(partial(agreements.keep, agreement=found))
        log.info(
            "sources.reconciled",
            targets=found.targets,
            unread=found.unread,
            approvals=len(document.rows),
            differences=found.differences,
        )


def _step(evm: Snapshot, okx: Snapshot, done: int, total: int) -> Step:
    lacking = [one for one in (evm, okx) if one.end is not End.COMPLETE]
    return Step(evm.target, not lacking, lacking[0].trouble if lacking else None, done, total)
