"""What is known beside an approval itself: what it puts at stake, and what the lists say of its spender and token."""

from dataclasses import dataclass
from decimal import Decimal

from msgspec import structs

from scanner.domain.approvals import Approval
from scanner.domain.exposure import UNVALUED, Exposure
from scanner.domain.lists import NOBODY, Standing

__all__ = ["UNKNOWN", "Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What balances and lists add to an approval. `first_usd` is what is kept of its worth when first valued."""

    exposure: Exposure = UNVALUED
    first_usd: Decimal | None = None
    spender: Standing = NOBODY
    token: Standing = NOBODY

    @property
    def worth_at_first(self) -> Decimal | None:
        """What it was worth when first valued, in US dollars: as much as now, if that is now."""
        return self.exposure.usd if self.first_usd is None else self.first_usd

    def counted(self, approval: Approval) -> Approval:
        """The approval, counted in token units where only balances made the token's decimals certain."""
        decimals = self.exposure.decimals
        if decimals is None or approval.token.decimals is not None:
            return approval
        return structs.replace(approval, token=structs.replace(approval.token, decimals=decimals))


UNKNOWN = Surroundings()
"""Of what nothing is known but the approval."""
