"""What owners hold is read from the state: to the last unit, and unknown where a contract says nonsense."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from far_chain import BURNS, FarChain, called, served, words

from scanner.context.evm_balances import PIECE, EvmBalances
from scanner.domain.approvals import UINT256_MAX, Target
from scanner.domain.chains import by_index
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.domain.token_facts import TokenFacts
from scanner.errors import Reason
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANN, BEN = (Target("1", "0x" + byte * 20) for byte in ("aa", "bb"))
USDC, APES, ODD, MUTE, GONE = ("0x" + byte * 20 for byte in ("c1", "c2", "c3", "c4", "c9"))
FACTS = {USDC: TokenFacts("USDC", "USD Coin", 6, 10**15), APES: TokenFacts("APE")}


def holds(owner: Target, token: str, answer: str) -> dict[tuple[str, str], str]:
    return {(token, called("balanceOf(address)", owner.owner)): answer}


async def told(store: Store, chain: FarChain, *wanted: Wanted) -> dict[Target, BalanceReading]:
    index = StoredIndex(store)
    await index.learn("1", FACTS, NOW)
    async with served(chain) as nodes:
        reader = EvmBalances({"1": nodes}, index, behind={}, cost=nodes.cost, now=lambda: NOW)
        found = [reading async for reading in reader.read(wanted)]
    assert len(found) == len(wanted)
    return {reading.target: reading for reading in found}


async def test_a_balance_is_what_the_contract_says_and_has_no_price(store: Store) -> None:
    state = holds(ANN, USDC, words(1_940_611)) | holds(BEN, USDC, words(0))
    found = await told(store, FarChain(state), *(Wanted(one, frozenset({USDC, ""})) for one in (ANN, BEN)))
    assert found[ANN].rows == {USDC: Seen(USDC, "USDC", Decimal("1.940611"), 1_940_611, priced=False)}
    assert found[BEN].rows == {USDC: Seen(USDC, "USDC", Decimal(0), 0, priced=False)}
    assert (found[ANN].trouble, found[ANN].read_at, found[ANN].asked) == (None, NOW, frozenset())


async def test_nfts_are_counted(store: Store) -> None:
    found = await told(store, FarChain(holds(ANN, APES, words(3))), Wanted(ANN, nfts=frozenset({APES})))
    assert found[ANN].rows == {APES: Seen(APES, "APE", Decimal(3), 3, priced=False)}


async def test_without_decimals_only_the_raw_amount_is_known_but_nothing_is_nothing(store: Store) -> None:
    state = holds(ANN, ODD, words(UINT256_MAX)) | holds(BEN, ODD, words(0))
    found = await told(store, FarChain(state), *(Wanted(one, frozenset({ODD})) for one in (ANN, BEN)))
    assert found[ANN].rows[ODD] == Seen(ODD, None, None, UINT256_MAX, priced=False)
    assert (found[BEN].rows[ODD].amount, found[BEN].rows[ODD].raw) == (Decimal(0), 0)


@pytest.mark.parametrize("answer", ["", "00" * 31, BURNS, None])
async def test_of_a_contract_that_says_nonsense_nothing_is_known_and_the_others_are(
    store: Store, answer: str | None
) -> None:
    state = holds(ANN, USDC, words(5)) | (holds(BEN, MUTE, words(1)) if answer is None else holds(ANN, MUTE, answer))
    found = await told(store, FarChain(state), Wanted(ANN, frozenset({USDC, MUTE, GONE})))
    assert found[ANN].trouble is None
    assert {token: (seen.amount, seen.raw) for token, seen in found[ANN].rows.items()} == {
        USDC: (Decimal("0.000005"), 5),
        MUTE: (None, None),
        GONE: (None, None),
    }


async def test_where_nobody_answers_each_target_is_told_so_and_the_rest_is_not_asked(store: Store) -> None:
    tokens = frozenset(f"0x{number:040x}" for number in range(PIECE))
    wanted = [Wanted(Target("1", f"0x{number:040x}"), tokens) for number in range(4)]
    alone, chain = FarChain(fails_after=0), FarChain(fails_after=0)
    await told(store, alone, wanted[0])
    found = await told(store, chain, *wanted)
    assert chain.asked == alone.asked
    troubles = [reading.trouble for reading in found.values() if reading.trouble is not None and not reading.rows]
    assert [trouble.reason for trouble in troubles] == [Reason.NODE_FAILED] * 4
    assert len({data for _, data in chain.asked}) <= 2 * 1_500


async def test_a_chain_without_nodes_is_not_covered(store: Store) -> None:
    elsewhere = Target("56", ANN.owner)
    found = await told(store, FarChain(holds(ANN, USDC, words(5))), Wanted(elsewhere), Wanted(ANN, frozenset({USDC})))
    trouble = found[elsewhere].trouble
    assert trouble is not None
    assert trouble.reason is Reason.NOT_COVERED
    assert found[ANN].rows[USDC].raw == 5


async def test_it_covers_the_chains_that_have_nodes(store: Store) -> None:
    async with served(FarChain()) as nodes:
        reader = EvmBalances({"1": nodes}, StoredIndex(store), behind={}, cost=nodes.cost, now=lambda: NOW)
        assert [reader.covers(by_index(chain)) for chain in ("1", "56")] == [True, False]
