"""What is in force at one block of a chain: all that was ever nominated, put to that block's state.

Words of tokens and times of grants come from what is remembered, and are asked for only of what is in force.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.domain.approvals import Allowance, Approval, Kind, Spender, Token
from scanner.domain.nominations import Key, Nomination, TokenFacts
from scanner.errors import Trouble
from scanner.evm.index import Index, Kept
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block
from scanner.sources.evm_metadata import token_facts
from scanner.sources.evm_state import approvals, described

__all__ = ["Seen", "Truth"]

FACTS_LAST = timedelta(days=1)
"""How long what a token said of itself is believed, or that it said nothing."""

MOST_DATED = 200
"""Blocks whose time is asked for in one reading: where logs do not tell it, that is one request each."""

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in force of one owner, and the ids of what was granted in blocks that are no longer part of the chain."""

    approvals: tuple[Approval, ...]
    withdrawn: frozenset[str]


class Truth:
    """Reads the state of one chain. `confirmations` is how many blocks make one final."""

    def __init__(self, nodes: Nodes, index: Index, confirmations: int, now: Callable[[], datetime]) -> None:
        self._nodes = nodes
        self._index = index
        self._chain = nodes.chain.index
        self._confirmations = confirmations
        self._now = now

    async def at(self, block: Block, head: int, kept: Mapping[str, Sequence[Kept]]) -> dict[str, Seen] | Trouble:
        """What is in force after `block`, by owner, of what was kept of each. `head` is the newest block's number."""
        every = {one.nomination.key: one for ones in kept.values() for one in ones}
        seen = frozenset(key for key, one in every.items() if one.seen)
        nominated = [one.nomination for one in every.values()]
        found = await approvals(self._nodes, nominated, block, seen=seen)
        if isinstance(found, Trouble):
            return found
        granted = {Nomination.about(one).key: one for one in found}
        await self._index.saw(self._chain, granted.keys() - seen)
        facts = await self._facts({one.token.address for one in found}, block)
        times = await self._times([every[key].nomination for key in granted])
        final = head - self._confirmations
        said = {key: _told(one, every[key].nomination, facts, times, final) for key, one in granted.items()}
        return {owner: _seen(self._chain, ones, said) for owner, ones in kept.items()}

    async def _facts(self, tokens: Collection[str], block: Block) -> dict[str, TokenFacts]:
        """What tokens say of themselves; what cannot be asked now is what was said before, or unknown."""
        known = await self._index.facts(self._chain, tokens)
        fresh = self._now() - FACTS_LAST
        due = [token for token in tokens if token not in known or known[token].asked_at <= fresh]
        said = await token_facts(self._nodes, sorted(due), block) if due else {}
        if isinstance(said, Trouble):
            said = {}
        await self._index.learn(self._chain, said, self._now())
        return {token: dated.facts for token, dated in known.items()} | said

    async def _times(self, granted: Iterable[Nomination]) -> dict[int, datetime]:
        """When the blocks of grants were made that no log told, of the latest first; they are remembered."""
        blocks = {one.block for one in granted if one.at is None and one.block is not None}
        wanted = sorted(blocks, reverse=True)[:MOST_DATED]
        found: dict[int, datetime] = {}
        for start in range(0, len(wanted), AT_ONCE):
            told = await asyncio.gather(*map(self._nodes.block, wanted[start : start + AT_ONCE]))
            found |= {block.number: block.time for block in told if isinstance(block, Block)}
            if any(isinstance(block, Trouble) for block in told):
                break
        await self._index.date(self._chain, found)
        return found


def _told(
    approval: Approval,
    nomination: Nomination,
    facts: Mapping[str, TokenFacts],
    times: Mapping[int, datetime],
    final: int,
) -> Approval:
    """The approval with its token's words, the time of its grant, and whether that may yet be reorganised away."""
    block = nomination.block
    known = facts.get(approval.token.address, TokenFacts())
    granted_at = None if block is None else times.get(block)
    return described(approval, known, granted_at=granted_at, final=block is None or block <= final)


def _seen(chain: str, kept: Sequence[Kept], said: Mapping[Key, Approval]) -> Seen:
    found = tuple(said[one.nomination.key] for one in kept if one.nomination.key in said)
    gone = [one.nomination.key for one in kept if one.seen and one.orphaned and one.nomination.key not in said]
    return Seen(found, frozenset(id_ for key in gone for id_ in _ids(chain, key)))


def _ids(chain: str, key: Key) -> Iterator[str]:
    """What approvals of a nomination are called: which of two kinds an operator's right is, only its contract tells."""
    owner, named, token, spender, token_id, via = key
    for kind in (named, Kind.ERC1155_ALL) if named is Kind.ERC721_ALL else (named,):
        right = Approval(chain, owner, Token(token), Spender(spender), Allowance(0), kind, token_id=token_id, via=via)
        yield right.id
