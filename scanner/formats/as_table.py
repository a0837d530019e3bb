"""What a person reads on a terminal: the worst first, in plain words, with addresses that can be told apart."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, assert_never

from scanner.domain.plain import counted
from scanner.domain.report import AlertEntry, ApprovalEntry, Report
from scanner.domain.story import AttemptEntry, NoticeEntry
from scanner.formats.backtested import backtest_told
from scanner.formats.checked import checked_told
from scanner.formats.documents import (
    Alerts,
    Approvals,
    Backtest,
    Checked,
    Deliveries,
    Document,
    Explained,
    History,
    Holdings,
    Lists,
    Look,
    Reconciliation,
    RuleEntry,
    Rules,
    Silences,
    Story,
    Trials,
)
from scanner.formats.explained import decision_told, explained_told, operands_told
from scanner.formats.grids import GOOD, LOUD, Part, draw, hanging, line
from scanner.formats.holdings import holdings_told
from scanner.formats.listed import lists_told, said_told
from scanner.formats.own_words import dead
from scanner.formats.pending import deliveries_told, silences_told
from scanner.formats.pieces import ages, alerts_told, approvals_told, changes_told, heading, mark, totals, unread
from scanner.formats.reconciled import reconciled_told
from scanner.formats.tried import trials_told
from scanner.formats.words import (
    ago,
    allowance,
    at_stake,
    cost,
    exposure,
    open_alerts,
    sentences,
    spender,
    token,
    undecided,
    worst,
    worst_changes_first,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["render"]


def render(document: Document, look: Look) -> str:
    """The document as text of the look's width."""
    return draw(look, _things(dead(document), look))


def _things(document: Document, look: Look) -> Iterator["RenderableType"]:  # noqa: C901 - a case for each document
    match document:
        case Report():
            yield from _scan(document, look)
        case Approvals():
            yield from _approvals(document, look)
        case History():
            yield from _history(document, look)
        case Alerts():
            yield from _alerts(document, look)
        case Story():
            yield from _story(document, look)
        case Rules():
            yield from _rules(document)
        case Explained():
            yield from explained_told(look, document)
        case Silences():
            yield from silences_told(look, document)
        case Deliveries():
            yield from deliveries_told(look, document)
        case Holdings():
            yield from holdings_told(look, document)
        case Lists():
            yield from lists_told(look, document)
        case Checked():
            yield from checked_told(document, look.width)
        case Trials():
            yield from trials_told(document)
        case Reconciliation():
            yield from reconciled_told(document)
        case Backtest():
            yield from backtest_told(document)
        case _:
            assert_never(document)


def _history(document: History, look: Look) -> Iterator["RenderableType"]:
    if document.changes:
        yield changes_told(look, document.changes, document.targets, dated=True)
        yield line()
    yield line(Part(counted(len(document.changes), "change"), "bold"))


def _alerts(document: Alerts, look: Look) -> Iterator["RenderableType"]:
    if document.alerts:
        yield alerts_told(look, document.alerts, sentences(document.approvals), silenced=document.silenced)
        yield line()
    yield line(Part(counted(len(document.alerts), "alert"), "bold"))


def _scan(report: Report, look: Look) -> Iterator["RenderableType"]:
    scan = report.scan
    lacking = sum(not target.complete for target in scan.targets)
    kind = "Dry run" if scan.dry_run else "Scan"
    size = f" {scan.id}: {counted(len(scan.targets), 'target')}, {counted(scan.requests, 'request')}, "
    end = Part("complete", GOOD) if scan.complete else Part(f"INCOMPLETE: {lacking} not read completely", LOUD)
    yield line(Part(kind, "bold"), Part(size), end, Part("; nothing was recorded or sent" if scan.dry_run else ""))
    yield from unread(look, scan.targets)
    yield from _news(report, look)
    if report.approvals:
        yield heading("Approvals")
        yield approvals_told(look, report.approvals, report.alerts)
    yield line()
    yield totals(report.approvals, report.alerts)
    yield from _worth(report.approvals, scan.exposure_usd, scan.unvalued)
    yield line(Part(cost(scan), "dim"))
    if said := undecided(scan):
        yield line(Part(said, "dim"))
    if scan.excepted:
        yield line(Part(f"{counted(scan.excepted, 'approval')} under an exception from a rule", "dim"))
    for said in (*scan.context_errors, *scan.broken_rules):
        yield line(Part("warning: ", "yellow"), Part(said))


def _worth(approvals: Iterable[ApprovalEntry], usd: str | None, unvalued: int | None) -> Iterator["RenderableType"]:
    """What is at stake together, once balances were read."""
    if any(entry.exposure.read_at for entry in approvals):
        yield line(Part(at_stake(usd, unvalued), "bold"))


def _news(report: Report, look: Look) -> Iterator["RenderableType"]:
    """What this scan found: the changes, then the alerts that it opened or resolved; what was open is counted."""
    told = [change for change in worst_changes_first(report.changes) if change.kind != "baseline"]
    if report.changes:
        yield heading("Changes")
    if told:
        yield changes_told(look, told, report.scan.targets)
    if first := len(report.changes) - len(told):
        yield line(Part(f"{counted(first, 'approval')} seen for the first time", "dim"))
    about = sentences(report.approvals, report.changes, report.scan.targets)
    raised = set(report.raised)
    groups = {
        "Alerts opened": [alert for alert in report.alerts if alert.id in raised],
        "Alerts resolved": [a for a in report.alerts if a.id not in raised and a.resolved_at is not None],
    }
    for title, alerts in groups.items():
        if alerts:
            yield heading(f"{title} ({len(alerts)})")
            yield alerts_told(look, worst(alerts), about, news=raised)
    if before := [alert for alert in open_alerts(report.alerts) if alert.id not in raised]:
        yield line(Part(f"\n{_open(before)}, opened before; `approval-watch alerts list` shows them", "dim"))


def _open(alerts: Iterable[AlertEntry]) -> str:
    found = list(alerts)
    worst_one = worst(found)[0].severity
    return f"{counted(len(found), 'alert')} still open, {worst_one} the worst"


def _approvals(document: Approvals, look: Look) -> Iterator["RenderableType"]:
    if document.approvals:
        yield approvals_told(look, document.approvals, document.alerts)
        yield line()
    if document.ended:
        yield heading("In force no more")
        yield approvals_told(look, document.ended, ())
        yield line()
    yield from said_told(document.said)
    yield totals(document.approvals, document.alerts)
    yield from _worth(document.approvals, document.exposure_usd, document.unvalued)
    if document.at is not None:
        yield line(Part(f"as believed at {document.at}", "dim"))
        return
    yield from ages(look, document.targets)
    yield from unread(look, document.targets)
    if not document.targets:
        yield line(Part("no target is known to the store: `approval-watch scan` reads them", "dim"))


def _story(story: Story, look: Look) -> Iterator["RenderableType"]:
    alert, approval = story.alert, story.approval
    whose = approval.owner if approval.owner_label is None else f"{approval.owner_label}, {approval.owner}"
    yield line(mark(alert.severity), Part(f" {alert.title}  ", "bold"), Part(f"{alert.id}  "), Part(alert.state))
    yield from (line(Part(text)) for text in (story.why, story.fix) if text)
    yield heading("Approval")
    whole = {
        "wallet": whose,
        "chain": approval.chain,
        "token": ", ".join(token(approval.token)),
        "spender": ", ".join(spender(approval.spender)),
        "allowance": allowance(approval),
        "at stake": ", ".join(part for part in exposure(approval) if part) or "not known: no balance was read",
        **({} if approval.via is None else {"through": f"{approval.via}, not the usual Permit2"}),
        **({} if approval.granted_tx is None else {"granted by": approval.granted_tx}),
        "first seen": f"{approval.first_seen} ({ago(approval.first_seen, look.now)})",
        "changed": f"{approval.changed_at} ({ago(approval.changed_at, look.now)})",
        "id": approval.id,
    }
    yield _facts(whole.items())
    yield heading(f"Rule {alert.rule}, and what decided")
    yield _facts(story.facts.items())
    if story.then is not None:
        yield from operands_told(story.then)
    yield heading("What happened")
    yield _facts((step.at, f"{step.move}: {step.reason}") for step in story.steps)
    if story.episodes:
        yield line(Part(f"It had opened and ended before: {', '.join(story.episodes)}"))
    yield heading("Who was told, and why")
    yield _facts((notice.at, _owed(notice)) for notice in story.notices)
    if not story.notices:
        yield line(Part("nobody: there was no channel", "dim"))
    if story.attempts:
        yield heading("Attempts to send")
        yield _facts((attempt.at, _tried(attempt)) for attempt in story.attempts)
    if story.now is not None:
        yield heading("What the rule says now")
        yield from (line(Part(said)) for said in story.now.said)
        yield from decision_told(story.now)


def _owed(notice: NoticeEntry) -> str:
    if not notice.send:
        return f"{notice.channel} was not told of “{notice.what}”: {notice.reason}"
    message = "not in a message yet" if notice.message is None else f"message {notice.message}, {notice.state}"
    return f"{notice.channel} is told of “{notice.what}”: {notice.reason} ({message})"


def _tried(attempt: AttemptEntry) -> str:
    said = f"{attempt.channel}, message {attempt.message}, attempt {attempt.number}: {attempt.outcome}"
    return f"{said}, {attempt.detail}" if attempt.detail else said


def _facts(rows: Iterable[tuple[str, str]]) -> "Table":
    return hanging((Part(name, "dim"), [line(Part(said))]) for name, said in rows)


def _rules(document: Rules) -> Iterator["RenderableType"]:
    if document.rules:
        yield hanging((mark(rule.severity), _rule(rule)) for rule in document.rules)
        yield line()
    yield line(Part(counted(len(document.rules), "rule"), "bold"))
    if document.problems:
        said = f"{counted(document.problems, 'problem')} in other rules, which are left out"
        yield line(Part(said, LOUD), Part(": approval-watch rules check"))


def _rule(rule: RuleEntry) -> Iterator["Text"]:
    speaks = f"on {', '.join(rule.on)}" if rule.on else ""
    yield line(Part(rule.id, "bold"), Part(f"  {rule.title}  "), Part(speaks, "dim"))
    if rule.params:
        told = ", ".join(f"{param.name} {param.value}" for param in rule.params)
        yield line(Part(f"params {told}", "dim"))
    if rule.exceptions:
        yield line(Part(counted(rule.exceptions, "exception"), "yellow"))
    yield line(Part(rule.when, "dim"))
    if rule.until is not None:
        yield line(Part("until "), Part(rule.until, "dim"))
    for grade in rule.grades:
        yield line(Part(f"{grade.severity} "), Part(grade.when, "dim"))
        if grade.until is not None:
            yield line(Part("  until "), Part(grade.until, "dim"))
