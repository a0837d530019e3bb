"""Many calls in few requests, and each answered as if it had been asked alone."""

import pytest
from far_chain import BLOCK, BURNS, FarChain, called, served, string, words
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import Trouble
from scanner.evm.multicall import MOST_CALLS, MULTICALL3, aggregated, parted, read_state
from scanner.evm.values import Call

TOKEN, OTHER, NO_CODE = ("0x" + byte * 20 for byte in ("c1", "c2", "c9"))


def question(number: int, to: str = TOKEN) -> Call:
    return Call(to, called("balanceOf(address)", f"0x{number:040x}"))


def chain(count: int, **how: object) -> FarChain:
    """A token that answers so many questions, each with its number."""
    return FarChain({(TOKEN, question(number).data): words(number) for number in range(count)}, **how)  # type: ignore[arg-type]  # - its fields


async def test_answers_come_in_the_order_of_the_calls_from_few_requests() -> None:
    far = chain(1200)
    calls = [question(number) for number in (*range(1200), 3, 1)]
    async with served(far) as nodes:
        answers = await read_state(nodes, calls, BLOCK)
    assert answers == [words(number) for number in (*range(1200), 3, 1)]
    assert [int(data[74:138], 16) for _, data in far.asked] == [MOST_CALLS, MOST_CALLS, 1200 - 2 * MOST_CALLS]


async def test_a_call_that_reverts_and_one_without_code_are_told_apart() -> None:
    far = chain(3)
    async with served(far) as nodes:
        answers = await read_state(nodes, [question(1), question(99), question(1, NO_CODE)], BLOCK)
    assert answers == [words(1), None, ""]


async def test_nothing_is_asked_where_there_is_no_call() -> None:
    far = chain(1)
    async with served(far) as nodes:
        assert await read_state(nodes, [], BLOCK) == []
    assert far.requests == 0


@pytest.mark.parametrize("aggregator", [None, "00" * 32, words(32, 3), string("hello"), "ff" * 64, BURNS])
@pytest.mark.parametrize("batches", [True, False])
async def test_a_chain_without_multicall3_is_asked_call_by_call(aggregator: str | None, batches: bool) -> None:
    far = chain(40, aggregator=aggregator, batches=batches)
    async with served(far) as nodes:
        answers = await read_state(nodes, [*map(question, range(40)), question(99)], BLOCK)
    assert answers == [*(words(number) for number in range(40)), None]


async def test_no_contract_shares_an_aggregate_with_another() -> None:
    """One could take what the next is asked about: all of an aggregate is one transaction."""
    far = chain(20)
    others = {f"0x{number:040x}": question(number, f"0x{number:040x}") for number in range(1, 30)}
    far.state |= {(other, asked.data): words(7) for other, asked in others.items()}
    async with served(far) as nodes:
        answers = await read_state(nodes, [*others.values(), *map(question, range(20))], BLOCK)
    assert answers == [*[words(7)] * 29, *(words(number) for number in range(20))]
    assert far.aggregates == 1
    assert len(far.asked) == 30


async def test_a_call_that_burns_all_gas_takes_no_other_with_it() -> None:
    far = chain(300)
    far.state[TOKEN, question(150).data] = BURNS
    async with served(far) as nodes:
        answers = await read_state(nodes, list(map(question, range(300))), BLOCK)
    assert answers == [None if number == 150 else words(number) for number in range(300)]


@pytest.mark.parametrize("limit", [{"gas": 2_000_000}, {"gas": 200_000}, {"gas": 40_000}, {"largest": 30_000}])
async def test_a_node_that_takes_little_at_once_is_asked_for_less(limit: dict[str, int]) -> None:
    far = chain(600, **limit)
    async with served(far) as nodes:
        answers = await read_state(nodes, list(map(question, range(600))), BLOCK)
    assert answers == [words(number) for number in range(600)]


async def test_as_much_is_asked_at_once_as_a_node_takes() -> None:
    far = chain(600, largest=30_000)
    async with served(far) as nodes:
        await read_state(nodes, list(map(question, range(600))), BLOCK)
    assert len(far.asked) == far.aggregates < 20


async def test_a_node_that_runs_no_aggregate_is_soon_asked_call_by_call() -> None:
    far = chain(600, gas=4_000)
    async with served(far) as nodes:
        answers = await read_state(nodes, list(map(question, range(600))), BLOCK)
    assert answers == [words(number) for number in range(600)]
    assert len(far.asked) < 600 + 100


async def test_an_answer_of_a_megabyte_hides_none_beside_it() -> None:
    far = chain(60)
    far.state[TOKEN, question(30).data] = large = "61" * 1_000_000
    async with served(far) as nodes:
        answers = await read_state(nodes, list(map(question, range(60))), BLOCK)
    assert answers == [large if number == 30 else words(number) for number in range(60)]


async def test_a_node_that_cannot_answer_is_a_trouble_and_never_an_answer() -> None:
    far = chain(1200, fails_after=2)
    async with served(far) as nodes:
        answers = await read_state(nodes, list(map(question, range(1200))), BLOCK)
    assert isinstance(answers, Trouble)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=70)), max_size=6))
def test_what_an_aggregate_gives_back_is_parted_as_it_was_put_together(results: list[tuple[bool, bytes]]) -> None:
    answer = packed(results)
    assert parted(answer, len(results)) == [back.hex() if succeeded else None for succeeded, back in results]
    assert parted(answer, len(results) + 1) is None


@pytest.mark.parametrize("last", [(False, b"\0"), (True, b"\1" * 32), (True, b"\1" * 65)])
def test_an_aggregate_that_is_cut_off_is_no_answer(last: tuple[bool, bytes]) -> None:
    answer = packed([(True, b"before"), last])
    padding = 2 * (-len(last[1]) % 32)
    for kept in range(len(answer) - padding):
        assert parted(answer[:kept], 2) is None, kept


@given(st.text("0123456789abcdefg", max_size=600), st.integers(0, 4))
def test_nothing_that_stands_at_its_place_raises(garbage: str, count: int) -> None:
    found = parted(garbage, count)
    assert found is None or len(found) == count


def packed(results: list[tuple[bool, bytes]]) -> str:
    """`(bool, bytes)[]`, the slow way."""
    parts = [words(int(yes), 64, len(back)) + back.hex().ljust(-(-len(back) // 32) * 64, "0") for yes, back in results]
    places = [32 * len(parts) + sum(len(part) // 2 for part in parts[:index]) for index in range(len(parts))]
    return words(32, len(parts), *places) + "".join(parts)


def test_a_call_is_put_into_an_aggregate_with_its_own_data() -> None:
    one, other = Call(TOKEN, "0x95d89b41"), Call(OTHER, called("balanceOf(address)", TOKEN))
    made = aggregated([one, other])
    assert made.to == MULTICALL3
    assert made.data == "0x82ad56cb" + words(32, 2, 64, 64 + 160, TOKEN, 1, 96, 4) + "95d89b41".ljust(64, "0") + words(
        OTHER, 1, 96, 36
    ) + other.data[2:].ljust(128, "0")
