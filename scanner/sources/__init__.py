"""Where approvals come from. A source is a module here and a line in the list that `scanner.app` builds."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from scanner.domain.approvals import Kind, Snapshot, Target
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost

__all__ = ["Source"]


class Source(Protocol):
    """Something that can tell what an owner has approved."""

    name: str
    cost: Cost

    def covers(self, chain: Chain) -> frozenset[Kind]:
        """The kinds of approval that it can show on a chain; none where it does not cover the chain."""
        ...

    def read(self, targets: Sequence[Target]) -> AsyncGenerator[Snapshot, None]:
        """Read each target: exactly one snapshot for each, in any order, as soon as it is there.

        What goes wrong on the way is in the snapshot's `trouble`, never raised: one target's failure never
        touches another's.
        """
        ...
