"""Lists as they are kept: only what changed is written, and waits until it has been judged."""

from dataclasses import replace
from pathlib import Path

import pytest
from made import START, address, approval, commit, reading

from scanner.domain.addresses import checksummed
from scanner.domain.lists import Entry, ListState
from scanner.store import lists
from scanner.store.engine import Store

ROOT = Path(__file__).parents[2]
STATE = ListState(name="ours", label="known", origin="ours.csv", entries=1, examples=("line 2: no",))
SWAP = Entry(address(200), ("known",), "1", "Swap")
TOKEN = Entry(address(100), ("known",))


async def keep(store: Store, *entries: Entry, name: str = "ours") -> int:
    state = ListState(name=name, label="known", origin="ours.csv", entries=len(entries), examples=("line 2: no",))
    return await store.write(lambda connection: lists.keep(connection, state, entries, at=START))


async def settle(store: Store) -> None:
    newest, _ = await store.read(lists.to_judge)
    await store.write(lambda connection: lists.judged(connection, newest))


async def test_a_state_comes_back_as_it_was_kept(store: Store) -> None:
    await keep(store, SWAP)
    assert await store.read(lists.states) == {"ours": STATE}


async def test_what_a_list_says_anew_waits_with_the_approvals_that_it_touches(store: Store) -> None:
    here, elsewhere = approval(token=100, spender=200), approval(token=101, spender=201)
    await commit(store, reading(here, elsewhere), "scan-1")
    assert await keep(store, SWAP) == 1
    newest, ids = await store.read(lists.to_judge)
    assert ids == [here.id]
    await store.write(lambda connection: lists.judged(connection, newest))
    assert await store.read(lists.to_judge) == (0, [])


async def test_the_same_entries_again_are_no_news_and_a_lost_one_is(store: Store) -> None:
    await keep(store, SWAP, TOKEN)
    await settle(store)
    assert await keep(store, TOKEN, SWAP) == 0
    assert await keep(store, TOKEN) == 1
    assert await store.read(lambda c: lists.standings_of(c, {("1", SWAP.address)})) == {}


async def test_another_label_counts_for_what_is_kept_and_waits_to_be_judged(store: Store) -> None:
    held = approval(token=101, spender=200)
    await commit(store, reading(held), "scan-1")
    await keep(store, SWAP, Entry(SWAP.address, ("known", "mine"), "1", "Swap"), TOKEN)
    await settle(store)
    failed = replace(STATE, checked_at=START, error="it is gone")
    assert await store.write(lambda c: lists.keep(c, failed, at=START)) == 0
    assert (await store.read(lists.to_judge))[1] == []
    assert await store.write(lambda c: lists.keep(c, replace(failed, label="exploited"), at=START)) == 2
    assert (await store.read(lists.to_judge))[1] == [held.id]
    found = await store.read(lambda c: lists.standings_of(c, {("1", SWAP.address)}))
    assert found[("1", SWAP.address)].labels == ("exploited", "mine")


async def test_what_came_while_the_rest_was_judged_waits_on(store: Store) -> None:
    held = approval(token=100, spender=200)
    await commit(store, reading(held), "scan-1")
    await keep(store, SWAP)
    newest, _ = await store.read(lists.to_judge)
    await keep(store, SWAP, TOKEN)
    await store.write(lambda connection: lists.judged(connection, newest))
    assert (await store.read(lists.to_judge))[1] == [held.id]


async def test_a_number_never_comes_back_when_everything_was_judged(store: Store) -> None:
    await keep(store, SWAP)
    first, _ = await store.read(lists.to_judge)
    await settle(store)
    await keep(store)
    second, _ = await store.read(lists.to_judge)
    assert second > first


async def test_a_list_that_is_dropped_takes_its_words_back(store: Store) -> None:
    await keep(store, SWAP)
    await keep(store, TOKEN, name="theirs")
    await store.write(lambda connection: lists.drop(connection, ["ours"], at=START))
    assert list(await store.read(lists.states)) == ["theirs"]
    found = await store.read(lambda c: lists.standings_of(c, {("1", SWAP.address), ("1", TOKEN.address)}))
    assert set(found) == {("1", TOKEN.address)}


async def test_the_reach_counts_an_approval_once_and_minds_the_chain(store: Store) -> None:
    await commit(store, reading(approval(token=100, spender=200), approval(token=101, spender=200)), "scan-1")
    await keep(store, SWAP, TOKEN)
    await keep(store, Entry(SWAP.address, ("known",), "56"), name="bsc")
    assert await store.read(lists.reach) == {"ours": 2}


def rows() -> list[list[str]]:
    lines = (ROOT / "rules" / "known.csv").read_text().splitlines()
    return [line.split(",") for line in lines if line.startswith("0x")]


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join(row[1:]))
def test_a_well_known_contract_has_its_checksum_a_chain_and_a_name(row: list[str]) -> None:
    written, chain, name = row
    assert checksummed(written) == written
    assert chain
    assert name
    assert rows().count(row) == 1
