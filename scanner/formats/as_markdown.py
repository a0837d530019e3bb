"""Markdown, for a ticket or a page: what a person reads, with whole addresses. No text can become markup."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from scanner.domain.explanation import Explanation
from scanner.domain.hostile import printable
from scanner.domain.plain import counted, money
from scanner.domain.report import AlertEntry, ApprovalEntry, ChangeEntry, Report, TargetEntry
from scanner.formats.backtested import difference_rows, rule_rows, span_of, totals_told
from scanner.formats.checked import checked_rows
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
    SaidEntry,
    SilenceEntry,
    Silences,
    Story,
    Trials,
)
from scanner.formats.explained import about_of, exempt, hidden_by, operands, said_of, values, ways
from scanner.formats.holdings import WHY_APART, ages, amount, bound, named, share, stake, where, worth
from scanner.formats.own_words import dead
from scanner.formats.reconciled import reconciled_rows, target_rows, total_of
from scanner.formats.tried import totals_of
from scanner.formats.words import (
    allowance,
    at_stake,
    by_approval,
    change_words,
    cost,
    labels_of,
    last_reading,
    matched,
    sentences,
    spender,
    token,
    undecided,
    worst,
    worst_changes_first,
    worst_first,
)

__all__ = ["render"]

_WHO = ("wallet", "owner", "chain", "token", "token address", "spender", "spender address")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&@])")
_BREAKS = re.compile(r"\s+")


def render(document: Document, look: Look) -> str:
    """The document as Markdown."""
    return "\n\n".join(_parts(dead(document), look)) + "\n"


def _parts(document: Document, look: Look) -> Iterator[str]:  # noqa: C901 - a case for each document
    match document:
        case Report():
            yield from _scan(document, look)
        case Approvals():
            yield from _looked_up(document, look)
        case History():
            yield "# History" + ("" if document.since is None else f" since {_dead(document.since)}")
            yield _changes(document.changes, document.targets)
        case Alerts():
            yield "# Alerts"
            yield _alerts(document.alerts, sentences(document.approvals), document.silenced)
        case Story():
            yield from _story(document)
        case Rules():
            yield "# Rules"
            rows = [(_graded(rule), rule.id, rule.title, ", ".join(rule.on) or "state") for rule in document.rules]
            yield _table(("severity", "rule", "title", "speaks of"), rows)
        case Explained():
            yield from _explained(document)
        case Silences():
            yield from _silences(document)
        case Deliveries():
            yield "# Deliveries"
            yield _deliveries(document)
        case Holdings():
            yield from _holdings(document, look)
        case Lists():
            yield "# Lists"
            yield _lists(document)
        case Checked():
            yield "# Check of rules"
            yield f"{counted(document.rules, 'sound rule')}."
            yield _table(("level", "place", "what is wrong", "what to do", "code"), checked_rows(document.flaws))
        case Trials():
            yield "# Tests"
            yield _dead(totals_of(document))
            yield _trials(document)
        case Reconciliation():
            yield "# Reconciliation"
            yield _dead(total_of(document))
            amounts = ("chain shows", "API shows", "why", "block")
            yield _table(("differs", "how", "wallet", "chain", "kind", *_WHO[3:], *amounts), reconciled_rows(document))
            counts = ("equal", "differ", "unproven", "chain's error", "API's error")
            yield _table(("wallet", "chain", "block", *counts), target_rows(document.targets))
        case Backtest():
            yield "# Backtest"
            yield _dead(span_of(document))
            yield "\n".join(f"- {_dead(said)}" for said in totals_told(document))
            told = ("alerts were", "would be", "new", "gone", "changed", "messages were", "would be, about")
            yield _table(("rule", "title", *told), rule_rows(document))
            yield _table(("how", "rule", "approval", "was", "would be"), difference_rows(document))
        case _:
            assert_never(document)


def _scan(report: Report, look: Look) -> Iterator[str]:
    scan = report.scan
    end = "complete" if scan.complete else "**incomplete**"
    kind = "Dry run" if scan.dry_run else "Scan"
    yield f"# {kind} {_dead(scan.id)}"
    read = f"{counted(len(scan.targets), 'target')}, {end}, {counted(scan.requests, 'request')}"
    yield f"{read}, begun {scan.started_at}. {cost(scan)}."
    told = [change for change in worst_changes_first(report.changes) if change.kind != "baseline"]
    if told:
        yield f"## Changes ({len(told)})"
        yield _changes(told, scan.targets)
    if first := len(report.changes) - len(told):
        yield f"{counted(first, 'approval')} seen for the first time."
    if report.alerts:
        yield f"## Alerts ({len(report.alerts)})"
        yield _alerts(worst(report.alerts), sentences(report.approvals, report.changes, scan.targets))
    yield f"## Approvals ({len(report.approvals)})"
    yield f"{at_stake(scan.exposure_usd, scan.unvalued)}."
    yield _approvals(report.approvals, report.alerts)
    yield "## Targets"
    yield _targets(scan.targets, look)
    warnings = [said] if (said := undecided(scan)) else []
    warnings += [f"{counted(scan.excepted, 'approval')} under an exception from a rule"] if scan.excepted else []
    warnings += [_dead(error) for error in (*scan.context_errors, *scan.broken_rules)]
    if warnings:
        yield "\n".join(f"- {warning}" for warning in warnings)


def _looked_up(document: Approvals, look: Look) -> Iterator[str]:
    yield "# Approvals" + ("" if document.at is None else f" at {_dead(document.at)}")
    yield _approvals(document.approvals, document.alerts)
    if document.ended:
        yield "## In force no more"
        yield _approvals(document.ended, ())
    if document.said:
        yield "## What the lists say"
        yield _said(document.said)
    yield _targets(document.targets, look)


def _graded(rule: RuleEntry) -> str:
    """How bad a rule's alerts are, from the mildest on."""
    return " to ".join([rule.severity, *(grade.severity for grade in rule.grades[-1:])])


def _approvals(approvals: Sequence[ApprovalEntry], alerts: Sequence[AlertEntry]) -> str:
    graded = by_approval(alerts)
    rows = (
        (
            graded.get(entry.id, ""),
            entry.owner_label or "",
            entry.owner,
            entry.chain,
            *token(entry.token),
            *spender(entry.spender),
            allowance(entry),
            "" if entry.exposure.usd is None else money(entry.exposure.usd),
            entry.changed_at,
        )
        for entry in worst_first(approvals, graded)
    )
    return _table(("alert", *_WHO, "allowance", "at stake", "changed"), rows)


def _changes(changes: Iterable[ChangeEntry], targets: Iterable[TargetEntry]) -> str:
    labels = labels_of(targets)
    rows = (
        (
            entry.at,
            entry.kind,
            labels.get((entry.chain_index, entry.owner), ""),
            entry.owner,
            entry.chain,
            *token(entry.token),
            *spender(entry.spender),
            *change_words(entry),
        )
        for entry in changes
    )
    return _table(("at", "change", *_WHO, "now", "before"), rows)


def _alerts(alerts: Iterable[AlertEntry], about: Mapping[str, str], silenced: Mapping[str, str] | None = None) -> str:
    hidden = silenced or {}
    rows = (
        (
            alert.severity,
            f"{alert.state}, silenced by {hidden[alert.id]}" if alert.id in hidden else alert.state,
            alert.id,
            alert.title,
            about.get(alert.approval, ""),
        )
        for alert in alerts
    )
    return _table(("severity", "state", "id", "alert", "approval"), rows)


def _targets(targets: Iterable[TargetEntry], look: Look) -> str:
    rows = (
        (
            target.label or "",
            target.owner,
            target.chain,
            str(target.approvals),
            last_reading(target.read_at, look.now),
            target.error or "",
        )
        for target in targets
    )
    return _table(("wallet", "owner", "chain", "approvals", "read", "error"), rows)


def _story(story: Story) -> Iterator[str]:
    alert = story.alert
    yield f"# {alert.id}: {_dead(alert.title)}"
    yield f"{alert.severity}, {alert.state}, rule {_dead(alert.rule)}"
    yield from (_dead(text) for text in (story.why, story.fix) if text)
    yield _approvals([story.approval], [alert])
    if story.facts:
        yield _table(("fact", "value"), story.facts.items())
    yield _table(("at", "step", "reason"), ((step.at, step.move, step.reason) for step in story.steps))
    if story.episodes:
        yield f"It had opened and ended before: {', '.join(story.episodes)}"
    if story.notices:
        owed = ((n.at, n.channel, n.what, "send" if n.send else "do not send", n.reason) for n in story.notices)
        yield _table(("at", "channel", "what", "decision", "reason"), owed)
    if story.attempts:
        tried = ((a.at, a.channel, a.message, str(a.number), a.outcome, a.detail) for a in story.attempts)
        yield _table(("at", "channel", "message", "attempt", "outcome", "detail"), tried)
    if story.now is not None:
        yield "## What the rule says now"
        yield from _decision(story.now)


def _explained(document: Explained) -> Iterator[str]:
    explanation = document.explanation
    yield f"# {_dead(explanation.rule)}: {_dead(explanation.title)}"
    yield f"{explanation.severity}, {explanation.judgement}"
    yield from (_dead(note) for note in document.notes)
    if document.excepted is not None:
        yield _dead(exempt(document.excepted))
    yield _approvals([document.approval], document.alerts)
    if document.alerts:
        yield _alerts(document.alerts, sentences([document.approval]), document.silenced)
    yield from (_dead(hidden_by(silence, document)) for silence in document.silences)
    yield from _decision(explanation)


def _decision(explanation: Explanation) -> Iterator[str]:
    yield _dead(" ".join(explanation.said))
    yield _table(("field", "value"), values(explanation))
    rows = ((c.name, "· " * depth + said_of(o), o.outcome, about_of(o)) for c, o, depth in operands(explanation))
    yield _table(("condition", "operand", "outcome", "values"), rows)
    if every := list(ways(explanation)):
        yield _table(("condition", "would come to", "if"), every)


def _silences(document: Silences) -> Iterator[str]:
    yield "# Silences"
    for silence in document.silences:
        yield from _silence(silence)
    if told := [alert for alert in document.alerts if alert.id in document.still_told]:
        yield "## Still told"
        yield _alerts(told, sentences(document.approvals))


def _silence(silence: SilenceEntry) -> Iterator[str]:
    yield f"## {silence.id}: {_dead(matched(silence.matchers))}"
    end = f"until {silence.ends_at}" if silence.ended_at is None else f"ended {silence.ended_at}, {silence.reason}"
    later = ", alerts that open later, too" if silence.future else ""
    yield _dead(f"By {silence.author}, {end}{later}: {silence.comment}")
    rows = ((c.alert, c.severity, "hidden" if c.reason is None else c.reason) for c in silence.covers)
    yield _table(("alert", "severity when silenced", "state"), rows)


def _deliveries(document: Deliveries) -> str:
    rows = (
        (d.created_at, d.channel, d.id, d.state, str(d.attempts), d.title, " ".join(d.alerts), d.error or "")
        for d in document.deliveries
    )
    return _table(("at", "channel", "message", "state", "attempts", "title", "alerts", "error"), rows)


def _lists(document: Lists) -> str:
    rows = (
        (
            *(entry.name, entry.label, entry.origin, entry.as_of or "never read"),
            *(str(entry.entries), str(entry.bad), str(entry.approvals)),
            "; ".join(part for part in (entry.error, *entry.examples) if part),
        )
        for entry in document.lists
    )
    return _table(("list", "label", "from", "as of", "entries", "bad rows", "approvals", "what is wrong"), rows)


def _said(said: Iterable[SaidEntry]) -> str:
    rows = (
        (entry.list, ", ".join(entry.labels), entry.chain or "every chain", entry.name or "", entry.incident or "")
        for entry in said
    )
    return _table(("list", "labels", "chain", "name", "incident"), rows)


def _holdings(document: Holdings, look: Look) -> Iterator[str]:
    yield "# Holdings"
    rows = [
        (
            named(asset.symbol),
            "" if asset.apart is None else WHY_APART[asset.apart],
            amount(asset.wallets),
            worth(asset.wallets),
            amount(asset.exchanges),
            worth(asset.exchanges),
            stake(asset.at_stake),
            share(asset.share, asset.at_stake),
            ", ".join(where(contract, whole=True) for contract in asset.contracts),
        )
        for asset in document.assets
    ]
    total = document.total
    sums = (bound(total.wallets), "", bound(total.exchanges), stake(total.at_stake))
    rows.append(("total", "", "", *sums, share(total.share, total.at_stake), ""))
    told = ("in wallets", "worth", "on exchanges", "worth", "at stake", "share")
    yield _table(("asset", "matched with nothing", *told, "tokens"), rows)
    yield _dead(ages(document, look.now))
    troubles = [f"{one.name}: {one.error}" for one in document.accounts if one.error is not None]
    troubles += [f"{one.label or one.owner} on {one.chain}: {one.error}" for one in document.wallets if one.error]
    if troubles:
        yield "\n".join(f"- {_dead(trouble)}" for trouble in troubles)


def _trials(document: Trials) -> str:
    rows = (
        (
            *("passed" if entry.passed else "FAILED", f"{entry.file}:{entry.line}", entry.subject, entry.title),
            *("; ".join(said) for said in (entry.expected, entry.found, entry.facts)),
        )
        for entry in document.tests
    )
    return _table(("result", "place", "of", "test", "expected", "found", "because"), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([_dead(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _dead(text: str) -> str:
    """Text on one line in which nothing is markup."""
    return _MARKUP.sub(r"\\\1", printable(_BREAKS.sub(" ", text)).strip())
