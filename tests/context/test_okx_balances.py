"""What owners hold, read from a far side that follows the documents."""

from decimal import Decimal
from typing import Any

import pytest
from bank import ANN, MINT, SOL, Bank, asset, coin, listed, read, read_one, reader_of, token, told
from far_side import EVM, Asked, Clock, error, owner

from scanner.domain.approvals import Target
from scanner.domain.chains import UnknownChainError, by_index
from scanner.domain.holdings import BalanceReading, Seen, Wanted, decimals_of

ETH, BSC = Target("1", ANN), Target("56", ANN)


async def test_a_row_of_the_live_shape_is_read_exactly() -> None:
    row = asset("1", token(1), balance="1.940611", rawBalance="1940611", tokenPrice="0.99983", symbol="USDC")
    reading = await read_one(Bank({ANN: [row]}))
    seen = reading.rows[token(1)]
    assert seen == Seen(token(1), "USDC", Decimal("1.940611"), 1940611, Decimal("0.99983"), risk=False)
    assert decimals_of(seen) == 6
    assert not reading.asked
    assert reading.trouble is None


@pytest.mark.parametrize("api", ["v5", "v6"])
async def test_all_chains_of_an_owner_are_asked_for_together_and_the_rest_by_address(api: str) -> None:
    bank = Bank(
        {
            ANN: [
                coin("1"),
                asset("56", token(1)),
                asset("1", token(2), hidden=True),
                asset("56", token(3), hidden=True),
            ]
        },
        prefix=f"/api/{api}/dex/balance",
    )
    wanted = [Wanted(ETH, frozenset({token(2), token(4)})), Wanted(BSC, frozenset({token(1), token(3)}))]
    async with reader_of(bank, api=api) as (reader, far):
        found = await read(reader, wanted)
        assert reader.cost.requests == 2
    first, second = far.asked
    assert first.target.startswith(f"/api/{api}/dex/balance/all-token-balances-by-address?address={ANN}&chains=1%2C56&")
    assert second.json["tokenContractAddresses"] == [
        {"chainIndex": "1", "tokenContractAddress": token(2)},
        {"chainIndex": "1", "tokenContractAddress": token(4)},
        {"chainIndex": "56", "tokenContractAddress": token(3)},
    ]
    assert found[ETH].rows.keys() == {"", token(2)}
    assert found[ETH].asked == {token(2), token(4)}
    assert found[BSC].rows.keys() == {token(1), token(3)}
    assert found[BSC].asked == {token(3)}


async def test_nothing_is_asked_by_address_where_the_list_shows_it_all() -> None:
    async with reader_of(Bank({ANN: [coin("1"), asset("1", token(1))]})) as (reader, far):
        await read(reader, [Wanted(ETH, frozenset({"", token(1)}))])
    assert len(far.asked) == 1


async def test_the_chains_own_coin_is_asked_for_as_an_empty_address() -> None:
    reading = await read_one(Bank({ANN: [coin("1", hidden=True, symbol="ETH")]}), "")
    assert reading.rows[""].symbol == "ETH"
    assert reading.asked == {""}


async def test_two_families_of_addresses_never_share_a_request() -> None:
    bank = Bank({ANN: [asset("1", token(1))], SOL: [asset("501", MINT, balance="7", rawBalance="7000000")]})
    solana = Target("501", SOL)
    async with reader_of(bank) as (reader, far):
        found = await read(reader, [Wanted(ETH), Wanted(solana), Wanted(BSC)])
    assert len(far.asked) == 2
    assert found[solana].rows[MINT].amount == 7
    assert not any(reading.trouble for reading in found.values())


async def test_an_owner_whose_address_fits_two_families_is_asked_about_twice() -> None:
    tron = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    async with reader_of(Bank()) as (reader, far):
        found = await read(reader, [Wanted(Target("195", tron)), Wanted(Target("501", tron))])
    assert len(far.asked) == 2
    assert not any(reading.trouble for reading in found.values())


async def test_an_address_keeps_its_capitals_where_they_mean_something() -> None:
    upper = token(0xABCDEF).upper().replace("0X", "0x")
    reading = await read_one(Bank({ANN: [asset("1", upper)]}))
    assert reading.rows.keys() == {token(0xABCDEF)}
    reading = await read_one(Bank({SOL: [asset("501", MINT)]}), MINT, chain="501", owner=SOL)
    assert reading.rows.keys() == {MINT}
    assert not reading.asked


async def test_fifty_chains_and_twenty_tokens_are_the_most_of_a_request() -> None:
    wanted = [Wanted(Target(chain, ANN), frozenset({token(1)})) for chain in EVM[:55]]
    async with reader_of(Bank({ANN: [asset(chain, token(1), hidden=True) for chain in EVM]})) as (reader, far):
        found = await read(reader, wanted)
    assert [listed(asked) for asked in far.asked] == [True] * 2 + [False] * 3
    assert all(reading.rows and reading.asked == {token(1)} for reading in found.values())


async def test_many_tokens_of_one_chain_are_asked_for_in_parts() -> None:
    tokens = [token(number) for number in range(1, 48)]
    bank = Bank({ANN: [asset("1", one, hidden=True) for one in tokens[:40]]})
    async with reader_of(bank) as (reader, far):
        reading = (await read(reader, [Wanted(ETH, frozenset(tokens))]))[ETH]
    assert len(far.asked) == 1 + 3
    assert reading.asked == set(tokens)
    assert reading.rows.keys() == set(tokens[:40])


async def test_a_target_that_is_wanted_twice_is_read_once_with_all_its_tokens() -> None:
    async with reader_of(Bank()) as (reader, far):
        found = await read(reader, [Wanted(ETH, frozenset({token(1)})), Wanted(ETH, frozenset({token(2)}))])
    assert found[ETH].asked == {token(1), token(2)}
    assert len(far.asked) == 2


async def test_many_owners_are_read_at_the_same_time() -> None:
    wanted = [Wanted(Target(chain, owner(n))) for n in range(40) for chain in ("1", "56")]
    bank = Bank({owner(n): [asset("1", token(n))] for n in range(40)})
    async with reader_of(bank, clock=Clock(), requests_per_second=1000.0) as (reader, far):
        found = await read(reader, wanted)
    assert len(far.asked) == 40
    assert all(found[Target("1", owner(n))].rows.keys() == {token(n)} for n in range(40))


async def test_nothing_wanted_asks_for_nothing() -> None:
    async with reader_of(Bank()) as (reader, far):
        assert await read(reader, []) == {}
    assert far.asked == []


async def test_a_reading_is_timed_when_it_is_there() -> None:
    clock = Clock()
    reading = await read_one(Bank(), clock=clock)
    assert reading.read_at.timestamp() == clock.now()


async def test_a_chain_outside_of_the_table_is_a_mistake_of_the_caller() -> None:
    async with reader_of(Bank()) as (reader, _):
        with pytest.raises(UnknownChainError):
            await read(reader, [Wanted(Target("424242", ANN))])


@pytest.mark.parametrize(
    "answer",
    [
        told(),
        {"code": "0", "msg": "", "data": []},
        {"code": 0, "data": [{}]},
        {"code": "0", "data": [{"tokenAssets": []}, {"new": True}]},
    ],
)
async def test_an_empty_answer_says_nothing_of_what_was_not_asked_by_address(answer: dict[str, Any]) -> None:
    for tokens in ((), (token(1),)):
        reading = await read_one(lambda _: answer, *tokens)
        assert not reading.rows
        assert reading.asked == set(tokens)
        assert reading.trouble is None


@pytest.mark.parametrize("told_owner", ["", None, ANN, ANN.upper().replace("0X", "0x"), ANN.upper()])
@pytest.mark.parametrize("chain", ["1", 1, " 1"])
async def test_the_owner_may_be_left_out_and_the_chain_may_be_a_number(told_owner: str | None, chain: object) -> None:
    reading = await read_one(lambda _: told(asset("1", token(1), address=told_owner, chainIndex=chain, surprise=[{}])))
    assert reading.rows.keys() == {token(1)}
    assert reading.trouble is None


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({"balance": "5", "rawBalance": ""}, {"balance": "7", "rawBalance": ""}, Decimal(7)),
        ({"balance": "7", "rawBalance": ""}, {"balance": "5", "rawBalance": ""}, Decimal(7)),
        ({"balance": "?", "rawBalance": ""}, {"balance": "5", "rawBalance": ""}, None),
        ({"balance": "5", "rawBalance": ""}, {"balance": "?", "rawBalance": ""}, None),
    ],
)
async def test_of_a_token_that_is_told_twice_the_larger_counts(first: Any, second: Any, kept: Decimal | None) -> None:
    reading = await read_one(lambda _: told(asset("1", token(1), **first), asset(1, token(1), **second)))
    assert reading.rows[token(1)].amount == kept


async def test_a_reader_covers_what_it_does_not_know_better() -> None:
    async with reader_of(Bank(unknown={"137"})) as (reader, _):
        assert reader.covers(by_index("137"))
        await read(reader, [Wanted(Target("137", ANN))])
        assert not reader.covers(by_index("137"))
        assert reader.covers(by_index("1"))


async def test_what_is_known_first_is_handed_on_first() -> None:
    done: list[BalanceReading] = []

    def script(asked: Asked) -> dict[str, Any]:
        if listed(asked):
            return told(asset("56", token(1)))
        return told() if [reading.target for reading in done] == [BSC] else error("50000")

    async with reader_of(script) as (reader, _):
        async for reading in reader.read([Wanted(ETH, frozenset({token(2)})), Wanted(BSC, frozenset({token(1)}))]):
            done.append(reading)  # noqa: PERF401 - the far side looks at it meanwhile
    assert [reading.target for reading in done] == [BSC, ETH]
    assert not any(reading.trouble for reading in done)
