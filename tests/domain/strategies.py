"""Approvals, readings and times for tests of the domain: plain makers, and the strategies that are built of them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from scanner.domain.approvals import (
    UINT256_MAX,
    Allowance,
    Approval,
    End,
    Kind,
    Snapshot,
    Spender,
    Status,
    Target,
    Token,
)
from scanner.domain.changes import ChangeKind, Difference, Known, diff
from scanner.errors import Reason, Trouble

__all__ = [
    "ERC20",
    "EVERY_KIND",
    "OWNER",
    "START",
    "TEN_MINUTES",
    "address",
    "after",
    "allowances",
    "approval",
    "ids",
    "in_force",
    "many",
    "minutes",
    "reading",
    "told",
    "told_of",
]

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
ERC20 = frozenset({Kind.ERC20})
EVERY_KIND = frozenset(Kind)


def minutes(number: float) -> datetime:
    """A time so many minutes after the start."""
    return START + timedelta(minutes=number)


def address(number: int) -> str:
    """An EVM address that is easily told apart."""
    return f"0x{number:040x}"


OWNER = Target("1", address(0xA11CE))


def approval(
    number: int = 1,
    amount: int | str | None = 100,
    *,
    status: Status = Status.GRANTED,
    kind: Kind = Kind.ERC20,
) -> Approval:
    """The approval of a numbered spender. A text is what the source says: "unlimited", or what cannot be read."""
    return Approval(
        chain=OWNER.chain,
        owner=OWNER.owner,
        token=Token(address(0x70CE2), "USDT"),
        spender=Spender(address(0x59E2D00 + number), "Router"),
        allowance=_allowance(amount),
        kind=kind,
        status=status,
    )


def _allowance(amount: int | str | None) -> Allowance:
    if amount == "unlimited":
        return Allowance(None, in_words=True)
    if isinstance(amount, str):
        return Allowance(None, unreadable=amount)
    return Allowance(amount)


def many(count: int, *, first: int = 1, amount: int | str | None = 100, kind: Kind = Kind.ERC20) -> list[Approval]:
    """Approvals of so many spenders, numbered from `first`."""
    return [approval(number, amount, kind=kind) for number in range(first, first + count)]


def reading(
    approvals: Iterable[Approval] = (),
    at: datetime = START,
    end: End = End.COMPLETE,
    *,
    kinds: frozenset[Kind] = ERC20,
    pages: int = 1,
    as_of: datetime | None = None,
) -> Snapshot:
    """A reading that shows these approvals, as they were then where that is told."""
    trouble = None if end is End.COMPLETE else Trouble(Reason.UNAVAILABLE, f"the reading is {end}")
    rows = {row.id: row for row in approvals}
    return Snapshot(OWNER, rows, end, kinds, "test", at, pages, trouble, as_of=as_of)


def after(*readings: Snapshot, wait: timedelta = TEN_MINUTES) -> Known:
    """What is known when these readings have ended, one after the other."""
    known = Known(OWNER)
    for snapshot in readings:
        known = diff(known, snapshot, wait).known
    return known


def told(outcome: Difference) -> list[tuple[str, str]]:
    """The changes of a reading: kind and approval."""
    return [(change.kind.value, change.after.id) for change in outcome.changes]


def told_of(kind: ChangeKind, approvals: Iterable[Approval]) -> list[tuple[str, str]]:
    """What `told` gives where each of these approvals changed in the same way."""
    return [(kind.value, row.id) for row in approvals]


def in_force(known: Known) -> set[str]:
    """The ids of what is believed to be in force."""
    return {held.approval.id for held in known.in_force}


def ids(*numbers: int) -> set[str]:
    """The ids of numbered approvals."""
    return {approval(number).id for number in numbers}


def allowances() -> st.SearchStrategy[Allowance]:
    """Any allowance that a source may show: exact, in words, unreadable, or not given."""
    edges = st.sampled_from([0, 1, 2**96 - 1, 2**128 - 1, UINT256_MAX])
    return st.one_of(
        st.builds(Allowance, edges | st.integers(0, UINT256_MAX)),
        st.just(Allowance(None, in_words=True)),
        st.builds(lambda said: Allowance(None, unreadable=said), st.text(max_size=8)),
        st.just(Allowance(None)),
    )
