"""What owners hold, as the state of a chain tells it: amounts to the last unit, and no prices (docs/balances.md)."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal

import structlog

from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Seen, Wanted, in_units
from scanner.domain.token_facts import TokenFacts
from scanner.errors import ApprovalWatchError, Reason, Trouble, broke_off
from scanner.evm.abi import calldata, number
from scanner.evm.index import Index
from scanner.evm.keccak import selector
from scanner.evm.multicall import read_state
from scanner.evm.nodes import Nodes
from scanner.evm.values import Call, Returned
from scanner.streams import mixed

__all__ = ["EvmBalances"]

PIECE = 2_000
"""Balances that are asked for together, at one block."""

_BALANCE_OF = selector("balanceOf(address)")
_NO_FACTS = TokenFacts()
_NOT_COVERED = Trouble(
    Reason.NOT_COVERED, "no node of this chain is configured", "Name one below source.evm: what is at stake is unknown"
)

log = structlog.get_logger()


class EvmBalances:
    """Reads `balanceOf` through the nodes of chains (by chainIndex).

    `index` knows what tokens say of themselves. `behind` says how many blocks behind the newest one each chain is read;
    `cost` is what the nodes have cost, and may be shared.
    """

    name = "evm"

    def __init__(
        self,
        nodes: Mapping[str, Nodes],
        index: Index,
        *,
        behind: Mapping[str, int],
        cost: Cost,
        now: Callable[[], datetime],
    ) -> None:
        self.cost = cost
        self._nodes = nodes
        self._index = index
        self._behind = behind
        self._now = now

    def covers(self, chain: Chain) -> bool:
        """Whether balances can be read there: on the chains whose nodes are configured."""
        return chain.index in self._nodes

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading]:
        """Read what is wanted of each target, and nothing else: chains beside each other, each piece at its own block.

        Exactly one reading for each, as soon as it is there; nothing is raised. Closing it stops what is in flight.
        """
        by_chain: dict[str, list[Wanted]] = {}
        for one in wanted:
            by_chain.setdefault(one.target.chain, []).append(one)
        async with aclosing(mixed([self._chain(chain, mine) for chain, mine in by_chain.items()])) as readings:
            async for reading in readings:
                yield reading

    async def _chain(self, chain: str, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading]:
        """Read one chain's targets. What a piece fails at, the nodes were patient with: the rest is not asked then."""
        trouble: Trouble | None = None
        for piece in _pieces(wanted):
            told = await self._piece(chain, piece) if trouble is None else trouble
            trouble = told if isinstance(told, Trouble) else None
            for one in piece:
                rows = {} if isinstance(told, Trouble) else told[one.target.owner]
                yield BalanceReading(one.target, rows, self._now(), trouble=trouble)

    async def _piece(self, chain: str, piece: Sequence[Wanted]) -> dict[str, dict[str, Seen]] | Trouble:
        try:
            return await self._held(chain, piece)
        except Exception as error:  # the edge of the loop: one chain's failure stays its own
            if not isinstance(error, ApprovalWatchError):
                log.exception("balances.broke_off", chain=chain)
            return broke_off("the reading of balances", error)

    async def _held(self, chain: str, piece: Sequence[Wanted]) -> dict[str, dict[str, Seen]] | Trouble:
        """What each owner holds of what is wanted, by owner and token."""
        nodes = self._nodes.get(chain)
        if nodes is None:
            return _NOT_COVERED
        head = await nodes.head()
        block = head if isinstance(head, Trouble) else await nodes.below(head, self._behind.get(chain, 0))
        if isinstance(block, Trouble):
            return block
        questions = [(one, token) for one in piece for token in _contracts(one)]
        answers = await read_state(
            nodes, [Call(token, calldata(_BALANCE_OF, one.target.owner)) for one, token in questions], block
        )
        if isinstance(answers, Trouble):
            return answers
        known = await self._index.facts(chain, {token for _, token in questions})
        held: dict[str, dict[str, Seen]] = {one.target.owner: {} for one in piece}
        for (one, token), answer in zip(questions, answers, strict=True):
            facts = known[token].facts if token in known else _NO_FACTS
            held[one.target.owner][token] = _seen(token, answer, facts, counted=token not in one.tokens)
        return held


def _contracts(wanted: Wanted) -> Iterator[str]:
    """The contracts to ask; what has no address is the chain's own coin, which no contract tells of."""
    yield from sorted((wanted.tokens | wanted.nfts) - {""})


def _pieces(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Targets with so many questions together that a block of their own is worth it."""
    piece: list[Wanted] = []
    size = 0
    for one in wanted:
        piece.append(one)
        size += len(one.tokens) + len(one.nfts)
        if size >= PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _seen(token: str, answer: Returned, facts: TokenFacts, *, counted: bool) -> Seen:
    """What an answer says of a token; NFTs are `counted`. Of one that reverts or talks nonsense nothing is known."""
    raw = number(answer)
    decimals = 0 if counted else facts.decimals
    amount = None if raw is None else Decimal(0) if raw == 0 else None if decimals is None else in_units(raw, decimals)
    return Seen(token, facts.symbol, amount, raw, priced=False)
