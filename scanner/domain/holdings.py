"""What owners hold, as an API or a state tells it: each number known, or unknown, and never zero for want of one.

`after` decides what a reading means for what is known: a token that is missing from an answer is zero only when it was
asked for by its address and missing in two readings (docs/balances.md names the source of that). `together` makes one
reading of what several sources say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal

from scanner.domain.approvals import Target
from scanner.errors import Trouble

__all__ = [
    "EXACT",
    "MOST_DECIMALS",
    "BalanceReading",
    "Holding",
    "Seen",
    "Wanted",
    "after",
    "decimals_of",
    "in_units",
    "together",
]

EXACT = Context(prec=400)
"""Arithmetic without rounding: a balance of 78 digits times any price has fewer digits than this."""

KEPT_DIGITS = 17
"""Digits of a balance that a source keeps at least."""

MOST_DECIMALS = 77
"""More decimals than this no 256-bit amount can use."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A target whose balances are to be read.

    `tokens` are asked for by their address where the list lacks them. `nfts` are contracts of which only a source that
    counts NFTs can tell how many the owner has. Where prices are not wanted, what tells them is not asked if another
    source knows the amounts.
    """

    target: Target
    tokens: frozenset[str] = frozenset()
    nfts: frozenset[str] = frozenset()
    prices: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of an answer. `token` is the contract, "" for the chain's own coin; `symbol` is a stranger's text.

    `amount` is in token units, as the source wrote it: sources cut long ones off, so it may be a little more. `raw` is
    the same in the smallest unit, exactly. `price_usd` is for one token unit. `risk`: whether the source calls the
    token a scam or a honeypot. What the source does not say, or says unreadably, is None. `priced` is False where the
    source speaks of amounts alone: that it tells no price says nothing.
    """

    token: str
    symbol: str | None = None
    amount: Decimal | None = None
    raw: int | None = None
    price_usd: Decimal | None = None
    risk: bool | None = None
    priced: bool = True


@dataclass(frozen=True, slots=True)
class BalanceReading:
    """What one reading of balances says of a target.

    `rows` are by token. `asked` are the tokens that were asked for by their address and answered: what is in `asked`
    and not in `rows` was missing. `trouble` says why there is not more; what was read counts all the same. `whole` is
    False where not every source was asked that knows something: then all is due again as if it had not been read.
    """

    target: Target
    rows: Mapping[str, Seen]
    read_at: datetime
    asked: frozenset[str] = frozenset()
    trouble: Trouble | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Holding:
    """What an owner holds of a token, as it was last read, with what is known of the token itself.

    `amount` (token units) and `raw` (smallest unit) are None where not known. `decimals` are known only where they
    are certain. `read_at` is when the balance was read; `missing_since` when an answer first lacked it.
    """

    token: str
    read_at: datetime
    symbol: str | None = None
    amount: Decimal | None = None
    raw: int | None = None
    decimals: int | None = None
    price_usd: Decimal | None = None
    risk: bool | None = None
    missing_since: datetime | None = field(default=None)

    def balance(self, decimals: int | None) -> Decimal | None:
        """What is held in token units: from the raw integer where that is possible, which is never cut off."""
        if self.raw == 0:
            return Decimal(0)
        if self.raw is not None and decimals is not None:
            return in_units(self.raw, decimals)
        return self.amount

    @property
    def slack(self) -> Decimal:
        """How much more than `amount` it may be, in token units, where `raw` is not known.

        Sources cut long numbers off: it is one of the last place that is told, and no finer than the last digit kept.
        """
        if not self.amount or self.raw is not None:
            return Decimal(0)
        last = int(self.amount.as_tuple().exponent)
        if self.decimals is not None and last == -self.decimals:
            return Decimal(0)
        return Decimal(1).scaleb(max(last, self.amount.adjusted() - KEPT_DIGITS + 1))


def in_units(raw: int, decimals: int) -> Decimal:
    """An amount of the smallest unit in token units, exactly."""
    return Decimal(raw).scaleb(-decimals, context=EXACT)


def decimals_of(seen: Seen) -> int | None:
    """A token's decimals where a row makes them certain: the raw integer is the amount times a power of ten.

    None where either is missing or zero, or where the amount was cut off, so that no power fits.
    """
    if not seen.raw or not seen.amount:
        return None
    _, digits, exponent = seen.amount.normalize(EXACT).as_tuple()
    _, raw_digits, raw_exponent = Decimal(seen.raw).normalize(EXACT).as_tuple()
    decimals = int(raw_exponent) - int(exponent)
    return decimals if digits == raw_digits and 0 <= decimals <= MOST_DECIMALS else None


def after(known: Mapping[str, Holding], reading: BalanceReading) -> dict[str, Holding]:
    """The holdings of a target that a reading moves, by token; what it says nothing of is not among them.

    A token that is missing is unknown at first, and zero once a later reading lacks it too.
    """
    found = {token: _seen(known.get(token), seen, reading.read_at) for token, seen in reading.rows.items()}
    for token in reading.asked - reading.rows.keys():
        before = known.get(token, Holding(token, reading.read_at))
        again = before.missing_since is not None and before.missing_since < reading.read_at
        found[token] = replace(
            before,
            read_at=reading.read_at,
            amount=Decimal(0) if again else None,
            raw=0 if again else None,
            missing_since=before.missing_since if again else reading.read_at,
        )
    return found


def together(readings: Sequence[BalanceReading]) -> BalanceReading:
    """What several sources say of one target, as one reading. Of amounts each knows better than those before it.

    What one of them does not know, another one tells. The trouble is that of the last that has one.
    """
    rows: dict[str, Seen] = {}
    for reading in readings:
        rows |= {token: _better(rows[token], seen) if token in rows else seen for token, seen in reading.rows.items()}
    return replace(
        readings[-1],
        rows=rows,
        read_at=max(reading.read_at for reading in readings),
        asked=frozenset().union(*(reading.asked for reading in readings)),
        trouble=next((one.trouble for one in reversed(readings) if one.trouble is not None), None),
        whole=all(reading.whole for reading in readings),
    )


def _better(first: Seen, later: Seen) -> Seen:
    """Two rows of one token: the amount of the later one, unless it knows none."""
    amount, raw = (later.amount, later.raw) if (later.amount, later.raw) != (None, None) else (first.amount, first.raw)
    decimals = decimals_of(first)
    if amount is None and raw is not None and decimals is not None:
        amount = in_units(raw, decimals)
    told = later if later.priced else first
    return Seen(later.token, later.symbol or first.symbol, amount, raw, told.price_usd, told.risk, told.priced)


def _seen(before: Holding | None, seen: Seen, read_at: datetime) -> Holding:
    decimals = decimals_of(seen)
    told = seen if seen.priced or before is None else before
    return Holding(
        token=seen.token,
        read_at=read_at,
        symbol=seen.symbol,
        amount=seen.amount,
        raw=seen.raw,
        decimals=before.decimals if decimals is None and before is not None else decimals,
        price_usd=told.price_usd,
        risk=told.risk,
    )
