"""Stories move as they are written, and what is wrong with one is said all at once, each with its place."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from scanner.errors import ConfigError
from scanner.sandbox import (
    UINT256_MAX,
    Row,
    Spender,
    Status,
    World,
    big_world,
    bundled_world,
    filler,
    load_world,
    read_world,
)
from scanner.sandbox.worlds import smallest_units

CAST = """\
title: A test
tokens:
  usdt: {chain: ethereum, address: 0xd700000000000000000000000000000000000001, symbol: USDT, decimals: 6, price: 0.99}
  odd: {chain: "56", address: "", risk: true}
spenders:
  router: {address: 0x5e00000000000000000000000000000000000001, name: Router}
  nobody: {address: 0x5e00000000000000000000000000000000000002}
owners:
  me: 0xA100000000000000000000000000000000000001
"""
ME = "0xa100000000000000000000000000000000000001"


def story(*days: str) -> World:
    """A world whose days are made of happenings, one a line."""
    written = [CAST, "days:\n"]
    for day in days:
        written.append("  - title: a day\n    happens:\n")
        written += [f"      - {{{line.strip()}}}\n" for line in day.strip().splitlines()]
    return read_world("".join(written), "test.yaml")


def row(world: World, day: int, chain: str = "1") -> Row:
    (only,) = world.at(day).of(chain, ME)
    return only


def refusals(written: str) -> list[str]:
    """What is wrong with a story, without the hints."""
    with pytest.raises(ConfigError) as caught:
        read_world(written, "test.yaml")
    return [f"{problem.place.line}:{problem.place.column} {problem.message}" for problem in caught.value.problems]


def nonsense(*days: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        story(*days)
    return [problem.message for problem in caught.value.problems]


def test_an_approval_is_there_from_its_day_on() -> None:
    world = story("exploit: nobody", "approve: router, by: me, token: usdt, amount: 12.5")
    assert world.at(0).rows == {}
    assert row(world, 1).raw == 12_500_000
    assert row(world, 1).spender.name == "Router"
    assert row(world, 1).token.symbol == "USDT"
    assert world.at(99) == world.at(1)
    assert world.at(-1) == world.at(0)


def test_amounts_are_whole_tokens_raw_integers_or_the_maximum() -> None:
    assert row(story("approve: router, by: me, token: usdt, amount: max"), 0).raw == UINT256_MAX
    assert row(story("approve: router, by: me, token: usdt, raw: max"), 0).raw == UINT256_MAX
    assert row(story("approve: router, by: me, token: usdt, raw: 1_000_001"), 0).raw == 1_000_001
    assert row(story("approve: router, by: me, token: odd, raw: 7"), 0, "56").amount is None
    assert row(story("approve: router, by: me, token: usdt, raw: 1"), 0).amount == Decimal("0.000001")


def test_an_amount_is_exact_to_its_last_digit() -> None:
    amount = row(story("approve: router, by: me, token: usdt, amount: max"), 0).amount
    assert f"{amount:f}" == "115792089237316195423570985008687907853269984665640564039457584007913129.639935"


def test_an_allowance_is_raised_lowered_revoked_and_restored() -> None:
    world = story(
        "approve: router, by: me, token: usdt, amount: 10",
        "raise: router, by: me, token: usdt, amount: 20",
        "lower: router, by: me, token: usdt, amount: 0",
        "revoke: router, by: me, token: usdt",
        "restore: router, by: me, token: usdt",
        "revoke: router, by: me, token: usdt",
        "restore: router, by: me, token: usdt, amount: 3",
    )
    raws = [[row.raw for row in world.at(day).of("1", ME)] for day in range(7)]
    assert raws == [[10_000_000], [20_000_000], [0], [], [0], [], [3_000_000]]


def test_a_grant_and_a_revoke_can_be_on_their_way() -> None:
    world = story(
        "approve: router, by: me, token: usdt, amount: 10, pending: true",
        "settle: router, by: me, token: usdt",
        "revoke: router, by: me, token: usdt, pending: true",
        "settle: router, by: me, token: usdt",
        "restore: router, by: me, token: usdt",
    )
    found = [[row.status for row in world.at(day).of("1", ME)] for day in range(5)]
    assert found == [[Status.GRANTING], [Status.GRANTED], [Status.REVOKING], [], [Status.GRANTED]]


def test_what_is_on_its_way_may_never_happen() -> None:
    world = story(
        "approve: router, by: me, token: usdt, amount: 10, pending: true",
        "drop: router, by: me, token: usdt",
        "approve: router, by: me, token: usdt, amount: 5",
        "revoke: router, by: me, token: usdt, pending: true",
        "drop: router, by: me, token: usdt",
    )
    found = [[(row.status, row.raw) for row in world.at(day).of("1", ME)] for day in range(5)]
    granted = [(Status.GRANTED, 5_000_000)]
    assert found == [[(Status.GRANTING, 10_000_000)], [], granted, [(Status.REVOKING, 5_000_000)], granted]


def test_a_spender_turns_out_exploited_and_stays_so() -> None:
    world = story("approve: router, by: me, token: usdt, amount: 1", "exploit: router", "exploit: nobody")
    router = Spender("0x5e00000000000000000000000000000000000001", "Router")
    nobody = Spender("0x5e00000000000000000000000000000000000002")
    assert [world.at(day).exploited for day in range(3)] == [(), (router,), (router, nobody)]


def test_balances_prices_and_risk_are_kept() -> None:
    world = story("hold: usdt, by: me, amount: 12.5", "hold: usdt, by: me, amount: 3")
    ((owner, token),) = world.at(0).balances
    assert (owner, token.price, token.risk) == (ME, Decimal("0.99"), False)
    assert [dict(world.at(day).balances)[ME, token] for day in (0, 1)] == [Decimal("12.5"), Decimal(3)]
    assert row(story("approve: router, by: me, token: odd, raw: 7"), 0, "56").token.risk


def test_prices_and_risk_move_by_the_day_and_an_approval_stays_the_same() -> None:
    world = story(
        "approve: router, by: me, token: usdt, amount: 1",
        "price: usdt, usd: 1.05",
        "price: usdt, usd: unknown\nflag: usdt",
    )
    token = row(world, 0).token
    assert {row(world, day).token for day in range(3)} == {token}
    assert [world.at(day).price(token) for day in range(3)] == [Decimal("0.99"), Decimal("1.05"), None]
    assert [world.at(day).risky(token) for day in range(3)] == [False, False, True]


def test_what_lies_on_exchanges_is_deposited_and_withdrawn() -> None:
    written = (
        "exchanges: {okx: {USDT: 1200.5}, xt: {BTC: 0.3}}\n"
        "days:\n  - {}\n  - happens:\n"
        "      - {deposit: okx, currency: ETH, amount: 2}\n      - {withdraw: xt, currency: BTC, amount: 0.3}\n"
    )
    before, after = read_world(written, "test.yaml").days
    assert (before.account("okx"), before.account("xt")) == ({"USDT": Decimal("1200.5")}, {"BTC": Decimal("0.3")})
    assert after.account("okx") == {"USDT": Decimal("1200.5"), "ETH": Decimal(2)}
    assert after.account("xt") == {"BTC": Decimal(0)}


def test_what_happened_to_an_exploited_spender_is_told_where_it_is_known() -> None:
    day = story("exploit: router, incident: Its keys were stolen\nexploit: nobody").at(0)
    assert [(spender.name, told) for spender, told in day.incidents.items()] == [("Router", "Its keys were stolen")]
    assert len(day.exploited) == 2


def test_a_balance_is_exact_to_its_last_digit() -> None:
    (most,) = story("hold: usdt, by: me, amount: 98765432109876543210987654321098765.123456").at(0).balances.values()
    assert most == Decimal("98765432109876543210987654321098765.123456")
    assert smallest_units(most, 6) == 98765432109876543210987654321098765123456
    with pytest.raises(ValueError, match="not an amount of a token with 6 decimals"):
        smallest_units(Decimal(2**256), 6)


def test_a_wallet_on_solana_is_watched_where_it_holds_something() -> None:
    mint, alice = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV1"
    written = (
        f"tokens: {{usdc: {{chain: solana, address: {mint}, decimals: 6}}}}\n"
        f"owners: {{alice: {alice}}}\n"
        "days:\n  - happens:\n      - {hold: usdc, by: alice, amount: 5}\n"
    )
    world = read_world(written, "test.yaml")
    assert [(owner.address, owner.chains) for owner in world.owners] == [(alice, ("501",))]
    assert world.at(0).held("501", alice)[0][1] == 5
    assert refusals(written.replace("solana", "base")) == [
        "1:39 this is no address on the token's chain",
    ]


def test_filling_is_the_same_every_time_and_of_the_number_asked_for() -> None:
    world = story("fill: me, chain: bsc, count: 130")
    rows = world.at(0).of("56", ME)
    assert len({(row.token, row.spender) for row in rows}) == 130
    assert rows == tuple(filler(ME, "56", 130))
    assert rows != story("fill: me, chain: bsc, count: 130, seed: 2").at(0).of("56", ME)


def test_owners_are_known_by_where_they_approve_anything() -> None:
    world = story("approve: router, by: me, token: odd, raw: 7", "approve: router, by: me, token: usdt, amount: 1")
    assert [(owner.label, owner.address, owner.chains) for owner in world.owners] == [("me", ME, ("1", "56"))]


@pytest.mark.parametrize(
    ("happening", "said"),
    [
        ("raise: router, by: me, token: usdt, amount: 1", "not approved on that day"),
        ("lower: router, by: me, token: usdt, amount: 1", "not approved on that day"),
        ("revoke: router, by: me, token: usdt", "not approved on that day"),
        ("settle: router, by: me, token: usdt", "not approved on that day"),
        ("restore: router, by: me, token: usdt", "never revoked"),
        ("approve: nobody, by: me, token: usdt, amount: 1", "approved already"),
        ("raise: nobody, by: me, token: usdt, amount: 5", "is not more"),
        ("lower: nobody, by: me, token: usdt, amount: 5", "is not less"),
        ("settle: nobody, by: me, token: usdt", "nothing is pending"),
        ("drop: router, by: me, token: usdt", "not approved on that day"),
        ("drop: nobody, by: me, token: usdt", "nothing is pending"),
        ("exploit: nobody", "exploited already"),
        ("approve: router, by: me, token: usdt", "either 'amount'"),
        ("approve: router, by: me, token: usdt, amount: 1, raw: 1", "either 'amount'"),
        ("approve: router, by: me, token: usdt, amount: 0.0000001", "not an amount of a token with 6 decimals"),
        ("approve: router, by: me, token: odd, amount: 1", "has no decimals"),
        ("hold: usdt, by: me, amount: 0.0000001", "not an amount of a token with 6 decimals"),
        ("flag: odd", "known as a risk already"),
        ("withdraw: okx, currency: USDT, amount: 1", "there is only 0 of it"),
    ],
)
def test_what_cannot_happen_is_said(happening: str, said: str) -> None:
    before = "approve: nobody, by: me, token: usdt, amount: 5\nexploit: nobody"
    (message,) = nonsense(before, happening)
    assert said in message


def test_every_mistake_is_reported_at_once_with_its_place() -> None:
    written = """\
titel: A test
tokens:
  usdt: {chain: etherium, address: 0x12, decimals: six}
spenders:
  router: {name: Router}
  same: {address: 0x5e00000000000000000000000000000000000001}
  again: {address: 0x5E00000000000000000000000000000000000001}
owners: [me]
days:
  - happens:
      - {approve: rooter, by: me, token: usdt, amount: -1}
      - {aprove: router}
      - {}
      - approve
      - {exploit: router, when: now}
      - {fill: me, chain: bsc, count: [1]}
"""
    assert refusals(written) == [
        "1:1 unknown key 'titel'",
        "3:17 unknown chain 'etherium'; did you mean 'ethereum'?",
        "3:36 '0x12' is not an address: 0x and 40 hexadecimal digits are expected",
        "3:52 'six' is not a whole number",
        "5:11 a spender needs 'address'",
        "7:3 this has the address of 'same'",
        "8:9 owners has to be a mapping",
        "11:19 'rooter' is not known here; did you mean 'router'?",
        "11:31 'me' is not known here; nothing is known here",
        "11:56 '-1' is not a number from 0 on",
        "12:10 'aprove' is nothing that can happen",
        "13:9 nothing happens here",
        "14:9 nothing happens here",
        "15:27 unknown key 'when'",
        "16:16 'me' is not known here; nothing is known here",
        "16:39 'count' has to be a plain value",
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "0:0 a world needs at least one day under 'days'"),
        ("[]", "1:1 a world has to be a mapping"),
        ("days: none", "1:7 days has to be a list"),
        ("title: [1]\ndays: [{}]", "1:8 'title' has to be a plain value"),
        ("days: [{title: {}}]", "1:16 'title' has to be a plain value"),
        ("days: [{happens: 3}]", "1:18 what happens has to be a list"),
        ("exchanges: {binance: {}}\ndays: [{}]", "1:13 unknown key 'binance'"),
        ("exchanges: {okx: {USDT: much}}\ndays: [{}]", "1:25 'much' is not a number"),
        ("exchanges: {okx: [USDT]}\ndays: [{}]", "1:18 an account has to be a mapping"),
        ("days: [{happens: [{deposit: binance, currency: USDT, amount: 1}]}]", "1:29 'binance' is not known here"),
        ("days: [\n", "2:1 this is not YAML"),
        ("days: []\ndays: []", "2:1 'days' stands here twice"),
    ],
)
def test_a_file_that_is_no_world_is_refused(written: str, said: str) -> None:
    assert any(refusal.startswith(said) for refusal in refusals(written))


def test_a_file_is_read_and_named_in_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    with pytest.raises(ConfigError, match=r"world\.yaml: the world cannot be read: No such file"):
        load_world(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load_world(path)
    path.write_text("days: [{happenz: []}]")
    with pytest.raises(ConfigError, match=r"world\.yaml:1:9: unknown key 'happenz' \(did you mean 'happens'\?\)"):
        load_world(path)
    path.write_text("days: [{}]")
    assert load_world(path).title == str(path)


def test_in_the_demo_something_of_every_kind_happens_on_three_chains() -> None:
    world = bundled_world()
    assert [owner.label for owner in world.owners] == ["treasury", "ops", "hot"]
    assert {chain for owner in world.owners for chain in owner.chains} == {"1", "8453", "56"}

    def states(day: int) -> dict[object, tuple[int, Status]]:
        rows = (row for rows in world.at(day).rows.values() for row in rows)
        return {(row.key, row.token, row.spender): (row.raw, row.status) for row in rows}

    first, second, third = (states(day) for day in range(3))
    kept = first.keys() & second.keys()
    assert any(raw == UINT256_MAX for name, (raw, _) in second.items() if name not in first)
    assert any(second[name][0] > first[name][0] for name in kept)
    assert any(second[name][0] < first[name][0] for name in kept)
    assert first.keys() - second.keys()
    assert (first.keys() & third.keys()) - second.keys()
    assert any(second[name][1] is third[name][1] is Status.GRANTING for name in second.keys() & third.keys())
    assert world.at(2).exploited
    assert world.at(2).account("okx")["USDT"] > world.at(0).account("okx")["USDT"]
    assert max(len(rows) for rows in world.at(0).rows.values()) > 100
    assert any("](http" in row.spender.name for rows in world.at(1).rows.values() for row in rows)


def test_in_the_demo_money_arrives_under_an_old_approval_whose_spender_is_exploited_later() -> None:
    world = bundled_world()
    ((bridge, incident),) = world.at(2).incidents.items()
    assert "stolen" in incident
    for day in range(3):
        ((owner, token, raw),) = (
            (row.owner, row.token, row.raw)
            for row in world.at(day).rows["1", world.owners[0].address]
            if row.spender == bridge
        )
        assert raw == UINT256_MAX
        assert bool(world.at(day).balances.get((owner, token))) == (day > 0)
    assert not world.at(1).exploited


def test_in_the_quiet_world_nothing_moves() -> None:
    world = bundled_world("quiet")
    assert len(world.days) > 1
    assert all(replace(day, title="") == replace(world.at(0), title="") for day in world.days)
    assert world.at(0).rows
    assert world.at(0).balances
    assert world.at(0).accounts


def test_a_big_world_is_the_same_for_the_same_seed_and_moves_as_told() -> None:
    world = big_world(5, 20, chains=("1", "8453"), days=3, moved=4, seed=7)
    assert world == big_world(5, 20, chains=("1", "8453"), days=3, moved=4, seed=7)
    assert world != big_world(5, 20, chains=("1", "8453"), days=3, moved=4, seed=8)
    assert len(world.at(0).rows) == 10
    assert {len(rows) for rows in world.at(0).rows.values()} == {20}
    before, after = (
        {(row.owner, row.token, row.spender): row for rows in world.at(day).rows.values() for row in rows}
        for day in (0, 1)
    )
    assert sum(before[name] != after[name] for name in before) == 4
