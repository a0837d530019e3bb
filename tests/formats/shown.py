"""Hand-made entries, and a report that is made of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scanner.domain.report import (
    AlertEntry,
    AllowanceEntry,
    ApprovalEntry,
    ChangeEntry,
    ExposureEntry,
    Report,
    ScanEntry,
    SpenderEntry,
    StateEntry,
    TargetEntry,
    TokenEntry,
    rfc3339,
)

__all__ = [
    "GONE",
    "GRAVE",
    "MAX",
    "NOW",
    "OWNER",
    "PLAIN",
    "REPORT",
    "SPENDER",
    "TOKEN",
    "alert",
    "approval",
    "before",
    "report",
    "target",
]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = "0x1111111122222222333333334444444455555555"
TOKEN = "0xdac17f958d2ee523a2206206994597c13d831ec7"
SPENDER = "0x2c34a2fb1d0b4f55de51e1d0bdefaddce6b7cdd6"
MAX = str(2**256 - 1)


def before(**span: float) -> str:
    """A time so long before now, as it is printed."""
    return rfc3339(NOW - timedelta(**span))


def approval(
    id_: str = "a1",
    *,
    raw: str | None = "2744484",
    unlimited: bool | None = False,
    label: str | None = "treasury",
    symbol: str | None = "USDT",
    name: str | None = "Swap",
    labels: tuple[str, ...] = (),
    status: str = "granted",
    kind: str = "erc20",
) -> ApprovalEntry:
    return ApprovalEntry(
        id=id_,
        chain="ethereum",
        chain_index="1",
        owner=OWNER,
        kind=kind,
        token=TokenEntry(TOKEN, symbol),
        spender=SpenderEntry(SPENDER, name, labels),
        allowance=AllowanceEntry(raw, unlimited),
        exposure=ExposureEntry(),
        status=status,
        first_seen=before(days=40),
        changed_at=before(days=2),
        owner_label=label,
    )


def alert(id_: str = "AW-0000000001", *, about: str = "a1", severity: str = "high", ended: bool = False) -> AlertEntry:
    return AlertEntry(
        id=id_,
        rule="unlimited-to-stranger",
        severity=severity,
        state="resolved" if ended else "open",
        approval=about,
        title="Unlimited allowance to a stranger",
        opened_at=before(days=2),
        resolved_at=before(minutes=1) if ended else None,
        reason="the approval is gone" if ended else None,
    )


def target(chain: str = "ethereum", *, error: str | None = None, read_at: str | None = None) -> TargetEntry:
    return TargetEntry(chain, "1", OWNER, "treasury", error is None, 2, error, read_at=read_at or before(minutes=1))


def change(kind: str, about: ApprovalEntry, then: StateEntry | None, now: StateEntry | None) -> ChangeEntry:
    where = {"chain": about.chain, "chain_index": about.chain_index, "owner": about.owner}
    return ChangeEntry(kind, about.id, before(minutes=1), then, now, **where, token=about.token, spender=about.spender)


def report(approvals: tuple[ApprovalEntry, ...] = (), *, targets: tuple[TargetEntry, ...] = (target(),)) -> Report:
    complete = all(one.complete for one in targets)
    return Report(1, ScanEntry("s1", before(minutes=2), before(minutes=1), complete, 12, targets=targets), approvals)


UNLIMITED = StateEntry(MAX, "granted", True)
LIMITED = StateEntry("2744484", "granted", False)
GRAVE = approval("grave", raw=MAX, unlimited=True)
PLAIN = approval("plain")
GONE = approval("gone")

REPORT = replace(
    report((PLAIN, GRAVE)),
    changes=(
        change("baseline", PLAIN, None, LIMITED),
        change("revoked", GONE, UNLIMITED, None),
        change("increased", GRAVE, LIMITED, UNLIMITED),
    ),
    alerts=(alert(about="grave"), alert("AW-0000000002", about="gone", severity="low", ended=True)),
    raised=("AW-0000000001",),
)
