"""What is known of a chain's past, in the store: written together, taken back together, never half of it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from scanner.domain.approvals import UINT256_MAX, Kind
from scanner.domain.nominations import PERMIT2, Nomination
from scanner.domain.token_facts import Standard, TokenFacts
from scanner.evm.index import Checkpoint
from scanner.evm.learned import Learned, Size
from scanner.store.chain import CHECKPOINTS, StoredIndex
from scanner.store.engine import Store
from scanner.store.nodes import StoredMemory
from scanner.store.pages import MOST

A, B, TOKEN, SPENDER = (f"0x{number:040x}" for number in range(1, 5))
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = Nomination(A, Kind.ERC6909, TOKEN, SPENDER, UINT256_MAX, B, UINT256_MAX, 2**40, "0x" + "ab" * 32, AT)
PLAIN = Nomination(A, Kind.ERC20, TOKEN, SPENDER)


def block(number: int) -> Checkpoint:
    return Checkpoint(number, f"0x{number:064x}")


@pytest.fixture
def index(store: Store) -> StoredIndex:
    return StoredIndex(store)


async def ids(index: StoredIndex, *wanted: Nomination) -> list[int]:
    """By which the index knows these."""
    keys = {one.key for one in wanted}
    return [one.id for ones in (await index.kept("1", [A, B])).values() for one in ones if one.nomination.key in keys]


async def marks(index: StoredIndex, chain: str, owner: str) -> set[tuple[Nomination, bool, bool]]:
    """What is kept of an owner, each with whether it was seen, and whether it is orphaned."""
    return {(one.nomination, one.seen, one.orphaned) for one in (await index.kept(chain, [owner]))[owner]}


async def test_a_nomination_comes_back_as_it_was(index: StoredIndex) -> None:
    await index.keep("1", [A], 0, 10, [FULL, PLAIN])
    assert {one.nomination for one in (await index.kept("1", [A]))[A]} == {FULL, PLAIN}
    assert await index.known("1", [FULL.key, replace(PLAIN, owner=B).key]) == {FULL.key: FULL}
    assert await index.kept("1", [B]) == await index.kept("56", [A]) == {}
    assert await index.known("56", [FULL.key]) == {}


async def test_the_newest_word_on_a_right_takes_the_place_of_the_one_before(index: StoredIndex) -> None:
    later = replace(PLAIN, amount=0, block=12, tx="0xcd", at=None)
    await index.keep("1", [A], 0, 10, [PLAIN])
    await index.saw(await ids(index, PLAIN))
    await index.keep("1", [A], 0, 12, [later])
    assert await marks(index, "1", A) == {(later, True, False)}


async def test_how_far_a_past_is_read_holds_from_where_it_was_read(index: StoredIndex) -> None:
    await index.keep("1", [A], 50, 100, [])
    await index.keep("1", [B], 0, 70, [])
    assert await index.heights("1", [A, B], 50) == {A: 100, B: 70}
    assert await index.heights("1", [A, B], 49) == {B: 70}
    assert await index.heights("56", [A, B], 50) == {}
    await index.keep("1", [A], 0, 30, [])
    assert await index.heights("1", [A], 0) == {A: 30}


async def test_a_rewind_takes_back_all_that_stood_above(index: StoredIndex) -> None:
    old, new = replace(PLAIN, amount=5, block=9, tx="0xaa", at=AT), replace(FULL, block=11)
    elsewhere = replace(new, owner=B)
    await index.keep("1", [A], 0, 10, [old], block(10))
    await index.keep("1", [A], 0, 11, [new], block(11))
    await index.keep("56", [B], 0, 11, [elsewhere], block(11))
    await index.rewind("1", 10)
    assert await index.heights("1", [A], 0) == {A: 10}
    assert await index.checkpoints("1") == [block(10)]
    forgotten = replace(new, amount=None, block=None, tx=None, at=None)
    assert await marks(index, "1", A) == {(old, False, False), (forgotten, False, True)}
    assert await marks(index, "56", B) == {(elsewhere, False, False)}
    assert await index.checkpoints("56") == [block(11)]
    await index.keep("1", [A], 0, 12, [new], block(12))
    assert (new, False, False) in await marks(index, "1", A)


async def test_of_the_names_of_blocks_the_newest_stay(index: StoredIndex) -> None:
    for number in range(CHECKPOINTS + 3):
        await index.keep("1", [A], 0, number, [], block(number))
    assert await index.checkpoints("1") == [block(number) for number in range(CHECKPOINTS + 2, 2, -1)]


async def test_only_grants_without_a_time_get_one(index: StoredIndex) -> None:
    undated, dated = replace(PLAIN, block=7), replace(FULL, block=7)
    await index.keep("1", [A], 0, 10, [undated, dated])
    await index.date(await ids(index, undated, dated), {7: datetime(2020, 1, 1, tzinfo=UTC), 8: AT})
    assert {one.nomination.at for one in (await index.kept("1", [A]))[A]} == {datetime(2020, 1, 1, tzinfo=UTC), AT}


async def test_what_tokens_said_is_kept_and_that_they_said_nothing(index: StoredIndex) -> None:
    said = {A: TokenFacts("T\0😀", "Name", 18, UINT256_MAX), B: TokenFacts(standard=Standard.ERC1155)}
    await index.learn("1", said, AT)
    assert {token: one.facts for token, one in (await index.facts("1", [A, B, TOKEN])).items()} == said
    await index.learn("1", {A: TokenFacts()}, AT)
    assert (await index.facts("1", [A]))[A].facts == TokenFacts()
    assert await index.facts("56", [A]) == {}


async def test_what_a_node_bears_comes_back_as_it_was(store: Store) -> None:
    memory = StoredMemory(store)
    assert await memory.recall("abc") is None
    learned = Learned(blocks=Size(25, 10_000, 50), by_hash=False)
    await memory.keep("abc", Learned())
    await memory.keep("abc", learned)
    assert await memory.recall("abc") == learned


# What the state denied.

DAY = timedelta(days=1)


async def due(index: StoredIndex, at: datetime = AT) -> set[Nomination]:
    return {one.nomination for one in (await index.kept("1", [A], at))[A]}


async def test_what_was_denied_rests_and_is_due_again_within_a_day(index: StoredIndex) -> None:
    many = [replace(PLAIN, token=f"0x{number:040x}") for number in range(100 * MOST)]
    await index.keep("1", [A], 0, 10, many)
    await index.deny(await ids(index, *many), 10, AT)
    assert await due(index, AT + DAY / 2 - timedelta(seconds=1)) == set()
    assert 25 * MOST < len(await due(index, AT + DAY * 3 / 4)) < 75 * MOST, "not all at once"
    assert await due(index, AT + DAY) == set(many)
    assert await due(index, AT - 2 * DAY) == set(many), "the clock was set back"
    assert len((await index.kept("1", [A]))[A]) == 100 * MOST


@pytest.mark.parametrize("wrong_first", [True, False])
async def test_what_a_wrong_clock_puts_off_is_asked_on_beside_what_rests(index: StoredIndex, wrong_first: bool) -> None:
    await index.keep("1", [A], 0, 10, [FULL, PLAIN])
    for one in (FULL, PLAIN) if wrong_first else (PLAIN, FULL):
        await index.deny(await ids(index, one), 10, AT + 400 * DAY if one is FULL else AT)
    assert await due(index) == {FULL}


async def test_whatever_a_log_speaks_of_again_is_due_at_once(index: StoredIndex) -> None:
    await index.keep("1", [A], 0, 10, [FULL, PLAIN])
    await index.deny(await ids(index, FULL, PLAIN), 10, AT)
    await index.keep("1", [A], 0, 11, [PLAIN])
    assert await due(index) == {PLAIN}


async def test_a_denial_by_a_block_before_the_last_log_is_none(index: StoredIndex) -> None:
    await index.keep("1", [A], 0, 9, [FULL, PLAIN], heard={A: 12})
    await index.deny(await ids(index, PLAIN), 11, AT)
    assert await due(index) == {FULL, PLAIN}
    await index.deny(await ids(index, PLAIN), 12, AT)
    assert await due(index) == {FULL}


async def test_what_was_once_seen_never_rests(index: StoredIndex) -> None:
    await index.keep("1", [A], 0, 10, [FULL, PLAIN])
    await index.deny(await ids(index, PLAIN), 10, AT)
    await index.saw(await ids(index, FULL, PLAIN))
    await index.deny(await ids(index, FULL), 10, AT)
    assert await due(index) == {FULL, PLAIN}


async def test_what_was_denied_by_a_block_that_is_gone_is_due_at_once(index: StoredIndex) -> None:
    await index.keep("1", [A], 0, 9, [FULL, PLAIN])
    await index.deny(await ids(index, PLAIN), 10, AT)
    await index.deny(await ids(index, FULL), 11, AT)
    await index.rewind("1", 10)
    assert {one.key for one in await due(index)} == {FULL.key}


@pytest.mark.parametrize("via", [None, B])
async def test_an_allowance_to_permit2_wakes_what_it_covers(index: StoredIndex, via: str | None) -> None:
    through = Nomination(A, Kind.PERMIT2, TOKEN, SPENDER, via=via)
    others = [replace(through, token=B), replace(through, via=SPENDER), replace(through, owner=B), PLAIN]
    await index.keep("1", [A], 0, 10, [through, *others])
    await index.deny(await ids(index, through, *others), 10, AT)
    covering = replace(PLAIN, spender=PERMIT2 if via is None else via)
    await index.keep("1", [A], 0, 11, [covering])
    assert await due(index) == {through, covering}
    await index.deny(await ids(index, through), 10, AT)
    assert await due(index) == {through, covering}, "that block was before"
    await index.deny(await ids(index, through), 11, AT)
    assert await due(index) == {covering}
