"""How long the store remembers: once a day, what is older than is to be kept is forgotten."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from scanner.store import clocks
from scanner.store.engine import Store
from scanner.store.pruning import prune

__all__ = ["Retention"]

FORGET_EVERY = timedelta(days=1)

CLOCK = "prune"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """Forgets what was over for longer than `keep`; None keeps everything for ever."""

    store: Store
    keep: timedelta | None
    now: Callable[[], datetime]

    async def forget_daily(self) -> None:
        """Forget, where a day has passed since that was last done. Raises StoreError."""
        if self.keep is None:
            return
        at = self.now()
        last = await self.store.read(partial(clocks.last, name=CLOCK))
        if last is None or abs(at - last) >= FORGET_EVERY:  # a time ahead is a clock that was set back
            gone = await self.forget(self.keep)
            await self.store.write(partial(clocks.strike, name=CLOCK, at=at))
            log.info("store.pruned", rows=gone.total(), before=(at - self.keep).isoformat(), **gone)

    async def forget(self, keep: timedelta) -> Counter[str]:
        """Forget now. Returns how many rows went, by table. Raises StoreError."""
        return await prune(self.store, self.now() - keep)
