"""Blocks' headers and chains' ids, as nodes tell them."""

from datetime import UTC, datetime

import msgspec

from scanner.domain.chains import Chain
from scanner.evm.faults import Fault, What
from scanner.evm.rpc import NULL, Ask
from scanner.evm.values import Block

__all__ = ["CHAIN_ID", "LATEST", "absent", "chain_id_of", "header_of", "numbered", "other_chain"]

LATEST = Ask("eth_getBlockByNumber", ["latest", False])

CHAIN_ID = Ask("eth_chainId")


class _Header(msgspec.Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str


_decode = msgspec.json.Decoder(_Header).decode


def numbered(number: int) -> Ask:
    """The question for the header of a block."""
    return Ask("eth_getBlockByNumber", [hex(number), False])


def header_of(raw: msgspec.Raw, number: int | None = None) -> Block | Fault:
    """A header, which has to be of that number if one is given. `null` says that there is none."""
    if bytes(raw) == NULL:
        return Fault(What.NONSENSE, "has no newest block") if number is None else absent(number)
    try:
        told = _decode(raw)
        block = Block(
            int(told.number, 16),
            _hash(told.hash),
            _hash(told.parent_hash),
            datetime.fromtimestamp(int(told.timestamp, 16), UTC),
        )
    except (msgspec.DecodeError, ValueError, OverflowError, OSError):
        return Fault(What.NONSENSE, "gave a header of a block that cannot be read")
    if number not in (None, block.number):
        return Fault(What.NONSENSE, f"gave block {block.number} for block {number}")
    return block


def absent(number: int) -> Fault:
    """The node says that its chain is not that long."""
    return Fault(What.ABSENT, f"has no block {number}")


def chain_id_of(raw: msgspec.Raw) -> int | Fault:
    """The EIP-155 id that a node tells."""
    try:
        return int(msgspec.json.decode(raw, type=str), 16)
    except (msgspec.DecodeError, ValueError):
        return Fault(What.NONSENSE, "gave a chain id that cannot be read")


def other_chain(told: int, chain: Chain) -> Fault | None:
    """What is wrong where a node serves another chain than it should."""
    if told == chain.eip155:
        return None
    return Fault(What.OTHER_CHAIN, f"serves the chain {told}, not {chain.title} ({chain.eip155})")


def _hash(text: str) -> str:
    if len(text) != 66 or int(text, 16) < 0:
        raise ValueError(text)
    return text.lower()
