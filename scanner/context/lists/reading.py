"""A look at where a list comes from: the newest copy, if it is another than the one that is kept, or what is wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

from scanner.config import ListConfig
from scanner.context.lists.fetching import LARGEST, Fetched, UnreadableListError, digest, fetch, read_local
from scanner.context.lists.parsing import parse
from scanner.domain.lists import Copy, Entry, ListState, refusal

__all__ = ["ListReader", "Look", "is_due"]

WITHIN = timedelta(seconds=30)
AGAIN_AFTER = timedelta(minutes=5)
"""When a list from the web that could not be read is tried again, unless it comes due before."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a list stands after a look, and its entries where they are others than before."""

    state: ListState
    entries: tuple[Entry, ...] | None = None


@dataclass(frozen=True, slots=True)
class ListReader:
    """Looks at lists. `within` is the time for one look, `largest` the bytes that one may have."""

    session: aiohttp.ClientSession
    within: timedelta = WITHIN
    largest: int = LARGEST

    async def look(
        self, name: str, config: ListConfig, kept: ListState | None, at: datetime, *, accept: bool = False
    ) -> Look:
        """Look at a list now. Whatever fails leaves the kept copy in force, and is said in the state's `error`.

        `accept` takes a copy that has lost half of its entries, too. Of a list that comes from elsewhere now, or has
        another label, nothing is taken for known; where it cannot be read it has that label all the same.
        """
        origin, label = str(config.from_), config.label.lower()
        fresh = ListState(name=name, label=label, origin=origin)
        kept = None if kept is None or kept.as_of is None else kept
        before = fresh if kept is None or _differs(kept, config) else kept
        try:
            fetched = await self._fetch(config.from_, before.etag)
            if fetched.files is None:
                return Look(replace(before, as_of=at, checked_at=at, error=None))
            sign, copy = await asyncio.to_thread(_read, fetched.files, label)
            if refused := refusal(copy, 0 if accept or kept is None or kept.origin != origin else kept.entries):
                hint = f"If that is meant: approval-watch lists update {name} --accept" if copy.entries else ""
                raise UnreadableListError(refused, hint)
        except UnreadableListError as error:
            known = fresh if kept is None else kept
            if known.origin == origin and known.label != label:
                known = replace(known, label=label, etag=None, digest=None)  # so that it is read anew when it can be
            return Look(replace(known, checked_at=at, error=str(error)))
        state = replace(
            before,
            etag=fetched.etag,
            digest=sign,
            as_of=at,
            checked_at=at,
            error=None,
            entries=len(copy.entries),
            bad=copy.bad,
            examples=copy.examples,
        )
        return Look(state, None if sign == before.digest else copy.entries)

    async def _fetch(self, source: str | Path, etag: str | None) -> Fetched:
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                if isinstance(source, Path):
                    return await asyncio.to_thread(read_local, source, etag, self.largest)
                return await fetch(self.session, source, etag, self.largest)
        except TimeoutError as error:
            raise UnreadableListError(f"it was not there within {self.within.total_seconds():g} s") from error


def is_due(config: ListConfig, kept: ListState | None, at: datetime) -> bool:
    """Whether a list is to be looked at. A look at local files costs next to nothing, so it always is."""
    if isinstance(config.from_, Path) or kept is None or kept.checked_at is None:
        return True
    if kept.error is None and _differs(kept, config):
        return True
    pause = config.refresh if kept.error is None else min(config.refresh, AGAIN_AFTER)
    # A clock that was set back makes nothing look new.
    return not kept.checked_at <= at < kept.checked_at + pause


def _differs(kept: ListState, config: ListConfig) -> bool:
    """Whether a list comes from elsewhere now, or has another label."""
    return (kept.origin, kept.label) != (str(config.from_), config.label.lower())


def _read(files: Mapping[str, bytes], label: str) -> tuple[str, Copy]:
    return digest(files), parse(files, label)
