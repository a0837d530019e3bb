"""What a reading means for what is known: presence is a fact at once, absence has to be proven.

`diff` is the one place that decides it. It is pure: the same knowledge and reading give the same difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import structs

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, stable_id
from scanner.errors import Reason, Trouble

__all__ = ["GONE", "WITHDRAWN", "Change", "ChangeKind", "Difference", "Held", "Known", "diff", "unseen"]

MASS_FROM = 10
"""From so many approvals on, losing more than half of them at once is a mass absence."""


class ChangeKind(StrEnum):
    """What happened to an approval between two readings."""

    BASELINE = "baseline"
    NEW = "new"
    RESTORED = "restored"
    INCREASED = "increased"
    DECREASED = "decreased"
    STATUS = "status"
    REVOKED = "revoked"
    EXPIRED = "expired"


GONE: Mapping[ChangeKind, str] = {
    ChangeKind.REVOKED: "the approval is gone",
    ChangeKind.EXPIRED: "the approval has expired",
}
"""The changes after which nothing may be taken any more, and why alerts are over then."""

WITHDRAWN = "withdrawn: the block that granted it is no longer part of the chain"
"""Why alerts are over where a reading withdraws an approval."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one approval: its last believed state and its times.

    `first_seen` is the first sight ever, `since` the first sight of its present life (after a revoke it can come
    back), `changed_at` the last change that was told. `missing_since` is when a reading first lacked it without
    being believed. `version` is the target's version that last touched it.
    """

    approval: Approval
    first_seen: datetime
    since: datetime
    changed_at: datetime
    in_force: bool = True
    missing_since: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a target. `covered` are the kinds that its last complete reading covered.

    `version` counts the commits to this target, so that a reading can tell what was recorded after it began;
    `read_at` is when the last reading that was recorded ended.
    """

    target: Target
    held: Mapping[str, Held] = field(default_factory=dict)
    covered: frozenset[Kind] = frozenset()
    version: int = 0
    read_at: datetime | None = None

    @property
    def in_force(self) -> Iterable[Held]:
        """What the spenders of this target may use now, as far as is believed."""
        return (held for held in self.held.values() if held.in_force)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference that was believed. `before` and `after` are the approval then and now; None where there was none.

    Where it is gone, `after` is the approval as last seen, with the allowance 0.
    """

    kind: ChangeKind
    before: Approval | None
    after: Approval
    at: datetime

    @property
    def id(self) -> str:
        """The same change has the same id, however often it is computed."""
        state = (self.after.allowance.magnitude, self.after.status.value)
        return stable_id(self.after.id, self.kind.value, self.at.isoformat(), *state)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a reading comes to: the rows to write, the changes to tell, and whether the target was read completely.

    `rows` are the held approvals that differ from before, by id; `known` is all of the target afterwards. `altered` are
    those that read otherwise than before in a way that is no change: by a name, an end, how final they are.
    `trouble` says why it is not complete. `agrees` says that the reading is all of what is known now: another one that
    says the same moves nothing.
    """

    known: Known
    rows: Mapping[str, Held]
    changes: tuple[Change, ...]
    complete: bool
    trouble: Trouble | None = None
    agrees: bool = False
    altered: frozenset[str] = frozenset()


def unseen(known: Known, snapshot: Snapshot) -> frozenset[str]:
    """The approvals in force that a reading could have shown and did not, although they had not ended by themselves."""
    return frozenset(
        held.approval.id
        for held in known.in_force
        if held.approval.kind in snapshot.kinds
        and held.approval.id not in snapshot.approvals
        and _ended(held, snapshot) is None
    )


def diff(known: Known, snapshot: Snapshot, confirm_after: timedelta, based_on: int | None = None) -> Difference:
    """Compare what is known of a target with a reading of it.

    What the reading shows is believed, whatever became of the rest of it; what its source knows nothing of, as names,
    stays as it was known. What it does not show counts as gone only if the reading reached its end, the source covers
    that kind, and the loss is small; a loss of everything, or of more than half of ten or more, and anything that an
    unproven end left out, is believed only when another such reading, at least `confirm_after` later, still lacks it,
    each approval by itself.

    Two ends need no proof by absence, and nobody counts them as a loss: an approval whose time is up has expired, and
    one whose grant stood in a block that is no longer part of the chain is withdrawn.

    `based_on` is the target's version when the scan began. Where another reading was recorded since, and this one did
    not begin after that had ended, it may be the older word: rows that were recorded meanwhile are left alone, and it
    takes nothing away.
    """
    version = known.version + 1
    current = known.version if based_on is None or _begun_after(snapshot, known) else based_on
    rows: dict[str, Held] = {}
    changes: list[Change] = []
    altered: set[str] = set()

    for approval in snapshot.approvals.values():
        held = known.held.get(approval.id)
        if not _allows(approval, snapshot.shown_at) or (held is not None and held.version > current):
            continue
        row, moved = _seen(held, approval, snapshot, first=approval.kind not in known.covered)
        if moved is not None:
            before = held.approval if held is not None and held.in_force else None
            changes.append(Change(moved, before, row.approval, snapshot.read_at))
        elif held is not None and row.approval != held.approval:
            altered.add(approval.id)
        if row != held:
            rows[approval.id] = replace(row, version=version)

    lost = _losses(known, snapshot, current)
    believed = [(held, ChangeKind.REVOKED) for held in lost.candidates if lost.believes(held, confirm_after)]
    for held, how in (*lost.ended, *believed):
        row = replace(_over(held, snapshot), version=version)
        rows[row.approval.id] = row
        nothing = structs.replace(row.approval, allowance=Allowance(0))
        changes.append(Change(how, held.approval, nothing, snapshot.read_at))

    doubts = [held for held in lost.candidates if not lost.believes(held, confirm_after)]
    for held in doubts:
        if lost.counts and (held.missing_since is None or held.missing_since > snapshot.read_at):
            rows[held.approval.id] = replace(held, missing_since=snapshot.read_at, version=version)

    doubted = len(doubts)
    complete = lost.counts and not doubted
    trouble = None if complete else lost.trouble(doubted, confirm_after) if lost.counts else snapshot.trouble
    after = Known(
        target=known.target,
        held={**known.held, **rows},
        covered=snapshot.kinds if complete else known.covered,
        version=version,
        read_at=snapshot.read_at,
    )
    agrees = complete and current == known.version
    return Difference(after, rows, tuple(changes), complete, trouble, agrees=agrees, altered=frozenset(altered))


def _seen(held: Held | None, approval: Approval, snapshot: Snapshot, *, first: bool) -> tuple[Held, ChangeKind | None]:
    """What becomes of an approval that a reading shows, and the change that this is."""
    at = snapshot.read_at
    if held is None:
        sight = ChangeKind.BASELINE if first else ChangeKind.NEW
        return Held(approval, first_seen=at, since=at, changed_at=at), sight
    if approval == held.approval and held.in_force and held.missing_since is None:
        return held, None
    approval = _in_known_words(approval, held.approval)
    if not held.in_force:
        return replace(held, approval=approval, since=at, changed_at=at, in_force=True), ChangeKind.RESTORED
    if approval.allowance.unreadable is not None:
        # The last readable amount stays for comparison: garbage is neither a rise nor a fall.
        last = structs.replace(
            approval.allowance, raw=held.approval.allowance.raw, in_words=held.approval.allowance.in_words
        )
        approval = structs.replace(approval, allowance=last)
    kind = _moved(held.approval, approval)
    if kind is not ChangeKind.INCREASED and snapshot.block is None and approval.granted_at is None:
        # Who knows no blocks cannot know that it was granted anew, and has not said so.
        approval = structs.replace(approval, granted_at=held.approval.granted_at, granted_tx=held.approval.granted_tx)
    changed_at = at if kind else held.changed_at
    return replace(held, approval=approval, changed_at=changed_at, missing_since=None), kind


def _in_known_words(shown: Approval, known: Approval) -> Approval:
    """An approval as a reading shows it, with what was known of its spender and token where that reading says nothing.

    Sources know different things, and a word that one of them cannot know has not changed.
    """
    token, name = shown.token, shown.spender.name
    words = Token(
        token.address,
        known.token.symbol if token.symbol is None else token.symbol,
        known.token.decimals if token.decimals is None else token.decimals,
        known.token.supply if token.supply is None else token.supply,
    )
    if words == token and name is not None:
        return shown
    spender = Spender(shown.spender.address, known.spender.name if name is None else name)
    return structs.replace(shown, token=words, spender=spender)


def _moved(before: Approval, after: Approval) -> ChangeKind | None:
    old, new = before.allowance.magnitude, after.allowance.magnitude
    if new is not None and new != old:
        # An amount that could not be read until now may have been anything below: the rise is told.
        return ChangeKind.INCREASED if old is None or new > old else ChangeKind.DECREASED
    return ChangeKind.STATUS if before.status is not after.status else None


def _allows(row: Approval, at: datetime) -> bool:
    """Whether a row that a reading shows says that anything may be taken then."""
    return not row.allowance.is_zero and not row.expired(at)


def _over(held: Held, snapshot: Snapshot) -> Held:
    """What is held of an approval that is gone: as it was last seen, but for an end that was moved since."""
    row = snapshot.approvals.get(held.approval.id)
    approval = held.approval if row is None else structs.replace(held.approval, expires_at=row.expires_at)
    return replace(held, approval=approval, in_force=False, missing_since=None, changed_at=snapshot.read_at)


def _ended(held: Held, snapshot: Snapshot) -> ChangeKind | None:
    """How an approval in force ended beyond doubt, as far as a reading tells: withdrawn, or by its own time."""
    row = snapshot.approvals.get(held.approval.id)
    if row is None:
        shown = snapshot.end is End.COMPLETE and held.approval.kind in snapshot.kinds
        expired = shown and held.approval.expired(snapshot.shown_at)
    else:
        expired = not row.allowance.is_zero and row.expired(snapshot.shown_at)
    if expired:
        return ChangeKind.EXPIRED
    withdrawn = held.approval.id in snapshot.withdrawn and (row is None or row.allowance.is_zero)
    return ChangeKind.REVOKED if withdrawn else None


@dataclass(frozen=True, slots=True)
class _Losses:
    """The approvals that a reading would take away, and whether it may; those that `ended` it does not take away."""

    candidates: tuple[Held, ...]
    ended: tuple[tuple[Held, ChangeKind], ...]
    snapshot: Snapshot
    mass: bool
    total: int

    @property
    def counts(self) -> bool:
        return self.snapshot.end is not End.INCOMPLETE

    def believes(self, held: Held, confirm_after: timedelta) -> bool:
        if held.missing_since is not None:
            # A clock that was set back proves no wait at all, and a wait of nothing at once.
            waited = max(self.snapshot.read_at - held.missing_since, timedelta())
            return self.counts and waited >= confirm_after
        shown = held.approval.id in self.snapshot.approvals
        return not self.mass and (shown or self.snapshot.end is End.COMPLETE)

    def trouble(self, doubted: int, confirm_after: timedelta) -> Trouble:
        later = f", at least {_span(confirm_after)} later," if confirm_after else ""
        hint = f"It is believed when another complete reading{later} says the same"
        if self.snapshot.end is End.UNPROVEN and not self.mass:
            said = f"the end of the list is unproven, and it lacks {doubted} of {self.total} known approvals"
            return Trouble(Reason.UNPROVEN_END, said, hint)
        said = f"mass absence: {doubted} of {self.total} known approvals suddenly gone"
        return Trouble(Reason.MASS_ABSENCE, said, hint)


def _span(time: timedelta) -> str:
    seconds = time.total_seconds()
    return f"{seconds:g} s" if seconds % 60 else f"{seconds / 60:g} min"


def _begun_after(snapshot: Snapshot, known: Known) -> bool:
    """Whether a reading began when the last one that was recorded had ended: then it is the later word on all rows."""
    if snapshot.began_at is None or known.read_at is None:
        return False
    return known.read_at <= snapshot.began_at


def _losses(known: Known, snapshot: Snapshot, current: int) -> _Losses:
    """What a reading takes away: rows shown with the allowance 0, and, where it reached an end, rows not shown."""
    overtaken = current != known.version
    ways = () if overtaken else ((held, _ended(held, snapshot)) for held in known.in_force)
    ended = tuple((held, how) for held, how in ways if how is not None)
    over = {held.approval.id for held, _ in ended}
    in_force = [held for held in known.in_force if held.approval.id not in over]
    visible = [] if overtaken else [held for held in in_force if held.approval.kind in snapshot.kinds]
    counts = snapshot.end is not End.INCOMPLETE
    candidates = []
    for held in visible:
        row = snapshot.approvals.get(held.approval.id)
        if row.allowance.is_zero if row is not None else counts:
            candidates.append(held)
    lost, total = len(candidates), len(in_force)
    # What this reading could not show does not make it less suspicious that it lacks most of the rest.
    mass = lost == len(visible) or (total >= MASS_FROM and 2 * lost > len(visible))
    return _Losses(tuple(candidates), ended, snapshot, mass, total)
