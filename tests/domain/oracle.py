"""What docs/json.md says of belief once more, as slowly and plainly as it can be said: what the diff is held against.

Nothing is remembered but what was told and the readings themselves: whether an absence may be believed is found by
going back through the readings each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scanner.domain.approvals import UINT256_MAX, Approval, End, Kind, Status

__all__ = ["Oracle", "Seen", "size"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading: when it ended and how, of which kinds it speaks, the rows that it showed, and those it withdraws.

    `as_of` is the time of what it showed.
    """

    at: datetime
    end: End
    kinds: frozenset[Kind]
    rows: Mapping[str, Approval]
    withdrawn: frozenset[str] = frozenset()
    as_of: datetime | None = None

    def shows(self, row: str) -> bool:
        """Whether something is allowed, as far as this reading tells; what cannot be read is not nothing."""
        return row in self.rows and size(self.rows[row]) != 0 and not self._late(self.rows[row].expires_at)

    def ends(self, row: str, kind: Kind, expires_at: datetime | None) -> str | None:
        """How a row that was in force until then has ended without anybody taking it away."""
        if row in self.rows and size(self.rows[row]) != 0:
            return "expired" if self._late(self.rows[row].expires_at) else None
        if row not in self.rows and self.end is End.COMPLETE and kind in self.kinds and self._late(expires_at):
            return "expired"
        return "revoked" if row in self.withdrawn else None

    def _late(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and (self.at if self.as_of is None else self.as_of) >= expires_at

    def lacks(self, row: str, kind: Kind) -> bool:
        """Whether this reading is evidence that nothing is allowed any more."""
        return self.end is not End.INCOMPLETE and kind in self.kinds and not self.shows(row)


def size(approval: Approval) -> int | None:
    """How much is allowed; None where that cannot be read."""
    allowance = approval.allowance
    if allowance.unreadable is not None:
        return None
    return UINT256_MAX if allowance.in_words else allowance.raw


@dataclass
class Oracle:
    """What has to be believed of one target after the readings that it was told."""

    wait: timedelta
    log: list[Seen] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    sizes: dict[str, int | None] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    expiries: dict[str, datetime | None] = field(default_factory=dict)
    in_force: set[str] = field(default_factory=set)
    covered: frozenset[Kind] = frozenset()

    def hear(self, seen: Seen) -> tuple[dict[str, str], bool]:
        """Take in a reading: the kind of change of each approval that changed, and whether the target is complete."""
        ended = {row: seen.ends(row, self.kinds[row], self.expiries[row]) for row in self.in_force}
        told = {row: how for row, how in ended.items() if how is not None}
        self.in_force -= told.keys()
        lost = {
            row
            for row in self.in_force
            if self.kinds[row] in seen.kinds
            and not seen.shows(row)
            and (row in seen.rows or seen.end is not End.INCOMPLETE)
        }
        gone = {row for row in lost if self._may_go(row, seen, mass=self._is_mass(lost, seen))}
        told |= dict.fromkeys(gone, "revoked")
        for row, approval in seen.rows.items():
            if seen.shows(row) and (kind := self._sight(row, approval)):
                told[row] = kind
        self.in_force = (self.in_force - gone) | {row for row in seen.rows if seen.shows(row)}
        self.log.append(seen)
        complete = seen.end is not End.INCOMPLETE and lost == gone
        if complete:
            self.covered = seen.kinds
        return told, complete

    def _is_mass(self, lost: set[str], seen: Seen) -> bool:
        could_show = [row for row in self.in_force if self.kinds[row] in seen.kinds]
        everything = len(lost) == len(could_show)
        return everything or (len(self.in_force) >= 10 and len(lost) > len(could_show) / 2)

    def _may_go(self, row: str, seen: Seen, *, mass: bool) -> bool:
        doubts = []
        for past in reversed(self.log):
            if past.shows(row):
                break
            if past.lacks(row, self.kinds[row]):
                doubts.append(past.at)
        if not doubts:
            return not mass and (row in seen.rows or seen.end is End.COMPLETE)
        waited = not self.wait or any(seen.at - doubted >= self.wait for doubted in doubts)
        return waited and seen.end is not End.INCOMPLETE

    def _sight(self, row: str, approval: Approval) -> str | None:
        now, status = size(approval), approval.status
        self.expiries[row] = approval.expires_at
        if row not in self.in_force:
            back = row in self.kinds
            self.kinds[row], self.sizes[row], self.statuses[row] = approval.kind, now, status
            return "restored" if back else "new" if approval.kind in self.covered else "baseline"
        before, was = self.sizes[row], self.statuses[row]
        self.statuses[row] = status
        if now is not None and now != before:
            self.sizes[row] = now
            return "increased" if before is None or now > before else "decreased"
        return "status" if status is not was else None
