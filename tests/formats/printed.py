"""Hand-made values for tests of the formats."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scanner.domain.explanation import (
    ConditionEntry,
    Explanation,
    FlipEntry,
    OperandEntry,
    ValueEntry,
    WayEntry,
)
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
from scanner.domain.report import (
    AlertEntry,
    AllowanceEntry,
    ApprovalEntry,
    AttemptEntry,
    ChangeEntry,
    ExposureEntry,
    NoticeEntry,
    Report,
    ScanEntry,
    SpenderEntry,
    StateEntry,
    StepEntry,
    TargetEntry,
    TokenEntry,
    rfc3339,
)
from scanner.formats.documents import (
    Alerts,
    Approvals,
    Checked,
    CoverEntry,
    Deliveries,
    DeliveryEntry,
    Document,
    ExceptionEntry,
    Explained,
    GradeEntry,
    History,
    ListEntry,
    Lists,
    ParamEntry,
    RuleEntry,
    Rules,
    SaidEntry,
    SilenceEntry,
    Silences,
    Story,
    TrialEntry,
    Trials,
)
from scanner.formats.flaws import FlawEntry

__all__ = ["DOCUMENTS", "NOW", "REPORT", "alert", "approval", "before", "report", "target"]

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

EXPLANATION = Explanation(
    rule="much-money",
    title="Much money within reach",
    judgement="fails",
    severity="low",
    said=("It does not hold.",),
    values=(
        ValueEntry("exposure.usd", "4,210"),
        ValueEntry("token.risk", "unknown", "until the source says something of the token"),
    ),
    conditions=(
        ConditionEntry(
            kind="when",
            severity=None,
            text="exposure.usd >= 10000 && !token.risk",
            outcome="fails",
            tree=OperandEntry(
                "exposure.usd >= 10000 && !token.risk",
                "all",
                "fails",
                operands=(
                    OperandEntry("exposure.usd >= 10000", "test", "fails", "exposure.usd is 4,210"),
                    OperandEntry(
                        "!token.risk",
                        "not",
                        "undecided",
                        operands=(OperandEntry("token.risk", "test", "undecided", "token.risk is not known"),),
                    ),
                ),
            ),
            ways=(
                WayEntry(
                    "holds",
                    (
                        FlipEntry("exposure.usd >= 10000", "holds", "exposure.usd is 4,210; it has to be more"),
                        FlipEntry("token.risk", "fails", "token.risk is not known; it would have to be no"),
                    ),
                ),
            ),
        ),
        ConditionEntry(
            kind="until",
            severity="critical",
            text="exposure.usd < 8000",
            outcome="holds",
            tree=OperandEntry("exposure.usd < 8000", "test", "holds", "exposure.usd is 4,210"),
        ),
    ),
)

DOCUMENTS: dict[str, Document] = {
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
    "explained": Explained(
        approval=GRAVE,
        explanation=EXPLANATION,
        alerts=REPORT.alerts[:1],
        silenced={REPORT.alerts[0].id: "S-01234567"},
        silences=(
            SilenceEntry(
                "S-01234567", {"rule": "much-money"}, False, "kim", "we are on it", before(days=1), before(days=-1)
            ),
            SilenceEntry(
                "S-89ABCDEF", {"rule": "much-money"}, True, "lee", "too loud", before(days=1), before(days=-2)
            ),
        ),
        excepted=ExceptionEntry(("owner", "spender"), "our own settlement", None, "config.yaml:9:5"),
        notes=("An exception keeps the rule silent about it.",),
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
    "rules": Rules(
        rules=(
            RuleEntry(
                id="allowance-increased",
                title="Allowance was raised",
                severity="medium",
                on=("increased",),
                when="true",
                why="More can be taken than before.",
                fix="Lower it.",
                fields=(),
                tests=2,
                file="rules/changes.yaml",
                line=3,
            ),
            RuleEntry(
                id="much-money",
                title="Much money within reach",
                severity="low",
                on=(),
                when="exposure.usd > 100",
                why="It can be taken.",
                fix="Revoke it.",
                fields=("exposure.usd",),
                tests=4,
                file="rules/exposure.yaml",
                line=3,
                until="exposure.usd < 80",
                grades=(
                    GradeEntry("medium", "exposure.usd > 1000"),
                    GradeEntry("critical", "exposure.usd > 9000", "exposure.usd < 8000"),
                ),
                params=(ParamEntry("age", "duration", "90d"), ParamEntry("names", "list of texts", "[a, b]")),
                exceptions=2,
            ),
        ),
        problems=1,
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
    "trials": Trials(
        passed=1,
        failed=1,
        seconds=0.25,
        tests=(
            TrialEntry(
                kind="scenario",
                subject="A stranger in a hurry",
                title="step 2: everything",
                file="hurry.yaml",
                line=31,
                passed=False,
                seconds=0.2,
                expected=("alerts: alert opened, rule a, severity high",),
                found=("alerts: alert opened, rule a, severity critical",),
                facts=("a treasury usdt stranger: exposure.usd 9,000",),
            ),
            TrialEntry("rule", "a", "=nothing is held", "a.yaml", 4, True, 0.05),
        ),
    ),
    "checked": Checked(
        rules=21,
        flaws=(
            FlawEntry(
                "warning", "no-why", "mine has no `why`", "one sentence on the danger", "r.yaml", 2, 5, "  - id: mine"
            ),
            FlawEntry(
                "problem",
                "unknown-field",
                "there is no field 'exposre.usd'",
                "did you mean 'exposure.usd'?",
                "r.yaml",
                5,
                44,
                "    when: allowance.unlimited && ( true || exposre.usd > 100 ) && spender.labels.size() == 0",
            ),
            FlawEntry("problem", "rules-unreadable", "the folder cannot be read", None, "rules", None, None, None),
        ),
    ),
}
"""One document of every kind."""
