"""What wallets and exchanges hold together: which symbols are believed, and what stays unknown."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Spender, Target, Token
from scanner.domain.assets import Account, Apart, Asset, Assets, Owned, assets
from scanner.domain.exposure import Exposure, exposure
from scanner.domain.holdings import Holding
from scanner.errors import Reason, Trouble

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
LATE = Trouble(Reason.UNAVAILABLE, "no connection")


def owned(symbol: str | None, amount: Any, price: Any = None, chain: str = "1", **more: Any) -> Owned:
    """What one wallet holds; risk-free, and of a contract named after its symbol, unless said otherwise."""
    token = more.pop("token", f"0x{symbol}")
    holding = Holding(
        token=token,
        read_at=AT,
        symbol=symbol,
        amount=None if amount is None else Decimal(amount),
        price_usd=None if price is None else Decimal(price),
        **{"risk": False, **more},
    )
    return Owned(Target(chain, more.pop("owner", "0xme")), holding)


def approved(one: Owned, raw: int = UINT256_MAX, spender: str = "0xspender") -> tuple[Approval, Exposure]:
    """An approval of what is owned, and what it puts at stake."""
    token = Token(one.holding.token, one.holding.symbol)
    approval = Approval(one.target.chain, one.target.owner, token, Spender(spender), Allowance(raw))
    return approval, exposure(approval, one.holding)


def account(trouble: Trouble | None = None, **amounts: Any) -> Account:
    read = {name: None if amount is None else Decimal(amount) for name, amount in amounts.items()}
    return Account("okx main", read, AT, trouble)


def numbers(*parts: object) -> tuple[object, ...]:
    """Numbers to compare at once, whole or decimal."""
    return parts


def only(found: Assets) -> Asset:
    (asset,) = found.assets
    return asset


def test_wallets_exchanges_and_what_is_at_stake_stand_beside_each_other() -> None:
    usdc = owned("USDC", "100", "0.5")
    found = assets([usdc], [approved(usdc)], [account(USDC="300")])
    asset = only(found)
    assert (asset.symbol, asset.contracts, asset.apart) == ("USDC", (("1", "0xUSDC"),), None)
    assert numbers(asset.wallets.amount, asset.wallets.usd) == (100, 50)
    assert numbers(asset.exchanges.amount, asset.exchanges.usd) == (300, 150)
    assert numbers(asset.at_stake.usd, asset.share) == (50, Decimal("0.25"))
    assert numbers(found.wallets.usd, found.exchanges.usd, found.at_stake.usd, found.share) == (
        50,
        150,
        50,
        Decimal("0.25"),
    )
    assert found.unvalued == 0


def test_one_symbol_on_several_chains_is_one_asset_whatever_its_case() -> None:
    held = [owned("stETH", "1", "3000"), owned("STETH", "2", "3010", chain="8453", token="0xbase")]
    asset = only(assets(held, [], [account(steth="1")]))
    assert asset.contracts == (("1", "0xstETH"), ("8453", "0xbase"))
    assert asset.wallets.usd == 3000 + 2 * 3010
    assert asset.exchanges.usd == asset.price_usd == 3010, "valued by the price of what the wallets hold most of"


def test_two_owners_of_one_token_and_two_accounts_add_up() -> None:
    held = [owned("ETH", "1", "10", token=""), Owned(Target("1", "0xyou"), owned("ETH", "2", "10", token="").holding)]
    asset = only(assets(held, [], [account(ETH="3"), account(eth="4")]))
    assert numbers(asset.wallets.amount, asset.exchanges.amount) == (3, 7)


@pytest.mark.parametrize(
    ("spam", "apart"),
    [
        ({"price": "1", "risk": True}, Apart.RISK),
        ({"price": "1", "risk": None}, Apart.RISK_UNKNOWN),
        ({}, Apart.NO_PRICE),
    ],
)
def test_spam_of_the_same_symbol_is_never_the_asset(spam: dict[str, Any], apart: Apart) -> None:
    true, false = owned("USDC", "100", "1"), owned("USDC", "1000000", token="0xspam", **spam)
    first, second = assets([true, false], [], [account(USDC="1")]).assets
    assert numbers(first.apart, first.contracts, first.wallets.usd) == (None, (("1", "0xUSDC"),), 100)
    assert (second.apart, second.contracts) == (apart, (("1", "0xspam"),))
    assert second.exchanges.amount is None


def test_what_the_source_calls_a_scam_is_worth_nothing_that_anybody_knows() -> None:
    scam = owned("GIFT", "1000", "1000000", risk=True)
    found = assets([scam], [approved(scam)], [])
    assert (only(found).wallets.usd, only(found).price_usd, only(found).at_stake.usd) == (None, None, None)
    assert numbers(found.wallets.usd, found.at_stake.usd, found.unvalued) == (0, 0, 1)


@pytest.mark.parametrize("symbol", [None, "", "US DC", "USDС", "ＵＳＤＣ", "USDC\u200b", "U" * 21])
def test_a_symbol_that_may_not_be_what_it_looks_like_matches_nothing(symbol: str | None) -> None:
    odd, plain = assets([owned(symbol, "5", "1", token="0xodd")], [], [account(USDC="1")]).assets[::-1]
    if odd.contracts == ():
        odd, plain = plain, odd
    assert numbers(odd.apart, odd.wallets.usd) == (Apart.NO_SYMBOL, 5)
    assert (plain.apart, plain.exchanges.usd) == (Apart.NOT_IN_WALLETS, None)


def test_prices_that_lie_apart_join_nothing() -> None:
    held = [owned("ETH", "1", "3000", token=""), owned("ETH", "9", "0.01", chain="56", token="0xfake")]
    found = assets(held, [], [account(ETH="2")])
    assert {asset.apart for asset in found.assets} == {Apart.PRICES_DIFFER, Apart.NOT_IN_WALLETS}
    assert found.wallets.usd == Decimal("3000.09")
    assert found.exchanges.usd is None, "what two ETH are worth is not known, which is not nothing"


def test_a_tenth_of_a_price_is_no_difference() -> None:
    for price, joined in (("1.1", True), ("1.1000001", False)):
        held = [owned("X", "1", "1"), owned("X", "1", price, chain="56")]
        assert (len(assets(held, [], []).assets) == 1) is joined


def test_the_largest_exposure_of_a_token_counts_not_the_sum_over_spenders() -> None:
    usdc = owned("USDC", "100", "1", raw=100, decimals=0)
    found = assets([usdc], [approved(usdc, 60, "0xa"), approved(usdc, 40, "0xb")], [])
    assert found.at_stake.usd == only(found).at_stake.usd == 60
    assert only(found).share == Decimal("0.6")


def test_a_cut_balance_never_puts_more_at_stake_than_there_is() -> None:
    usdc = owned("USDC", "1.23", "1", raw=1_239_999, decimals=6)
    asset = only(assets([usdc], [approved(usdc)], []))
    assert asset.wallets.amount == Decimal("1.239999")
    assert asset.share == 1


def test_an_unknown_part_makes_a_lower_bound_and_no_share() -> None:
    held = [owned("USDC", "100", "1"), owned("USDC", None, "1", chain="56")]
    asset = only(assets(held, [approved(held[0])], []))
    assert numbers(asset.wallets.amount, asset.wallets.unknown, asset.share) == (100, 1, None)
    assert only(assets([owned("USDC", None, "1")], [], [])).wallets.usd is None


def test_an_account_that_cannot_be_read_may_hold_anything() -> None:
    usdc = owned("USDC", "100", "1")
    found = assets([usdc], [approved(usdc)], [account(USDC="5"), account(LATE)])
    asset = only(found)
    assert numbers(asset.exchanges.amount, asset.exchanges.unknown, found.exchanges.unknown) == (5, 1, 1)
    assert (asset.share, found.share) == (None, None)
    assert found.at_stake.usd == 100


def test_what_an_exchange_holds_and_no_wallet_does_is_listed_unvalued() -> None:
    found = assets([owned("ETH", "1", "1")], [], [account(doge="7", ODD=None)])
    apart = {asset.symbol: asset for asset in found.assets if asset.apart is Apart.NOT_IN_WALLETS}
    assert numbers(apart["DOGE"].exchanges.amount, apart["DOGE"].exchanges.usd) == (7, None)
    assert apart["ODD"].exchanges.unknown == 1
    assert found.unvalued == 2


def test_an_empty_wallet_still_tells_the_price_of_what_an_exchange_holds() -> None:
    asset = only(assets([owned("USDT", "0", "1")], [], [account(USDT="7")]))
    assert numbers(asset.wallets.amount, asset.exchanges.usd) == (0, 7)


def test_nothing_held_and_nothing_at_stake_is_not_listed() -> None:
    assert assets([owned("USDT", "0", "1"), owned("SPAM", "0")], [], [account()]).assets == ()


def test_an_approved_token_whose_balance_was_never_read_is_listed() -> None:
    approval = Approval("1", "0xme", Token("0xt", "DAI"), Spender("0xs"), Allowance(5))
    found = assets([], [(approval, Exposure())], [])
    assert (only(found).apart, only(found).symbol, only(found).at_stake.unvalued) == (Apart.NOT_READ, "DAI", 1)
    assert (only(found).wallets.amount, only(found).wallets.unknown) == (None, 1)
    assert (found.at_stake.usd, found.at_stake.unvalued) == (None, 1)


def test_a_balance_that_is_missing_is_not_known_whatever_else_is_not() -> None:
    (asset,) = assets([owned("DAI", None)], [], []).assets
    assert (asset.apart, asset.wallets.unknown) == (Apart.NOT_READ, 1)


def test_a_token_without_an_address_is_not_the_chains_own_coin() -> None:
    coin = owned("ETH", "5", "3000", token="")
    approval = Approval("1", "0xme", Token("", "ETH"), Spender("0xs"), Allowance(UINT256_MAX))
    first, second = assets([coin], [(approval, Exposure())], []).assets
    assert (first.contracts, first.at_stake.unvalued) == ((("1", ""),), 0)
    assert (second.apart, second.at_stake.unvalued) == (Apart.NOT_READ, 1)
    assert (second.contracts, second.wallets.amount) == ((), None), "neither a contract nor a balance is made up"


def test_where_no_account_can_be_read_exchanges_hold_an_unknown_worth_and_not_nothing() -> None:
    found = assets([owned("ETH", "1", "10", token="")], [], [account(LATE)])
    assert numbers(found.exchanges.usd, found.exchanges.unknown, found.wallets.usd) == (None, 1, 10)
    assert assets([], [], [account()]).exchanges.usd == 0


@pytest.mark.parametrize("price", [None, "0.5"])
def test_wallets_of_which_nothing_could_be_valued_are_worth_an_unknown_sum(price: str | None) -> None:
    assert assets([owned("DAI", None if price else "7", price)], [], []).wallets.usd is None


def test_an_owner_who_was_never_read_makes_what_wallets_hold_and_the_share_a_bound() -> None:
    mine = owned("DAI", "10", "1")
    yours = structs.replace(approved(mine)[0], owner="0xyou")
    found = assets([mine], [approved(mine), (yours, Exposure())], [])
    assert numbers(only(found).wallets.amount, only(found).wallets.unknown, only(found).share) == (10, 1, None)
    assert numbers(found.wallets.usd, found.wallets.unknown, found.share) == (10, 1, None)


MONEY = st.decimals(0, 10**6, places=4)


@given(
    held=st.lists(st.tuples(st.sampled_from("ABC"), MONEY, st.sampled_from(["1", "56"]), st.booleans()), max_size=8),
    elsewhere=st.dictionaries(st.sampled_from("abcD"), MONEY, max_size=4),
)
def test_nothing_is_dropped_and_nothing_counts_twice(held: list[Any], elsewhere: dict[str, Decimal]) -> None:
    wallets = [
        Owned(
            Target(chain, f"0xowner{number}"),
            Holding(f"0x{symbol}", AT, symbol, amount, price_usd=Decimal(2), risk=risk),
        )
        for number, (symbol, amount, chain, risk) in enumerate(held)
    ]
    found = assets(wallets, [approved(one) for one in wallets], [Account("x", elsewhere, AT)])
    assert sum(asset.wallets.amount or 0 for asset in found.assets) == sum(amount for _, amount, *_ in held)
    assert sum(asset.exchanges.amount or 0 for asset in found.assets) == sum(elsewhere.values())
    assert found.at_stake.usd is not None
    assert found.at_stake.usd == found.wallets.usd
    assert len({contract for asset in found.assets for contract in asset.contracts}) == sum(
        len(asset.contracts) for asset in found.assets
    )
