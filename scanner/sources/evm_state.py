"""What is true of nominations: each is put to the state of one block, by the standard that its kind is of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, chain

import msgspec

from scanner.domain.approvals import FUNGIBLE, Allowance, Approval, Kind, Spender, Token
from scanner.domain.nominations import PERMIT2, Nomination
from scanner.domain.token_facts import Standard, TokenFacts
from scanner.errors import Trouble
from scanner.evm.abi import calldata, number
from scanner.evm.index import Kept
from scanner.evm.keccak import selector
from scanner.evm.multicall import read_state
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block, Call, Returned

__all__ = ["NOTHING_SAID", "Right", "approval", "rights"]

_ALLOWANCE = selector("allowance(address,address)")
_OWNER_OF = selector("ownerOf(uint256)")
_GET_APPROVED = selector("getApproved(uint256)")
_IS_APPROVED_FOR_ALL = selector("isApprovedForAll(address,address)")
_PERMIT2_ALLOWANCE = selector("allowance(address,address,address)")
_ERC6909_ALLOWANCE = selector("allowance(address,address,uint256)")
_ERC6909_IS_OPERATOR = selector("isOperator(address,address)")
_ERC777_IS_OPERATOR_FOR = selector("isOperatorFor(address,address)")

_ADDRESSES = 1 << 160
_EVERYTHING = Allowance(None, in_words=True)

NOTHING_SAID = TokenFacts()
"""What is known of a token that says nothing, or was not asked."""


class Right(msgspec.Struct, frozen=True, gc=False):
    """What the state says that a spender may take; `expires_at` is None where it never expires."""

    allowance: Allowance
    expires_at: datetime | None = None

    def expired(self, at: datetime) -> bool:
        """Whether its time is up at a moment."""
        return self.expires_at is not None and self.expires_at <= at


async def rights(nodes: Nodes, kept: Sequence[Kept], block: Block) -> list[Right | None] | Trouble:
    """What is in force of each nomination after `block`, in their order; a trouble where any could not be asked.

    One that was once seen in force stays, with an allowance that is unreadable, while its contract reverts or talks
    nonsense, for that is how a token could hide what it still grants. A contract that is gone grants nothing. A Permit2
    allowance that has expired is among the result, with its `expires_at`, which is then not after the block's time.
    """
    questions = [_STANDARDS[one.nomination.kind].ask(one.nomination) for one in kept]
    answers = await read_state(nodes, list(chain.from_iterable(questions)), block)
    if isinstance(answers, Trouble):
        return answers
    ends = list(accumulate(map(len, questions)))
    return [_right(one, answers[end - len(calls) : end]) for one, calls, end in zip(kept, questions, ends, strict=True)]


def approval(
    chain_index: str,
    nomination: Nomination,
    right: Right,
    facts: TokenFacts = NOTHING_SAID,
    *,
    granted_at: datetime | None = None,
    final: bool = True,
) -> Approval:
    """The right with what is known of its token, as far as that speaks of what this kind of right is over.

    Only the contract tells whether an operator's right is over ERC-721's or ERC-1155's. `granted_at` is for where the
    nomination does not tell it, `final` says that its block cannot be reorganised away any more.
    """
    kind = nomination.kind
    if kind is Kind.ERC721_ALL and facts.standard is Standard.ERC1155:
        kind = Kind.ERC1155_ALL
    countable = kind in FUNGIBLE
    return Approval(
        chain_index,
        nomination.owner,
        Token(nomination.token, facts.symbol, *((facts.decimals, facts.supply) if countable else ())),
        Spender(nomination.spender),
        right.allowance,
        kind,
        token_id=nomination.token_id,
        expires_at=right.expires_at,
        granted_at=nomination.at or granted_at,
        granted_tx=nomination.tx,
        via=nomination.via,
        final=final,
    )


class _UnreadableError(ValueError):
    """An answer from which nobody can tell what is allowed; says why."""


@dataclass(frozen=True, slots=True)
class _Standard:
    """What to ask about a nomination, and what the answers come to: a right, or None where nothing is allowed."""

    ask: Callable[[Nomination], tuple[Call, ...]]
    read: Callable[[Nomination, Sequence[Returned]], Right | None]


def _right(kept: Kept, answers: Sequence[Returned]) -> Right | None:
    try:
        return _STANDARDS[kept.nomination.kind].read(kept.nomination, answers)
    except _UnreadableError as error:
        return Right(Allowance(None, unreadable=str(error))) if kept.seen else None


def _number(returned: Returned, index: int = 0) -> int:
    """The integer in a word of an answer; 0 where nothing answers. Raises _UnreadableError."""
    if returned is None:
        raise _UnreadableError("the contract reverts when it is asked")
    value = number(returned, index) if returned else 0
    if value is None:
        raise _UnreadableError("the contract's answer is no number")
    return value


def _ask_amount(nomination: Nomination) -> tuple[Call, ...]:
    return (Call(nomination.token, calldata(_ALLOWANCE, nomination.owner, nomination.spender)),)


def _read_amount(nomination: Nomination, answers: Sequence[Returned]) -> Right | None:
    amount = _number(answers[0])
    return Right(Allowance(amount)) if amount else None


def _ask_nft(nomination: Nomination) -> tuple[Call, ...]:
    token_id = nomination.token_id or 0
    return (
        Call(nomination.token, calldata(_OWNER_OF, token_id)),
        Call(nomination.token, calldata(_GET_APPROVED, token_id)),
    )


def _read_nft(nomination: Nomination, answers: Sequence[Returned]) -> Right | None:
    """By the standard, `ownerOf` reverts for an NFT that does not exist: nobody can take it, so that this is no doubt.

    Who is approved, and no longer owns it, has approved nothing.
    """
    holder, approved = answers
    if holder is None or _number(holder) % _ADDRESSES != int(nomination.owner, 16):
        return None
    return Right(Allowance(1)) if _number(approved) % _ADDRESSES == int(nomination.spender, 16) else None


def _ask_operator(nomination: Nomination) -> tuple[Call, ...]:
    return (Call(nomination.token, calldata(_IS_APPROVED_FOR_ALL, nomination.owner, nomination.spender)),)


def _ask_erc777(nomination: Nomination) -> tuple[Call, ...]:
    return (Call(nomination.token, calldata(_ERC777_IS_OPERATOR_FOR, nomination.spender, nomination.owner)),)


def _read_operator(nomination: Nomination, answers: Sequence[Returned]) -> Right | None:
    return Right(_EVERYTHING) if _number(answers[0]) else None


def _ask_erc6909(nomination: Nomination) -> tuple[Call, ...]:
    owner, spender, token_id = nomination.owner, nomination.spender, nomination.token_id
    if token_id is None:
        return (Call(nomination.token, calldata(_ERC6909_IS_OPERATOR, owner, spender)),)
    return (Call(nomination.token, calldata(_ERC6909_ALLOWANCE, owner, spender, token_id)),)


def _read_erc6909(nomination: Nomination, answers: Sequence[Returned]) -> Right | None:
    return (_read_operator if nomination.token_id is None else _read_amount)(nomination, answers)


def _ask_permit2(nomination: Nomination) -> tuple[Call, ...]:
    instance, owner, token = nomination.via or PERMIT2, nomination.owner, nomination.token
    return (
        Call(instance, calldata(_PERMIT2_ALLOWANCE, owner, token, nomination.spender)),
        Call(token, calldata(_ALLOWANCE, owner, instance)),
    )


def _read_permit2(nomination: Nomination, answers: Sequence[Returned]) -> Right | None:
    """(amount, expiration in seconds, nonce), of which no more counts than the token allows to Permit2."""
    permitted, covering = answers
    amount = _number(permitted)
    covered = _number(covering) if amount else 0
    expires_at = _moment(_number(permitted, 1))
    return Right(Allowance(min(amount, covered)), expires_at) if amount and covered else None


def _moment(seconds: int) -> datetime | None:
    """When that is; None where it is after all dates, as is the maximum that stands for never."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


_STANDARDS: Mapping[Kind, _Standard] = {
    Kind.ERC20: _Standard(_ask_amount, _read_amount),
    Kind.ERC721: _Standard(_ask_nft, _read_nft),
    Kind.ERC721_ALL: _Standard(_ask_operator, _read_operator),
    Kind.ERC1155_ALL: _Standard(_ask_operator, _read_operator),
    Kind.ERC777: _Standard(_ask_erc777, _read_operator),
    Kind.ERC6909: _Standard(_ask_erc6909, _read_erc6909),
    Kind.PERMIT2: _Standard(_ask_permit2, _read_permit2),
}
