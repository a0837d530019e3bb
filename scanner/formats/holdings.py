"""What people read of all that is held: amounts and money in words, the table, and what was taken for what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from scanner.domain.addresses import short
from scanner.domain.assets import Apart
from scanner.domain.inventory import AssetEntry, ContractEntry, Holdings, StakeEntry, SumEntry, TotalEntry
from scanner.domain.plain import counted, money, units
from scanner.formats.documents import Look
from scanner.formats.grids import LOUD, Column, Pair, Part, hanging, line, pairs
from scanner.formats.pieces import heading
from scanner.formats.words import ago, wallet

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["WHY_APART", "ages", "amount", "bound", "holdings_told", "named", "share", "stake", "where", "worth"]

WHY_APART: Mapping[str, str] = {
    Apart.RISK: "the source calls it a scam or a honeypot; not valued",
    Apart.NO_PRICE: "no price is known; not valued",
    Apart.NOT_READ: "its balance is not known; not valued",
    Apart.NOT_IN_WALLETS: "no token in the wallets may be taken for it; not valued",
    Apart.RISK_UNKNOWN: "not known whether it is a scam; valued for itself",
    Apart.NO_SYMBOL: "no symbol that could be compared; valued for itself",
    Apart.PRICES_DIFFER: "others of its symbol have another price; valued for itself",
}
"""Why an asset is joined with nothing, in words, in the order in which that is told."""


def amount(held: SumEntry) -> str:
    """What is held, in token units; `≥` where a part is not known, "" where nothing was joined."""
    if held.amount is None:
        return "unknown" if held.unknown else ""
    return ("≥ " if held.unknown else "") + units(held.amount)


def worth(held: SumEntry) -> str:
    """What is held, in US dollars; "" where nothing was joined, or nothing is there."""
    if held.amount is None or not Decimal(held.amount):
        return ""
    return "not valued" if held.usd is None else bound(held)


def bound(held: SumEntry) -> str:
    """Money, with `≥` where a part is not known."""
    return ("≥ " if held.unknown and held.usd is not None else "") + money(held.usd)


def stake(at_stake: StakeEntry) -> str:
    """What can be taken, in US dollars."""
    if at_stake.usd is not None and not Decimal(at_stake.usd):
        return "unknown" if at_stake.unvalued else "nothing"
    return ("≥ " if at_stake.unvalued and at_stake.usd is not None else "") + money(at_stake.usd)


def share(part: str | None, at_stake: StakeEntry) -> str:
    """The share at stake, in percent."""
    if part is None:
        return ""
    return ("≥ " if at_stake.unvalued else "") + f"{Decimal(part):.1%}"


def named(symbol: str | None) -> str:
    """A symbol in quotation marks: a stranger chose it."""
    return "no symbol" if symbol is None else f"“{symbol}”"


def where(contract: ContractEntry, *, whole: bool = False) -> str:
    """A token by its chain and its contract, shortened unless the whole is wanted."""
    if contract.address is None:
        return f"{contract.chain} (its own coin)"
    return f"{contract.chain} {contract.address if whole else short(contract.address)}"


def ages(document: Holdings, now: datetime) -> str:
    """How old the balances of the wallets are, in one line."""
    read = sorted(one.read_at for one in document.wallets if one.read_at is not None)
    if not read:
        return "no balance of a wallet was ever wholly read: `approval-watch scan` reads them"
    newest, oldest = ago(read[-1], now), ago(read[0], now)
    return f"balances of wallets were read {newest}" + ("" if newest == oldest else f", the oldest {oldest}")


def holdings_told(look: Look, document: Holdings) -> Iterator["RenderableType"]:
    """What is held, what was taken for what, what stands by itself, and how old and how sound all that is."""
    together = [asset for asset in document.assets if asset.apart is None]
    if document.assets:
        yield _table(look, together, document.total, elsewhere=bool(document.accounts))
    else:
        yield line(Part("Nothing is held, as far as it is known", "bold"))
    if together:
        yield heading("Taken for each symbol")
        yield hanging((Part(named(asset.symbol)), [_contracts(asset)]) for asset in together)
    yield from _apart(document.assets)
    yield line()
    yield from _caveats(look, document)


def _table(look: Look, assets: Iterable[AssetEntry], total: TotalEntry, *, elsewhere: bool) -> "RenderableType":
    columns = [Column("asset", "price"), Column("in wallets", "worth")]
    columns += [Column("on exchanges", "worth")] if elsewhere else []
    columns += [Column("at stake", "share", folds=True)]
    rows = [*(_row(asset, elsewhere=elsewhere) for asset in assets), _total(total, elsewhere=elsewhere)]
    return pairs(look, columns, rows)


def _row(asset: AssetEntry, *, elsewhere: bool) -> Sequence[Pair]:
    exchanges = [(Part(amount(asset.exchanges)), Part(worth(asset.exchanges), "dim"))] if elsewhere else []
    return (
        (Part(named(asset.symbol)), Part(money(asset.price_usd), "dim")),
        (Part(amount(asset.wallets)), Part(worth(asset.wallets), "dim")),
        *exchanges,
        _stake(asset.at_stake, asset.share),
    )


def _total(total: TotalEntry, *, elsewhere: bool) -> Sequence[Pair]:
    exchanges = [(Part(bound(total.exchanges), "bold"), Part(""))] if elsewhere else []
    return (
        (Part("total", "bold"), Part("")),
        (Part(bound(total.wallets), "bold"), Part("")),
        *exchanges,
        _stake(total.at_stake, total.share),
    )


def _stake(at_stake: StakeEntry, part: str | None) -> Pair:
    said = stake(at_stake)
    return Part(said, "" if said == "nothing" else LOUD), Part(share(part, at_stake), "dim")


def _contracts(asset: AssetEntry) -> "Text":
    return line(Part(", ".join(map(where, asset.contracts))))


def _apart(assets: Iterable[AssetEntry]) -> Iterator["RenderableType"]:
    """What stands by itself, alike reasons together."""
    alike: dict[str, list[AssetEntry]] = {reason: [] for reason in WHY_APART}
    for asset in assets:
        if asset.apart is not None:
            alike[asset.apart].append(asset)
    for reason, some in alike.items():
        if some:
            yield heading(f"Matched with nothing ({len(some)}): {WHY_APART[reason]}")
            yield hanging((Part(named(asset.symbol)), [_alone(asset)]) for asset in some)


def _alone(asset: AssetEntry) -> "Text":
    side = asset.exchanges if asset.apart == Apart.NOT_IN_WALLETS else asset.wallets
    told = [amount(side) or "unknown"]
    told += [money(side.usd)] if side.usd is not None and worth(side) else []
    told += [where(contract) for contract in asset.contracts]
    taken = stake(asset.at_stake)
    at_stake = [Part(", at stake: "), Part(taken, LOUD)] if taken != "nothing" else []
    return line(Part(", ".join(told)), *at_stake)


def _caveats(look: Look, document: Holdings) -> Iterator["Text"]:
    for account in document.accounts:
        if account.error is None:
            yield line(Part(f"{account.name}: {counted(account.currencies, 'balance')}, read now", "dim"))
        else:
            yield line(Part(f"{account.name} COULD NOT BE READ: {account.error}", LOUD))
    for one in document.wallets:
        if one.error is not None or one.read_at is None:
            age = "never wholly read" if one.read_at is None else f"last wholly read {ago(one.read_at, look.now)}"
            said = f"balances of {wallet(one.owner, one.label)} on {one.chain}: {age}"
            yield line(Part(said, LOUD), Part("" if one.error is None else f": {one.error}"))
    yield line(Part(ages(document, look.now), "dim"))
    if document.total.unvalued:
        said = f"{counted(document.total.unvalued, 'asset')} could not be valued, and are in no total"
        yield line(Part(said, "yellow"))
    if document.total.at_stake.unvalued:
        said = f"what {counted(document.total.at_stake.unvalued, 'approval')} put at stake is not known"
        yield line(Part(said, "yellow"))
