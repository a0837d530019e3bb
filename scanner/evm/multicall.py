"""Many questions to one block's state in few requests, through the contract that asks them in one call.

Multicall3 stands at the same address on nearly every chain. What it says of a call is believed only where the call
came back: one that fails within an aggregate may fail by its neighbours, which used up the gas. So it is asked again
by itself, as everything is where there is no Multicall3. Nothing is remembered of that: the first answer tells.
"""

import asyncio
from collections.abc import Iterator, Sequence

from scanner.errors import Trouble
from scanner.evm.abi import WORD, word
from scanner.evm.keccak import selector
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block, Call, Returned

__all__ = ["MOST_CALLS", "MULTICALL3", "aggregated", "parted", "read_state"]

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
"""Where Multicall3 stands (its deployers' list of chains: multicall3.com)."""

MOST_CALLS = 500
"""Calls in one aggregate: some 10 million gas, of 50 million that nodes grant a call."""

_FEW = 16
"""Calls that are not halved any further: one batch asks each by itself."""

_AT_ONCE = 4
"""Aggregates in flight."""

_AGGREGATE3 = selector("aggregate3((address,bool,bytes)[])")
_ALLOWED_TO_FAIL = word(1)
_PLACE_OF_DATA = word(0x60)


async def read_state(nodes: Nodes, calls: Sequence[Call], block: Block) -> list[Returned] | Trouble:
    """What each call gives back in the state after `block`, in their order; the same call twice is asked once.

    A trouble where any of them could not be answered.
    """
    unique = list(dict.fromkeys(calls))
    reading = _Reading(nodes, block)
    answers: list[Returned] = []
    parts = [unique[start : start + MOST_CALLS] for start in range(0, len(unique), MOST_CALLS)]
    for wave in _waves(parts):
        for answer in await asyncio.gather(*map(reading.ask, wave)):
            if isinstance(answer, Trouble):
                return answer
            answers += answer
    found = dict(zip(unique, answers, strict=True))
    return [found[call] for call in calls]


def _waves(parts: Sequence[list[Call]]) -> Iterator[Sequence[list[Call]]]:
    """The first part alone, since it tells whether there is a Multicall3; the others as many at once as may be."""
    yield parts[:1]
    for start in range(1, len(parts), _AT_ONCE):
        yield parts[start : start + _AT_ONCE]


class _Reading:
    """One reading of a block's state. `_aggregates` is False once it turned out that nothing there can aggregate."""

    def __init__(self, nodes: Nodes, block: Block) -> None:
        self._nodes = nodes
        self._block = block
        self._aggregates = True

    async def ask(self, calls: Sequence[Call]) -> list[Returned] | Trouble:
        """Ask for these in one aggregate, or in smaller ones where that is too much for a node."""
        if len(calls) < 2 or not self._aggregates:
            return await self._nodes.call(calls, self._block)
        answer = await self._nodes.call([aggregated(calls)], self._block)
        if isinstance(answer, Trouble):
            return answer
        if answer[0] is None:
            return await self._halved(calls)
        found = parted(answer[0], len(calls))
        if found is None:
            self._aggregates = False
            return await self.ask(calls)
        return await self._failures_again(calls, found)

    async def _halved(self, calls: Sequence[Call]) -> list[Returned] | Trouble:
        if len(calls) <= _FEW:
            return await self._nodes.call(calls, self._block)
        middle = len(calls) // 2
        first = await self.ask(calls[:middle])
        if isinstance(first, Trouble):
            return first
        second = await self.ask(calls[middle:])
        return second if isinstance(second, Trouble) else first + second

    async def _failures_again(self, calls: Sequence[Call], found: list[Returned]) -> list[Returned] | Trouble:
        failed = [place for place, returned in enumerate(found) if returned is None]
        again = await self._nodes.call([calls[place] for place in failed], self._block) if failed else []
        if isinstance(again, Trouble):
            return again
        for place, returned in zip(failed, again, strict=True):
            found[place] = returned
        return found


def aggregated(calls: Sequence[Call]) -> Call:
    """The one call that asks all of these, and lets each of them fail by itself."""
    places: list[str] = []
    tuples: list[str] = []
    place = len(calls) * 32
    for call in calls:
        data = call.data[2:]
        padding = "0" * (-len(data) % WORD)
        places.append(word(place))
        tuples += word(call.to), _ALLOWED_TO_FAIL, _PLACE_OF_DATA, word(len(data) // 2), data, padding
        place += 4 * 32 + (len(data) + len(padding)) // 2
    return Call(MULTICALL3, "".join((_AGGREGATE3, word(0x20), word(len(calls)), *places, *tuples)))


def parted(answer: str, count: int) -> list[Returned] | None:
    """What each of `count` calls gave back, in an answer to `aggregated`; None where that is not what it is."""
    try:
        return list(_results(answer, count))
    except ValueError:
        return None


def _results(answer: str, count: int) -> Iterator[Returned]:
    """Raises ValueError for an answer that does not hold exactly so many results. Places are in bytes there."""
    array = 2 * _integer(answer, 0)
    if _integer(answer, array) != count:
        raise ValueError("another number of results")
    first = array + WORD
    for place in range(first, first + count * WORD, WORD):
        result = first + 2 * _integer(answer, place)
        succeeded = _integer(answer, result)
        length = result + 2 * _integer(answer, result + WORD)
        begin = length + WORD
        end = begin + 2 * _integer(answer, length)
        if end > len(answer):
            raise ValueError("a result that is cut off")
        yield answer[begin:end] if succeeded else None


def _integer(answer: str, at: int) -> int:
    digits = answer[at : at + WORD]
    if len(digits) < WORD:
        raise ValueError("an answer that is cut off")
    return int(digits, 16)
