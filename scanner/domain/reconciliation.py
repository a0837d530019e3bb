"""Two readings of one target held against each other: a chain's own, and what an API tells of it.

Neither is believed over the other here. Where they differ the state is a witness: what it says of the approval now, and
what it said in the block whose log told of it last.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from scanner.domain.approvals import Approval, End, Kind, Snapshot, Status

__all__ = ["EXPECTED", "LAG", "Agreement", "Cause", "Evidence", "Row", "Verdict", "compare", "in_question"]

LAG = timedelta(minutes=15)
"""How long an API may need to hear of what happened on a chain."""


class Verdict(StrEnum):
    """What two readings say of one approval. `unproven`: what one of them lacks, or cannot read, says nothing."""

    EQUAL = "equal"
    ONLY_EVM = "only-evm"
    ONLY_OKX = "only-okx"
    AMOUNTS_DIFFER = "amounts-differ"
    UNPROVEN = "unproven"


class Cause(StrEnum):
    """Why two readings differ, where that is known.

    `not-covered`: the API does not tell of this kind. `behind`: the API may not have heard of it yet. `pending`: a
    transaction is under way. `through-permit2`, `expired`: what the API shows as plain is a Permit2 allowance, which
    may have expired. `ended`: the last log says that nothing is left. `spent`: it was granted, and has been used since.
    `spoofed`: a log told it, and the state of that very block did not. `not-in-state`: the state does not grant it, and
    why is not known. `no-log`: the state grants it, and no log ever told of it. `no-address`: the API does not tell the
    contract.
    `unreadable`: one of the amounts makes no sense. `unread`: one of the readings is not whole.
    """

    NOT_COVERED = "not-covered"
    BEHIND = "behind"
    PENDING = "pending"
    THROUGH_PERMIT2 = "through-permit2"
    EXPIRED = "expired"
    ENDED = "ended"
    SPENT = "spent"
    SPOOFED = "spoofed"
    NOT_IN_STATE = "not-in-state"
    NO_LOG = "no-log"
    NO_ADDRESS = "no-address"
    UNREADABLE = "unreadable"
    UNREAD = "unread"


EXPECTED = frozenset({Cause.NOT_COVERED, Cause.BEHIND, Cause.PENDING})
"""Causes for which two sound sources may differ at any time: nobody has to look into these."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the state says of an approval: what it grants, None for nothing.

    `held` is at the newest block, `block`; `read` at the block that was read. `before` is about `LAG` earlier, as far
    as it `remembers` that. `logged` is whether any log nominated it, `amount` what the last one told (raw integer) and
    `told_block` where one raised it last; `then` is what the state of that block granted (raw integer), None where
    nobody could tell. `seen` says that it was in force at some reading.
    """

    block: int
    held: Approval | None
    read: Approval | None
    before: Approval | None = None
    remembers: bool = False
    logged: bool = False
    amount: int | None = None
    told_block: int | None = None
    then: int | None = None
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One approval in the two readings. `approval` is as the chain shows it, else as the API does.

    `evm` and `okx` are what each grants, None for nothing. `block` is that of the log that told it, where that is the
    cause, else the one whose state was asked last.
    """

    approval: Approval
    verdict: Verdict
    evm: Approval | None
    okx: Approval | None
    cause: Cause | None = None
    block: int | None = None

    @property
    def differs(self) -> bool:
        """Whether the sources contradict each other, other than two sound ones may."""
        return self.verdict not in (Verdict.EQUAL, Verdict.UNPROVEN) and self.cause not in EXPECTED


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a comparison came to, `at` a time: of `targets`, `unread` could not be read completely from both.

    `differences` is how many approvals differ, `example` one of them in words.
    """

    at: datetime
    targets: int
    unread: int
    differences: int
    example: str = ""


_NOBODY: Mapping[str, Evidence] = MappingProxyType({})


def in_question(rows: Iterable[Row]) -> list[Approval]:
    """The approvals of which a state can say more."""
    return [row.approval for row in rows if row.verdict is not Verdict.EQUAL and row.cause in (None, Cause.UNREAD)]


def compare(evm: Snapshot, okx: Snapshot, said: Mapping[str, Evidence] = _NOBODY) -> list[Row]:
    """What two readings of one target say of each approval that either shows, with what the state `said` by its id.

    What neither grants at the last word of the state is left out.
    """
    ours = {id_: one for id_, one in evm.approvals.items() if not one.expired(evm.shown_at)}
    theirs = {id_: one for id_, one in okx.approvals.items() if not one.allowance.is_zero}
    every = theirs | ours
    rows = (_Case(every[id_], evm, okx, ours.get(id_), theirs.get(id_), said.get(id_)).row() for id_ in sorted(every))
    return [row for row in rows if row is not None]


@dataclass(frozen=True, slots=True)
class _Case:
    """One approval in question: the readings, what each shows of it, and what the state says."""

    about: Approval
    evm: Snapshot
    okx: Snapshot
    found: Approval | None
    their: Approval | None
    known: Evidence | None

    def row(self) -> Row | None:
        mine = self.found if self.known is None else self.known.held
        if self._missed:
            return self._row(Verdict.ONLY_OKX, None, Cause.NO_LOG)
        if mine is not None and self.their is not None:
            return self._both(mine, self.their)
        if mine is not None:
            return self._only_evm(mine)
        return None if self.their is None else self._only_okx(self.their)

    @property
    def _missed(self) -> bool:
        """Whether the reading lacks what the state of its own block grants: no log has told of it."""
        whole = self.evm.end is End.COMPLETE
        return whole and self.found is None and self.known is not None and self.known.read is not None

    def _row(self, verdict: Verdict, mine: Approval | None, cause: Cause | None = None) -> Row:
        block = self.evm.block if self.known is None else self.known.block
        if self.known is not None and self.known.told_block is not None and cause in (Cause.SPOOFED, Cause.SPENT):
            block = self.known.told_block
        return Row(mine or self.about, verdict, mine, self.their, cause, block)

    def _both(self, mine: Approval, their: Approval) -> Row:
        if None in (mine.unlimited, their.unlimited):
            return self._row(Verdict.UNPROVEN, mine, Cause.UNREADABLE)
        if _same(mine, their):
            return self._row(Verdict.EQUAL, mine)
        known, cause = self.known, None
        if known is not None and _same(known.before, their):
            cause = Cause.BEHIND
        elif known is not None and known.amount is not None and known.amount == their.allowance.raw:
            cause = Cause.SPENT
        return self._row(Verdict.AMOUNTS_DIFFER, mine, cause)

    def _only_evm(self, mine: Approval) -> Row:
        known, cause = self.known, None
        if self.okx.kinds and mine.kind not in self.okx.kinds:
            return self._row(Verdict.ONLY_EVM, mine, Cause.NOT_COVERED)
        if self.okx.end is not End.COMPLETE:
            return self._row(Verdict.UNPROVEN, mine, Cause.UNREAD)
        if known is not None and known.remembers and known.before is None:
            cause = Cause.BEHIND
        elif known is not None and known.amount is None:
            cause = Cause.NO_LOG
        return self._row(Verdict.ONLY_EVM, mine, cause)

    def _only_okx(self, their: Approval) -> Row:
        if not (their.token.address and their.spender.address):
            return self._row(Verdict.ONLY_OKX, None, Cause.NO_ADDRESS)
        if their.status is Status.GRANTING:
            return self._row(Verdict.ONLY_OKX, None, Cause.PENDING)
        if (through := self._through_permit2(their)) is not None:
            ended = through.expired(self.evm.shown_at)
            return self._row(Verdict.ONLY_OKX, None, Cause.EXPIRED if ended else Cause.THROUGH_PERMIT2)
        if self.known is not None:
            return self._row(Verdict.ONLY_OKX, None, _why_not_granted(self.known))
        if self.evm.end is End.COMPLETE:
            return self._row(Verdict.ONLY_OKX, None)
        return self._row(Verdict.UNPROVEN, None, Cause.UNREAD)

    def _through_permit2(self, their: Approval) -> Approval | None:
        """The Permit2 allowance that an API may show as a plain one."""
        wanted = (Kind.PERMIT2, their.token.address, their.spender.address)
        shown = self.evm.approvals.values()
        return next((one for one in shown if (one.kind, one.token.address, one.spender.address) == wanted), None)


def _same(mine: Approval | None, their: Approval) -> bool:
    """Words say no number: unlimited in words is any amount that no holder could use up."""
    if mine is None:
        return False
    if mine.allowance.in_words or their.allowance.in_words:
        return bool(mine.unlimited) and bool(their.allowance.unlimited(mine.token.supply))
    return mine.allowance.raw == their.allowance.raw


def _why_not_granted(known: Evidence) -> Cause:
    """Why a state does not grant what an API shows."""
    if known.before is not None or known.read is not None:
        return Cause.BEHIND
    if known.logged and known.amount == 0:
        return Cause.ENDED
    if known.logged and known.then == 0:
        return Cause.SPOOFED
    return Cause.SPENT if known.then or known.seen else Cause.NOT_IN_STATE
