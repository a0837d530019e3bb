"""A real store for tests of the commands: hand-made readings, alerts, and what became of telling them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from blank import blank
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, Finding, Judgement, Severity, reconcile
from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, gather
from scanner.domain.changes import diff
from scanner.domain.telling import Telling
from scanner.errors import Reason, Trouble
from scanner.store import alerts, knowledge, scans
from scanner.store.engine import Store

__all__ = ["CONFIG", "EXCHANGE", "NOW", "STRANGER", "TREASURY", "USDT", "fill"]

NOW = datetime.now(UTC).replace(microsecond=0)
UINT256_MAX = 2**256 - 1

TREASURY = "0x1111111122222222333333334444444455555555"
HOT = "0x6666666677777777888888889999999900000000"
USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7"
DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"
EXCHANGE = "0x2c34a2fb1d0b4f55de51e1d0bdefaddce6b7cdd6"
STRANGER = "0xb00bb00bb00bb00bb00bb00bb00bb00bb00bb00b"

CONFIG = f"""\
wallets:
  - {{address: "{TREASURY}", label: treasury, chains: [ethereum]}}
  - {{address: "{HOT}", label: hot, chains: [bsc]}}
channels:
  ops: {{url: json://127.0.0.1:1, min_severity: high}}
"""

TARGETS = {"1": Target("1", TREASURY, "treasury"), "56": Target("56", HOT, "hot")}


def approval(chain: str, token: str, symbol: str, spender: str, name: str, raw: int) -> Approval:
    owner = TARGETS[chain].owner
    return Approval(chain, owner, Token(token, symbol), Spender(spender, name), Allowance(raw))


LIMITED = approval("1", USDT, "USDT", EXCHANGE, "Swap", 2_744_484)
RAISED = approval("1", USDT, "USDT", EXCHANGE, "Swap", UINT256_MAX)
DAI_APPROVAL = approval("1", DAI, "DAI", STRANGER, "claim.xyz", 5)
ON_BSC = approval("56", DAI, "DAI", EXCHANGE, "=SUM(A1)", 7)


async def fill(folder: Path) -> Alert:
    """Write a configuration and a store into a folder: three days of readings, the last of `hot` cut short.

    Returns the one alert, of the raised approval.
    """
    (folder / "config.yaml").write_text(CONFIG)
    path = folder / "approval-watch.db"
    await blank(path)
    store = await Store.open(f"sqlite:///{path}")
    try:
        await read(store, "scan-1", "1", timedelta(days=3), LIMITED, DAI_APPROVAL)
        await read(store, "scan-1", "56", timedelta(days=3), ON_BSC)
        await read(store, "scan-2", "1", timedelta(days=1), RAISED)
        await read(store, "scan-2", "56", timedelta(hours=2), end=End.INCOMPLETE)
        return await store.write(raise_alert)
    finally:
        await store.close()


async def read(store: Store, scan: str, chain: str, ago: timedelta, *rows: Approval, end: End = End.COMPLETE) -> None:
    trouble = Trouble(Reason.NODE_FAILED, "the chain's node failed") if end is End.INCOMPLETE else None
    snapshot = Snapshot(TARGETS[chain], gather(rows), end, frozenset({Kind.ERC20}), "okx", NOW - ago, trouble=trouble)

    async def recording(connection: AsyncConnection) -> None:
        scan_id = f"{scan}-{chain}"
        await scans.begin(connection, scan_id, asked_by="test", worker="1-test", total=1, at=snapshot.read_at)
        await knowledge.watch(connection, [snapshot.target], snapshot.read_at)
        known = await knowledge.known(connection, snapshot.target)
        outcome = diff(known, snapshot, timedelta())
        await knowledge.record(connection, scan_id, snapshot, outcome)
        await scans.finish(connection, scan_id, at=snapshot.read_at, requests=1, undecided=0)

    await store.write(recording)


async def raise_alert(connection: AsyncConnection) -> Alert:
    finding = Finding(
        rule="unlimited-to-stranger",
        title="Unlimited allowance to a stranger",
        severity=Severity.HIGH,
        approval=RAISED.id,
        judgement=Judgement.HOLDS,
        values={"allowance.unlimited": "yes"},
    )
    at = NOW - timedelta(days=1)
    steps = reconcile([], [finding], gone={}, baseline=(), at=at)
    await alerts.apply(
        connection,
        steps,
        telling=Telling(channels={"ops": Severity.HIGH, "pager": Severity.CRITICAL}, group_wait=timedelta()),
        words=lambda _: ("All of it can be taken.", "Revoke it."),
        scan_id="scan-2-1",
        at=at,
    )
    return steps[0].alert
