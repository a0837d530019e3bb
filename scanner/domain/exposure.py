"""What an approval puts at stake: min(allowance, balance) × price, and unknown wherever a part of that is unknown.

Amounts are exact: integers in the smallest unit, or decimals without rounding. Money is in US dollars, a `Decimal`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from scanner.domain.approvals import Approval, Kind
from scanner.domain.holdings import EXACT, Holding, in_units

__all__ = ["UNVALUED", "Exposure", "Total", "Valuation", "allowed", "exposure", "total", "valued"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a spender could take today.

    `balance` is what the owner holds and `amount` what of that is within the allowance, both in token units; `usd` is
    the amount's worth. `covers_balance`: whether the allowance reaches the whole balance. `read_at` is when the
    balance was read. What is not known is None: no part of it is ever zero for want of a number.
    """

    balance: Decimal | None = None
    price_usd: Decimal | None = None
    amount: Decimal | None = None
    usd: Decimal | None = None
    covers_balance: bool | None = None
    risk: bool | None = None
    decimals: int | None = None
    read_at: datetime | None = None

    @property
    def real_usd(self) -> Decimal | None:
        """The worth, without that of a token that the source calls a scam: its price is what its maker wants."""
        return Decimal(0) if self.risk else self.usd


UNVALUED = Exposure()
"""Of what no balance was ever read."""


@dataclass(frozen=True, slots=True)
class Total:
    """The worth of many exposures: `usd` counts each token of an owner once, at its largest.

    `usd` is None where no worth is known although something is at stake: that others are worth nothing says nothing of
    it. `unvalued` counts the approvals whose worth is not known: the total is a lower bound while there are any.
    """

    usd: Decimal | None
    unvalued: int


@dataclass(frozen=True, slots=True)
class Valuation:
    """What an approval was worth (`usd`) when it was first valued after its last change, which was `since`."""

    since: datetime
    usd: Decimal


_OF_MANY_TOKENS = frozenset({Kind.ERC1155_ALL, Kind.ERC6909})


def allowed(approval: Approval, decimals: int | None) -> Decimal | None:
    """What a spender may take in all, in token units; None where the amount or the token's decimals are not known.

    NFTs are counted; of a contract that keeps many tokens each has decimals of its own, and nobody knows them.
    """
    raw = _readable(approval)
    if raw is not None and approval.kind is Kind.ERC721:
        return Decimal(raw)
    return None if raw is None or decimals is None or not approval.fungible else in_units(raw, decimals)


def exposure(approval: Approval, holding: Holding | None) -> Exposure:
    """What an approval puts at stake, given what its owner holds of its token; None where no balance was ever read.

    Of a balance of nothing nothing can be taken, whatever the allowance and the price are. An approval whose token has
    no address has no holding: of holdings, "" means the chain's own coin. NFTs are counted and have no price, whatever
    price is told of their contract; and of a contract that keeps many tokens no one balance is what an owner holds.
    """
    if holding is None or not approval.token.address or approval.kind in _OF_MANY_TOKENS:
        return Exposure(decimals=approval.token.decimals)
    decimals = holding.decimals if approval.token.decimals is None else approval.token.decimals
    balance = holding.balance(decimals)
    price = holding.price_usd if approval.fungible else None
    amount = _within(approval, balance, holding, decimals)
    return Exposure(
        balance=balance,
        price_usd=price,
        amount=amount,
        usd=_worth(amount, price),
        covers_balance=_covers(approval, balance, holding, decimals),
        risk=holding.risk,
        decimals=decimals,
        read_at=holding.read_at,
    )


def _within(approval: Approval, balance: Decimal | None, holding: Holding, decimals: int | None) -> Decimal | None:
    """What of the balance is within the allowance, in token units."""
    if balance is None or not balance:
        return balance
    if approval.unlimited:
        return balance
    raw = _readable(approval)
    if raw is None:
        return None
    if holding.raw is not None and raw >= holding.raw:
        return balance
    most = allowed(approval, decimals)
    return None if most is None else min(most, balance)


def _covers(approval: Approval, balance: Decimal | None, holding: Holding, decimals: int | None) -> bool | None:
    """Whether the allowance reaches the whole balance; None where that cannot be told."""
    if balance is None and holding.raw is None:
        return None
    if approval.unlimited or (balance is not None and not balance):
        return True
    raw = _readable(approval)
    if raw is None:
        return None
    if holding.raw is not None:
        return raw >= holding.raw
    most = allowed(approval, decimals)
    if most is None or balance is None:
        return None
    if most < balance:
        return False
    return True if most >= EXACT.add(balance, holding.slack) else None


def _readable(approval: Approval) -> int | None:
    allowance = approval.allowance
    return None if allowance.unreadable is not None else allowance.raw


def _worth(amount: Decimal | None, price_usd: Decimal | None) -> Decimal | None:
    if amount is None:
        return None
    if not amount:
        return Decimal(0)
    return None if price_usd is None else EXACT.multiply(amount, price_usd)


def total(found: Iterable[tuple[Approval, Exposure]]) -> Total:
    """The worth of approvals together, of an owner, a spender, or everything: never the sum over spenders."""
    largest: dict[tuple[str, str, str], Decimal] = {}
    unvalued = 0
    for approval, at_stake in found:
        if at_stake.usd is None:
            unvalued += 1
            continue
        key = (approval.chain, approval.owner, approval.token.address)
        largest[key] = max(largest.get(key, Decimal(0)), at_stake.usd)
    worth = Decimal(0)
    for usd in largest.values():
        worth = EXACT.add(worth, usd)
    return Total(worth if worth or not unvalued else None, unvalued)


def valued(now: Iterable[tuple[str, datetime, Exposure]]) -> dict[str, Valuation]:
    """The first valuations of approvals (id, last change, exposure), as far as they can be valued."""
    return {id_: Valuation(changed_at, at_stake.usd) for id_, changed_at, at_stake in now if at_stake.usd is not None}
