"""What is held where: wallets and exchange accounts side by side, joined by symbol only where that is sound.

A symbol is a stranger's word. It joins the contracts of several chains and the currency of an exchange only where each
contract carries a price and no risk flag, and where their prices agree. What is not joined stands by itself, with the
reason. Amounts are in token units and money is in US dollars, both exact; what is not known is counted, never zero.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum

from scanner.domain.approvals import Approval, Target
from scanner.domain.exposure import Exposure, Total, total
from scanner.domain.holdings import EXACT, Holding
from scanner.errors import Trouble

__all__ = ["Account", "Apart", "Asset", "Assets", "Contract", "Owned", "Sum", "assets"]

ALIKE = Decimal("1.1")
"""Contracts of one symbol whose prices lie further apart than this factor are not one asset."""

_SHARE = Context(prec=6)
_SYMBOL = re.compile(r"[!-~]{1,20}")
"""What may be compared: no blank and no look-alike of a letter."""

Contract = tuple[str, str]
"""A token: chainIndex and contract, "" for the chain's own coin."""


class Apart(StrEnum):
    """Why an asset is joined with nothing."""

    RISK = "risk"
    NO_PRICE = "no-price"
    NOT_READ = "not-read"
    NOT_IN_WALLETS = "not-in-wallets"
    RISK_UNKNOWN = "risk-unknown"
    NO_SYMBOL = "no-symbol"
    PRICES_DIFFER = "prices-differ"


UNVALUED = frozenset({Apart.RISK, Apart.NO_PRICE, Apart.NOT_READ, Apart.NOT_IN_WALLETS})
"""Of what is apart for these reasons nobody knows the worth."""


@dataclass(frozen=True, slots=True)
class Owned:
    """What one wallet holds of one token."""

    target: Target
    holding: Holding

    @property
    def contract(self) -> Contract:
        """The token."""
        return self.target.chain, self.holding.token


@dataclass(frozen=True, slots=True)
class Account:
    """One reading of an exchange account: what it holds of each currency, what is frozen included.

    An amount that cannot be read is None. `trouble` says why there is not more; what was read counts all the same.
    """

    name: str
    amounts: Mapping[str, Decimal | None]
    read_at: datetime
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """Amounts added up: token units, and their worth in US dollars; None where nothing of it is known.

    `unknown` counts the parts that are not known: both numbers are lower bounds while there are any.
    """

    amount: Decimal | None = None
    usd: Decimal | None = None
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing that is held. `contracts` are the tokens taken for it; `price_usd` values what exchanges hold.

    `share` is the part at stake of the whole, from 0 to 1; None where the whole is not known. It is a lower bound
    while `at_stake` has unvalued parts.
    """

    symbol: str | None
    contracts: tuple[Contract, ...] = ()
    price_usd: Decimal | None = None
    wallets: Sum = field(default_factory=Sum)
    exchanges: Sum = field(default_factory=Sum)
    at_stake: Total = field(default_factory=lambda: Total(Decimal(0), 0))
    share: Decimal | None = None
    apart: Apart | None = None


@dataclass(frozen=True, slots=True)
class Assets:
    """All that is held, the most valuable first, and what it comes to: money alone, of what could be valued.

    `unvalued` counts the assets that are in no total. `share` is as in `Asset`.
    """

    assets: tuple[Asset, ...]
    wallets: Sum
    exchanges: Sum
    at_stake: Total
    share: Decimal | None
    unvalued: int


def assets(
    owned: Iterable[Owned], approved: Iterable[tuple[Approval, Exposure]], accounts: Sequence[Account]
) -> Assets:
    """What wallets and accounts hold, and how much of it approvals put at stake."""
    tokens = _tokens(owned, approved)
    joined = _joined(tokens)
    found = [*_together(joined, accounts), *_alone(tokens, joined), *_elsewhere(joined, accounts)]
    shown = sorted((_shared(asset) for asset in found if _matters(asset)), key=_order)
    valued = [asset for asset in shown if asset.apart not in UNVALUED]
    doubted = {one.apart for one in shown}
    wallets = _worth(
        (one.wallets for one in valued),
        sum(one.wallets.unknown for one in valued),
        more=not doubted.isdisjoint((Apart.NO_PRICE, Apart.NOT_READ)),
    )
    exchanges = _worth(
        (one.exchanges for one in valued), sum(map(_unread, accounts)), more=Apart.NOT_IN_WALLETS in doubted
    )
    at_stake = total(pair for token in tokens for pair in token.approved if token.apart is not Apart.RISK)
    return Assets(
        assets=tuple(shown),
        wallets=wallets,
        exchanges=exchanges,
        at_stake=at_stake,
        share=_share(at_stake, wallets, exchanges),
        unvalued=len(shown) - len(valued),
    )


@dataclass(frozen=True, slots=True)
class _Token:
    """All that is known of one token: the balances that were read of it, and the approvals.

    `contracts` holds the token itself, or nothing where the source gives no address. `unread` counts the owners who
    approved it, and of whom nobody knows what they hold of it.
    """

    contracts: tuple[Contract, ...]
    holdings: Sequence[Holding]
    approved: Sequence[tuple[Approval, Exposure]]
    unread: int
    apart: Apart | None = None

    @property
    def price(self) -> Decimal | None:
        return next((one.price_usd for one in self.holdings if one.price_usd is not None), None)

    @property
    def symbol(self) -> str | None:
        said = (*(one.symbol for one in self.holdings), *(approval.token.symbol for approval, _ in self.approved))
        return next((symbol for symbol in said if symbol), None)


_Named = tuple[str, str, str | None]
"""What a token is told from others by: chainIndex, contract, and the symbol where there is no contract."""


def _tokens(owned: Iterable[Owned], approved: Iterable[tuple[Approval, Exposure]]) -> list[_Token]:
    """Every token that is held or approved. One that the source gives no address for is nothing but its symbol."""
    holdings: dict[_Named, dict[str, Holding]] = defaultdict(dict)
    for one in owned:
        holdings[*one.contract, None][one.target.owner] = one.holding
    approvals: dict[_Named, list[tuple[Approval, Exposure]]] = defaultdict(list)
    for approval, at_stake in approved:
        token = approval.token
        # Without an address it must not be taken for the chain's own coin, which has none either.
        symbol = None if token.address else token.symbol or ""
        approvals[approval.chain, token.address, symbol].append((approval, at_stake))
    found = []
    for chain, address, symbol in dict.fromkeys((*holdings, *approvals)):
        held, taken = holdings.get((chain, address, symbol), {}), approvals.get((chain, address, symbol), ())
        unread = {approval.owner for approval, _ in taken} - held.keys()
        contracts = ((chain, address),) if symbol is None else ()
        found.append(_Token(contracts, tuple(held.values()), taken, len(unread)))
    return [replace(token, apart=_apart(token)) for token in found]


def _apart(token: _Token) -> Apart | None:
    """Why a token's symbol may not be believed, if it may not."""
    if any(one.risk for one in token.holdings):
        return Apart.RISK
    if token.price is None:
        return Apart.NOT_READ if all(one.balance(one.decimals) is None for one in token.holdings) else Apart.NO_PRICE
    if any(one.risk is None for one in token.holdings):
        return Apart.RISK_UNKNOWN
    return Apart.NO_SYMBOL if _key(token.symbol) is None else None


def _key(symbol: str | None) -> str | None:
    """What symbols are compared by; None for one that may not be what it looks like."""
    return symbol.upper() if symbol and _SYMBOL.fullmatch(symbol) else None


def _joined(tokens: Iterable[_Token]) -> dict[str, list[_Token]]:
    """The tokens that are one asset, by what their symbols are compared by."""
    found: dict[str, list[_Token]] = defaultdict(list)
    for token in tokens:
        key = _key(token.symbol)
        if token.apart is None and key is not None:
            found[key].append(token)
    return {key: some for key, some in found.items() if _agree([token.price for token in some])}


def _agree(prices: Iterable[Decimal | None]) -> bool:
    known = [price for price in prices if price is not None]
    return max(known) <= EXACT.multiply(min(known), ALIKE)


def _together(joined: Mapping[str, Sequence[_Token]], accounts: Sequence[Account]) -> Iterator[Asset]:
    for key, tokens in joined.items():
        first = max(tokens, key=lambda token: _wallets([token]).usd or Decimal(0))
        yield Asset(
            symbol=first.symbol,
            contracts=tuple(contract for token in tokens for contract in token.contracts),
            price_usd=first.price,
            wallets=_wallets(tokens),
            exchanges=_exchanges(key, accounts, first.price),
            at_stake=total(pair for token in tokens for pair in token.approved),
        )


def _alone(tokens: Iterable[_Token], joined: Mapping[str, Sequence[_Token]]) -> Iterator[Asset]:
    for token in tokens:
        if token.apart is None and _key(token.symbol) in joined:
            continue
        believed = token.apart is not Apart.RISK
        at_stake = total(token.approved)
        wallets = _wallets([token])
        yield Asset(
            symbol=token.symbol,
            contracts=token.contracts,
            price_usd=token.price if believed else None,
            wallets=wallets if believed else replace(wallets, usd=None),
            at_stake=at_stake if believed else Total(None if token.approved else Decimal(0), len(token.approved)),
            apart=token.apart or Apart.PRICES_DIFFER,
        )


def _elsewhere(joined: Mapping[str, Sequence[_Token]], accounts: Sequence[Account]) -> Iterator[Asset]:
    """What exchanges hold of currencies that no token in the wallets may be taken for."""
    for name in dict.fromkeys(_key(name) or name for account in accounts for name in account.amounts):
        if name not in joined:
            yield Asset(name, exchanges=_exchanges(name, accounts, None), apart=Apart.NOT_IN_WALLETS)


def _wallets(tokens: Iterable[_Token]) -> Sum:
    """What wallets hold, of those that were read; an owner whom nobody read may hold any amount."""
    found: list[tuple[Decimal | None, Decimal | None]] = []
    for token in tokens:
        found += [(one.balance(one.decimals), token.price) for one in token.holdings]
        found += [(None, token.price)] * token.unread
    return _sum(found)


def _exchanges(key: str, accounts: Iterable[Account], price: Decimal | None) -> Sum:
    """What accounts hold of a currency. One that was not wholly read may hold more of any."""
    found: list[tuple[Decimal | None, Decimal | None]] = []
    for account in accounts:
        found += [(amount, price) for name, amount in account.amounts.items() if (_key(name) or name) == key]
        found += [(None, price)] if account.trouble is not None else []
    return _sum(found)


def _sum(parts: Iterable[tuple[Decimal | None, Decimal | None]]) -> Sum:
    """Amounts and their prices added up. Nothing at all is 0 of it; it is worth nothing, whatever the price."""
    amount = usd = Decimal(0)
    known = unknown = unpriced = 0
    for units, price in parts:
        if units is None:
            unknown += 1
            continue
        known += 1
        amount = EXACT.add(amount, units)
        unpriced += price is None and units > 0
        usd = EXACT.add(usd, EXACT.multiply(units, price or Decimal(0)))
    if unknown and not known:
        return Sum(None, None, unknown)
    return Sum(amount, None if unpriced else usd, unknown)


def _matters(asset: Asset) -> bool:
    """Whether anything of it is held, may be held, or may be taken."""
    sides = (asset.wallets, asset.exchanges)
    return any(side.amount or side.unknown for side in sides) or bool(asset.at_stake.usd or asset.at_stake.unvalued)


def _shared(asset: Asset) -> Asset:
    """The asset with the share at stake, where the whole is known."""
    return replace(asset, share=_share(asset.at_stake, asset.wallets, asset.exchanges))


def _share(at_stake: Total, *sides: Sum) -> Decimal | None:
    whole = _money(side.usd for side in sides)
    if at_stake.usd is None or not whole or any(side.usd is None or side.unknown for side in sides):
        return None
    return _SHARE.divide(at_stake.usd, whole)


def _unread(account: Account) -> int:
    """How many parts of an account are not known: amounts that make no sense, and whatever was not read."""
    return sum(amount is None for amount in account.amounts.values()) + (account.trouble is not None)


def _money(parts: Iterable[Decimal | None]) -> Decimal:
    added = Decimal(0)
    for usd in parts:
        added = EXACT.add(added, usd or Decimal(0))
    return added


def _worth(sums: Iterable[Sum], unknown: int, *, more: bool) -> Sum:
    """Money alone; None where none is known, although parts are unknown or there is `more` that could not be valued."""
    usd = _money(one.usd for one in sums)
    return Sum(None, None if not usd and (unknown or more) else usd, unknown)


def _order(asset: Asset) -> tuple[object, ...]:
    """Assets that stand for something first, of those the most valuable."""
    worth = _money((asset.wallets.usd, asset.exchanges.usd))
    place = 0 if asset.apart is None else 1 + list(Apart).index(asset.apart)
    return place, -worth, asset.symbol or "", asset.contracts
