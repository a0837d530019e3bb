"""Pages of what a chain's logs speak of (`pages`): how they are found, changed and written."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from sqlalchemy import bindparam, column, func, literal_column, null, or_, select, table, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.nominations import Key, Nomination
from scanner.evm.index import Kept
from scanner.store.columns import Instant
from scanner.store.pages import REST, Page, hear, marked, name
from scanner.store.prepared import Command, Query
from scanner.store.rows import given
from scanner.store.tables import chain_owners, chain_pages

__all__ = ["KEPT", "above", "change", "known", "saw", "tell"]

TOGETHER = 50
"""Pages that are in memory at once where many are to be changed."""

_PAGE = (chain_pages.c.id, chain_pages.c.owner, chain_pages.c.seen, chain_pages.c.rights)
"""What makes a page."""

_OF_OWNERS = (chain_pages.c.chain == bindparam("chain")) & chain_pages.c.owner.in_(given("owners"))

_DUE = bindparam("due", type_=Instant)
KEPT = Query(
    select(*_PAGE)
    .where(
        _OF_OWNERS,
        or_(
            _DUE.is_(None),
            chain_pages.c.due_at.is_(None),
            chain_pages.c.due_at <= _DUE,
            # As `Entry.due` for the first of a page, in microseconds.
            chain_pages.c.due_at > _DUE + literal_column(str(REST // timedelta(microseconds=1))),
        ),
    )
    .order_by(chain_pages.c.owner, chain_pages.c.id)
)
"""The pages of some `owners` of a `chain`, or those in which anything is `due` by then."""

_NAMED = Query(
    select(chain_pages.c.owner, chain_pages.c.id, chain_pages.c.names).where(_OF_OWNERS).order_by("owner", "id")
)
_PAGES = Query(select(*_PAGE).where(chain_pages.c.id.in_(given("ids"))).order_by(chain_pages.c.id))

_HEARD_SINCE = select(chain_owners.c.owner).where(
    chain_owners.c.chain == bindparam("chain"), chain_owners.c.heard > bindparam("block")
)
_ABOVE = Query(
    select(chain_pages.c.id).where(
        chain_pages.c.chain == bindparam("chain"),
        (chain_pages.c.denied > bindparam("block")) | chain_pages.c.owner.in_(_HEARD_SINCE),
    )
)

_WRITTEN = ("names", "seen", "denied", "due_at", "rights")
_MADE = Command(insert(chain_pages), ("id", "chain", "owner", *_WRITTEN))
_LAST = Query(
    select(func.coalesce(func.max(column("seq")), 0))
    .select_from(table("sqlite_sequence", column("seq"), column("name")))
    .where(column("name") == chain_pages.name)
)
"""The last number that a page was given: none has it twice."""

_CHANGED = Command(
    update(chain_pages)
    .where(chain_pages.c.id == bindparam("page"))
    .values({each: bindparam(each) for each in _WRITTEN})
)

# The rights themselves are not written again: what was denied before means nothing beside a 1.
_SEEN = Query(select(chain_pages.c.id, chain_pages.c.seen).where(chain_pages.c.id.in_(given("ids"))))
_SAW = Command(
    update(chain_pages).where(chain_pages.c.id == bindparam("page")).values(seen=bindparam("seen"), due_at=null())
)


async def tell(
    connection: AsyncConnection, chain: str, told: Sequence[Nomination], heard: Mapping[str, int]
) -> dict[str, list[Kept]]:
    """Write down what logs have told, of each owner up to the block in `heard`.

    Returns what is kept now of those of them of whom nothing was before.
    """
    of_owner: dict[str, list[Nomination]] = {}
    for one in told:
        of_owner.setdefault(one.owner, []).append(one)
    if not of_owner:
        return {}
    there = await _where(connection, chain, of_owner, newest=True)
    moved = {owner: hear(there.get(owner, []), owner, ones, heard[owner]) for owner, ones in of_owner.items()}
    every = [page for pages in moved.values() for page in pages]
    await _CHANGED(connection, ({"page": page.id} | _columns(page) for page in every if page.id))
    [(last,)] = await _LAST(connection)
    new = [page for page in every if not page.id]
    for id_, page in enumerate(new, last + 1):
        page.id = id_
    await _MADE(connection, ({"id": page.id, "chain": chain, "owner": page.owner} | _columns(page) for page in new))
    begun = {owner: pages for owner, pages in moved.items() if owner not in there}
    return {owner: [one for page in pages for one in page.kept(None)] for owner, pages in begun.items()}


async def known(connection: AsyncConnection, chain: str, keys: Collection[Key]) -> dict[Key, Nomination]:
    """What is kept of some rights."""
    of_owner: dict[str, list[Nomination]] = {}
    for key in keys:
        of_owner.setdefault(key[0], []).append(Nomination(*key))
    wanted = frozenset(keys)
    there = await _where(connection, chain, of_owner, newest=False)
    kept = [entry.nomination for pages in there.values() for page in pages for entry in page.entries]
    return {one.key: one for one in kept if one.key in wanted}


async def above(connection: AsyncConnection, chain: str, block: int) -> list[int]:
    """The pages in which anything may have been told or denied after a block."""
    return [id_ for (id_,) in await _ABOVE(connection, chain=chain, block=block)]


async def saw(connection: AsyncConnection, places: Mapping[int, Collection[int]]) -> None:
    """The state showed the rights in these places of some pages in force: none of them rests any more."""
    there = await _SEEN(connection, ids=list(places))
    await _SAW(connection, ({"page": id_, "seen": marked(seen, places[id_])} for id_, seen in there))


async def change(connection: AsyncConnection, pages: Collection[int], how: Callable[[Page], None]) -> None:
    """Change those of some pages that are still kept."""
    ids = list(pages)
    for start in range(0, len(ids), TOGETHER):
        found = await _read(connection, ids[start : start + TOGETHER])
        for page in found:
            how(page)
        await _CHANGED(connection, ({"page": page.id} | _columns(page) for page in found))


async def _where(
    connection: AsyncConnection, chain: str, rights: Mapping[str, Sequence[Nomination]], *, newest: bool
) -> dict[str, list[Page]]:
    """The pages of each owner in which such rights may stand, and the `newest` one, in the order of their making."""
    found: set[int] = set()
    last: dict[str, int] = {}
    for owner, group in groupby(await _NAMED(connection, chain=chain, owners=list(rights)), itemgetter(0)):
        names = {name(one.token, one.spender) for one in rights[owner]}
        for _, id_, named in group:
            last[owner] = id_
            if not names.isdisjoint(named.split()):
                found.add(id_)
    if newest:
        found |= set(last.values())
    there: dict[str, list[Page]] = {}
    for page in await _read(connection, found):
        there.setdefault(page.owner, []).append(page)
    return there


async def _read(connection: AsyncConnection, ids: Collection[int]) -> list[Page]:
    return [Page.read(*row) for row in await _PAGES(connection, ids=list(ids))] if ids else []


def _columns(page: Page) -> dict[str, object]:
    return {"names": page.names, "seen": page.seen, "denied": page.denied, "due_at": page.due_at, "rights": page.rights}
