"""Worlds that move at random, lived through for real by any number of houses at once, each with rules of its own."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

from scanning import CHANNELS, Clock, House, Scripted, address, house, opened

from scanner.backtest import Outcome, backtest
from scanner.domain.approvals import (
    UINT256_MAX,
    Allowance,
    Approval,
    End,
    Kind,
    Snapshot,
    Spender,
    Target,
    Token,
    gather,
)
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.domain.lists import Entry, ListState
from scanner.domain.telling import Telling
from scanner.errors import Reason, Trouble
from scanner.policy.loading import load
from scanner.policy.rules import Pack
from scanner.store import lists

__all__ = ["World", "both", "held_against", "live", "pack_of"]

TELLING = Telling(channels=CHANNELS)
OWNERS = [Target("1", address(0xA00 + number), f"wallet {number}") for number in range(3)]
SPENDERS = [address(0x59E00 + number) for number in range(4)]
TOKENS = [address(0x70C00 + number) for number in range(3)]

RULES = """
rules:
  - id: money
    title: Money within reach
    severity: low
    when: exposure.usd > LIMIT && spender.labels.size() == 0
    until: exposure.usd < LIMIT * 0.8 || spender.labels.size() > 0
    grades:
      - {severity: high, when: exposure.usd > 5000, until: exposure.usd < 4000}
  - {id: endless, title: Without limit, severity: medium, when: allowance.unlimited && !spender.trusted}
  - {id: raised, title: Raised, severity: low, on: [increased, restored], when: "true"}
  - {id: taken-back, title: Taken back, severity: low, on: [revoked], when: "true"}
  - {id: much-raised, title: Much raised, severity: high, on: [increased, new], when: exposure.usd > LIMIT}
  - {id: old, title: Old, severity: low, when: approval.age > days(9) && !spender.trusted}
  - {id: still, title: Unmoved, severity: low, when: approval.unchanged_for > duration("80h")}
  - {id: popular, title: In many hands, severity: low, when: spender.owners >= 2 && spender.approvals >= 3}
  - {id: grown, title: Grown, severity: medium, when: exposure.usd >= 3.0 * exposure.first_usd && exposure.usd > 100}
  - {id: unknown, title: Nobody knows, severity: low, when: exposure.usd > 50, if_unknown: alert}
  - {id: pricey, title: Dear, severity: low, when: token.price_usd >= 2.5}
  - {id: scam, title: Scam, severity: low, when: token.risk}
"""


def pack_of(folder: Path, name: str, limit: float) -> Pack:
    """The rules with a threshold in dollars."""
    path = folder / f"{name}.yaml"
    path.write_text(RULES.replace("LIMIT * 0.8", f"{limit * 0.8:.1f}").replace("LIMIT", f"{limit:.1f}"))
    pack = load([path])
    assert not pack.problems, [str(problem) for problem in pack.problems]
    return pack


@dataclass
class World:
    """What the far side says: approvals by target, balances and prices, which all move at random."""

    clock: Clock
    random: Random
    rows: dict[Target, dict[tuple[str, str], int]] = field(default_factory=lambda: {owner: {} for owner in OWNERS})
    held: dict[tuple[Target, str], int] = field(default_factory=dict)
    prices: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(TOKENS, "1"))
    risks: set[str] = field(default_factory=set)
    broken: set[Target] = field(default_factory=set)
    listed: list[Entry] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    name: str = "scripted"
    cost: Cost = field(default_factory=Cost)

    def move(self) -> None:
        """Let some hours pass, and some things happen."""
        chance = self.random
        self.clock.ahead += timedelta(hours=chance.choice([3, 7, 25, 49]))
        for owner, rows in self.rows.items():
            for _ in range(chance.choice([0, 0, 1, 2])):
                key = chance.choice(TOKENS), chance.choice(SPENDERS)
                if rows.pop(key, None) is None or chance.random() < 0.6:
                    rows[key] = chance.choice([5, 600 * 10**6, 9_000 * 10**6, UINT256_MAX])
            if chance.random() < 0.5:
                self.held[owner, chance.choice(TOKENS)] = chance.choice([0, 30, 700, 1_500, 20_000])
        if chance.random() < 0.6:
            self.prices[chance.choice(TOKENS)] = chance.choice([None, "0.2", "0.99", "1.01", "2.5", "4"])
        self.risks ^= {chance.choice(TOKENS)} if chance.random() < 0.1 else set()
        self.broken = {chance.choice(OWNERS)} if chance.random() < 0.2 else set()
        if chance.random() < 0.3:
            label = chance.choice(["known", "trusted", "exploited"])
            self.listed = [Entry(chance.choice(SPENDERS), (label,), "1")] if chance.random() < 0.8 else []

    async def answer(self, target: Target) -> Snapshot:
        found = [
            Approval("1", target.owner, Token(token, "TKN"), Spender(spender, "Swap"), Allowance(raw))
            for (token, spender), raw in self.rows[target].items()
        ]
        if target not in self.broken:
            return Snapshot(target, gather(found), End.COMPLETE, frozenset({Kind.ERC20}), "scripted", self.clock.now())
        trouble = Trouble(Reason.NODE_FAILED, "the node failed")
        half = gather(found[::2])
        return Snapshot(target, half, End.INCOMPLETE, frozenset(), "scripted", self.clock.now(), trouble=trouble)

    def covers(self, chain: Chain) -> bool:
        return True

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        for one in wanted:
            rows = {}
            for token in TOKENS:
                amount, price = self.held.get((one.target, token)), self.prices[token]
                if amount is not None:
                    rows[token] = Seen(
                        token,
                        "TKN",
                        Decimal(amount),
                        amount * 10**6,
                        None if price is None else Decimal(price),
                        risk=token in self.risks,
                    )
            yield BalanceReading(one.target, rows, self.clock.now())


@asynccontextmanager
async def both(folder: Path, world: World, packs: Mapping[str, Pack]) -> AsyncIterator[dict[str, House]]:
    """A house for each of the packs, that see the same world."""
    async with AsyncExitStack() as stack:
        yield {
            name: house(
                await stack.enter_async_context(opened(folder / f"{name}.db")),
                Scripted(world.answer),
                clock=world.clock,
                pack=pack,
                confirm_after=timedelta(),
                balances=world,
            )
            for name, pack in packs.items()
        }


async def live(world: World, houses: Mapping[str, House], rounds: int) -> None:
    """Let the world move so many times, and every house look at it after each."""
    state = ListState(name="mine", label="mine", origin="mine.csv")
    for _ in range(rounds):
        world.move()
        for one in houses.values():
            keeping = partial(lists.keep, state=state, entries=world.listed, at=world.clock.now())
            await one.store.write(keeping)
            await one.judge.touched(one.store)
        world.moments.append(world.clock.now())
        for one in houses.values():
            await one.scan(OWNERS)


async def held_against(home: House, pack: Pack, since: datetime) -> Outcome:
    """The backtest of these rules on a house's store, up to now."""
    until = home.clock.now()
    return await home.store.read(lambda connection: backtest(connection, pack, TELLING, since, until))
