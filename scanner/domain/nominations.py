"""What a chain's logs speak of: questions to its state, never answers. Events only nominate."""

from datetime import datetime
from typing import Self, TypeAlias

import msgspec

from scanner.domain.approvals import Approval, Kind

__all__ = ["PERMIT2", "Key", "Nomination"]

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
"""Permit2's address on every chain that its own deployment reached (Uniswap, CREATE2)."""

Key: TypeAlias = tuple[str, Kind, str, str, int | None, str | None]
"""Owner, kind, token, spender, token id and Permit2 instance: what makes two nominations the same question."""


class Nomination(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A right that an owner may have given, with where it was last spoken of. There are as many as logs in a past.

    `token` is the contract that keeps the right, or what is taken where `kind` is Permit2; `via` is then the Permit2
    instance if it is not `PERMIT2`. An `ApprovalForAll` nominates ERC721_ALL: the contract says later whether it is
    ERC1155_ALL. `amount` is the raw integer that the last log told (None where it tells none, as a token that was
    received); `block`, `tx` and `at` are of the last log that raised it.

    As JSON it is a list of its fields, and is kept so (`store.pages`): a later version may only add to their end, each
    with a default.
    """

    owner: str
    kind: Kind
    token: str
    spender: str
    token_id: int | None = None
    via: str | None = None
    amount: int | None = None
    block: int | None = None
    tx: str | None = None
    at: datetime | None = None

    @classmethod
    def about(cls, approval: Approval) -> Self:
        """The question that an approval answers."""
        kind = Kind.ERC721_ALL if approval.kind is Kind.ERC1155_ALL else approval.kind
        token, spender = approval.token.address, approval.spender.address
        return cls(approval.owner, kind, token, spender, approval.token_id, approval.via)

    @property
    def key(self) -> Key:
        """What makes two nominations the same question."""
        return (self.owner, self.kind, self.token, self.spender, self.token_id, self.via)
