"""Questions to one block's state (`eth_call`), by the block's hash where the node takes it (EIP-1898)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from scanner.evm.endpoint import Endpoint
from scanner.evm.faults import Fault, What
from scanner.evm.headers import header_of, numbered
from scanner.evm.rpc import Ask, Result
from scanner.evm.values import Block, Call, Returned

__all__ = ["called"]

GAS = 50_000_000
"""Gas that a call may use: what most nodes grant it anyway. Where one grants any amount, a hostile contract that burns
all that it gets would hang the node, and with it the reading of everything else."""

SHORT = 2_000
"""Characters of calldata, up to which no contract is to blame where there is too little gas for them."""

AT_LEAST = 8
"""Calls that share the one look at their block's header. Of an endpoint without batches, only those that came with it
are believed: more of them, and one failure would cost too many."""

_OF_A_KIND = (What.UNAVAILABLE, What.UNSUPPORTED)
"""What `internal error` and `method not found` are taken for."""


async def called(endpoint: Endpoint, calls: Sequence[Call], block: Block, within: float) -> list[Returned | Fault]:
    """What each call gives back at that block, as this endpoint says.

    An endpoint that knows no hashes is asked by number, and together with it for the header that it means by that. So
    is one that fails in words that may mean the hash, as there is no one error for what a node does not know. What is
    too large to be read counts as reverted: only who writes such a contract has anything of it.
    """
    if endpoint.learned.by_hash:
        answers = await endpoint.ask(_asks(calls, {"blockHash": block.hash}), within)
        if not any(map(_may_mean_the_hash, answers)):
            return list(map(_returned, answers, calls))
    returned: list[Returned | Fault] = []
    while len(returned) < len(calls):
        size = max(endpoint.learned.batch.now - 1, AT_LEAST)
        returned += await _by_number(endpoint, calls[len(returned) : len(returned) + size], block, within)
        if isinstance(fault := returned[-1], Fault):
            return returned + [fault] * (len(calls) - len(returned))
    if endpoint.learned.by_hash and not any(isinstance(one, Fault) for one in returned):
        [again] = await endpoint.ask(_asks(calls[:1], {"blockHash": block.hash}), within)
        await endpoint.learn(by_hash=not _may_mean_the_hash(again))
    return returned


def _may_mean_the_hash(answer: Result) -> bool:
    """Whether an answer can be that of a node that takes no block's hash."""
    if not isinstance(answer, Fault):
        return False
    return answer.what is What.REJECTED or (answer.in_words and answer.what in _OF_A_KIND)


async def _by_number(endpoint: Endpoint, calls: Sequence[Call], block: Block, within: float) -> list[Returned | Fault]:
    *answers, told = await endpoint.ask([*_asks(calls, hex(block.number)), numbered(block.number)], within)
    header = told if isinstance(told, Fault) else header_of(told, block.number)
    if isinstance(header, Fault):
        return [header] * len(calls)
    if header.hash != block.hash:
        return [Fault(What.BEHIND, f"has another block with the number {block.number}")] * len(calls)
    return list(map(_returned, answers, calls))


def _asks(calls: Sequence[Call], at: Any) -> list[Ask]:
    return [Ask("eth_call", [{"to": call.to, "data": call.data, "gas": hex(GAS)}, at]) for call in calls]


def _returned(answer: Result, call: Call) -> Returned | Fault:
    if isinstance(answer, Fault):
        of_call = answer.what in (What.REVERTED, What.RANGE) or (answer.what is What.STARVED and len(call.data) > SHORT)
        return None if of_call else answer
    try:
        text = msgspec.json.decode(answer, type=str)
        if not text.startswith("0x"):
            raise ValueError(text)
        return bytes.fromhex(text[2:]).hex()  # in lower case, as all hex is compared
    except (msgspec.DecodeError, ValueError):
        return Fault(What.NONSENSE, "gave back something else than hex from a call")
