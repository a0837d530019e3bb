"""What an answer holds, whichever version of the interface gave it: entries of rows, still in the far side's words."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec

from scanner.domain.approvals import Target
from scanner.domain.chains import Family
from scanner.okx.shapes import written

__all__ = [
    "Body",
    "Entry",
    "Row",
    "Wire",
    "address_list",
    "page_cursor",
]

Body = Callable[[Sequence[Target], str, int, bytes | None], bytes]
"""Makes a request's body of the targets, the key of their list, the page size, and the encoded cursor to echo."""


class Row(NamedTuple):
    """One approval in the far side's words, none of them checked."""

    token: object
    symbol: object
    spenders: tuple[object, ...]
    name: object
    amount: object
    status: object


@dataclass(frozen=True)
class Entry:
    """One entry of an answer.

    `chain` is its chainIndex, None where it names none. `listed` makes its rows. `cursor` is still encoded, empty where
    there is none. `empty` says that it lists nothing at all. `broken` counts the rows that could not be read; `total`
    is how many rows there are in all, where it tells. `told` is what it was decoded from, empty where not all of it
    could be read.
    """

    chain: str | None
    listed: Callable[[], Iterable[Row]]
    cursor: bytes
    empty: bool
    broken: int = 0
    total: int | None = None
    told: bytes = b""

    @cached_property
    def rows(self) -> Sequence[Row]:
        """Its rows, made when they are asked for: of an entry that says nothing new nobody asks."""
        return list(self.listed())


@dataclass(frozen=True, slots=True)
class Wire:
    """One version of the interface: where it is, what it is asked, and how its answers are read.

    `entries` raises MalformedError. `packs` says whether an answer to several addresses can be attributed; `families`
    are the chains that it can tell of; `page_size` is what is asked for by default.
    """

    path: str
    project: bool
    page_size: int
    packs: bool
    families: frozenset[Family]
    body: Body
    entries: Callable[[msgspec.Raw], list[Entry]]


def address_list(targets: Sequence[Target]) -> list[dict[str, str]]:
    """The addresses as the interface wants them: `0x` hex in lower case, every other form untouched."""
    return [{"chainIndex": target.chain, "address": written(target.owner)} for target in targets]


def page_cursor(cursor: msgspec.Raw, cusor: msgspec.Raw) -> bytes:
    """The cursor of an entry. One page of the documents spells it `cusor`."""
    told, misspelt = bytes(cursor), bytes(cusor)
    return misspelt if misspelt and told in (b"", b"null") else told
