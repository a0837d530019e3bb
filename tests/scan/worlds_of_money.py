"""Wallets whose approvals, balances, prices and names move, and what a far side tells of them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from msgspec import structs
from scanning import Clock, Scripted, address
from strategies import START

from scanner.domain.approvals import (
    Allowance,
    Approval,
    End,
    Kind,
    Snapshot,
    Spender,
    Status,
    Target,
    Token,
    Unmoved,
    gather,
)
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.errors import Reason, Trouble
from scanner.sources import NOTHING_KNOWN

__all__ = ["OWNERS", "Granted", "Purse", "Stopped", "Teller", "View", "World", "spender", "token"]

OWNERS = [address(0xA0 + number) for number in range(3)]
DECIMALS = 6


@dataclass
class Stopped(Clock):
    """A clock that stands still until it is set."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


def token(number: int) -> str:
    """A numbered token's address."""
    return address(0x70CE000 + number)


def spender(number: int) -> str:
    """A numbered spender's address."""
    return address(0x59E2D000 + number)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a wallet has granted: so much, in the smallest unit; a text is what the source says of the amount."""

    amount: int | str
    status: Status = Status.GRANTED
    final: bool = True
    symbol: str = "TKN"


@dataclass(frozen=True, slots=True)
class View:
    """How a wallet's approvals are shown: how the reading ends, and which numbered rows it lacks."""

    end: End = End.COMPLETE
    hidden: frozenset[int] = frozenset()


@dataclass(slots=True)
class World:
    """What is true: approvals by owner, token and spender; amounts by owner and token; prices and scams by token.

    A balance or a price that is None is not told.
    """

    granted: dict[tuple[str, int, int], Granted] = field(default_factory=dict)
    amounts: dict[tuple[str, int], int | None] = field(default_factory=dict)
    prices: dict[int, str | None] = field(default_factory=dict)
    scams: set[int] = field(default_factory=set)
    views: Mapping[str, View] = field(default_factory=dict)
    silent: Collection[str] = ()
    """The owners of whom no balance can be read."""

    def shown(self, target: Target) -> dict[str, Approval]:
        """What a reading of a wallet shows."""
        hidden = self.views.get(target.owner, View()).hidden
        mine = [(key, one) for key, one in self.granted.items() if key[0] == target.owner and key[1] not in hidden]
        return gather(_approval(target, key[1], key[2], one) for key, one in mine)

    def purse(self, wanted: Wanted, at: datetime) -> BalanceReading:
        """What a reading of a wallet's balances tells."""
        owner = wanted.target.owner
        if owner in self.silent:
            return BalanceReading(wanted.target, {}, at, trouble=Trouble(Reason.UNAVAILABLE, "down"))
        rows = {}
        for number in range(1, 5):
            amount = self.amounts.get((owner, number))
            if amount is not None:
                price = self.prices.get(number)
                rows[token(number)] = Seen(
                    token(number),
                    f"TKN{number}",
                    Decimal(amount),
                    amount * 10**DECIMALS,
                    None if price is None else Decimal(price),
                    risk=number in self.scams,
                )
        return BalanceReading(wanted.target, rows, at, wanted.tokens)


def _approval(target: Target, of: int, to: int, one: Granted) -> Approval:
    allowance = Allowance(None, unreadable=one.amount) if isinstance(one.amount, str) else Allowance(one.amount)
    whom = Spender(spender(to), None if to == 4 else f"Project {to}")
    shown = Approval(target.chain, target.owner, Token(token(of), one.symbol), whom, allowance, status=one.status)
    return structs.replace(shown, final=one.final)


async def _nothing() -> None:
    pass


class Teller(Scripted):
    """A source that tells of a world. `meanwhile` happens when it is asked; `read_last` is of what it told all."""

    def __init__(self, world: World, clock: Clock, meanwhile: Callable[[], Awaitable[None]] = _nothing) -> None:
        super().__init__(self._look)
        self.world, self.clock, self.meanwhile = world, clock, meanwhile
        self.read_last: set[Target] = set()

    async def read(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved, None]:
        await self.meanwhile()
        self.read_last = set()
        async for reading in super().read(targets, known):
            if isinstance(reading, Snapshot):
                self.read_last.add(reading.target)
            yield reading

    async def _look(self, target: Target) -> Snapshot:
        end = self.world.views.get(target.owner, View()).end
        trouble = None if end is End.COMPLETE else Trouble(Reason.UNAVAILABLE, f"the reading is {end}")
        shown = self.world.shown(target)
        return Snapshot(target, shown, end, frozenset({Kind.ERC20}), self.name, self.clock.now(), trouble=trouble)


@dataclass
class Purse:
    """What tells what the owners of a world hold."""

    world: World
    clock: Clock
    name: str = "scripted"
    cost: Cost = field(default_factory=Cost)

    def covers(self, chain: Chain) -> bool:
        return True

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        for one in wanted:
            yield self.world.purse(one, self.clock.now())
