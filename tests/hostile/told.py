"""Messages and documents in which one name stands wherever a stranger, a user or a rule may write."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from scanner.config.written import WrongError, plain_text
from scanner.delivery.messages import compose
from scanner.domain.alerts import Alert, Move, Severity
from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token
from scanner.domain.assets import Account, Owned, assets
from scanner.domain.changes import Change, ChangeKind, Held
from scanner.domain.explanation import Explanation
from scanner.domain.exposure import exposure
from scanner.domain.holdings import Holding
from scanner.domain.inventory import Holdings, WalletEntry
from scanner.domain.messages import Due, Message
from scanner.domain.reconciled import Reconciliation
from scanner.domain.reconciliation import Cause, Row, Verdict
from scanner.domain.report import (
    AlertEntry,
    ApprovalEntry,
    ChangeEntry,
    Report,
    ScanEntry,
    TargetEntry,
    rfc3339,
)
from scanner.domain.story import StepEntry
from scanner.errors import Place
from scanner.formats.documents import (
    Alerts,
    Approvals,
    Document,
    ExceptionEntry,
    Explained,
    History,
    RuleEntry,
    Rules,
    SilenceEntry,
    Story,
)
from scanner.policy.engine import Condition, compile_condition
from scanner.policy.explaining import explain
from scanner.policy.fields import facts
from scanner.policy.rules import Rule

__all__ = ["ALERT", "AT", "REF", "documents", "explained", "message"]

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
REF = "0123456789abcdef"
ALERT = "AW-00000000A1"
OWNER = "0xed0c6079229e2d407672a117c22b62064f4a4312"


def message(name: str, budget: int) -> Message:
    """A message about one alert, made as the program makes it."""
    (made,) = compose([_due(name)], budget, lambda: REF, {})
    return made


def documents(name: str) -> Mapping[str, Document]:
    """Everything that commands print, by what it is. A rule's words come from YAML, which knows no half characters."""
    name = name.encode(errors="replace").decode()
    due = _due(name)
    held, label = due.held, _label(name)
    approval, alert = ApprovalEntry.of(held, label), AlertEntry.of(due.alert)
    change = ChangeEntry.of(Change(ChangeKind.INCREASED, held.approval, held.approval, AT))
    at = rfc3339(AT)
    target = TargetEntry("ethereum", "1", OWNER, label, complete=True, approvals=1, error=None, read_at=at)
    rule = RuleEntry("a-rule", name, "high", (), "true", name, name, (), 0, "rules/a.yaml", 1)
    scan = ScanEntry("s1", at, at, complete=True, requests=1, targets=(target,))
    return {
        "scan": Report(1, scan, (approval,), (change,), (alert,), (alert.id,)),
        "approvals": Approvals(approvals=(approval,), targets=(target,), alerts=(alert,)),
        "history": History(changes=(change,), targets=(target,)),
        "alerts": Alerts(alerts=(alert,), approvals=(approval,)),
        "story": Story(
            alert=alert,
            approval=approval,
            why=name,
            fix=name,
            facts={},
            steps=(StepEntry(at, "opened", "the rule holds", "s1"),),
            notices=(),
            attempts=(),
        ),
        "rules": Rules(rules=(rule,)),
        "holdings": _holdings(name, held.approval, label),
        "reconciliation": _reconciliation(held.approval, label),
    }


def explained(name: str) -> Explained:
    """Why a rule speaks of an approval: the name in its values, its words, a silence and an exception."""
    name = name.encode(errors="replace").decode()
    due, at = _due(name), rfc3339(AT)
    alert = AlertEntry.of(due.alert)
    return Explained(
        approval=ApprovalEntry.of(due.held, _label(name)),
        explanation=_explanation(name, due.held, due.target),
        alerts=(alert,),
        silenced={alert.id: "S-1"},
        silences=(SilenceEntry("S-1", {"rule": "a-rule"}, False, name, name, at, at),),
        excepted=ExceptionEntry(("spender",), name, None, "here"),
    )


def _explanation(name: str, held: Held, target: Target) -> Explanation:
    """Why a rule holds that asks for the name wherever a stranger may have written it."""
    condition = compile_condition('token.symbol != "" && spender.name.size() > 3 && owner.label in ["a", spender.name]')
    assert isinstance(condition, Condition)
    rule = Rule("a-rule", name, Severity.CRITICAL, condition, Place("rules/a.yaml"))
    return explain(rule, facts(held, target=target, spender_approvals=1, spender_owners=1, at=AT))


def _holdings(name: str, approval: Approval, label: str) -> Holdings:
    """All that is held, with the name as a token's symbol and as a currency of an exchange."""
    token, target = approval.token.address, Target("1", OWNER, label)
    holding = Holding(token, AT, name, Decimal(5), price_usd=Decimal(1), risk=False)
    scam = Holding("0x" + "c" * 40, AT, name, Decimal(7), price_usd=Decimal(1), risk=True)
    account = Account("okx main", {name: Decimal(1)}, AT)
    found = assets([Owned(target, holding), Owned(target, scam)], [(approval, exposure(approval, holding))], [account])
    return Holdings.of(found, [account], [WalletEntry.of(target, AT, None)])


def _reconciliation(approval: Approval, label: str) -> Reconciliation:
    """Two sources that differ about it."""
    evm, okx = (
        Snapshot(Target("1", OWNER, label), {}, End.COMPLETE, frozenset(Kind), source, AT) for source in ("evm", "okx")
    )
    return Reconciliation.of(AT, AT, [(evm, okx, [Row(approval, Verdict.ONLY_OKX, None, approval, Cause.SPOOFED, 7)])])


def _label(name: str) -> str:
    """The name as a wallet's label, as far as a configuration takes it."""
    try:
        return plain_text(name)
    except WrongError:
        return "treasury"


def _due(name: str) -> Due:
    row = Approval(
        "1",
        OWNER,
        Token("0x" + "a" * 40, name),
        Spender("0x" + "b" * 40, name),
        Allowance(None, unreadable=name),
    )
    alert = Alert(ALERT, "a-rule", name, Severity.CRITICAL, row.id, AT)
    return Due(
        seq=1,
        channel="ops",
        what=Move.OPENED,
        alert=alert,
        held=Held(row, AT, AT, AT),
        target=Target("1", OWNER, name),
        why=name,
        fix=name,
        change=Change(ChangeKind.NEW, None, row, AT),
    )
