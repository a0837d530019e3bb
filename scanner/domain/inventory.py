"""What is said of all that is held: the JSON of `holdings`, version 1, as typed values.

As in `report.py`: unknown is None, amounts and money are exact and texts, names from outside are made harmless.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from scanner.domain.approvals import Target
from scanner.domain.assets import Account, Asset, Assets, Contract, Sum
from scanner.domain.exposure import Total
from scanner.domain.hostile import harmless
from scanner.domain.report import chain_name, rfc3339, said

__all__ = [
    "AccountEntry",
    "AssetEntry",
    "ContractEntry",
    "Holdings",
    "StakeEntry",
    "SumEntry",
    "TotalEntry",
    "WalletEntry",
]


@dataclass(frozen=True, slots=True)
class SumEntry:
    """An amount in token units, and its worth. Both are lower bounds while parts are `unknown`."""

    amount: str | None
    usd: str | None
    unknown: int = 0

    @classmethod
    def of(cls, added: Sum) -> Self:
        """Amounts that were added up."""
        return cls(said(added.amount), said(added.usd), added.unknown)


@dataclass(frozen=True, slots=True)
class StakeEntry:
    """What approvals put at stake: a lower bound while some are `unvalued`."""

    usd: str | None
    unvalued: int = 0

    @classmethod
    def of(cls, worth: Total) -> Self:
        """The worth of many exposures."""
        return cls(said(worth.usd), worth.unvalued)


@dataclass(frozen=True, slots=True)
class ContractEntry:
    """A token that was taken for an asset. `address` is null for the chain's own coin."""

    chain: str
    chain_index: str
    address: str | None

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """A token."""
        chain, address = contract
        return cls(chain_name(chain), chain, address or None)


@dataclass(frozen=True, slots=True)
class AssetEntry:
    """One thing that is held. `apart` says why it is joined with nothing, null where it may be."""

    symbol: str | None
    apart: str | None
    contracts: tuple[ContractEntry, ...]
    price_usd: str | None
    wallets: SumEntry
    exchanges: SumEntry
    at_stake: StakeEntry
    share: str | None

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """An asset, its symbol made harmless."""
        return cls(
            symbol=harmless(asset.symbol),
            apart=None if asset.apart is None else asset.apart.value,
            contracts=tuple(map(ContractEntry.of, asset.contracts)),
            price_usd=said(asset.price_usd),
            wallets=SumEntry.of(asset.wallets),
            exchanges=SumEntry.of(asset.exchanges),
            at_stake=StakeEntry.of(asset.at_stake),
            share=said(asset.share),
        )


@dataclass(frozen=True, slots=True)
class TotalEntry:
    """What all of it comes to: money alone, of what could be valued. `unvalued` assets are not in it."""

    wallets: SumEntry
    exchanges: SumEntry
    at_stake: StakeEntry
    share: str | None
    unvalued: int


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account at an exchange, read now. `currencies` counts what it holds; `error` is null where all was read."""

    name: str
    read_at: str
    currencies: int
    error: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        """An account as it was read."""
        trouble = account.trouble
        return cls(
            name=account.name,
            read_at=rfc3339(account.read_at),
            currencies=len(account.amounts),
            error=None if trouble is None else str(trouble),
            reason=None if trouble is None else trouble.reason.value,
        )


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """A target and its balances. `read_at` is when all of them were last read, `error` what the last try lacked."""

    chain: str
    chain_index: str
    owner: str
    label: str | None
    read_at: str | None
    error: str | None

    @classmethod
    def of(cls, target: Target, read_at: datetime | None, error: str | None) -> Self:
        """A target with the age of its balances."""
        return cls(
            chain=chain_name(target.chain),
            chain_index=target.chain,
            owner=target.owner,
            label=target.label,
            read_at=None if read_at is None else rfc3339(read_at),
            error=error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All that is held, the most valuable first. `complete`: every account was read."""

    version: int = 1
    complete: bool
    total: TotalEntry
    assets: tuple[AssetEntry, ...] = ()
    accounts: tuple[AccountEntry, ...] = ()
    wallets: tuple[WalletEntry, ...] = ()

    @classmethod
    def of(cls, found: Assets, accounts: Iterable[Account], wallets: Iterable[WalletEntry]) -> Self:
        """What was found, and how it was read."""
        told = tuple(map(AccountEntry.of, accounts))
        return cls(
            complete=all(account.error is None for account in told),
            total=TotalEntry(
                wallets=SumEntry.of(found.wallets),
                exchanges=SumEntry.of(found.exchanges),
                at_stake=StakeEntry.of(found.at_stake),
                share=said(found.share),
                unvalued=found.unvalued,
            ),
            assets=tuple(map(AssetEntry.of, found.assets)),
            accounts=told,
            wallets=tuple(wallets),
        )
