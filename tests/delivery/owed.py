"""Hand-made notices, in memory and in a real store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blank import blank
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Move, Severity, Transition
from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, gather, stable_id
from scanner.domain.changes import Change, ChangeKind, Held, diff
from scanner.domain.messages import Due
from scanner.domain.telling import Telling
from scanner.store import alerts, knowledge, scans
from scanner.store.engine import Store

__all__ = ["START", "WALLET", "approval", "due", "end", "grant", "opened", "raise_alerts"]

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
WALLET = Target("1", "0xed0c6079229e2d407672a117c22b62064f4a4312", "treasury")
USDC = Token("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6)


def approval(spender: int = 1, *, raw: int = 2**256 - 1, token: Token = USDC, name: str | None = "Swap") -> Approval:
    return Approval(WALLET.chain, WALLET.owner, token, Spender(f"0x{spender:040x}", name), Allowance(raw))


def due(
    seq: int,
    *,
    severity: Severity = Severity.HIGH,
    what: Move = Move.OPENED,
    of: Approval | None = None,
    alert: int | None = None,
    title: str = "Unlimited allowance to a spender on no list",
    target: Target = WALLET,
    change: ChangeKind | None = ChangeKind.NEW,
    before: Approval | None = None,
    in_force: bool = True,
    reading: str | None = None,
    channel: str = "ops",
    told: bool = True,
) -> Due:
    """A notice that is due. `alert` numbers its alert, which is the notice's own unless given."""
    row = approval(seq) if of is None else of
    subject = Alert(
        id=f"AW-{seq if alert is None else alert:010X}",
        rule="a-rule",
        title=title,
        severity=severity,
        approval=row.id,
        opened_at=START,
        reason="the approval is gone" if what is Move.RESOLVED else "",
    )
    return Due(
        seq=seq,
        channel=channel,
        what=what,
        alert=subject,
        held=Held(row, START, START, START, in_force=in_force),
        target=target,
        why="The spender can take all of it.",
        fix="Revoke it.",
        change=None if change is None else Change(change, before, row, START),
        reading=reading,
        told=told,
    )


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    """A real store, new or as it was left."""
    path = folder / "store.db"
    await blank(path)
    store = await Store.open(f"sqlite:///{path}")
    try:
        yield store
    finally:
        await store.close()


async def grant(store: Store, count: int, scan_id: str = "scan-1") -> list[Approval]:
    """A first complete reading of one wallet that shows so many approvals."""
    rows = [approval(number) for number in range(1, count + 1)]

    async def committing(connection: AsyncConnection) -> None:
        await knowledge.watch(connection, [WALLET], START)
        await scans.begin(connection, scan_id, asked_by="test", worker="1-test", total=1, at=START)
        known = await knowledge.known(connection, WALLET)
        snapshot = Snapshot(WALLET, gather(rows), End.COMPLETE, frozenset({Kind.ERC20}), "okx", START)
        await knowledge.record(connection, scan_id, snapshot, diff(known, snapshot, timedelta(minutes=10)))

    await store.write(committing)
    return rows


async def raise_alerts(
    store: Store,
    rows: Sequence[Approval],
    severity: Severity = Severity.HIGH,
    *,
    channels: Sequence[str] = ("ops",),
    baseline: bool = False,
    scan_id: str = "scan-1",
    rule: str = "a-rule",
    at: datetime = START,
    telling: Telling | None = None,
) -> list[Alert]:
    """Open an alert for each approval, as a scan does."""
    told = [
        Alert(
            "AW-" + stable_id(rule, row.id, length=10).upper(),
            rule,
            "A danger",
            severity,
            row.id,
            at,
            baseline=baseline,
        )
        for row in rows
    ]
    await _apply(
        store, [Transition(Move.OPENED, alert, "the rule holds") for alert in told], channels, scan_id, at, telling
    )
    return told


async def end(
    store: Store,
    told: Sequence[Alert],
    *,
    channels: Sequence[str] = ("ops",),
    at: datetime = START,
    telling: Telling | None = None,
) -> None:
    """Resolve alerts, as a scan does."""
    over = [replace(a, state=AlertState.RESOLVED, resolved_at=at, reason="the approval is gone") for a in told]
    await _apply(
        store, [Transition(Move.RESOLVED, alert, alert.reason) for alert in over], channels, "scan-2", at, telling
    )


async def _apply(
    store: Store,
    steps: Sequence[Transition],
    channels: Sequence[str],
    scan_id: str,
    at: datetime,
    telling: Telling | None,
) -> None:
    await store.write(
        lambda connection: alerts.apply(
            connection,
            steps,
            telling=telling or Telling(channels=dict.fromkeys(channels, Severity.LOW), group_wait=timedelta()),
            words=lambda rule: ("It can all be taken.", "Revoke it."),
            scan_id=scan_id,
            at=at,
        )
    )
