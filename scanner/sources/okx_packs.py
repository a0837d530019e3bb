"""Which targets to ask for together: one of each chain at most, for only then an answer can be attributed."""

import heapq
from collections import deque
from collections.abc import Iterable

from scanner.domain.approvals import Target

__all__ = ["LARGEST_PACK", "packs"]

LARGEST_PACK = 20
"""Addresses that one request may carry."""


def packs(targets: Iterable[Target], largest: int = LARGEST_PACK) -> list[tuple[Target, ...]]:
    """The fewest packs that hold every target once, each chain once in a pack.

    Every pack takes one target of each of the chains that have most of them left.
    """
    by_chain: dict[str, deque[Target]] = {}
    for target in targets:
        by_chain.setdefault(target.chain, deque()).append(target)
    made = []
    while by_chain:
        fullest = heapq.nlargest(largest, by_chain, key=lambda chain: len(by_chain[chain]))
        made.append(tuple(by_chain[chain].popleft() for chain in fullest))
        for chain in fullest:
            if not by_chain[chain]:
                del by_chain[chain]
    return made
