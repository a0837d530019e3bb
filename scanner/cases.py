"""What is to be judged: after a reading, of what is stored, and together when a scan is done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from scanner.domain.approvals import Approval, End, Snapshot, Target
from scanner.domain.changes import GONE, WITHDRAWN, Change, ChangeKind, Difference, Held
from scanner.store import knowledge
from scanner.store.rows import parts
from scanner.store.spenders import Counts

__all__ = ["Case", "Moved", "Part", "after_reading", "of_stored"]

SPENDERS_AT_ONCE = 100
"""Spenders whose approvals are judged in one transaction."""

SAME_COUNTS = (ChangeKind.INCREASED, ChangeKind.DECREASED, ChangeKind.STATUS)
"""The changes after which a spender has as many approvals and owners as before."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be judged: approvals of one target, with what is provable about them.

    `held` are judged, `changed` tells what happened to them, `gone` are provably in force no more, with
    the reason, `baseline` are news of a first reading, `raised` allow more than before. Of `new` ones nothing was kept
    until now: no alert, no worth.
    """

    target: Target
    held: Sequence[Held]
    proven: bool
    changed: Mapping[str, Change] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    baseline: frozenset[str] = frozenset()
    raised: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what a scan moved: all that `spenders` hold, of the first of them what comes `after` a place; or these
    `approvals`."""

    spenders: Sequence[str] = ()
    approvals: Sequence[str] = ()
    after: int = 0


@dataclass(slots=True)
class Moved:
    """What a scan moved of what only all wallets together show.

    `spenders` are those that have more or fewer approvals now, and whether each only by a wallet's first reading: all
    of their approvals are judged. `single` are approvals that changed in another way, each with its spender: the others
    of that spender are as they were. Both are judged once, when the scan is done: what a spender holds is moved by
    every wallet, and judging all of them again for each one would cost their product. `counts` are asked for meanwhile.
    `settled` is how many approvals of each spender need no such judgement: no count could change what is said of them.
    """

    spenders: dict[str, bool] = field(default_factory=dict)
    single: dict[str, str] = field(default_factory=dict)
    settled: Counter[str] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)

    def note(self, spender: str, *, first: bool) -> None:
        """What this spender holds has changed."""
        if spender:
            self.spenders[spender] = first and self.spenders.get(spender, True)

    def see(self, change: Change) -> None:
        """A change of an approval was found."""
        approval = change.after
        if change.kind not in SAME_COUNTS:
            self.note(approval.spender.address, first=change.kind is ChangeKind.BASELINE)
        else:
            self.see_alone(approval)

    def see_alone(self, approval: Approval) -> None:
        """An approval is another one than before, in a way that is no change."""
        if approval.spender.address:
            self.single[approval.id] = approval.spender.address

    def holds(self, approval: Approval) -> bool:
        """Whether an approval is among those that are judged when the scan is done."""
        return approval.spender.address in self.spenders or approval.id in self.single

    def settle(self, approval: Approval) -> None:
        """Whatever counts there are at the scan's end, the same will be said of this approval. It is told once."""
        self.settled[approval.spender.address] += 1
        self.single.pop(approval.id, None)

    def leave_settled(self, counts: Mapping[str, tuple[int, int]]) -> None:
        """Leave out the spenders of which every approval is settled; `counts` has the approvals of each now."""
        for spender in [one for one in self.spenders if self.settled[one] >= counts.get(one, (0, 0))[0]]:
            del self.spenders[spender]

    def parts(self) -> Iterator[Part]:
        """All of it, so much at a time."""
        names = sorted(self.spenders)
        for start in range(0, len(names), SPENDERS_AT_ONCE):
            yield Part(spenders=names[start : start + SPENDERS_AT_ONCE])
        for ids in parts(sorted(id_ for id_, spender in self.single.items() if spender not in self.spenders)):
            yield Part(approvals=ids)


def after_reading(snapshot: Snapshot, difference: Difference, revalued: Set[str] | None = None) -> Case:
    """What is to be judged of a target that was read. What is not in force is judged only as a change.

    Of what is in force that is all, or where the rest is settled what the reading says something else of, and what is
    `revalued` since it was judged.
    """
    changed = {change.after.id: change for change in difference.changes}
    known = difference.known.held
    news = known.keys() if revalued is None else difference.rows.keys() | revalued
    return Case(
        target=snapshot.target,
        held=[one for id_, one in known.items() if id_ in changed or (one.in_force and id_ in news)],
        changed=changed,
        proven=difference.complete,
        gone=_gone(snapshot, difference),
        baseline=_of(difference, ChangeKind.BASELINE),
        raised=_of(difference, ChangeKind.INCREASED, ChangeKind.RESTORED),
        new=_of(difference, ChangeKind.BASELINE, ChangeKind.NEW),
    )


def _gone(snapshot: Snapshot, difference: Difference) -> dict[str, str]:
    """The approvals that provably are in force no more, and why. What ended by itself needs no whole reading."""
    found = {}
    if snapshot.end is not End.INCOMPLETE:
        ended = (one.approval.id for one in difference.known.held.values() if not one.in_force)
        found = dict.fromkeys(ended, GONE[ChangeKind.REVOKED])
    found |= dict.fromkeys(_of(difference, ChangeKind.EXPIRED), GONE[ChangeKind.EXPIRED])
    return found | dict.fromkeys(_of(difference, ChangeKind.REVOKED) & snapshot.withdrawn, WITHDRAWN)


def _of(difference: Difference, *kinds: ChangeKind) -> frozenset[str]:
    """The approvals that changed in one of these ways."""
    return frozenset(change.after.id for change in difference.changes if change.kind in kinds)


def of_stored(
    kept: Iterable[knowledge.Kept], first: frozenset[str] = frozenset(), changed: Mapping[str, Change] | None = None
) -> list[Case]:
    """Stored approvals by target, and by whether they are proven; `first` are news of first readings.

    What only an incomplete reading has shown resolves nothing yet.
    """
    found: dict[tuple[Target, bool], list[Held]] = {}
    for one in kept:
        found.setdefault((one.target, one.proven), []).append(one.held)
    return [
        Case(target, held, proven=proven, baseline=first, changed=changed or {})
        for (target, proven), held in found.items()
    ]
