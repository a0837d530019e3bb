"""Logs as a node gives them: all that was asked for a range, or a fault. Nothing of an answer that contradicts itself
is taken for the truth.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec

from scanner.evm.endpoint import Endpoint
from scanner.evm.faults import Fault, What
from scanner.evm.headers import header_of, numbered
from scanner.evm.learned import grown, shrunk
from scanner.evm.rpc import Ask, Result
from scanner.evm.values import Block, Filter, Log, Stretch

__all__ = ["adapted"]

NEAR = 64
"""Blocks below an endpoint's head that another node behind the same URL may not have yet."""

ROUND = 1_000
"""A multiple of so many logs may be all that a node gives, whatever more there is: some cut off without a word."""

_NO_HASH = frozenset({What.REJECTED, What.UNSUPPORTED})
"""How an endpoint fails that takes no block's hash for logs (EIP-234)."""

_PASSING = frozenset({What.UNAVAILABLE, What.NONSENSE})

_decode = msgspec.json.Decoder(tuple[Log, ...]).decode
"""Of an answer in lower case: hex is compared as text."""


def adapted(
    filters: Sequence[Filter], first: int, last: int
) -> Callable[[Endpoint, float], Awaitable[Stretch | Fault]]:
    """Reads from `first` on as far as an endpoint bears in one query, at most to `last`; each learns from it.

    What may be about size is asked again with less, down to a single block. What may pass is so only the second time.
    """
    failures = 0

    async def read(endpoint: Endpoint, within: float) -> Stretch | Fault:
        nonlocal failures
        before = endpoint.learned.blocks
        while True:
            size = endpoint.learned.blocks
            end = min(last, first + size.now - 1)
            asked = end - first + 1
            found = await _read(endpoint, filters, first, end, within)
            if isinstance(found, Stretch):
                await endpoint.learn(blocks=grown(endpoint.learned.blocks, found.last - first + 1))
                return found
            refused = found.what in (What.RANGE, What.REJECTED)
            if refused and asked == 1:
                # It was not about size: what was learned on the way down is wrong.
                await endpoint.learn(blocks=before)
                return found
            failures += not refused
            if refused or found.what is What.LATE or (found.what in _PASSING and failures > 1):
                less = shrunk(endpoint.learned.blocks, asked, suggested=found.suggested, sure=refused)
                await endpoint.learn(blocks=less)
            if not refused:
                return found

    return read


async def _read(endpoint: Endpoint, filters: Sequence[Filter], first: int, last: int, within: float) -> Stretch | Fault:
    """The logs of a range, both ends included, as this endpoint says: for every filter, in their order, each once.

    A node that has not come so far yet answers with less, and does not say so. So near the head it is asked in the same
    breath for the last block itself. Who takes no batches may be several nodes, of which each request meets another:
    there each block is asked for by its hash, which a node without it refuses, and the range ends before that or there.
    So is a single block everywhere, as there mostly is one while a chain is followed: some hand on a batch in parts.
    """
    near = first if endpoint.head is None else endpoint.head.number - NEAR + 1
    sealed = last >= near
    if sealed and _apart(endpoint, filters):
        if first >= near:
            return await _read_one(endpoint, filters, first, within)
        last, sealed = near - 1, False
    if sealed and first == last:
        found = await _read_one(endpoint, filters, first, within)
        if isinstance(found, Stretch) or found.what not in _NO_HASH:
            return found
    asks = [_asked(wanted, fromBlock=hex(first), toBlock=hex(last)) for wanted in filters]
    answers = await endpoint.ask([*asks, numbered(last)] if sealed else asks, within)
    if sealed and _apart(endpoint, filters):  # as it has just turned out
        return await _read(endpoint, filters, first, last, within)
    seal = _seal(answers.pop(), last) if sealed else None
    return _stretch(answers, first, last, seal)


def _apart(endpoint: Endpoint, filters: Sequence[Filter]) -> bool:
    """Whether it does not bear all filters and the last block in one batch."""
    return endpoint.learned.batch.now <= len(filters)


async def _read_one(endpoint: Endpoint, filters: Sequence[Filter], number: int, within: float) -> Stretch | Fault:
    """The logs of the block of that number, by its hash."""
    [told] = await endpoint.ask([numbered(number)], within)
    seal = _seal(told, number)
    if isinstance(seal, Fault):
        return seal
    answers = await endpoint.ask([_asked(wanted, blockHash=seal.hash) for wanted in filters], within)
    return _stretch(answers, number, number, seal)


def _seal(told: Result, number: int) -> Block | Fault:
    """The last block of a range near the head, which has to be there."""
    seal = told if isinstance(told, Fault) else header_of(told, number)
    return replace(seal, what=What.BEHIND) if isinstance(seal, Fault) and seal.what is What.ABSENT else seal


def _stretch(answers: Sequence[Result], first: int, last: int, seal: Block | Fault | None) -> Stretch | Fault:
    if (fault := next((one for one in (*answers, seal) if isinstance(one, Fault)), None)) is not None:
        return fault
    sealed_as = seal.hash if isinstance(seal, Block) else None
    hashes = {} if sealed_as is None else {last: sealed_as}
    raws = [answer for answer in answers if not isinstance(answer, Fault)]
    found = _gathered(raws, first, last, hashes)
    return found if isinstance(found, Fault) else Stretch(first, last, found, sealed_as)


def _asked(wanted: Filter, **where: str) -> Ask:
    topics: list[Any] = [None if any_of is None else list(any_of) for any_of in wanted.topics]
    return Ask("eth_getLogs", [{**where, "topics": topics}])


def _gathered(answers: Sequence[msgspec.Raw], first: int, last: int, hashes: dict[int, str]) -> tuple[Log, ...] | Fault:
    try:
        told = [_decode(bytes(answer).lower()) for answer in answers]
        cut = next((len(logs) for logs in told if logs and len(logs) % ROUND == 0), None)
        if cut is not None and first < last:
            return Fault(What.RANGE, f"gave {cut:,} logs, which may not be all")
        return _ordered(chain.from_iterable(told), first, last, hashes)
    except msgspec.DecodeError:
        return Fault(What.NONSENSE, "gave logs of another shape than JSON-RPC's")
    except ValueError:
        return Fault(What.NONSENSE, "gave logs whose numbers cannot be read")


def _ordered(logs: Iterable[Log], first: int, last: int, hashes: dict[int, str]) -> tuple[Log, ...] | Fault:
    by_place: dict[int, Log] = {}
    for log in logs:
        block = int(log.block_number, 16)
        if log.removed or not first <= block <= last:
            return Fault(What.NONSENSE, "gave logs that were removed or are of other blocks than asked for")
        if hashes.setdefault(block, log.block_hash) != log.block_hash:
            # The chain was reorganised between two queries: together they are of no chain at all.
            return Fault(What.BEHIND, f"gave logs of two blocks with the number {block}")
        place = block << 64 | int(log.log_index, 16) << 32
        # Nearly always it is the same object: to compare two of them takes long.
        while (there := by_place.setdefault(place, log)) is not log and there != log:
            place += 1  # some nodes number the logs of each transaction anew
    return tuple(by_place[place] for place in sorted(by_place))
