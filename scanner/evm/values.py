"""What a node speaks of: blocks, logs, calls. Hex stays hex until somebody needs the number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

__all__ = ["Block", "Call", "Filter", "Log", "Returned", "Stretch", "Topics"]

Topics: TypeAlias = tuple[tuple[str, ...] | None, ...]
"""For each position of a log's topics the values that match, or None for any."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as it is needed. `hash` and `parent` are lower-case hex with 0x; `time` is UTC."""

    number: int
    hash: str
    parent: str
    time: datetime


def _as_read(name: str) -> str:
    """What a field is called in an answer that was made lower-case as a whole, since hex can be in upper case."""
    return name.replace("_", "")


class Log(msgspec.Struct, frozen=True, rename=_as_read, gc=False):
    """One log, in the words of JSON-RPC (`eth_getLogs`): lower-case hex with 0x, numbers as hex quantities.

    `block_timestamp` is there only where the node tells it, in whatever form: nothing depends on it.
    """

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    block_timestamp: Any = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Logs of any contract whose topics match."""

    topics: Topics


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks `first` to `last`, both included, whose logs were read without a gap, for all of what was asked.

    `seal` is the hash that the last block has where the logs come from; near the head it is known.
    """

    first: int
    last: int
    logs: tuple[Log, ...]
    seal: str | None = None


class Call(msgspec.Struct, frozen=True, gc=False):
    """A question to a contract: `to` (lower case), and `data` (calldata: selector and arguments, hex with 0x)."""

    to: str
    data: str


Returned: TypeAlias = str | None
"""What a call gave back: hex without 0x, "" for nothing at all (no code, or a fallback that is silent); None where it
was reverted."""
