"""What a chain's logs speak of, in pages: as many rights of one owner as are read and written as one.

A row for each right cost more than to read it from the chain. A page is small enough to be written again whenever one
of its rights moves, however many logs somebody sends in an owner's name.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import msgspec
from msgspec.structs import replace

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Key, Nomination
from scanner.evm.index import Kept

__all__ = ["MOST", "REST", "Entry", "Page", "hear", "marked", "name", "places_of"]

MOST = 100
"""Rights in a page. No later version may change it: pages are full, and `Kept.id` counts by it (`places_of`)."""

REST = timedelta(days=1)
"""After which what the state denied is asked again at the latest. Half of that at the earliest: not all at once."""


class Entry(msgspec.Struct, array_like=True, gc=False):
    """A right, and what became of it. As JSON, a list: a later version may only add to its end, with a default.

    Logs spoke of it up to block `heard`. `orphaned`: the block that told of it last is no longer part of the chain, and
    none has since. What was never seen in force rests when the state has said no to it: after block `denied`, until
    `due_at`; where that is None, it is due at once. Of what was seen (`Page.seen`), these two say nothing.
    """

    nomination: Nomination
    heard: int
    orphaned: bool = False
    denied: int | None = None
    due_at: datetime | None = None

    def wake(self) -> None:
        """Whatever was denied is to be asked again."""
        self.denied = self.due_at = None

    def due(self, at: datetime) -> bool:
        """Whether it is to be asked by then; what rests for longer than anything does was told by a wrong clock."""
        return self.due_at is None or self.due_at <= at or self.due_at > at + REST


UNSEEN, SEEN = "01"

_decode = msgspec.json.Decoder(list[Entry]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Page:
    """Rights of one owner; `id` is 0 until it is written.

    None ever leaves its place: `Kept.id` is made of that and of the page's id. `seen` has a digit for each: 1 where the
    state once showed it in force. Most readings change nothing else.
    """

    id: int
    owner: str
    seen: str
    entries: list[Entry]

    @classmethod
    def read(cls, id_: int, owner: str, seen: str, rights: str) -> Self:
        """A page as it is kept."""
        return cls(id_, owner, seen, _decode(rights))

    @property
    def rights(self) -> str:
        """The entries as they are kept."""
        return _encode(self.entries).decode()

    @property
    def names(self) -> str:
        """By what is looked for in it: the names of its rights, and of the allowances that stand behind them."""
        every = [one.nomination for one in self.entries]
        behind = [name(*_behind(one)) for one in every if one.kind is Kind.PERMIT2]
        return " ".join([name(one.token, one.spender) for one in every] + behind)

    @property
    def denied(self) -> int | None:
        """The newest block that denied any of them."""
        return max((one.denied for one in self.entries if one.denied is not None), default=None)

    @property
    def due_at(self) -> datetime | None:
        """When the first of them is due; None is at once, also where one of them was told to rest by a wrong clock."""
        times = [one.due_at for one in self.entries if one.due_at is not None]
        if SEEN in self.seen or len(times) < len(self.entries) or max(times) - min(times) > REST:
            return None
        return min(times)

    def kept(self, due: datetime | None) -> Iterator[Kept]:
        """The rights, or what of them is due by then."""
        for id_, (one, digit) in enumerate(zip(self.entries, self.seen, strict=True), self.id * MOST):
            seen = digit == SEEN
            if seen or due is None or one.due(due):
                yield Kept(one.nomination, seen, one.orphaned, id_)

    def deny(self, places: Collection[int], after: int, at: datetime) -> None:
        """The state after a block said no to these: they rest together, unless logs have spoken of one since."""
        until = at + REST / 2 * (1 + random.random())  # noqa: S311 - no secret: it spreads work
        for one in (self.entries[place] for place in places):
            if one.heard <= after:
                one.denied, one.due_at = after, until

    def date(self, places: Collection[int], times: Mapping[int, datetime]) -> None:
        """The grants of these in blocks whose time is known now get it."""
        for one in (self.entries[place] for place in places):
            grant = one.nomination
            if grant.at is None and grant.block is not None and grant.block in times:
                one.nomination = replace(grant, at=times[grant.block])

    def rewind(self, to: int) -> None:
        """What stood in blocks above one, or was denied by them, is of a chain that is no more."""
        for one in self.entries:
            if one.nomination.block is not None and one.nomination.block > to:
                one.nomination = replace(one.nomination, amount=None, block=None, tx=None, at=None)
                one.orphaned = True
            if one.denied is not None and one.denied > to:
                one.wake()


def places_of(ids: Collection[int]) -> dict[int, list[int]]:
    """The pages of rights (`Kept.id`), each with the places where those stand in it."""
    places: dict[int, list[int]] = {}
    for one in ids:
        places.setdefault(one // MOST, []).append(one % MOST)
    return places


def marked(seen: str, places: Collection[int]) -> str:
    """A page's digits, once the state has shown the rights in these places in force, too."""
    digits = list(seen)
    for place in places:
        digits[place] = SEEN
    return "".join(digits)


def name(token: str, spender: str) -> str:
    """By what a right is looked for: short, and no more than a sign. Other rights can have the same name."""
    return token[-8:] + spender[-8:]


def hear(pages: Sequence[Page], owner: str, told: Sequence[Nomination], heard: int) -> list[Page]:
    """The owner's pages, and new ones, with what logs up to a block have told: those that are to be written.

    `pages` are those that may hold one of these rights, or one behind which such an allowance stands (by their names),
    and as the last one the owner's newest. `told` has each right once, and takes the place of what was told of it
    before. It is due at once, and so is what comes into force with an allowance to Permit2, without a log of its own.
    """
    if not pages:
        return _filled(owner, [Entry(one, heard) for one in told])
    new = {one.key: one for one in told}
    covered = {(one.token, one.spender) for one in told if one.kind is Kind.ERC20}
    moved = {page.id: page for page in pages if _heard(page, new, covered, heard)}
    left = [Entry(one, heard) for one in new.values()]
    newest = pages[-1]
    room = MOST - len(newest.entries)
    if added := left[:room]:
        newest.entries += added
        newest.seen = newest.seen.ljust(len(newest.entries), UNSEEN)
        moved[newest.id] = newest
    return [*moved.values(), *_filled(owner, left[room:])]


def _filled(owner: str, entries: Sequence[Entry]) -> list[Page]:
    parts = [list(entries[start : start + MOST]) for start in range(0, len(entries), MOST)]
    return [Page(0, owner, UNSEEN * len(part), part) for part in parts]


def _heard(page: Page, new: dict[Key, Nomination], covered: Collection[tuple[str, str]], heard: int) -> bool:
    """Whether anything was told of a page's rights; what is told of them is taken out of what is new."""
    moved = False
    for one in page.entries:
        if (told := new.pop(one.nomination.key, None)) is not None:
            one.nomination, one.heard, one.orphaned = told, heard, False
        elif one.nomination.kind is Kind.PERMIT2 and _behind(one.nomination) in covered:
            one.heard = max(one.heard, heard)
        else:
            continue
        one.wake()
        moved = True
    return moved


def _behind(one: Nomination) -> tuple[str, str]:
    """Token and spender of the allowance to Permit2 that has to stand behind a right through it."""
    return one.token, one.via or PERMIT2
