"""A world: who has approved what, day by day. Values only: `stories` reads worlds, `generator` makes big ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

__all__ = ["UINT256_MAX", "Day", "Key", "Owner", "Row", "Spender", "Status", "Token", "World", "by_key", "day_of"]

UINT256_MAX = 2**256 - 1

Key = tuple[str, str]
"""A chainIndex and an owner's address: what the API is asked about."""


class Status(Enum):
    """The protocol's number for what becomes of an approval's transaction."""

    GRANTED = "1"
    REVOKING = "2"
    GRANTING = "3"


@dataclass(frozen=True, slots=True)
class Token:
    """A token contract. `address` may be "", as the API gives it for some; `price` is in USD, None if nobody knows.

    `risk` marks a scam that was dropped on people, or a honeypot.
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
    turned out hostile so far. `balances` are in whole tokens, by owner's address and token.
    """

    title: str
    rows: Mapping[Key, tuple[Row, ...]]
    exploited: tuple[Spender, ...] = ()
    balances: Mapping[tuple[str, Token], Decimal] = field(default_factory=dict)

    def of(self, chain: str, owner: str) -> tuple[Row, ...]:
        """The approvals of an owner on a chain; none for whoever the story does not know."""
        return self.rows.get((chain, owner), ())


@dataclass(frozen=True, slots=True)
class World:
    """A story in days. Its last day lasts for ever."""

    title: str
    days: tuple[Day, ...]
    owners: tuple[Owner, ...] = ()

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
