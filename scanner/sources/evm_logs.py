"""What a chain's logs say about owners: which questions to ask of its state. Nothing here believes a log.

Anybody can emit an event in anybody's name. So a log only nominates, whichever contract wrote it and whatever amount
it tells; and as what a log lacks costs nothing but a question, doubtful forms nominate, too. Unseen stay events that
do not index the owner, as no node can be asked for them (some tokens from before the standards), and the ids that a
few early NFTs tell beside two topics.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Key, Nomination
from scanner.evm import topics as event
from scanner.evm.abi import WORD, word
from scanner.evm.values import Filter, Log

__all__ = ["MOST_OWNERS", "filters", "nominations", "touched"]

MOST_OWNERS = 500
"""Owners that one query asks for: go-ethereum takes 1000 values at a topic's place, and no more."""

_NOTHING_KNOWN: Mapping[Key, Nomination] = MappingProxyType({})

_BY_FIRST = (
    event.APPROVAL,
    event.APPROVAL_FOR_ALL,
    event.ERC6909_APPROVAL,
    event.ERC6909_OPERATOR_SET,
    event.PERMIT2_APPROVAL,
    event.PERMIT2_LOCKDOWN,
    event.PERMIT2_NONCE_INVALIDATION,
    event.PERMIT2_PERMIT,
)
_BY_SECOND = (event.AUTHORIZED_OPERATOR, event.REVOKED_OPERATOR, event.TRANSFER)
_SPENDING = (event.ERC6909_TRANSFER, event.TRANSFER)


def filters(owners: Sequence[str], *, live: bool) -> list[Filter]:
    """What to ask the logs for: all that may say something about these owners, in as few queries as can be.

    `live` asks for what the owners sent, too: it may have used up an allowance without a word of that.
    """
    words = ["0x" + word(owner) for owner in dict.fromkeys(owners)]
    parts = [tuple(words[start : start + MOST_OWNERS]) for start in range(0, len(words), MOST_OWNERS)]
    by_first = (*_BY_FIRST, *_SPENDING) if live else _BY_FIRST
    return [Filter(topics) for part in parts for topics in ((by_first, part), (_BY_SECOND, None, part))]


def touched(logs: Iterable[Log], owners: Set[str]) -> set[str]:
    """The owners that any of the logs is about, as one who approves, holds, sends or receives."""
    named = set[str]().union(*(log.topics[1:3] for log in logs))
    return {owner for owner in owners if "0x" + word(owner) in named}


def nominations(
    logs: Iterable[Log], owners: Set[str], known: Mapping[Key, Nomination] = _NOTHING_KNOWN
) -> list[Nomination]:
    """What logs, in the order of the chain, nominate: each right once, with what the last of its logs told.

    `known` are earlier nominations by their key, on which the logs go on: without them the first amount that a log
    tells counts as raised. Rights of others than these owners are left out; so is what is given to the zero address,
    as nobody can act as that. Whatever the logs hold, nothing is raised.
    """
    theirs = {"0x" + word(owner): owner for owner in owners}
    told: dict[Key, Nomination] = {}
    received: dict[tuple[str, str], None] = {}
    for log in logs:
        topics = log.topics
        if not topics or log.removed:
            continue
        if topics[0] == event.TRANSFER:
            if len(topics) == 3 and topics[2] in theirs:
                received[theirs[topics[2]], log.address] = None
            continue
        for read, amount_of, anew in _SAYINGS.get((topics[0], len(topics)), ()):
            right = read(log)
            if right[0] in theirs and right[3] != _NOBODY:
                key = _key(theirs, right)
                told[key] = _heard(key, told.get(key) or known.get(key), log, amount_of(log), anew)
    for key in _covering(told, received):
        if key not in told:
            told[key] = known.get(key) or Nomination(*key)
    return list(told.values())


_Right: TypeAlias = tuple[str, str, str, str, str | None, str | None]
"""`Key` as a log has it, which is quick to make and to look up: the owner's topic, the kind's word, the token, the last
20 bytes of the spender as digits, the id's topic, the Permit2 instance."""

_NOBODY = "0" * 40
_NOTHING = "0" * WORD
_ALL = _NOTHING[1:] + "1"


def _heard(key: Key, before: Nomination | None, log: Log, amount: str | None, anew: bool) -> Nomination:
    """What is told of the right of that key by now, with one more log.

    `amount` is the word that the log tells; where it is more than there was, the log is the grant. `anew`: no spend
    writes such a log, so that any amount in it is granted afresh.
    """
    told = _quantity(amount)
    if told is None:
        return before or Nomination(*key)
    if told > (0 if anew or before is None else before.amount or 0):
        block, at = _quantity(log.block_number), _time(log.block_timestamp)
        return Nomination(*key, told, block, log.transaction_hash, at)
    return Nomination(*key, told) if before is None else Nomination(*key, told, before.block, before.tx, before.at)


_KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind}


def _key(theirs: Mapping[str, str], right: _Right) -> Key:
    owner, kind, token, spender, token_id, via = right
    return theirs[owner], _KINDS[kind], token, "0x" + spender, _quantity(token_id), via


def _covering(told: Iterable[Key], received: Iterable[tuple[str, str]]) -> list[Key]:
    """The allowances to Permit2 that may stand behind this: some tokens grant them without an event."""
    behind = [(owner, token, via or PERMIT2) for owner, kind, token, _, _, via in told if kind is Kind.PERMIT2]
    behind += [(owner, token, PERMIT2) for owner, token in received]
    return [(owner, Kind.ERC20, token, instance, None, None) for owner, token, instance in behind]


def _quantity(digits: str | None) -> int | None:
    """A number in hex, with 0x or without; None where it is none, or negative."""
    try:
        found = -1 if digits is None else int(digits, 16)
    except ValueError:
        return None
    return found if found >= 0 else None


def _time(told: object) -> datetime | None:
    """When a log says that its block was made: in hex, as all numbers, or as some nodes write it; 0 is no time."""
    return _moment(told) if isinstance(told, (str, int)) else None


@lru_cache(maxsize=1_000)
def _moment(told: str | int) -> datetime | None:
    """The same; of most blocks there is more than one log."""
    seconds = _quantity(told) if isinstance(told, str) else told
    try:
        return None if seconds is None or seconds <= 0 else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


_Saying: TypeAlias = tuple[Callable[[Log], _Right], Callable[[Log], str | None], bool]
"""How one form of log is read: the right that it speaks of, the amount (a word) that it tells, and whether it says so
only when a right is given (`anew` in `_heard`)."""


def _first_word(log: Log) -> str | None:
    amount = log.data[2:66]
    return amount if len(amount) == WORD else None


def _in_fourth(log: Log) -> str | None:
    amount = log.topics[3][2:]
    return amount if len(amount) == WORD else None


def _unsaid(log: Log) -> str | None:
    return None


def _everything(log: Log) -> str | None:
    return _ALL


def _nothing(log: Log) -> str | None:
    return _NOTHING


def _allowance(log: Log) -> _Right:
    return log.topics[1], "erc20", log.address, log.topics[2][-40:], None, None


def _one_nft(log: Log) -> _Right:
    return log.topics[1], "erc721", log.address, log.topics[2][-40:], log.topics[3], None


def _operator(log: Log) -> _Right:
    return log.topics[1], "erc721_all", log.address, log.topics[2][-40:], None, None


def _operator_first(log: Log) -> _Right:
    return log.topics[2], "erc777", log.address, log.topics[1][-40:], None, None


def _one_id(log: Log) -> _Right:
    return log.topics[1], "erc6909", log.address, log.topics[2][-40:], log.topics[3], None


def _every_id(log: Log) -> _Right:
    return log.topics[1], "erc6909", log.address, log.topics[2][-40:], None, None


def _permit2(log: Log) -> _Right:
    topics = log.topics
    return topics[1], "permit2", "0x" + topics[2][-40:], topics[3][-40:], None, _elsewhere(log.address)


def _locked_down(log: Log) -> _Right:
    token, spender = log.data[26:66], log.data[90:130]
    return log.topics[1], "permit2", "0x" + token, spender.rjust(40, "0"), None, _elsewhere(log.address)


def _elsewhere(instance: str) -> str | None:
    return None if instance == PERMIT2 else instance


_SAYINGS: Mapping[tuple[str, int], tuple[_Saying, ...]] = {
    (event.APPROVAL, 3): ((_allowance, _first_word, False),),
    # Some tokens that are ERC-20's like index the amount: only the state can tell such a log from an NFT's.
    (event.APPROVAL, 4): ((_one_nft, _everything, True), (_allowance, _in_fourth, False)),
    (event.APPROVAL_FOR_ALL, 3): ((_operator, _first_word, False),),
    (event.AUTHORIZED_OPERATOR, 3): ((_operator_first, _everything, False),),
    (event.REVOKED_OPERATOR, 3): ((_operator_first, _nothing, False),),
    (event.ERC6909_APPROVAL, 4): ((_one_id, _first_word, False),),
    (event.ERC6909_OPERATOR_SET, 3): ((_every_id, _first_word, False),),
    (event.PERMIT2_APPROVAL, 4): ((_permit2, _first_word, True),),
    (event.PERMIT2_PERMIT, 4): ((_permit2, _first_word, True),),
    (event.PERMIT2_NONCE_INVALIDATION, 4): ((_permit2, _unsaid, False),),
    (event.PERMIT2_LOCKDOWN, 2): ((_locked_down, _nothing, False),),
}
"""By a log's first topic and the number of its topics."""
