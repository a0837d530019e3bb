"""One target's list as it comes in, page by page: what was seen, and how far its end is proven.

The documents are silent on what the last page looks like. A clean end (no cursor, or an empty or zero one) is proof;
what merely stops is an end without one; everything else is incomplete. What was seen counts in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, reduce
from hashlib import sha256
from operator import or_

import msgspec

from scanner import __version__
from scanner.domain.approvals import Approval, End, Kind, Snapshot, Target, gather
from scanner.domain.chains import Chain
from scanner.errors import Reason, Trouble
from scanner.sources.okx_rows import Flaw, approval_of
from scanner.sources.okx_wire import Entry

__all__ = ["MOST_PAGES", "Reading"]

MOST_PAGES = 200
"""Pages that a list may have."""

LONGEST_CURSOR = 4096
"""Bytes that a cursor may have."""

_READ_BY = __version__.encode()
"""A newer version may read the same words otherwise: its fingerprints are others."""


class Reading:
    """Takes pages until they end. `pages` are those that came; `end` is None while there is more to ask for.

    `began_at` is when the first page was asked for; `known` the fingerprint of a complete reading to compare with. Rows
    are made approvals only where something is new: that is most of what a reading costs.
    """

    def __init__(self, target: Target, chain: Chain, known: str | None = None) -> None:
        self.target = target
        self.chain = chain
        self.known = known
        self.pages = 0
        self.began_at: datetime | None = None
        self.end: End | None = None
        self._trouble: Trouble | None = None
        self._entries: list[Entry] = []
        self._broken = 0
        self._told = True
        self._digest = sha256(_READ_BY)
        self._asked: str | None = None
        self._seen: set[str] = set()
        self._total: int | None = None

    @property
    def sound(self) -> bool:
        """Whether it reached a clean end and every row could be read."""
        return self.end is End.COMPLETE and not self._broken and (self.unmoved or Flaw.TOKEN not in self._approvals[1])

    @property
    def fingerprint(self) -> str | None:
        """What stands for all that was read; None where it did not end, or not all of it could be read."""
        if self.end in (None, End.INCOMPLETE) or self._broken or not self._told:
            return None
        return self._digest.hexdigest()[:32]

    @property
    def unmoved(self) -> bool:
        """Whether it says the same as the reading that was known."""
        return self.known is not None and self.fingerprint == self.known

    @cached_property
    def _approvals(self) -> tuple[list[Approval], Flaw]:
        found = [approval_of(row, self.target, self.chain) for entry in self._entries for row in entry.rows]
        return [approval for approval, _ in found], reduce(or_, (flaw for _, flaw in found), Flaw.NONE)

    def take(self, entries: Sequence[Entry]) -> bytes | None:
        """Take the next page; returns the cursor to ask for the page after it with, None when there is none."""
        self.pages += 1
        mine = [entry for entry in entries if entry.chain is None or entry.chain == self.target.chain]
        for entry in mine:
            self._keep(entry)
        step = self._step(entries, mine)
        if isinstance(step, _Over):
            self.end, self._trouble = step.end, step.trouble
            return None
        return step

    def fail(self, trouble: Trouble) -> None:
        """The next page could not be read."""
        where = f"page {self.pages + 1}: " if self.pages else ""
        self.end, self._trouble = End.INCOMPLETE, replace(trouble, message=where + trouble.message)

    def snapshot(self, kinds: frozenset[Kind], source: str, at: datetime) -> Snapshot:
        """The reading as it ended. What is wrong with single rows makes it incomplete, whatever its end."""
        approvals = gather(self._approvals[0])
        end, trouble = self.end or End.INCOMPLETE, self._trouble
        if end is End.COMPLETE and self._total is not None and len(approvals) < self._total:
            said = f"the list ended after {len(approvals)} of {self._total} approvals"
            end, trouble = End.UNPROVEN, Trouble(Reason.UNPROVEN_END, said)
        if end is not End.INCOMPLETE and (flawed := self._flawed()) is not None:
            end, trouble = End.INCOMPLETE, flawed
        return Snapshot(
            target=self.target,
            approvals=approvals,
            end=end,
            kinds=kinds,
            source=source,
            read_at=at,
            pages=max(1, self.pages),
            trouble=trouble,
            began_at=self.began_at,
            fingerprint=self.fingerprint,
        )

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._told &= bool(entry.told)
        self._digest.update(entry.told)
        self._broken += entry.broken
        self._total = self._total if entry.total is None else entry.total

    def _step(self, entries: Sequence[Entry], mine: Sequence[Entry]) -> "bytes | _Over":
        if len(mine) < len(entries):
            return self._senseless("an entry came for a chain that was not asked for")
        if not entries:
            # Under code 0 an empty list says that there is nothing; behind a page that promised more it says nothing.
            return _ENDED if self.pages == 1 else _unproven("the page after the last one has no data")
        if len({entry.cursor for entry in mine}) > 1:
            return self._senseless("several entries came, with different cursors")
        return self._after(mine[0].cursor, empty=all(entry.empty for entry in mine))

    def _after(self, cursor: bytes, *, empty: bool) -> "bytes | _Over":
        """What a page's cursor says: where to go on, or that this was the end, or that there is no telling."""
        try:
            value = msgspec.json.decode(cursor) if cursor else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._senseless("a cursor cannot be read")
        if isinstance(value, (bool, list, dict)) or len(cursor) > LONGEST_CURSOR:
            return self._senseless("a cursor is neither a number nor a text of sensible length")
        if value in (None, "", "0", 0):
            return _ENDED
        if empty:
            return _unproven("the last page is empty, and has a cursor for another one")
        # Opaque; but the same one, once as a text and once as a number, is no progress.
        name = str(value)
        if name == self._asked:
            return _unproven("the last page has the cursor that it was asked with")
        if name in self._seen:
            return self._senseless("the cursors go round in a circle")
        if self.pages >= MOST_PAGES:
            return self._senseless(f"the list does not end within {MOST_PAGES} pages")
        self._seen.add(name)
        self._asked = name
        return cursor

    def _senseless(self, said: str) -> "_Over":
        return _Over(End.INCOMPLETE, Trouble(Reason.PROTOCOL, f"page {self.pages} makes no sense: {said}"))

    def _flawed(self) -> Trouble | None:
        if self._broken:
            return Trouble(Reason.PROTOCOL, f"{self._broken} of the rows cannot be read")
        if Flaw.TOKEN in self._approvals[1]:
            return Trouble(Reason.PROTOCOL, "of some approvals the token cannot be told")
        if Flaw.SPENDER in self._approvals[1]:
            return Trouble(Reason.UNKNOWN_SPENDER, "of some approvals the spender is not told, or told in two ways")
        return None


@dataclass(frozen=True, slots=True)
class _Over:
    """How a reading ends."""

    end: End
    trouble: Trouble | None = None


_ENDED = _Over(End.COMPLETE)


def _unproven(said: str) -> _Over:
    return _Over(End.UNPROVEN, Trouble(Reason.UNPROVEN_END, f"the end of the list is unproven: {said}"))
