"""The oracle: what spenders may really take, asked of the node contract by contract, question by question.

Every contract is asked everything of every owner, spender and id of the world, whatever it is meant to be, and
nothing is taken from a log.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from calldata import called, number
from world import World

__all__ = ["Held", "Right", "truth"]

ERC1155 = "0xd9b67a26"
Question = tuple[str, str]


class Right(NamedTuple):
    """Who may take what of whom, in the words of the JSON documents. `via` is a Permit2 instance of one's own."""

    owner: str
    kind: str
    token: str
    spender: str
    token_id: int | None = None
    via: str | None = None


class Held(NamedTuple):
    """How much, as a raw integer (None: all there is), and until when, in seconds."""

    raw: int | None
    expires_at: int | None = None


def truth(world: World, block: int) -> dict[Right, Held]:
    """All rights that are in force at this block."""
    found = dict(_amounts(world, block))
    found |= dict(_permit2(world, block, found))
    found |= dict(_operators(world, block))
    found |= dict(_ids(world, block))
    found |= dict(_single_nfts(world, block))
    return found


def _spenders(world: World) -> list[str]:
    return [*world.spenders, *world.contracts.permit2]


def _asked(world: World, block: int, questions: list[Question], word: int = 0) -> list[int | None]:
    return [number(answer, word) for answer in world.node.calls(questions, block)]


def _amounts(world: World, block: int) -> Iterator[tuple[Right, Held]]:
    """`allowance(owner, spender)`."""
    asked = list(product(world.owners, world.contracts.tokens, _spenders(world)))
    calls = [(token, called("allowance(address,address)", owner, spender)) for owner, token, spender in asked]
    for (owner, token, spender), amount in zip(asked, _asked(world, block, calls), strict=True):
        if amount:
            yield Right(owner, "erc20", token, spender), Held(amount)


def _permit2(world: World, block: int, amounts: dict[Right, Held]) -> Iterator[tuple[Right, Held]]:
    """`Permit2.allowance(owner, token, spender)`, as far as the token allows the instance something."""
    now = world.node.time(block)
    asked = list(product(world.owners, world.contracts.permit2, world.contracts.tokens, world.spenders))
    calls = [
        (instance, called("allowance(address,address,address)", owner, token, spender))
        for owner, instance, token, spender in asked
    ]
    answers = world.node.calls(calls, block)
    canonical = world.contracts.permit2[0]
    for (owner, instance, token, spender), answer in zip(asked, answers, strict=True):
        amount, expires_at = number(answer) or 0, number(answer, 1) or 0
        covered = amounts.get(Right(owner, "erc20", token, instance), Held(0)).raw or 0
        if min(amount, covered) and expires_at > now:
            via = None if instance == canonical else instance
            yield Right(owner, "permit2", token, spender, via=via), Held(min(amount, covered), expires_at)


def _operators(world: World, block: int) -> Iterator[tuple[Right, Held]]:
    """`isApprovedForAll(owner, spender)`, `isOperatorFor(spender, owner)` and `isOperator(owner, spender)`."""
    asked = list(product(world.owners, world.contracts.tokens, world.spenders))
    interface = "supportsInterface(bytes4)"
    tokens = world.contracts.tokens
    supports = _asked(world, block, [(token, called(interface, ERC1155.ljust(66, "0"))) for token in tokens])
    many = {token for token, answer in zip(tokens, supports, strict=True) if answer == 1}
    for function, swapped in (
        ("isApprovedForAll(address,address)", False),
        ("isOperatorFor(address,address)", True),
        ("isOperator(address,address)", False),
    ):
        pairs = [(spender, owner) if swapped else (owner, spender) for owner, _, spender in asked]
        calls = [(token, called(function, *pair)) for (_, token, _), pair in zip(asked, pairs, strict=True)]
        for (owner, token, spender), answer in zip(asked, _asked(world, block, calls), strict=True):
            if answer:
                whole = "erc1155_all" if token in many else "erc721_all"
                kind = {"isOperatorFor": "erc777", "isOperator": "erc6909"}.get(function.split("(")[0], whole)
                yield Right(owner, kind, token, spender), Held(None)


def _ids(world: World, block: int) -> Iterator[tuple[Right, Held]]:
    """ERC-6909's `allowance(owner, spender, id)`."""
    asked = list(product(world.owners, world.contracts.tokens, world.spenders, world.ids))
    calls = [
        (token, called("allowance(address,address,uint256)", owner, spender, token_id))
        for owner, token, spender, token_id in asked
    ]
    for (owner, token, spender, token_id), amount in zip(asked, _asked(world, block, calls), strict=True):
        if amount:
            yield Right(owner, "erc6909", token, spender, token_id), Held(amount)


def _single_nfts(world: World, block: int) -> Iterator[tuple[Right, Held]]:
    """`getApproved(id)` of what `ownerOf(id)` says is one of the owners'."""
    asked = list(product(world.contracts.tokens, world.ids))
    holders, approved = (
        _asked(world, block, [(token, called(function, token_id)) for token, token_id in asked])
        for function in ("ownerOf(uint256)", "getApproved(uint256)")
    )
    for (token, token_id), holder, spender in zip(asked, holders, approved, strict=True):
        owner = f"0x{holder or 0:040x}"
        if spender and owner in world.owners:
            yield Right(owner, "erc721", token, f"0x{spender:040x}", token_id), Held(1)
