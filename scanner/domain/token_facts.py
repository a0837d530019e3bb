"""What token contracts say of themselves. It is for words and for what a supply tells: nobody has to believe it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Standard", "TokenFacts"]


class Standard(StrEnum):
    """What a token contract says by ERC-165 that it keeps. One that says nothing is taken for ERC-20's like."""

    ERC721 = "erc721"
    ERC1155 = "erc1155"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token contract says of itself. None is a fact, too: the contract does not say, or not readably.

    `symbol` and `name` are a stranger's text, cut to a bearable length; `supply` is in the smallest unit, and was true
    of the block that was asked. NFTs have neither decimals nor a supply that an allowance could be held against.
    """

    symbol: str | None = None
    name: str | None = None
    decimals: int | None = None
    supply: int | None = None
    standard: Standard | None = None
