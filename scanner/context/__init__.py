"""What is known beside the approvals: what owners hold, who is who, and what lies on exchanges.

Nothing here is needed to read an approval, and nothing here that fails ever stops one from being read.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Wanted

__all__ = ["Balances"]


class Balances(Protocol):
    """Something that can tell what owners hold."""

    name: str
    cost: Cost

    def covers(self, chain: Chain) -> bool:
        """Whether it can tell of balances on a chain."""
        ...

    def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        """Read what each target's owner holds: exactly one reading for each, in any order, as soon as it is there.

        What goes wrong on the way is in the reading's `trouble`, never raised.
        """
        ...
