"""Documents as one flat table each: full addresses and exact numbers, for spreadsheets and scripts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias, assert_never

from scanner.domain.explanation import ConditionEntry, OperandEntry
from scanner.domain.inventory import AssetEntry
from scanner.domain.reconciled import ReconciledEntry
from scanner.domain.report import AlertEntry, AllowanceEntry, ApprovalEntry, ChangeEntry, Report
from scanner.formats.backtests import DifferenceEntry
from scanner.formats.documents import (
    Alerts,
    Approvals,
    Backtest,
    Checked,
    Deliveries,
    DeliveryEntry,
    Document,
    Explained,
    History,
    Holdings,
    ListEntry,
    Lists,
    Reconciliation,
    RuleEntry,
    Rules,
    SilenceEntry,
    Silences,
    Story,
    TrialEntry,
    Trials,
)
from scanner.formats.explained import about_of, operands
from scanner.formats.flaws import FlawEntry
from scanner.formats.words import by_approval, labels_of, matched, worst_first

__all__ = ["Cell", "Sheet", "sheet"]

Cell: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Column names and rows of as many cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


_APPROVAL = (
    *("id", "severity", "chain", "chain_index", "owner", "owner_label", "kind", "token", "symbol", "token_id"),
    *("spender", "spender_name", "spender_labels", "raw", "unlimited", "amount", "unreadable", "status", "expires_at"),
    *("exposure_usd", "balance", "price_usd", "first_seen", "changed_at", "granted_at", "granted_tx", "via", "final"),
)
_CHANGE = (
    *("at", "kind", "approval", "chain", "chain_index", "owner", "owner_label", "token", "symbol"),
    *("spender", "spender_name", "before_raw", "before_unlimited", "before_status"),
    *("after_raw", "after_unlimited", "after_status", "approval_kind", "token_id"),
)
_ALERT = ("id", "severity", "state", "rule", "title", "opened_at", "resolved_at", "reason", "approval")
_WHERE = ("chain", "owner", "owner_label", "token", "symbol", "spender", "spender_name", "raw", "unlimited")
_STORY = ("at", "event", "channel", "what", "outcome", "detail", "message")
_RULE = tuple(field.name for field in fields(RuleEntry))
_OPERAND = ("condition", "severity", "depth", "join", "operand", "outcome", "values")
_SILENCE = (
    *("id", "matchers", "future", "author", "comment", "created_at", "ends_at", "ended_at", "reason"),
    *("alert", "alert_severity", "alert_raw", "alert_unlimited", "alert_ended_at", "alert_reason"),
)
_HOLDING = (
    *("symbol", "apart", "contracts", "price_usd", "wallets_amount", "wallets_usd", "wallets_unknown"),
    *("exchanges_amount", "exchanges_usd", "exchanges_unknown", "at_stake_usd", "at_stake_unvalued", "share"),
)
_DIFFERENCE = (
    *("kind", "rule", "title", "approval", "event", "alert", "was_severity", "was_opened_at", "was_resolved_at"),
    *("would_severity", "would_opened_at", "would_resolved_at"),
)
_RECONCILED = (
    *("approval", "chain", "chain_index", "owner", "owner_label", "kind", "token", "symbol", "token_id"),
    *("spender", "spender_name", "verdict", "differs", "evm_raw", "evm_unlimited", "evm_unreadable"),
    *("okx_raw", "okx_unlimited", "okx_unreadable", "cause", "reason", "block"),
)
_DELIVERY = tuple(field.name for field in fields(DeliveryEntry))
_FLAW = tuple(field.name for field in fields(FlawEntry))
_LIST = tuple(field.name for field in fields(ListEntry))

_TRIAL = tuple(field.name for field in fields(TrialEntry))


def sheet(document: Document) -> Sheet:  # noqa: C901 - a case for each document
    """The main table of a document.

    Of a scan its approvals, of a story what happened, of an explanation each operand, of silences what they hide.
    """
    match document:
        case Report() | Approvals():
            graded = by_approval(document.alerts)
            rows = [_approval(entry, graded.get(entry.id)) for entry in worst_first(document.approvals, graded)]
            return Sheet(_APPROVAL, rows)
        case History():
            labels = labels_of(document.targets)
            owned = ((entry, labels.get((entry.chain_index, entry.owner))) for entry in document.changes)
            return Sheet(_CHANGE, [_change(entry, label) for entry, label in owned])
        case Alerts():
            about = {entry.id: entry for entry in document.approvals}
            rows = [
                (*_alert(entry, about.get(entry.approval)), document.silenced.get(entry.id))
                for entry in document.alerts
            ]
            return Sheet((*_ALERT, *_WHERE, "silenced_by"), rows)
        case Story():
            return Sheet(_STORY, sorted(_happened(document), key=lambda row: str(row[0])))
        case Rules():
            return Sheet(_RULE, [_rule(entry) for entry in document.rules])
        case Explained():
            return Sheet(_OPERAND, [_operand(*row) for row in operands(document.explanation)])
        case Silences():
            return Sheet(_SILENCE, [row for entry in document.silences for row in _silence(entry)])
        case Deliveries():
            return Sheet(_DELIVERY, [_plain(entry, _DELIVERY) for entry in document.deliveries])
        case Holdings():
            return Sheet(_HOLDING, [_holding(entry) for entry in document.assets])
        case Lists():
            return Sheet(_LIST, [_plain(entry, _LIST) for entry in document.lists])
        case Checked():
            return Sheet(_FLAW, [_plain(entry, _FLAW) for entry in document.flaws])
        case Trials():
            return Sheet(_TRIAL, [_trial(entry) for entry in document.tests])
        case Reconciliation():
            return Sheet(_RECONCILED, [_reconciled(entry) for entry in document.rows])
        case Backtest():
            return Sheet(_DIFFERENCE, [_difference(entry) for entry in document.differences])
        case _:
            assert_never(document)


def _approval(entry: ApprovalEntry, severity: str | None) -> Sequence[Cell]:
    return (
        *(entry.id, severity, entry.chain, entry.chain_index, entry.owner, entry.owner_label, entry.kind),
        *(entry.token.address, entry.token.symbol, entry.token_id),
        *(entry.spender.address, entry.spender.name, " ".join(entry.spender.labels)),
        *(entry.allowance.raw, entry.allowance.unlimited, entry.allowance.amount, entry.allowance.unreadable),
        *(entry.status, entry.expires_at),
        *(entry.exposure.usd, entry.exposure.balance, entry.exposure.price_usd),
        *(entry.first_seen, entry.changed_at, entry.granted_at, entry.granted_tx, entry.via, entry.final),
    )


def _change(entry: ChangeEntry, label: str | None) -> Sequence[Cell]:
    before, after = entry.before, entry.after
    return (
        *(entry.at, entry.kind, entry.approval, entry.chain, entry.chain_index, entry.owner, label),
        *((None, None) if entry.token is None else (entry.token.address, entry.token.symbol)),
        *((None, None) if entry.spender is None else (entry.spender.address, entry.spender.name)),
        *((None, None, None) if before is None else (before.raw, before.unlimited, before.status)),
        *((None, None, None) if after is None else (after.raw, after.unlimited, after.status)),
        *(entry.approval_kind, entry.token_id),
    )


def _alert(entry: AlertEntry, about: ApprovalEntry | None) -> Sequence[Cell]:
    own = (
        *(entry.id, entry.severity, entry.state, entry.rule, entry.title),
        *(entry.opened_at, entry.resolved_at, entry.reason, entry.approval),
    )
    if about is None:
        return (*own, *(None for _ in _WHERE))
    return (
        *own,
        *(about.chain, about.owner, about.owner_label, about.token.address, about.token.symbol),
        *(about.spender.address, about.spender.name, about.allowance.raw, about.allowance.unlimited),
    )


def _happened(story: Story) -> Iterable[Sequence[Cell]]:
    for step in story.steps:
        yield step.at, "step", None, step.move, None, step.reason, None
    for notice in story.notices:
        outcome = (notice.state or "waiting") if notice.send else "not sent"
        yield notice.at, "notice", notice.channel, notice.what, outcome, notice.reason, notice.message
    for attempt in story.attempts:
        what = f"attempt {attempt.number}"
        yield attempt.at, "attempt", attempt.channel, what, attempt.outcome, attempt.detail, attempt.message


def _operand(condition: ConditionEntry, operand: OperandEntry, depth: int) -> Sequence[Cell]:
    return (
        *(condition.kind, condition.severity, depth, operand.join, operand.text, operand.outcome),
        about_of(operand) or None,
    )


def _silence(entry: SilenceEntry) -> Iterable[Sequence[Cell]]:
    """A row for each alert that it covers; one without an alert where it covers none."""
    own = (
        *(entry.id, matched(entry.matchers), entry.future, entry.author, entry.comment),
        *(entry.created_at, entry.ends_at, entry.ended_at, entry.reason),
    )
    if not entry.covers:
        yield (*own, None, None, None, None, None, None)
    for cover in entry.covers:
        yield (*own, cover.alert, cover.severity, cover.raw, cover.unlimited, cover.ended_at, cover.reason)


def _holding(entry: AssetEntry) -> Sequence[Cell]:
    return (
        *(entry.symbol, entry.apart),
        " ".join(f"{contract.chain}:{contract.address or ''}" for contract in entry.contracts),
        *(entry.price_usd, entry.wallets.amount, entry.wallets.usd, entry.wallets.unknown),
        *(entry.exchanges.amount, entry.exchanges.usd, entry.exchanges.unknown),
        *(entry.at_stake.usd, entry.at_stake.unvalued, entry.share),
    )


def _reconciled(entry: ReconciledEntry) -> Sequence[Cell]:
    return (
        *(entry.approval, entry.chain, entry.chain_index, entry.owner, entry.owner_label, entry.kind),
        *(entry.token.address, entry.token.symbol, entry.token_id, entry.spender.address, entry.spender.name),
        *(entry.verdict, entry.differs, *_amount(entry.evm), *_amount(entry.okx)),
        *(entry.cause, entry.reason, entry.block),
    )


def _amount(entry: AllowanceEntry | None) -> Sequence[Cell]:
    return (None, None, None) if entry is None else (entry.raw, entry.unlimited, entry.unreadable)


def _rule(entry: RuleEntry) -> Sequence[Cell]:
    grades = "; ".join(f"{grade.severity}: {grade.when}" for grade in entry.grades)
    params = "; ".join(f"{param.name}: {param.value}" for param in entry.params)
    return [*_plain(entry, _RULE[:-3]), grades, params, entry.exceptions]


def _plain(entry: FlawEntry | RuleEntry | DeliveryEntry | ListEntry, columns: Sequence[str]) -> Sequence[Cell]:
    values = (getattr(entry, name) for name in columns)
    return [" ".join(value) if isinstance(value, tuple) else value for value in values]


def _trial(entry: TrialEntry) -> Sequence[Cell]:
    values = (getattr(entry, name) for name in _TRIAL)
    return [" | ".join(value) if isinstance(value, tuple) else value for value in values]


def _difference(entry: DifferenceEntry) -> Sequence[Cell]:
    was, would = entry.was, entry.would
    return (
        *(entry.kind, entry.rule, entry.title, entry.approval, entry.event),
        *((None,) * 4 if was is None else (was.alert, was.severity, was.opened_at, was.resolved_at)),
        *((None,) * 3 if would is None else (would.severity, would.opened_at, would.resolved_at)),
    )
