"""What is in force at one block of a chain: all that was ever nominated, put to that block's state.

Words of tokens and times of grants come from what is remembered, and are asked for only of what is in force.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice

import msgspec

from scanner import __version__
from scanner.domain.approvals import Allowance, Approval, Kind, Spender, Token
from scanner.domain.nominations import Key, Nomination
from scanner.domain.token_facts import TokenFacts
from scanner.errors import Trouble
from scanner.evm.index import Index, Kept
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block
from scanner.sources.evm_metadata import token_facts
from scanner.sources.evm_state import NOTHING_SAID, Right, approval, rights

__all__ = ["Seen", "Truth"]

FACTS_LAST = timedelta(days=1)
"""How long what a token said of itself is believed, or that it said nothing."""

MOST_DATED = 200
"""Blocks whose time is asked for in one reading: where logs do not tell it, that is one request each."""

AT_ONCE = 4

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known at a block beside rights: what tokens say of themselves, and when other blocks were made.

    `final` is the newest one that cannot be reorganised away any more.
    """

    chain: str
    block: Block
    final: int
    facts: Mapping[str, TokenFacts]
    times: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in force of one owner, and the ids of what was granted in blocks that are no longer part of the chain."""

    rights: Sequence[tuple[Nomination, Right]]
    withdrawn: frozenset[str]
    around: _Around

    def approvals(self) -> Iterator[Approval]:
        """The rights with their tokens' words and the times of their grants."""
        chain, facts, times, final = self.around.chain, self.around.facts, self.around.times, self.around.final
        for one, right in self.rights:
            block = one.block
            yield approval(
                chain,
                one,
                right,
                facts.get(one.token, NOTHING_SAID),
                granted_at=None if block is None else times.get(block),
                final=block is None or block <= final,
            )

    def fingerprint(self) -> str:
        """What stands for all that was read, made in less time than the approvals.

        A newer version may read the same state otherwise. Rights stand in the order of the index, which stays. When a
        grant's block was made is known or not: once it is, that is as fixed as the block.
        """
        around = self.around
        at, times, final = around.block.time, around.times, around.final
        rights = [
            (
                one.kind,
                one.token,
                one.spender,
                one.token_id,
                one.via,
                right,
                right.expired(at),
                one.block,
                one.block is None or one.block <= final,
                one.tx,
                one.at is not None or one.block in times,
            )
            for one, right in self.rights
        ]
        words = [(token, around.facts.get(token)) for token in sorted({one.token for one, _ in self.rights})]
        told = _encode((__version__, rights, words, sorted(self.withdrawn)))
        return blake2b(told, digest_size=16).hexdigest()


class Truth:
    """Reads the state of one chain. `confirmations` is how many blocks make one final."""

    def __init__(self, nodes: Nodes, index: Index, confirmations: int, now: Callable[[], datetime]) -> None:
        self._nodes = nodes
        self._index = index
        self._chain = nodes.chain.index
        self._confirmations = confirmations
        self._now = now
        self._dates: dict[int, datetime] = {}

    async def at(self, block: Block, head: int, kept: Mapping[str, Sequence[Kept]]) -> dict[str, Seen] | Trouble:
        """What is in force after `block`, by owner, of what was kept of each. `head` is the newest block's number."""
        every = [one for ones in kept.values() for one in ones]
        found = await rights(self._nodes, every, block)
        if isinstance(found, Trouble):
            return found
        granted = [one for one, right in zip(every, found, strict=True) if right is not None]
        await self._index.saw([one.id for one in granted if not one.seen])
        denied = [one.id for one, right in zip(every, found, strict=True) if right is None and not one.seen]
        await self._index.deny(denied, block.number, self._now())
        facts = await self._facts({one.nomination.token for one in granted}, block)
        times = await self._times(granted)
        around = _Around(self._chain, block, head - self._confirmations, facts, times)
        told = iter(found)
        return {owner: _seen(ones, list(islice(told, len(ones))), around) for owner, ones in kept.items()}

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

    async def _times(self, granted: Iterable[Kept]) -> dict[int, datetime]:
        """When the blocks of grants were made that no log told, of the latest first; they are remembered."""
        undated = [(one.id, one.nomination.block) for one in granted if one.nomination.at is None]
        wanted = sorted({block for _, block in undated if block is not None}, reverse=True)[:MOST_DATED]
        unknown = [number for number in wanted if number not in self._dates]
        for start in range(0, len(unknown), AT_ONCE):
            told = await asyncio.gather(*map(self._nodes.block, unknown[start : start + AT_ONCE]))
            self._dates |= {block.number: block.time for block in told if isinstance(block, Block)}
            if any(isinstance(block, Trouble) for block in told):
                break
        await self._index.date([id_ for id_, block in undated if block in self._dates], self._dates)
        return self._dates


def _seen(kept: Sequence[Kept], found: Sequence[Right | None], around: _Around) -> Seen:
    granted = [(one.nomination, right) for one, right in zip(kept, found, strict=True) if right is not None]
    pairs = zip(kept, found, strict=True)
    gone = [one.nomination.key for one, right in pairs if right is None and one.seen and one.orphaned]
    return Seen(granted, frozenset(id_ for key in gone for id_ in _ids(around.chain, key)), around)


def _ids(chain: str, key: Key) -> Iterator[str]:
    """What approvals of a nomination are called: which of two kinds an operator's right is, only its contract tells."""
    owner, named, token, spender, token_id, via = key
    for kind in (named, Kind.ERC1155_ALL) if named is Kind.ERC721_ALL else (named,):
        right = Approval(chain, owner, Token(token), Spender(spender), Allowance(0), kind, token_id=token_id, via=via)
        yield right.id
