"""Hand-made documents of every kind, for tests of the formats."""

from compared import COMPARED
from ruled import EXPLANATION, RULED
from shown import GONE, GRAVE, MAX, OWNER, REPORT, SPENDER, TOKEN, before

from scanner.domain.inventory import (
    AccountEntry,
    AssetEntry,
    ContractEntry,
    Holdings,
    StakeEntry,
    SumEntry,
    TotalEntry,
    WalletEntry,
)
from scanner.domain.story import AttemptEntry, NoticeEntry, StepEntry
from scanner.formats.documents import (
    Alerts,
    Approvals,
    CoverEntry,
    Deliveries,
    DeliveryEntry,
    Document,
    History,
    ListEntry,
    Lists,
    SaidEntry,
    SilenceEntry,
    Silences,
    Story,
)

__all__ = ["DOCUMENTS"]

DOCUMENTS: dict[str, Document] = {
    **RULED,
    "reconciliation": COMPARED,
    "report": REPORT,
    "approvals": Approvals(approvals=REPORT.approvals, targets=REPORT.scan.targets, alerts=REPORT.alerts),
    "spender": Approvals(
        approvals=REPORT.approvals,
        ended=(GONE,),
        said=(
            SaidEntry("exploits", ("exploited",), "ethereum", "1", "Swap", "Swap keys stolen (2026-01-05)"),
            SaidEntry("ours", ()),
        ),
        targets=REPORT.scan.targets,
    ),
    "history": History(changes=REPORT.changes, targets=REPORT.scan.targets),
    "alerts": Alerts(alerts=REPORT.alerts, approvals=REPORT.approvals),
    "story": Story(
        alert=REPORT.alerts[0],
        approval=GRAVE,
        why="Whoever controls the spender can take all of it.",
        fix="Revoke it.",
        facts={"allowance.unlimited": "yes"},
        steps=(StepEntry(before(days=2), "opened", "the rule holds", "s1"),),
        notices=(
            NoticeEntry(before(days=2), "ops", "opened", True, "first", "m1", "sent", before(days=2)),
            NoticeEntry(before(days=2), "mail", "opened", False, "below the channel's severity", None, None, None),
        ),
        attempts=(AttemptEntry(before(days=2), "ops", "m1", 1, "delivered", "HTTP 200"),),
        then=EXPLANATION,
        now=EXPLANATION,
    ),
    "lists": Lists(
        lists=(
            ListEntry(
                name="exploits",
                label="exploited",
                origin="https://lists.example/a/long/way/to/where/the/list/of/incidents/is.json",
                as_of=before(days=1),
                checked_at=before(hours=1),
                error="lists.example answered HTTP 503",
                entries=349,
                bad=12,
                examples=("line 17: there is no address",),
                approvals=2,
            ),
            ListEntry("ours", "trusted", "/etc/approval-watch/trusted.csv", None, None, None, 0, 0, (), 0),
        ),
    ),
    "silences": Silences(
        silences=(
            SilenceEntry(
                id="S-00000001",
                matchers={"spender": SPENDER, "chain": "1", "severity": ["high", "critical"]},
                future=True,
                author="alice",
                comment="the exchange moved its router",
                created_at=before(days=1),
                ends_at=before(days=-6),
                covers=(
                    CoverEntry("AW-0000000001", "high", MAX, True),
                    CoverEntry("AW-0000000003", "medium", "5", False, before(hours=1), "the allowance is higher"),
                ),
            ),
            SilenceEntry(
                id="S-00000002",
                matchers={"rule": "old-unlimited"},
                future=False,
                author="bob",
                comment="known",
                created_at=before(days=9),
                ends_at=before(days=2),
                ended_at=before(days=2),
                reason="its time came",
            ),
        ),
        alerts=REPORT.alerts,
        approvals=REPORT.approvals,
        still_told=("AW-0000000002",),
    ),
    "deliveries": Deliveries(
        deliveries=(
            DeliveryEntry(
                id="m2",
                channel="ops",
                state="waiting",
                severity="high",
                title="HIGH: 2 alerts",
                attempts=3,
                created_at=before(hours=2),
                next_at=before(minutes=-5),
                sent_at=None,
                error="HTTP 503",
                alerts=("AW-0000000001", "AW-0000000002"),
            ),
            DeliveryEntry("m1", "mail", "sent", "low", "LOW", 1, before(days=1), None, before(days=1), None, ()),
        ),
    ),
    "holdings": Holdings(
        complete=False,
        total=TotalEntry(SumEntry(None, "3000", 1), SumEntry(None, "1000", 1), StakeEntry("500", 2), None, 1),
        assets=(
            AssetEntry(
                symbol="USDT",
                apart=None,
                contracts=(ContractEntry("ethereum", "1", TOKEN), ContractEntry("bsc", "56", TOKEN)),
                price_usd="1",
                wallets=SumEntry("3000.123456789", "3000.123456789", 1),
                exchanges=SumEntry("1000", "1000", 1),
                at_stake=StakeEntry("500", 1),
                share=None,
            ),
            AssetEntry(
                symbol=None,
                apart="no-price",
                contracts=(ContractEntry("ethereum", "1", None),),
                price_usd=None,
                wallets=SumEntry("0.0000000001", None),
                exchanges=SumEntry(None, None),
                at_stake=StakeEntry(None, 1),
                share=None,
            ),
        ),
        accounts=(
            AccountEntry("okx main", before(), 1),
            AccountEntry("xt side", before(), 0, "XT answered HTTP 502", "unavailable"),
        ),
        wallets=(
            WalletEntry("ethereum", "1", OWNER, "treasury", before(hours=3), None),
            WalletEntry("bsc", "56", OWNER, "treasury", before(hours=9), "the chain's node failed"),
        ),
    ),
}
"""One document of every kind."""
