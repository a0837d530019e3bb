"""Worlds of any size, the same for the same seed: for tests, for benchmarks, and to fill up a story's wallets."""

import random
from collections.abc import Iterator
from dataclasses import replace

from scanner.sandbox.worlds import UINT256_MAX, Day, Owner, Row, Spender, Token, World, day_of

__all__ = ["big_world", "filler"]

_SYMBOLS = ("USDT", "USDC", "DAI", "WETH", "WBTC", "LINK", "AAVE", "CRV", "LDO", "PEPE", "SHIB", "MKR")
_NAMES = ("Uniswap", "1inch", "Curve", "Aave", "Balancer", "SushiSwap", "KyberSwap", "CoW Swap", "Paraswap", "")


def filler(owner: str, chain: str, count: int, seed: int = 0) -> Iterator[Row]:
    """So many different approvals of one owner on one chain, of which every fifth is unlimited."""
    rng = random.Random(f"{owner}/{chain}/{seed}")  # noqa: S311 - a story, not a secret
    spenders = [Spender(_address(rng), name) for name in _NAMES]
    tokens: list[Token] = []
    for number in range(count):
        if number % len(spenders) == 0:
            tokens.append(Token(chain, _address(rng), rng.choice(_SYMBOLS), 18))
        raw = UINT256_MAX if number % 5 == 0 else rng.randrange(1, 10**24)
        yield Row(owner, tokens[-1], spenders[number % len(spenders)], raw)


def big_world(
    owners: int, approvals: int, *, chains: tuple[str, ...] = ("1",), days: int = 1, moved: int = 0, seed: int = 0
) -> World:
    """A world of so many owners with so many approvals each on every one of the chains.

    From each day to the next, `moved` approvals picked by chance change their amount.
    """
    rng = random.Random(seed)  # noqa: S311 - a story, not a secret
    people = [Owner(f"owner-{number}", _address(rng), chains) for number in range(owners)]
    rows = [row for owner in people for chain in chains for row in filler(owner.address, chain, approvals, seed=seed)]
    story: list[Day] = []
    for number in range(days):
        if number:
            for place in rng.sample(range(len(rows)), min(moved, len(rows))):
                rows[place] = replace(rows[place], raw=rng.randrange(1, 10**24))
        story.append(day_of(rows, f"day {number}"))
    return World(f"{owners} owners with {approvals} approvals each", tuple(story), tuple(people))


def _address(rng: random.Random) -> str:
    return f"0x{rng.getrandbits(160):040x}"
