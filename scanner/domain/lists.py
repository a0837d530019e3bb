"""Who is who: what the user's lists say of an address, and which list is believed over another."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

__all__ = [
    "EXPLOITED",
    "KNOWN",
    "NOBODY",
    "TRUSTED",
    "WARNINGS",
    "Copy",
    "Entry",
    "ListState",
    "Standing",
    "refusal",
    "relabelled",
    "shrunk",
    "standing",
    "standings",
]

EXPLOITED = "exploited"
KNOWN = "known"
TRUSTED = "trusted"

WARNINGS = frozenset({EXPLOITED, "drainer", "malicious", "phishing", "sanctioned", "scam"})
"""The labels that warn of an address. Of all others a list says who somebody is, which is rather good news."""

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
class Copy:
    """What was read of a list: the rows that make sense, how many make none, and the first of these in words."""

    entries: tuple[Entry, ...] = ()
    bad: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """How a list stands: its last good copy, and the last look at where it comes from.

    `origin` is a path or a URL; `etag` what the far side calls the copy that is kept, `digest` that of its content.
    `as_of` is when that copy was last seen to be the newest; `error` says why the last look, at `checked_at`, could
    not take what it found. `entries` and `bad` count rows, `examples` are the first of the bad ones in words.
    """

    name: str
    label: str
    origin: str
    etag: str | None = None
    digest: str | None = None
    as_of: datetime | None = None
    checked_at: datetime | None = None
    error: str | None = None
    entries: int = 0
    bad: int = 0
    examples: tuple[str, ...] = ()


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


def relabelled(entry: Entry, was: str, label: str) -> Entry:
    """A row as it stands when its list has another label, and what the row says by itself cannot be read now.

    It may say the same as the list did: good news is taken back, a warning is not. A row that the list's label never
    counted for, because it has risks of its own, stays as it is, unless all of the list is called exploited now.
    """
    labels = set(entry.labels)
    if was not in labels and label != EXPLOITED:
        return entry
    if was not in WARNINGS:
        labels.discard(was)
    if label != TRUSTED or entry.chain is not None:
        labels.add(label)
    return replace(entry, labels=tuple(sorted(labels)))


def shrunk(before: int, now: int) -> bool:
    """Whether a list has lost so much that it is rather broken than edited: half of its entries, or more."""
    return before > 0 and now * 2 <= before


def refusal(copy: Copy, before: int) -> str | None:
    """Why a copy is not taken in place of one with `before` entries, in words; None where it is."""
    if copy.bad and not copy.entries:
        return f"none of its {copy.bad} rows makes sense; the first, {copy.examples[0]}"
    if shrunk(before, len(copy.entries)):
        return f"it has shrunk from {before} entries to {len(copy.entries)}"
    return None
