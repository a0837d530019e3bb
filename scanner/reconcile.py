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

AGAIN_AFTER = timedelta(hours=1)
"""How long after a comparison that was not whole the next one comes at the latest."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reads chains through `evm` and the API through `okx`, and asks the `witness` where they differ."""

    evm: Source
    okx: Source
    witness: Witness
    now: Callable[[], datetime]

    async def reconcile(self, targets: Sequence[Target], told: Told | None = None) -> Reconciliation:
        """Read targets, each on a chain that both cover, and compare them. Raises StoreError; all else is told.

        `told` hears of each target that both have read, and of how far the past of a chain is read.
        """
        began = self.now()
        evm: dict[Target, Snapshot] = {}
        okx: dict[Target, Snapshot] = {}

        async def read(source: Source, mine: dict[Target, Snapshot]) -> None:
            async with aclosing(source.read(targets)) as readings:
                async for reading in readings:
                    step: Step | Underway | None = reading if isinstance(reading, Underway) else None
                    if isinstance(reading, Snapshot):
                        mine[reading.target] = reading
                        both = evm.keys() & okx.keys()
                        if reading.target in both:
                            step = _step(evm[reading.target], okx[reading.target], len(both), len(targets))
                    if step is not None and told is not None:
                        await told(step)

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
    """Compares the sources of `targets` every so often, None for never, and keeps what it came to for the watch."""

    store: Store
    reconciler: Reconciler | None
    targets: Sequence[Target]
    every: timedelta | None

    async def when_due(self) -> None:
        """Compare, where the time has come. Raises StoreError."""
        if self.reconciler is None or self.every is None:
            return
        at = self.reconciler.now()
        last = await self.store.read(agreements.last)
        # A time ahead is a clock that was set back.
        if last is not None and abs(at - last.at) < (min(self.every, AGAIN_AFTER) if last.unread else self.every):
            return
        document = await self.reconciler.reconcile(self.targets)
        found = document.agreement(at)
        await self.store.write(partial(agreements.keep, agreement=found))
        rows, differences = len(document.rows), found.differences
        log.info("sources.reconciled", targets=found.targets, unread=found.unread, rows=rows, differences=differences)


def _step(evm: Snapshot, okx: Snapshot, done: int, total: int) -> Step:
    lacking = [one for one in (evm, okx) if one.end is not End.COMPLETE]
    return Step(evm.target, not lacking, lacking[0].trouble if lacking else None, done, total)
