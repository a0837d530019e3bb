"""Keeps the lists fresh: looks at each when it is due, writes down what it says now, and has what changed judged.

What cannot be read stays as it was, is said once in the log, and stands in the store for whoever shows the lists.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from scanner.config import ListConfig
from scanner.context.lists import ListReader, Look, is_due
from scanner.domain.lists import ListState
from scanner.judge import Judge
from scanner.store import lists as kept_lists
from scanner.store.engine import Store

__all__ = ["LOOK_EVERY", "Refreshed", "Refresher"]

log = structlog.get_logger()

LOOK_EVERY = timedelta(minutes=1)
"""The time between two looks at which list is due."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How the lists that were looked at stand now, and how many stored approvals were judged again."""

    states: tuple[ListState, ...]
    judged: int


@dataclass(frozen=True, slots=True)
class Refresher:
    """Refreshes the configured lists, by name."""

    store: Store
    judge: Judge
    reader: ListReader
    lists: Mapping[str, ListConfig]
    now: Callable[[], datetime]
    _looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def refresh(
        self, names: Collection[str] | None = None, *, due: bool = False, accept: bool = False
    ) -> Refreshed:
        """Look at these lists, or at all; if `due`, only at those whose time has come.

        A list that left the configuration is forgotten. What lists say something else of now is judged. `accept` takes
        a copy that has lost half of its entries. Raises StoreError; what a list fails at is in its state.
        """
        try:
            known = await self.store.read(kept_lists.states)
            looks = await self._look(known, names, due=due, accept=accept)
            for look in looks:
                moved = await self.store.write(
                    partial(kept_lists.keep, state=look.state, entries=look.entries, at=self.now())
                )
                _say(known.get(look.state.name), look.state, moved)
            if gone := known.keys() - self.lists.keys():
                await self.store.write(partial(kept_lists.drop, names=gone, at=self.now()))
                log.info("lists.forgotten", lists=sorted(gone))
            judged = await self.judge.touched(self.store)
        finally:
            self._looked.set()
        if judged:
            log.info("lists.judged_again", approvals=judged)
        return Refreshed(tuple(look.state for look in looks), judged)

    async def _look(
        self, known: Mapping[str, ListState], names: Collection[str] | None, *, due: bool, accept: bool
    ) -> list[Look]:
        at = self.now()
        wanted = {name: config for name, config in self.lists.items() if names is None or name in names}
        return await asyncio.gather(
            *(
                self.reader.look(name, config, known.get(name), at, accept=accept)
                for name, config in wanted.items()
                if not due or is_due(config, known.get(name), at)
            )
        )

    async def looked(self) -> None:
        """Wait until the lists have been looked at for the first time, whatever came of it."""
        await self._looked.wait()


def _say(before: ListState | None, now: ListState, moved: int) -> None:
    """Tell the log what a look came to, where it is another thing than the last one came to."""
    failed = before is not None and before.error is not None
    if now.error is not None and not failed:
        log.warning("list.unreadable", list=now.name, problem=now.error, entries_in_force=now.entries)
    elif now.error is None and failed:
        log.info("list.readable_again", list=now.name)
    if moved:
        log.info("list.changed", list=now.name, addresses=moved, entries=now.entries, bad=now.bad)
