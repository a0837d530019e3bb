"""What a scenario calls things: owners, tokens and spenders by the names of its world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from scanner.domain.approvals import Approval
from scanner.domain.report import ChangeEntry
from scanner.sandbox import World

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of owners and spenders by address, and of tokens by chain and address.

    What the world does not name, as what it fills a wallet with, is called by its address.
    """

    owners: Mapping[str, str]
    tokens: Mapping[tuple[str, str], str]
    spenders: Mapping[str, str]

    @classmethod
    def of(cls, world: World) -> Self:
        """The names of a world."""
        return cls(
            {one.address: one.label for one in world.owners},
            {(one.chain, one.address): name for name, one in world.tokens.items()},
            {one.address: name for name, one in world.spenders.items()},
        )

    def of_change(self, change: ChangeEntry) -> dict[str, str]:
        """Whose approval changed."""
        token = "" if change.token is None else change.token.address or ""
        spender = "" if change.spender is None else change.spender.address or ""
        return self._of(change.owner, change.chain_index, token, spender)

    def of_approval(self, approval: Approval) -> dict[str, str]:
        """Whose approval it is."""
        return self._of(approval.owner, approval.chain, approval.token.address, approval.spender.address)

    def _of(self, owner: str, chain: str, token: str, spender: str) -> dict[str, str]:
        return {
            "owner": self.owners.get(owner, owner),
            "token": self.tokens.get((chain, token), token),
            "spender": self.spenders.get(spender, spender),
        }
