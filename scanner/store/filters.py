"""Which approvals are asked for."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from scanner.domain.approvals import Target
from scanner.domain.changes import Change, Held
from scanner.store.rows import CHUNK
from scanner.store.tables import approvals, targets

__all__ = ["Filter"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which approvals are asked for; what is None is not filtered by. Addresses are in their stored form.

    `watched` leaves out wallets that the configuration no longer names.
    """

    owners: Collection[str] = ()
    chains: Collection[str] = ()
    token: str | None = None
    spender: str | None = None
    unlimited: bool = False
    watched: bool = True
    targets: Collection[Target] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL over approvals joined with targets; `unlimited` and `targets` are for `wants`."""
        found: list[ColumnElement[bool]] = []
        if self.owners:
            found.append(targets.c.owner.in_(self.owners))
        if self.chains:
            found.append(targets.c.chain.in_(self.chains))
        if self.token is not None:
            found.append(approvals.c.token == self.token)
        if self.spender is not None:
            found.append(approvals.c.spender == self.spender)
        if self.watched:
            found.append(targets.c.watched)
        if self.targets is not None and len(owners := {target.owner for target in self.targets}) <= CHUNK:
            found.append(targets.c.owner.in_(owners))
        return found

    def wants(self, held: Held) -> bool:
        """What SQL cannot say: the one definition of unlimited, and a scope of many targets."""
        if self.targets is not None and held.approval.target not in self.targets:
            return False
        return not self.unlimited or held.approval.unlimited is True

    def wants_to_know(self, change: Change) -> bool:
        """The same of a change: it is asked for if what was or what is now is."""
        sides = [side for side in (change.before, change.after) if side is not None]
        if self.targets is not None and change.after.target not in self.targets:
            return False
        return not self.unlimited or any(side.unlimited for side in sides)
