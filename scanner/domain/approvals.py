"""Allowances, approvals, and readings of them that say how far they can be trusted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

import msgspec
from msgspec.structs import force_setattr

from scanner.errors import Trouble

__all__ = [
    "FUNGIBLE",
    "NFTS",
    "UINT256_MAX",
    "Allowance",
    "Approval",
    "End",
    "Kind",
    "Snapshot",
    "Spender",
    "Status",
    "Target",
    "Token",
    "Underway",
    "Unmoved",
    "combine",
    "gather",
    "stable_id",
]

UINT256_MAX = 2**256 - 1
UINT128_MAX = 2**128 - 1
UINT96_MAX = 2**96 - 1


class Kind(StrEnum):
    """What sort of right an approval is, by the standard that defines it."""

    ERC20 = "erc20"
    ERC721 = "erc721"
    ERC721_ALL = "erc721_all"
    ERC1155_ALL = "erc1155_all"
    PERMIT2 = "permit2"
    ERC6909 = "erc6909"
    ERC777 = "erc777"


_OF_A_SUPPLY = frozenset({Kind.ERC20, Kind.PERMIT2})
"""The kinds that allow a part of all that there is of a token: of the others a supply counts something else."""

FUNGIBLE = _OF_A_SUPPLY | {Kind.ERC777}
"""The kinds that are about amounts of one token, and not about NFTs or a contract that keeps many tokens."""

NFTS = frozenset({Kind.ERC721, Kind.ERC721_ALL})
"""The kinds that are about NFTs, of which an owner has a number."""

_OPERATORS = frozenset({Kind.ERC721_ALL, Kind.ERC1155_ALL, Kind.ERC777})


class Status(StrEnum):
    """What the source says of an approval's transaction: done, being taken back, or being made."""

    GRANTED = "granted"
    REVOKING = "revoking"
    GRANTING = "granting"


@dataclass(frozen=True, slots=True)
class Target:
    """An owner on a chain: what is read as one. `chain` is a chainIndex; label and tags are the user's own words."""

    chain: str
    owner: str
    label: str | None = field(default=None, compare=False)
    tags: tuple[str, ...] = field(default=(), compare=False)


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """How much a spender may take, in the token's smallest unit, exactly.

    `raw` is None where no number was given. `in_words` says that the source called it unlimited in words.
    `unreadable` is what the source said where that could not be read; `raw` is then the last amount that could.
    """

    raw: int | None
    in_words: bool = False
    unreadable: str | None = None

    def unlimited(self, supply: int | None = None) -> bool | None:
        """Whether no holder could ever use it up; None where the amount cannot be read.

        It is when the raw integer is 2^128-1 or more (no real supply reaches that), is exactly 2^96-1 (UNI and COMP
        keep allowances in 96 bits), is at least the total supply where that is known, or the source says so in words.
        """
        if self.unreadable is not None:
            return None
        if self.in_words:
            return True
        if self.raw is None:
            return None
        return self.raw >= UINT128_MAX or self.raw == UINT96_MAX or (supply is not None and 0 < supply <= self.raw)

    @property
    def magnitude(self) -> int | None:
        """What two allowances are compared by: the last amount that could be read; words count as the maximum."""
        return UINT256_MAX if self.in_words else self.raw

    @property
    def is_zero(self) -> bool:
        """Whether the source says, readably, that nothing is allowed."""
        return self.unreadable is None and not self.in_words and self.raw == 0


class Token(msgspec.Struct, frozen=True, gc=False):
    """A token contract. `address` is "" where the source gives none; `symbol` is a stranger's text.

    What is None the source does not tell.
    """

    address: str
    symbol: str | None = None
    decimals: int | None = None
    supply: int | None = None


class Spender(msgspec.Struct, frozen=True, gc=False):
    """Who may take. `address` is "" where the source contradicts itself or is silent.

    `name` is a stranger's text, "" where the source has none for it, and None where it knows no names at all.
    """

    address: str
    name: str | None = None


def stable_id(*parts: object, length: int = 16) -> str:
    """A short name for an identity: the same parts give the same id, for ever and everywhere."""
    return _short("\x1f".join(["" if part is None else str(part) for part in parts]), length)


def _short(text: str, length: int) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=length // 2).hexdigest()


class Approval(msgspec.Struct, frozen=True, gc=False):
    """One spender's right over one token of one owner on one chain, as a source showed it.

    Identity is chain, owner, token, spender, kind and token id. A token without an address is told apart by its
    symbol; names are never part of an identity otherwise. `expires_at`, `granted_at` and `granted_tx` are known
    only to sources that see them. `via` is the contract through which the spender takes, where that is not the
    standard's own deployment. `final` is False while the block that shows it may yet be reorganised away. `id` is made
    of the identity; what is given for it is not taken.
    """

    chain: str
    owner: str
    token: Token
    spender: Spender
    allowance: Allowance
    kind: Kind = Kind.ERC20
    status: Status = Status.GRANTED
    token_id: int | None = None
    expires_at: datetime | None = None
    granted_at: datetime | None = None
    granted_tx: str | None = None
    via: str | None = None
    final: bool = True
    id: str = ""

    def __post_init__(self) -> None:
        token = self.token.address or f"symbol:{self.token.symbol or ''}"
        token_id = "" if self.token_id is None else self.token_id
        named = f"{self.chain}\x1f{self.owner}\x1f{token}\x1f{self.spender.address}\x1f{self.kind}\x1f{token_id}"
        # What `stable_id` makes of these parts, in half the time: each reading makes thousands.
        force_setattr(self, "id", _short(named if self.via is None else f"{named}\x1f{self.via}", 20))

    @property
    def target(self) -> Target:
        """The owner on the chain that it belongs to."""
        return Target(self.chain, self.owner)

    @property
    def unlimited(self) -> bool | None:
        """`Allowance.unlimited`, with the token's supply where that is known and the allowance is a part of it."""
        return self.allowance.unlimited(self.token.supply if self.kind in _OF_A_SUPPLY else None)

    @property
    def operator(self) -> bool:
        """Whether it is a right to everything of a contract that the owner has or will have, whatever the amounts."""
        return self.kind in _OPERATORS or (self.kind is Kind.ERC6909 and self.token_id is None)

    @property
    def fungible(self) -> bool:
        """Whether it is about amounts of one token."""
        return self.kind in FUNGIBLE

    def expired(self, at: datetime) -> bool:
        """Whether its time is up at a moment; what has no end never expires."""
        return self.expires_at is not None and self.expires_at <= at


class End(StrEnum):
    """How a reading ended: proven to be all, apparently all, or cut short."""

    COMPLETE = "complete"
    UNPROVEN = "unproven"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of a target: what was seen, and how far what was not seen says anything.

    `kinds` are the kinds that the source covers on this chain: of others it says nothing. `trouble` says why an
    incomplete reading is one, or what is unproven about its end. `began_at` and `read_at` are when the reading began,
    where the source tells, and ended; `block` the block it is true of, where the source knows one, and `as_of` the time
    of the state that it shows, where that has a time of its own, as a block has. `withdrawn` are the ids of approvals
    whose grant stood in a block that is no longer part of the chain. `fingerprint` stands for all that was read, where
    the source makes one: two readings that share it say the same.
    """

    target: Target
    approvals: Mapping[str, Approval]
    end: End
    kinds: frozenset[Kind]
    source: str
    read_at: datetime
    pages: int = 1
    trouble: Trouble | None = None
    block: int | None = None
    as_of: datetime | None = None
    began_at: datetime | None = None
    withdrawn: frozenset[str] = frozenset()
    fingerprint: str | None = None

    @property
    def shown_at(self) -> datetime:
        """The time of the state that it shows, by which it is judged what has expired."""
        return self.as_of or self.read_at

    @property
    def tokens(self) -> frozenset[str]:
        """The addresses of the tokens of which it shows that amounts may be taken."""
        return frozenset(row.token.address for row in self.approvals.values() if row.fungible) - {""}

    @property
    def nfts(self) -> frozenset[str]:
        """The addresses of the contracts of which it shows that NFTs may be taken, one by one or all of them."""
        return frozenset(row.token.address for row in self.approvals.values() if row.kind in NFTS) - {""}


@dataclass(frozen=True, slots=True)
class Underway:
    """How far the past of a chain has been read that readings wait for: `done` of `total` blocks."""

    chain: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Unmoved:
    """A complete reading that said the same as the one whose fingerprint the source was given.

    `block` is the one it is true of, where the source knows one.
    """

    target: Target
    source: str
    read_at: datetime
    block: int | None = None


def gather(rows: Iterable[Approval]) -> dict[str, Approval]:
    """Rows by identity. The same row twice is one row; where the two differ the larger allowance is kept.

    A list that moves while it is paged can show a row twice: a reading must never understate what is at stake.
    """
    found: dict[str, Approval] = {}
    for row in rows:
        before = found.get(row.id)
        if before is None or _weight(row) >= _weight(before):
            found[row.id] = row
    return found


def _weight(row: Approval) -> tuple[bool, int]:
    return row.allowance.unreadable is not None, row.allowance.magnitude or 0


def combine(first: Snapshot, second: Snapshot) -> Snapshot:
    """Two readings of one target, one straight after the other, as one: only what both lack is lacking.

    It is as proven as the weaker of the two; where both show a row, the later one is believed.
    """
    order = (End.COMPLETE, End.UNPROVEN, End.INCOMPLETE)
    weaker = max(first, second, key=lambda snapshot: order.index(snapshot.end))
    return replace(
        second,
        approvals={**first.approvals, **second.approvals},
        end=weaker.end,
        trouble=weaker.trouble,
        pages=first.pages + second.pages,
        began_at=first.began_at,
        withdrawn=first.withdrawn | second.withdrawn,
        fingerprint=None,
    )
