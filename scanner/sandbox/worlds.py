"""A world: who has approved what, and who holds what, day by day.

Values only: `stories` reads worlds, `generator` makes big ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from enum import Enum

__all__ = [
    "UINT256_MAX",
    "Day",
    "Key",
    "Owner",
    "Row",
    "Spender",
    "Status",
    "Token",
    "World",
    "by_key",
    "day_of",
    "smallest_units",
]

UINT256_MAX = 2**256 - 1

Key = tuple[str, str]
"""A chainIndex and an owner's address: what the API is asked about."""

_EXACT = Context(prec=200)


class Status(Enum):
    """The protocol's number for what becomes of an approval's transaction."""

    GRANTED = "1"
    REVOKING = "2"
    GRANTING = "3"


@dataclass(frozen=True, slots=True)
class Token:
    """A token contract. `address` may be "": the chain's own coin among balances, and unknown among approvals.

    `price` is in USD for a whole token, None if nobody knows, and holds until a day has another. `risk` marks a scam
    that was dropped on people, or a honeypot.
    """

    chain: str
    address: str
    symbol: str
    decimals: int | None = None
    price: Decimal | None = None
    risk: bool = False


@dataclass(frozen=True, slots=True)
class Spender:
    """Somebody who may take. `name` is the project's name as the API shows it; "" where it knows none."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A wallet of the story: its label, its address, and the chains on which it is worth watching."""

    label: str
    address: str
    chains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One approval as it stands on a day. `raw` is the allowance in the token's smallest unit."""

    owner: str
    token: Token
    spender: Spender
    raw: int
    status: Status = Status.GRANTED

    @property
    def key(self) -> Key:
        """The target that the row belongs to."""
        return self.token.chain, self.owner

    @property
    def amount(self) -> Decimal | None:
        """The allowance in whole tokens, or None where the decimals are not known."""
        if self.token.decimals is None:
            return None
        return Decimal((0, tuple(map(int, str(self.raw))), -self.token.decimals))  # exact, whatever the context says


@dataclass(frozen=True, slots=True)
class Day:
    """The state of a world on one day.

    `rows` are the approvals of each target, in the order in which they came. `exploited` are the spenders that have
    turned out hostile so far, and `incidents` say what happened to them, where that is told. `balances` are in whole
    tokens, by owner's address and token; `prices` (USD, None where nobody knows one any more) and `flagged` are what
    has changed of tokens. `accounts` are what is held on exchanges, by the exchange and the currency.
    """

    title: str
    rows: Mapping[Key, tuple[Row, ...]]
    exploited: tuple[Spender, ...] = ()
    incidents: Mapping[Spender, str] = field(default_factory=dict)
    balances: Mapping[tuple[str, Token], Decimal] = field(default_factory=dict)
    prices: Mapping[Token, Decimal | None] = field(default_factory=dict)
    flagged: frozenset[Token] = frozenset()
    accounts: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)

    def of(self, chain: str, owner: str) -> tuple[Row, ...]:
        """The approvals of an owner on a chain; none for whoever the story does not know."""
        return self.rows.get((chain, owner), ())

    def held(self, chain: str, owner: str) -> list[tuple[Token, Decimal]]:
        """What an owner holds on a chain, in whole tokens, without what is down to nothing."""
        return [
            (token, amount)
            for (who, token), amount in self.balances.items()
            if who == owner and token.chain == chain and amount
        ]

    def price(self, token: Token) -> Decimal | None:
        """What a whole token is worth on this day, in USD, or None where nobody knows."""
        return self.prices.get(token, token.price)

    def risky(self, token: Token) -> bool:
        """Whether a token has turned out a scam or a honeypot by this day."""
        return token.risk or token in self.flagged

    def account(self, exchange: str) -> dict[str, Decimal]:
        """What is held on an exchange, by currency; a currency of which nothing is left is still listed."""
        return {currency: amount for (where, currency), amount in self.accounts.items() if where == exchange}


@dataclass(frozen=True, slots=True)
class World:
    """A story in days. Its last day lasts for ever.

    `spenders` and `tokens` are whom and what it is about, by the names that it gives them.
    """

    title: str
    days: tuple[Day, ...]
    owners: tuple[Owner, ...] = ()
    spenders: Mapping[str, Spender] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)

    def at(self, day: int) -> Day:
        """The state on a day, counted from 0."""
        return self.days[max(0, min(day, len(self.days) - 1))]


def day_of(rows: Iterable[Row], title: str = "", exploited: Iterable[Spender] = ()) -> Day:
    """A day made of rows, for worlds that a program writes."""
    return Day(title, by_key(rows), tuple(exploited))


def by_key(rows: Iterable[Row]) -> dict[Key, tuple[Row, ...]]:
    """Rows by the target that they belong to, in their order."""
    grouped: dict[Key, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.key, []).append(row)
    return {key: tuple(found) for key, found in grouped.items()}


def smallest_units(amount: Decimal, decimals: int) -> int:
    """An amount of whole tokens in the smallest unit, exactly.

    Raises ValueError where a token with so many decimals has no such amount, or where no balance can be so large.
    """
    raw = amount.scaleb(decimals, _EXACT)
    if raw != int(raw) or raw > UINT256_MAX:
        raise ValueError(f"{amount} is not an amount of a token with {decimals} decimals")
    return int(raw)
