"""Many questions to one block's state in few requests, through the contract that asks them in one call.

Multicall3 stands at the same address on nearly every chain. Its calls share one transaction that nobody sends: what
one of them does there, the next one sees, and what gas it takes, the next one lacks. So an aggregate asks one contract
alone, which then spoils no answers but its own; and what fails in one is asked again by itself, as everything is where
there is no Multicall3.
"""

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
"""Calls that are not halved any further: each is asked by itself."""

_AGGREGATE3 = selector("aggregate3((address,bool,bytes)[])")
_ALLOWED_TO_FAIL = word(1)
_PLACE_OF_DATA = word(0x60)


async def read_state(nodes: Nodes, calls: Sequence[Call], block: Block) -> list[Returned] | Trouble:
    """What each call gives back in the state after `block`, in their order; the same call twice is asked once.

    A trouble where any of them could not be answered.
    """
    answers: dict[Call, Returned] = {}
    groups = _by_contract(calls)
    while groups:
        returned = await nodes.call([_asked(group) for group in groups], block)
        if isinstance(returned, Trouble):
            return returned
        again: list[Sequence[Call]] = []
        for group, answer in zip(groups, returned, strict=True):
            if len(group) == 1:
                answers[group[0]] = answer
            elif answer is None:
                again += _smaller(group)
            else:
                found = parted(answer, len(group)) or [None] * len(group)
                answers |= zip(group, found, strict=True)
                if None in found:
                    again += ([call] for call, back in zip(group, found, strict=True) if back is None)
        groups = again
    return [answers[call] for call in calls]


def _by_contract(calls: Sequence[Call]) -> list[Sequence[Call]]:
    """Each call once, with others to the same contract."""
    groups: dict[str, list[Call]] = {}
    for call in dict.fromkeys(calls):
        groups.setdefault(call.to, []).append(call)
    return [
        group[start : start + MOST_CALLS] for group in groups.values() for start in range(0, len(group), MOST_CALLS)
    ]


def _asked(group: Sequence[Call]) -> Call:
    return group[0] if len(group) == 1 else aggregated(group)


def _smaller(group: Sequence[Call]) -> list[Sequence[Call]]:
    """What to ask instead of a group that was too much for a node."""
    if len(group) <= _FEW:
        return [[call] for call in group]
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


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
