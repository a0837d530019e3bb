"""Where approvals come from. A source is a module here and a line in `scanner.readers`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from scanner.domain.approvals import Kind, Snapshot, Target, Underway, Unmoved
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost

__all__ = ["NOTHING_KNOWN", "Source"]

NOTHING_KNOWN: Mapping[Target, str] = MappingProxyType({})
"""No reading to compare with."""


class Source(Protocol):
    """Something that can tell what an owner has approved."""

    name: str
    cost: Cost

    def covers(self, chain: Chain) -> frozenset[Kind]:
        """The kinds of approval that it can show on a chain; none where it does not cover the chain."""
        ...

    def read(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved | Underway, None]:
        """Read each target: exactly one snapshot for each, in any order, as soon as it is there.

        Between them it may tell how far it is with what they wait for.

        `known` are fingerprints of complete readings: of a target that still reads the same it is enough to say so.
        What goes wrong on the way is in the snapshot's `trouble`, never raised: one target's failure never
        touches another's.
        """
        ...
