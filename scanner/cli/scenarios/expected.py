"""What a step of a scenario expects, held against what was found. Pure: no clock, no store."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from scanner.errors import Place

__all__ = ["Comparison", "Expectation", "Found", "Wanted", "compare"]

SHOWN = 3
"""How many of what was found instead are shown for one thing that was not."""

Value: TypeAlias = str | frozenset[str]
"""What is known of a field: one text, or several of which any fits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that is expected: where it belongs (`changes`, `alerts`, `notices`, or a channel's messages), and the
    fields that it has to have. What it does not name may be anything."""

    part: str
    fields: Mapping[str, str]
    place: Place

    def fits(self, found: "Found") -> bool:
        """Whether a thing that was found is this one."""
        return self.part == found.part and all(_fits(found, name, value) for name, value in self.fields.items())

    def __str__(self) -> str:
        return _in_words(self.part, self.fields)


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found. `facts` are the values that decided, in words, where there are any."""

    part: str
    fields: Mapping[str, Value]
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return _in_words(self.part, {name: _text(value).partition("\n")[0] for name, value in self.fields.items()})


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a step expects. Of a `closed` part nothing may be found that is not expected; `counts` say of a part how
    many there are. `complete` says whether the scan reads everything."""

    wanted: tuple[Wanted, ...] = ()
    closed: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference: what was expected and is not there, and what stands there instead or beyond it; in words, and as
    far as there are any the things themselves."""

    expected: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    missing: tuple[Wanted, ...] = ()
    instead: tuple[Found, ...] = ()


def compare(expectation: Expectation, found: Sequence[Found], *, complete: bool) -> Comparison:
    """Hold a step's expectation against everything that was found. Each thing found answers for one that is wanted."""
    taken = _matched(expectation.wanted, found)
    missing = [wanted for index, wanted in enumerate(expectation.wanted) if index not in taken]
    left = [one for index, one in enumerate(found) if index not in taken.values()]
    beyond = [one for one in left if one.part in expectation.closed]
    instead = [one for wanted in missing for one in _nearest(wanted, left)]
    expected, stands = [str(wanted) for wanted in missing], []
    for part, count in expectation.counts.items():
        there = [one for one in found if one.part == part]
        if len(there) != count:
            expected.append(f"{part}: {count}")
            stands.append(f"{part}: {len(there)}")
            instead += there
    if complete is not expectation.complete:
        expected.append(f"the scan is {_whole(expectation.complete)}")
        stands.append(f"the scan is {_whole(complete)}")
    shown = [one for index, one in enumerate(found) if any(one is other for other in (*beyond, *instead))]
    return Comparison(
        expected=tuple(expected),
        found=(*stands, *(str(one) for one in shown)),
        missing=tuple(missing),
        instead=tuple(shown),
    )


def _matched(wanted: Sequence[Wanted], found: Sequence[Found]) -> dict[int, int]:
    """Which thing found answers for which that is wanted, for as many as possible."""
    fitting = [[index for index, one in enumerate(found) if want.fits(one)] for want in wanted]
    holders: dict[int, int] = {}

    def place(want: int, seen: set[int]) -> bool:
        for index in fitting[want]:
            if index not in seen:
                seen.add(index)
                if index not in holders or place(holders[index], seen):
                    holders[index] = want
                    return True
        return False

    for want in range(len(wanted)):
        place(want, set())
    return {want: index for index, want in holders.items()}


def _nearest(wanted: Wanted, left: Sequence[Found]) -> Iterator[Found]:
    """What comes closest to something that is missing: it shares the most fields, and at least one."""
    agreeing = [
        (sum(_fits(one, name, value) for name, value in wanted.fields.items()), one)
        for one in left
        if one.part == wanted.part
    ]
    ranked = sorted((pair for pair in agreeing if pair[0]), key=lambda pair: -pair[0])
    return (one for _, one in ranked[:SHOWN])


def _fits(found: Found, name: str, value: str) -> bool:
    known = found.fields.get(name, "")
    if name == "says":
        return value in _text(known)
    return value in known if isinstance(known, frozenset) else value == known


def _in_words(part: str, fields: Mapping[str, str]) -> str:
    return f"{part}: " + ", ".join(f"{name} {value}" for name, value in fields.items())


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ", ".join(_sorted(value))


def _sorted(values: Collection[str]) -> list[str]:
    return sorted(values) or ["none"]


def _whole(complete: bool) -> str:
    return "complete" if complete else "incomplete"
