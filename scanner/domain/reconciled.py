"""What two sources say of the same targets, row by row: like `domain.report`, the JSON of version 1."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from msgspec import structs

from scanner.domain.approvals import Approval, End, Snapshot
from scanner.domain.reconciliation import Agreement, Cause, Row, Verdict
from scanner.domain.report import AllowanceEntry, SpenderEntry, TokenEntry, chain_name, rfc3339

__all__ = ["VERDICTS", "WHY", "ReconciledEntry", "ReconciledTarget", "Reconciliation"]

WHY: Mapping[Cause, str] = {
    Cause.NOT_COVERED: "the API does not tell of this kind",
    Cause.BEHIND: "the API has not heard of it yet",
    Cause.PENDING: "a transaction is under way, as the API says",
    Cause.THROUGH_PERMIT2: "the API shows as plain what goes through Permit2",
    Cause.EXPIRED: "the API shows a Permit2 allowance that has expired",
    Cause.ENDED: "the last log says that nothing is left, and so does the state",
    Cause.SPENT: "it was granted, and has been used since",
    Cause.SPOOFED: "a log told it, and the state of that very block granted nothing",
    Cause.NOT_IN_STATE: "the state grants nothing",
    Cause.NO_LOG: "the state grants it, and no log ever told of it",
    Cause.NO_ADDRESS: "the API does not tell the contract",
    Cause.UNREADABLE: "an amount that makes no sense",
    Cause.UNREAD: "one of the sources was not read completely",
}
"""Each cause in words."""

VERDICTS: Mapping[Verdict, str] = {
    Verdict.EQUAL: "equal",
    Verdict.ONLY_EVM: "only on the chain",
    Verdict.ONLY_OKX: "only in the API",
    Verdict.AMOUNTS_DIFFER: "amounts differ",
    Verdict.UNPROVEN: "nothing follows",
}
"""Each verdict in words."""


@dataclass(frozen=True, slots=True)
class ReconciledEntry:
    """One approval in both sources. `verdict` is equal, only-evm, only-okx, amounts-differ or unproven.

    `evm` and `okx` are what each source shows, null where it shows nothing. `cause` says why they differ, where that is
    known, and `reason` the same in words; `block` is where that can be seen. `differs` is false where two sound sources
    may say this at any time.
    """

    approval: str
    chain: str
    chain_index: str
    owner: str
    owner_label: str | None
    kind: str
    token: TokenEntry
    token_id: str | None
    spender: SpenderEntry
    verdict: str
    differs: bool
    evm: AllowanceEntry | None
    okx: AllowanceEntry | None
    cause: str | None
    reason: str | None
    block: int | None

    @classmethod
    def of(cls, row: Row, label: str | None) -> Self:
        """A row, with the user's own name for the owner."""
        one = row.approval
        return cls(
            approval=one.id,
            chain=chain_name(one.chain),
            chain_index=one.chain,
            owner=one.owner,
            owner_label=label,
            kind=one.kind.value,
            token=TokenEntry.of(one.token),
            token_id=None if one.token_id is None else str(one.token_id),
            spender=SpenderEntry.of(one.spender),
            verdict=row.verdict.value,
            differs=row.differs,
            evm=_shown(row.evm, one),
            okx=_shown(row.okx, one),
            cause=None if row.cause is None else row.cause.value,
            reason=None if row.cause is None else WHY[row.cause],
            block=row.block,
        )

    @property
    def told(self) -> str:
        """The row in a sentence, with whole addresses."""
        symbol = "a token" if self.token.symbol is None else f"“{self.token.symbol}”"
        spender = self.spender.address or "an unknown spender"
        why = "" if self.reason is None else f": {self.reason}"
        return f"{symbol} of {self.owner} on {self.chain} to {spender}, {VERDICTS[Verdict(self.verdict)]}{why}"


@dataclass(frozen=True, slots=True)
class ReconciledTarget:
    """One target. `complete` says that both sources were read completely; the errors say why one was not.

    `block` is the one at which the chain was read. The counts are of its rows: `differences` of those that differ,
    `unproven` of those of which nothing follows.
    """

    chain: str
    chain_index: str
    owner: str
    label: str | None
    complete: bool
    block: int | None
    equal: int
    differences: int
    unproven: int
    evm_error: str | None
    okx_error: str | None

    @classmethod
    def of(cls, evm: Snapshot, okx: Snapshot, rows: Sequence[Row]) -> Self:
        """A target's two readings, and what they come to."""
        target = evm.target
        return cls(
            chain=chain_name(target.chain),
            chain_index=target.chain,
            owner=target.owner,
            label=target.label,
            complete=evm.end is okx.end is End.COMPLETE,
            block=evm.block,
            equal=sum(row.verdict is Verdict.EQUAL for row in rows),
            differences=sum(row.differs for row in rows),
            unproven=sum(row.verdict is Verdict.UNPROVEN for row in rows),
            evm_error=_error(evm),
            okx_error=_error(okx),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Targets as two sources tell of them, and each approval that either shows.

    `complete` says that every target was read completely from both; `differences` counts the rows that differ.
    """

    version: int = 1
    started_at: str
    finished_at: str
    complete: bool = True
    differences: int = 0
    targets: tuple[ReconciledTarget, ...] = ()
    rows: tuple[ReconciledEntry, ...] = ()

    @classmethod
    def of(
        cls, started_at: datetime, finished_at: datetime, found: Iterable[tuple[Snapshot, Snapshot, Sequence[Row]]]
    ) -> Self:
        """What a chain's reading and an API's say of each target, in the order in which they are given."""
        every = list(found)
        targets = tuple(ReconciledTarget.of(*each) for each in every)
        return cls(
            started_at=rfc3339(started_at),
            finished_at=rfc3339(finished_at),
            complete=all(target.complete for target in targets),
            differences=sum(target.differences for target in targets),
            targets=targets,
            rows=tuple(ReconciledEntry.of(row, evm.target.label) for evm, _, rows in every for row in rows),
        )

    def agreement(self, at: datetime) -> Agreement:
        """What it came to, as the watch keeps it."""
        unread = sum(not target.complete for target in self.targets)
        first = next((row for row in self.rows if row.differs), None)
        return Agreement(at, len(self.targets), unread, self.differences, "" if first is None else first.told)


def _shown(approval: Approval | None, named: Approval) -> AllowanceEntry | None:
    """What one source shows, in units by what either knows of the token."""
    return None if approval is None else AllowanceEntry.of(structs.replace(approval, token=named.token))


def _error(snapshot: Snapshot) -> str | None:
    if snapshot.end is End.COMPLETE or snapshot.trouble is None:
        return None
    return str(snapshot.trouble)
