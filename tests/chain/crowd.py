"""Many owners with plain approvals: what is large is not odd."""

from collections.abc import Sequence
from itertools import product

from acts import approve
from anvil import Node
from handmade import text, token
from world import address, place

__all__ = ["crowded"]

IN_A_BLOCK = 50
"""The node takes transactions the slower the more of them wait."""


def crowded(node: Node, owners: int, *, tokens: int, spenders: int) -> Sequence[str]:
    """A chain on which each owner approves every token to every spender, each another amount; returns the owners."""
    maker = node.accounts[0]
    place(node, maker)
    contracts = node.deploy(maker, *(token(text(f"T{number}".encode()), 18) for number in range(tokens)))
    people = [address("owner", number) for number in range(owners)]
    strangers = [address("spender", number) for number in range(spenders)]
    acts = [
        approve(owner, contract, spender, 10**18 + number)
        for number, (owner, contract, spender) in enumerate(product(people, contracts, strangers))
    ]
    for start in range(0, len(acts), IN_A_BLOCK):
        node.mine(acts[start : start + IN_A_BLOCK])
    return people
