"""Rights in pages of the store: whatever happens to some of them, each is known as a list of them all would have it."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blank import blank
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Key, Nomination
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store
from scanner.store.pages import MOST
from scanner.store.tables import chain_pages

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OWNERS = tuple(f"0x{number:040x}" for number in (1, 2))
INSTANCE = f"0x{'9' * 40}"


def address(number: int) -> str:
    """Those of ten numbers end alike."""
    return f"0x{number:08x}{'0' * 24}{number // 10:08x}"


def rights_of(owner: str) -> list[Nomination]:
    """More than two pages of them: allowances, some of whose tokens and spenders end alike, and all other forms."""
    plain = [Nomination(owner, Kind.ERC20, address(1 + place % 30), address(place)) for place in range(2 * MOST + 20)]
    through = [
        Nomination(owner, Kind.PERMIT2, address(1 + place), address(7), via=via)
        for place in range(6)
        for via in (None, INSTANCE)
    ]
    covering = [Nomination(owner, Kind.ERC20, one.token, one.via or PERMIT2) for one in through]
    others = [
        Nomination(owner, Kind.ERC721, address(3), address(4), 2**256 - 1),
        Nomination(owner, Kind.ERC721_ALL, address(3), address(4)),
        Nomination(owner, Kind.ERC6909, address(3), address(4), 0),
        Nomination(owner, Kind.ERC777, address(3), address(4)),
    ]
    return [*plain[:MOST], *through, *plain[MOST:], *others, *covering]


POOL = {owner: rights_of(owner) for owner in OWNERS}


@dataclass(slots=True)
class Known:
    """What has become of a right, as plainly as that can be said."""

    nomination: Nomination
    heard: int
    seen: bool = False
    orphaned: bool = False
    denied: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something happens to some of an owner's rights, `blocks` after what happened last."""

    what: str
    owner: str
    start: int
    count: int
    blocks: int


steps = st.builds(
    Step,
    st.sampled_from(["tell", "tell", "see", "deny", "deny", "date", "rewind"]),
    st.sampled_from(OWNERS),
    st.integers(0, len(POOL[OWNERS[0]]) - 1),
    st.integers(1, 2 * MOST),
    st.integers(0, 2),
)


class Course:
    """An index in a store, and beside it a list that is kept by hand."""

    def __init__(self, index: StoredIndex) -> None:
        self.index = index
        self.known: dict[Key, Known] = {}
        self.block = 10

    async def take(self, step: Step) -> None:
        rights = POOL[step.owner][step.start : step.start + step.count]
        self.block += step.blocks
        if step.what == "tell":
            await self.tell(rights)
        elif step.what == "rewind":
            await self.rewind(self.block - 1)
        else:
            there = [one for one in rights if one.key in self.known]
            ids = await self.ids(there)
            if step.what == "see":
                await self.index.saw(ids)
            elif step.what == "deny":
                await self.index.deny(ids, self.block, AT)
            else:
                await self.index.date(ids, {self.block: AT})
            for one in there:
                self.note(step.what, self.known[one.key])

    def note(self, what: str, one: Known) -> None:
        if what == "see":
            one.seen, one.denied = True, None
        elif what == "deny" and not one.seen and one.heard <= self.block:
            one.denied = self.block
        elif what == "date" and one.nomination.block == self.block and one.nomination.at is None:
            one.nomination = replace(one.nomination, at=AT)

    async def tell(self, rights: Sequence[Nomination]) -> None:
        told = [replace(one, amount=self.block, block=self.block, tx=f"0x{self.block:x}") for one in rights]
        assert await self.index.known("1", [one.key for one in told]) == {
            one.key: self.known[one.key].nomination for one in told if one.key in self.known
        }
        nobody = not any(one.nomination.owner == rights[0].owner for one in self.known.values())
        begun = await self.index.keep("1", [rights[0].owner], 0, self.block, told)
        assert (set(begun) == {rights[0].owner}) is nobody
        assert [one.nomination for ones in begun.values() for one in ones] == (told if nobody else [])
        for one in told:
            before = self.known.get(one.key)
            self.known[one.key] = Known(one, self.block, before is not None and before.seen)
        covered = {(one.owner, one.token, one.spender) for one in told if one.kind is Kind.ERC20}
        for known in self.known.values():
            one = known.nomination
            if one.kind is Kind.PERMIT2 and (one.owner, one.token, one.via or PERMIT2) in covered:
                known.heard, known.denied = self.block, None

    async def rewind(self, to: int) -> None:
        await self.index.rewind("1", to)
        for known in self.known.values():
            one = known.nomination
            if one.block is not None and one.block > to:
                known.nomination = replace(one, amount=None, block=None, tx=None, at=None)
                known.orphaned = True
            if known.denied is not None and known.denied > to:
                known.denied = None
        self.block = to

    async def ids(self, wanted: Sequence[Nomination]) -> list[int]:
        keys = {one.key for one in wanted}
        kept = await self.index.kept("1", OWNERS)
        return [one.id for ones in kept.values() for one in ones if one.nomination.key in keys]

    async def check(self) -> None:
        """All of them are known as they should be, rest where they may, and are due again after a day."""
        for due, expected in (
            (None, list(self.known.values())),
            (AT, [one for one in self.known.values() if one.denied is None]),
            (AT + DAY, list(self.known.values())),
        ):
            kept = [one for ones in (await self.index.kept("1", OWNERS, due)).values() for one in ones]
            found = {one.nomination.key: (one.nomination, one.seen, one.orphaned) for one in kept}
            assert len(found) == len(kept), "a right is there twice"
            assert found == {one.nomination.key: (one.nomination, one.seen, one.orphaned) for one in expected}


def run(course: Sequence[Step]) -> None:
    async def running(folder: Path) -> None:
        await blank(path := folder / "store.db")
        store = await Store.open(f"sqlite:///{path}")
        try:
            mine = Course(StoredIndex(store))
            for step in course:
                await mine.take(step)
                await mine.check()
        finally:
            await store.close()

    folder = Path(tempfile.mkdtemp())
    try:
        asyncio.run(running(folder))
    finally:
        shutil.rmtree(folder)


def tried(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@tried(40)
@given(st.lists(steps, max_size=12))
def test_rights_are_known_as_a_plain_list_would_have_them(course: list[Step]) -> None:
    run(course)


@pytest.mark.soak
@tried(1_500)
@given(st.lists(steps, max_size=30))
def test_rights_are_known_as_a_plain_list_would_have_them_in_long_courses(course: list[Step]) -> None:
    run(course)


async def test_what_an_allowance_covers_is_found_behind_other_pages(store: Store) -> None:
    index = StoredIndex(store)
    owner = OWNERS[0]
    through = Nomination(owner, Kind.PERMIT2, address(1), address(7))
    many = [Nomination(owner, Kind.ERC20, address(2), f"0x{place:040x}") for place in range(2 * MOST)]
    await index.keep("1", [owner], 0, 10, [through, *many])
    await index.deny([one.id for one in (await index.kept("1", [owner]))[owner]], 10, AT)
    covering = Nomination(owner, Kind.ERC20, through.token, PERMIT2)
    await index.keep("1", [owner], 0, 11, [covering], anew=False)
    assert [one.nomination for one in (await index.kept("1", [owner], AT))[owner]] == [through, covering]


async def test_one_that_was_seen_is_asked_on_while_the_others_of_its_page_rest(store: Store) -> None:
    index = StoredIndex(store)
    owner = OWNERS[0]
    first, *others = POOL[owner][:5]
    await index.keep("1", [owner], 0, 10, [first, *others])
    seen, *denied = [one.id for one in (await index.kept("1", [owner]))[owner]]
    await index.deny([seen, *denied], 10, AT)
    await index.saw([seen])
    assert [one.nomination for one in (await index.kept("1", [owner], AT))[owner]] == [first]
    await index.deny(denied, 10, AT)
    assert [one.nomination for one in (await index.kept("1", [owner], AT))[owner]] == [first]


async def test_a_log_in_a_flood_has_few_pages_written_and_read_again(store: Store) -> None:
    index = StoredIndex(store)
    flood = [Nomination(OWNERS[0], Kind.ERC20, address(3), f"0x{place:040x}") for place in range(50 * MOST + 1)]
    await index.keep("1", OWNERS[:1], 0, 10, flood)
    await index.deny([one.id for one in (await index.kept("1", OWNERS[:1]))[OWNERS[0]]], 10, AT)
    before = await pages(store)
    await index.keep("1", OWNERS[:1], 0, 11, [replace(flood[7 * MOST], amount=5)], anew=False)
    after = await pages(store)
    assert sum(before[page] != after[page] for page in before) <= 2
    assert before.keys() == after.keys()
    assert [one.nomination for one in (await index.kept("1", OWNERS[:1], AT))[OWNERS[0]]] == [
        replace(flood[7 * MOST], amount=5)
    ]


async def pages(store: Store) -> dict[int, str]:
    query = select(chain_pages.c.id, chain_pages.c.rights)
    return {row.id: row.rights for row in await store.read(lambda connection: connection.execute(query))}


async def test_a_page_that_is_gone_is_never_taken_for_another_one(store: Store) -> None:
    index = StoredIndex(store)
    right = POOL[OWNERS[0]][0]
    await index.keep("1", OWNERS[:1], 0, 10, [right])
    [gone] = (await index.kept("1", OWNERS[:1]))[OWNERS[0]]
    await store.write(lambda connection: connection.execute(chain_pages.delete()))
    await index.keep("1", OWNERS[1:], 0, 10, [POOL[OWNERS[1]][0]])
    await index.saw([gone.id])
    [other] = (await index.kept("1", OWNERS[1:]))[OWNERS[1]]
    assert (other.seen, other.id == gone.id) == (False, False)
