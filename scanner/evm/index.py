"""What was once read of a chain's past, so that it is never read twice.

Sources ask through the protocol; the store keeps it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

import msgspec

from scanner.domain.nominations import Key, Nomination
from scanner.domain.token_facts import TokenFacts

__all__ = ["NOBODY", "Checkpoint", "Dated", "Index", "Kept"]

NOBODY: Mapping[str, int] = MappingProxyType({})
"""No owner was heard of."""


@dataclass(frozen=True, slots=True, order=True)
class Checkpoint:
    """What a block was called when logs up to it were read: `hash` is lower-case hex with 0x."""

    number: int
    hash: str


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A nomination, and what became of it.

    `seen` says that the state once showed it in force, `orphaned` that the block which told of it last is no longer
    part of the chain, and none has since. `id` is what the index knows it by, 0 where it is not of an index.
    """

    nomination: Nomination
    seen: bool = False
    orphaned: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class Dated:
    """What a token said of itself, and when it was asked."""

    facts: TokenFacts
    asked_at: datetime


class Index(Protocol):
    """Keeps what is known of the past of chains. `chain` is a chainIndex; each call is one small transaction."""

    async def heights(self, chain: str, owners: Collection[str], first: int) -> dict[str, int]:
        """Up to which block the past of each owner is read without a gap from `first` on; absent where it is not."""
        ...

    async def known(self, chain: str, keys: Collection[Key]) -> dict[Key, Nomination]:
        """Those of some nominations that are kept."""
        ...

    async def keep(
        self,
        chain: str,
        owners: Collection[str],
        first: int,
        last: int,
        nominations: Sequence[Nomination],
        checkpoint: Checkpoint | None = None,
        heard: Mapping[str, int] = NOBODY,
        *,
        anew: bool = True,
    ) -> dict[str, list[Kept]]:
        """The past of these owners is read from block `first` up to `last`, and this is what its logs spoke of.

        Where it was not begun `anew`, but goes on from what was read before, an owner who was forgotten stays so.
        `nominations` are all that its logs spoke of. Each takes the place of the one with its key, and is due at once;
        so are Permit2 allowances of a token whose allowance to Permit2 was spoken of. `checkpoint` is kept, with the
        newest before it. `heard` are the owners of whom logs spoke, each with a block after which none did (`last` for
        those of nominations that are not among them): what is known of an older state is old.

        Returns all that is kept of those of whom these logs spoke and nothing was kept before, where the past was begun
        anew.
        """
        ...

    async def checkpoints(self, chain: str) -> list[Checkpoint]:
        """What blocks were called, the newest first."""
        ...

    async def rewind(self, chain: str, to: int) -> None:
        """What was read above a block is of a chain that is no more: forget how far it was read, that its state was,
        and when it was granted what its blocks told of."""
        ...

    async def kept(self, chain: str, owners: Collection[str], due: datetime | None = None) -> dict[str, list[Kept]]:
        """All that was ever nominated, of each of these owners whose past was begun and not forgotten, in one order.

        With a time, what was denied lately (`deny`) is left out.
        """
        ...

    async def saw(self, ids: Collection[int]) -> None:
        """The state showed these in force (`Kept.id`)."""
        ...

    async def deny(self, ids: Collection[int], block: int, at: datetime) -> None:
        """The state after a block said no to these, which were never seen in force.

        They are due again within a day of `at`, not all at once; at once where a log has spoken of one after that
        block, does so later, or where the block is reorganised away.
        """
        ...

    async def date(self, ids: Collection[int], times: Mapping[int, datetime]) -> None:
        """When some blocks were made, by their numbers: those of these grants (`Kept.id`) that stand in them get it."""
        ...

    async def facts(self, chain: str, tokens: Collection[str]) -> dict[str, Dated]:
        """What is known of tokens."""
        ...

    async def learn(self, chain: str, facts: Mapping[str, TokenFacts], at: datetime) -> None:
        """What tokens said of themselves when they were asked."""
        ...
