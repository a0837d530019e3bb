"""What happened to approvals and around them, as far as it is kept: what a replay goes by.

Everything is a course: a value over time. What nobody wrote down is not known, as it was not then.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Generic, TypeVar

from scanner.domain.approvals import Target
from scanner.domain.changes import Change
from scanner.domain.lists import Entry, Standing, standing

__all__ = ["Balance", "Believed", "Course", "Listing", "Past", "Quotes", "TokenState", "standings_over_time"]

T = TypeVar("T")

BLOCK = 64
"""Prices that are looked over at once."""


@dataclass(frozen=True, slots=True)
class Course(Generic[T]):
    """A value over time: from `times[i]` on it was `values[i]`. The times ascend; before the first it is not known."""

    times: Sequence[datetime] = ()
    values: Sequence[T] = ()

    def at(self, moment: datetime) -> T | None:
        """What it was at a moment."""
        place = bisect_right(self.times, moment)
        return self.values[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an owner held of a token: in token units, and exactly in the smallest unit; None where not known."""

    amount: Decimal | None
    raw: int | None


@dataclass(frozen=True, slots=True)
class TokenState:
    """What was known of a token: its decimals, the price of one token unit in US dollars, whether it is a scam."""

    decimals: int | None = None
    price_usd: Decimal | None = None
    risk: bool | None = None


@dataclass(frozen=True, slots=True)
class Quotes:
    """The course of a token, ready to be asked when its price next leaves a range.

    Prices are floating point here: they only say where to look. What is found there is judged with the exact ones.
    """

    course: Course[TokenState] = field(default_factory=Course)
    _prices: Sequence[float] = field(init=False, repr=False)
    _turns: Sequence[bool] = field(init=False, repr=False)
    _blocks: Sequence[tuple[float, float, bool]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        states = self.course.values
        prices = [0.0 if state.price_usd is None else float(state.price_usd) for state in states]
        turns = [
            before is None or _but_its_price(before) != _but_its_price(state)
            for before, state in zip((None, *states), states, strict=False)
        ]
        object.__setattr__(self, "_prices", prices)
        object.__setattr__(self, "_turns", turns)
        blocks = [self._span(at, at + BLOCK) for at in range(0, len(prices), BLOCK)]
        object.__setattr__(self, "_blocks", blocks)

    def leaves(
        self, after: datetime, low: float = -inf, high: float = inf, *, before: datetime | None = None
    ) -> datetime | None:
        """When, after a moment, the price is first outside of the open range, or something else of the token moves.

        None where that is not `before` another moment.
        """
        times = self.course.times
        place, last = bisect_right(times, after), len(times) if before is None else bisect_left(times, before)
        while place < last:
            end = min(place - place % BLOCK + BLOCK, last)
            whole = place % BLOCK == 0 and end % BLOCK == 0
            least, most, turns = self._blocks[place // BLOCK] if whole else self._span(place, end)
            if turns or not (low < least and most < high):
                prices, turned = self._prices[place:end], self._turns[place:end]
                return next(
                    time
                    for time, price, turns in zip(times[place:end], prices, turned, strict=True)
                    if turns or not low < price < high
                )
            place = end
        return None

    def _span(self, start: int, end: int) -> tuple[float, float, bool]:
        """The lowest and the highest price there, and whether anything but the price moves."""
        prices = self._prices[start:end]
        return min(prices), max(prices), any(self._turns[start:end])


def _but_its_price(state: TokenState) -> tuple[object, ...]:
    return state.decimals, state.risk, state.price_usd is None


@dataclass(frozen=True, slots=True)
class Believed:
    """A change, with how its scan went on.

    `judged_at` is when that scan had read all wallets; `proven_at` when a complete reading first stood behind the
    change, None where none has yet.
    """

    change: Change
    judged_at: datetime
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """All that happened to one approval and around it.

    `watched` is its target under the name that it had, None while it was not watched. `spender` and `token` are what
    lists said of these, `counts` how many approvals and owners the spender had.
    """

    believed: Sequence[Believed]
    watched: Course[Target | None]
    balances: Course[Balance] = field(default_factory=Course)
    quotes: Quotes = field(default_factory=Quotes)
    spender: Course[Standing] = field(default_factory=Course)
    token: Course[Standing] = field(default_factory=Course)
    counts: Course[tuple[int, int]] = field(default_factory=Course)


@dataclass(frozen=True, slots=True)
class Listing:
    """An entry of a list, from when until when it was in force; None for as long as is known."""

    entry: Entry
    since: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it was in force at a time."""
        return self.since <= at and (self.until is None or at < self.until)


def standings_over_time(listings: Iterable[Listing], chain: str) -> Course[Standing]:
    """What lists said of one address on a chain, for all entries that it ever had."""
    mine = [one for one in listings if one.entry.chain in (None, chain)]
    moved: Mapping[datetime, None] = dict.fromkeys(
        sorted(time for one in mine for time in (one.since, one.until) if time)
    )
    said = [standing((one.entry for one in mine if one.holds(time)), chain) for time in moved]
    return Course(tuple(moved), tuple(said)) if mine else Course()
