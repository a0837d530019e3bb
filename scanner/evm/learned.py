"""What an endpoint turned out to bear, so that it is not found out again: sizes that grow until something refuses them.

Nothing here holds a URL: an endpoint is known by a fingerprint of it, since a key may stand in it.
"""

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Protocol

__all__ = ["Learned", "Memory", "ShortMemory", "Size", "fingerprint", "grown", "shrunk"]

FIRST_BLOCKS = 10_000
MOST_BLOCKS = 100_000
FIRST_BATCH = 50
MOST_BATCH = 100

CALM = 64
"""Answers in a row after which a size that was once refused is tried again; doubled each time it is refused anew."""

MOST_WARY = 6


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked for at once (`now`), what was last refused (`refused`), and what is the most that makes sense.

    `calm` counts answers since something moved, `wary` how often a refused size was tried again: neither is worth
    keeping.
    """

    now: int
    most: int
    refused: int | None = None
    calm: int = field(default=0, compare=False)
    wary: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of one endpoint.

    `blocks`: in one query for logs. `batch`: requests in one JSON-RPC batch; 1 means none. `by_hash`: whether state is
    asked for by a block's hash (EIP-1898). `subscribes`: whether a WebSocket tells new heads (`eth_subscribe`).
    """

    blocks: Size = Size(FIRST_BLOCKS, MOST_BLOCKS)
    batch: Size = Size(FIRST_BATCH, MOST_BATCH)
    by_hash: bool = True
    subscribes: bool = True


class Memory(Protocol):
    """Keeps what was learned, by the endpoint's fingerprint."""

    async def recall(self, fingerprint: str) -> Learned | None:
        """What was kept last, or None."""
        ...

    async def keep(self, fingerprint: str, learned: Learned) -> None:
        """Keep this instead of what was kept before."""
        ...


class ShortMemory:
    """A memory for one process."""

    def __init__(self) -> None:
        self.known: dict[str, Learned] = {}

    async def recall(self, fingerprint: str) -> Learned | None:
        """What was kept last, or None."""
        return self.known.get(fingerprint)

    async def keep(self, fingerprint: str, learned: Learned) -> None:
        """Keep this instead of what was kept before."""
        self.known[fingerprint] = learned


def fingerprint(url: str) -> str:
    """What stands for an endpoint's URL, from which it cannot be told."""
    return blake2b(url.encode(), digest_size=16, person=b"endpoint").hexdigest()


def shrunk(size: Size, asked: int, *, suggested: int | None = None, sure: bool = True) -> Size:
    """After `asked` was refused: half of that, or what the far side suggests if it is less.

    Of several requests in flight only the first counts. `sure` is False where it may have failed for another reason:
    then it may be tried again soon.
    """
    if asked > size.now:
        return size
    now = suggested if suggested is not None and 1 <= suggested < asked else max(1, asked // 2)
    return replace(size, now=now, refused=asked if sure else size.refused, calm=0)


def grown(size: Size, asked: int) -> Size:
    """After `asked` was answered: twice as much, as long as that was never refused.

    An answer for less than the whole size says nothing about it.
    """
    if asked < size.now:
        return size
    calm = size.calm + 1
    if size.refused is not None and 2 * size.now >= size.refused:
        if calm < CALM << size.wary:
            return replace(size, calm=calm)
        size = replace(size, refused=None, wary=min(size.wary + 1, MOST_WARY))
    return replace(size, now=max(size.now, min(2 * size.now, size.most)), calm=0)
