"""Who is who: what the user's lists say of an address, and which list is believed over another."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["EXPLOITED", "KNOWN", "NOBODY", "TRUSTED", "Entry", "Standing", "shrunk", "standing", "standings"]

EXPLOITED = "exploited"
KNOWN = "known"
TRUSTED = "trusted"

BEATEN = frozenset({KNOWN, TRUSTED})
"""What nobody is any more who is called exploited."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a list: what it says of an address.

    `chain` is a chainIndex, None for every chain; an EIP-155 id that no known chain has is kept as the chainIndex that
    it would be. `labels` are the list's and the row's own. `incident` says what happened, where the list tells.
    """

    address: str
    labels: tuple[str, ...]
    chain: str | None = None
    name: str | None = None
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the lists say of one address on one chain: labels in alphabetical order, a name, incidents."""

    labels: tuple[str, ...] = ()
    name: str | None = None
    incidents: tuple[str, ...] = ()


NOBODY = Standing()
"""Who is on no list."""


def standing(entries: Iterable[Entry], chain: str) -> Standing:
    """What entries for one address say of it on a chain. `exploited` beats `known` and `trusted`."""
    mine = [entry for entry in entries if entry.chain in (None, chain)]
    if not mine:
        return NOBODY
    labels = {label for entry in mine for label in entry.labels}
    if EXPLOITED in labels:
        labels -= BEATEN
    return Standing(
        labels=tuple(sorted(labels)),
        name=next((entry.name for entry in mine if entry.name), None),
        incidents=tuple(dict.fromkeys(entry.incident for entry in mine if entry.incident)),
    )


def standings(entries: Iterable[Entry], wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Standing]:
    """The standing of each wanted (chainIndex, address) that is on a list at all."""
    by_address: dict[str, list[Entry]] = {}
    for entry in entries:
        by_address.setdefault(entry.address, []).append(entry)
    found = {(chain, address): standing(by_address.get(address, ()), chain) for chain, address in wanted}
    return {key: one for key, one in found.items() if one is not NOBODY}


def shrunk(before: int, now: int) -> bool:
    """Whether a list has lost so much that it is rather broken than edited: half of its entries, or more."""
    return before > 0 and now * 2 <= before
