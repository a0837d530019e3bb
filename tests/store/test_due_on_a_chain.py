"""Who is due to be read on a chain follows from what is stored, and from nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, Unmoved, gather
from scanner.domain.changes import diff
from scanner.evm.index import Checkpoint
from scanner.store import following, knowledge, scans, unmoved
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALICE, BOB = (f"0x{number:040x}" for number in (0xA11CE, 0xB0B))
LATER = timedelta(minutes=10)


def moment(upto: int = 100, *, head: int = 100, at: datetime = NOON, as_of: datetime | None = None) -> following.Moment:
    return following.Moment("1", upto, head, 12, at, as_of or at, LATER)


def right(**how: object) -> Approval:
    plain = Approval("1", ALICE, Token(f"0x{1:040x}"), Spender(f"0x{2:040x}"), Allowance(5))
    return structs.replace(plain, **how)


async def heard(store: Store, upto: int, owners: Sequence[str] = (ALICE, BOB), **spoken: int) -> None:
    """The logs of owners are read up to a block, and spoke of some of them."""
    names = {"alice": ALICE, "bob": BOB}
    of = {names[name]: block for name, block in spoken.items()}
    await StoredIndex(store).keep("1", owners, 0, upto, [], Checkpoint(upto, f"0x{upto:064x}"), of)


async def reads(store: Store, block: int | None, *rows: Approval, end: End = End.COMPLETE, at: datetime = NOON) -> None:
    """A reading of Alice at the state of a block."""
    target = Target("1", ALICE)
    await store.write(lambda connection: knowledge.watch(connection, [target], at))
    known = await store.read(lambda connection: knowledge.known(connection, target))
    snapshot = Snapshot(target, gather(rows), end, frozenset(Kind), "evm", at, block=block)
    name = f"{block}-{known.version}"

    async def writing(connection: AsyncConnection) -> None:
        await scans.begin(connection, name, asked_by="test", worker="w", total=1, at=at)
        await knowledge.record(connection, name, snapshot, diff(known, snapshot, LATER))

    await store.write(writing)


async def due(store: Store, now: following.Moment) -> dict[str, int | None]:
    return await store.read(lambda connection: following.due(connection, now))


async def next_at(store: Store, now: following.Moment) -> datetime | None:
    return await store.read(lambda connection: following.next_at(connection, now))


async def test_who_was_heard_of_after_the_state_was_read_is_due_until_it_is_read_again(store: Store) -> None:
    await heard(store, 90, alice=80)
    await reads(store, 90, right())
    assert await due(store, moment(90)) == {}
    await heard(store, 100, alice=95)
    assert await due(store, moment()) == {ALICE: 95}
    await reads(store, 94, right())
    assert await due(store, moment()) == {ALICE: 95}, "an older state does not know of it"
    await reads(store, 95, right())
    assert await due(store, moment()) == {}


async def test_a_reading_that_says_nothing_new_is_a_reading(store: Store) -> None:
    await heard(store, 90)
    await reads(store, 90, right())
    await heard(store, 100, alice=100)
    target = Target("1", ALICE)
    still = [Unmoved(target, "evm", NOON, 100)]
    based_on = await store.read(lambda connection: knowledge.versions(connection, [target]))

    async def writing(connection: AsyncConnection) -> None:
        await scans.begin(connection, "still", asked_by="test", worker="w", total=1, at=NOON)
        await unmoved.still(connection, "still", still, based_on)

    assert await due(store, moment()) == {ALICE: 100}
    await store.write(writing)
    assert await due(store, moment()) == {}


async def test_nobody_is_due_whose_past_is_not_read(store: Store) -> None:
    await heard(store, 100, [BOB])
    await heard(store, 60, [ALICE], alice=60)
    await reads(store, None, end=End.INCOMPLETE)
    assert await due(store, moment()) == {}
    await heard(store, 100, [ALICE])
    assert await due(store, moment()) == {ALICE: 60}, "somebody tried to read it in vain"


async def test_nobody_is_due_who_was_never_asked_for_or_is_watched_no_more(store: Store) -> None:
    await heard(store, 100, alice=100, bob=100)
    assert await due(store, moment()) == {}
    await reads(store, 90, right())
    assert await due(store, moment()) == {ALICE: 100}
    await store.write(lambda connection: knowledge.unwatch(connection, [], NOON))
    assert await due(store, moment()) == {}


async def test_a_reading_that_broke_off_proves_nothing(store: Store) -> None:
    await heard(store, 100, alice=100)
    await reads(store, 90, right())
    await reads(store, 100, right(), end=End.INCOMPLETE)
    assert await due(store, moment()) == {ALICE: 100}


async def test_a_source_that_knows_no_blocks_leaves_what_another_one_proved(store: Store) -> None:
    await heard(store, 100, alice=90)
    await reads(store, 95, right())
    await reads(store, None, right())
    assert await due(store, moment()) == {}


async def test_an_end_makes_due_when_it_comes(store: Store) -> None:
    ends = NOON + timedelta(minutes=3)
    await heard(store, 100)
    await reads(store, 100, right(expires_at=ends))
    assert await due(store, moment()) == {}
    assert await next_at(store, moment()) == ends
    assert await due(store, moment(at=ends, as_of=NOON)) == {}, "the newest block is older than that"
    then = moment(at=ends)
    assert await due(store, then) == {ALICE: None}
    assert await next_at(store, then) is None


async def test_what_is_not_final_is_due_once_it_must_be(store: Store) -> None:
    await heard(store, 100)
    await reads(store, 100, right(final=False))
    assert await due(store, moment(head=111)) == {}
    assert await due(store, moment(head=112)) == {ALICE: None}
    await reads(store, 100, right())
    assert await due(store, moment(head=112)) == {}


async def test_what_is_missing_is_due_when_it_would_be_believed(store: Store) -> None:
    await heard(store, 100)
    await reads(store, 100, right())
    await reads(store, 100)
    assert await due(store, moment()) == {}
    assert await next_at(store, moment()) == NOON + LATER
    assert await due(store, moment(at=NOON + LATER)) == {ALICE: None}
    await reads(store, 100, at=NOON + LATER)
    assert await due(store, moment(at=NOON + LATER)) == {}


async def test_who_was_heard_of_above_a_fork_is_due_again_and_nobody_else(store: Store) -> None:
    await heard(store, 90, bob=85, alice=70)
    await heard(store, 100, alice=95)
    await reads(store, 100, right())
    await StoredIndex(store).rewind("1", 92)
    assert await due(store, moment(92)) == {ALICE: 95}
    await heard(store, 101)
    await reads(store, 101, right())
    await StoredIndex(store).rewind("1", 97)
    assert await due(store, moment(97)) == {}
