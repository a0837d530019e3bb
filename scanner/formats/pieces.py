"""The pieces of what the table format shows: approvals, changes, alerts, and how old and how sound all that is."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from scanner.domain.addresses import short
from scanner.domain.alerts import AlertState, Severity
from scanner.domain.plain import counted
from scanner.domain.report import AlertEntry, ApprovalEntry, ChangeEntry, TargetEntry
from scanner.formats.documents import Look
from scanner.formats.grids import GOOD, LOUD, SEVERITIES, SHORT, Column, Pair, Part, hanging, line, pairs
from scanner.formats.words import (
    ago,
    allowance,
    by_approval,
    change_words,
    exposure,
    labels_of,
    last_reading,
    spender,
    token,
    wallet,
    worst_first,
)

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["ages", "alerts_told", "approvals_told", "changes_told", "heading", "mark", "totals", "unread"]

_CHANGE_STYLES = {
    **dict.fromkeys(("restored", "increased"), LOUD),
    **dict.fromkeys(("revoked", "expired", "decreased"), GOOD),
    "new": "yellow",
}
_FEW = 8
"""So many targets are named one by one."""


def heading(text: str) -> "Text":
    """A title over what follows, after an empty line."""
    return line(Part("\n"), Part(text, "bold"))


def mark(severity: str | None) -> Part:
    """A severity in four letters and its colour."""
    return Part("") if severity is None else Part(SHORT[severity], SEVERITIES[severity])


def approvals_told(look: Look, approvals: Sequence[ApprovalEntry], alerts: Iterable[AlertEntry]) -> "Table":
    """Approvals, the worst first; the mark is that of the worst open alert."""
    graded = by_approval(alerts)
    columns = (
        Column(""),
        Column("wallet", "chain"),
        Column("token", "token address"),
        Column("spender", "spender address"),
        Column("allowance", "changed", folds=True),
        *([Column("at stake", "balance", folds=True)] if any(e.exposure.read_at for e in approvals) else []),
    )
    return pairs(
        look, columns, (_approval(look, e, graded.get(e.id))[: len(columns)] for e in worst_first(approvals, graded))
    )


def _approval(look: Look, entry: ApprovalEntry, severity: str | None) -> Sequence[Pair]:
    amount = Part(allowance(entry), LOUD if entry.allowance.unlimited else "")
    return (
        (mark(severity), Part("")),
        (Part(wallet(entry.owner, entry.owner_label)), Part(entry.chain, "dim")),
        _names(*token(entry.token)),
        _names(*spender(entry.spender)),
        (amount, Part(ago(entry.changed_at, look.now), "dim")),
        _at_stake(entry),
    )


def _at_stake(entry: ApprovalEntry) -> Pair:
    worth, held = exposure(entry)
    return Part(worth, "bold" if entry.exposure.usd not in (None, "0") else ""), Part(held, "dim")


def _names(name: str, address: str) -> Pair:
    return Part(name), Part(short(address), "dim")


def changes_told(
    look: Look, changes: Iterable[ChangeEntry], targets: Iterable[TargetEntry], *, dated: bool = False
) -> "Table":
    """Changes in the order given; `dated` says when each was."""
    labels = labels_of(targets)
    columns = (
        Column("change", "when" if dated else ""),
        Column("wallet", "chain"),
        Column("token", "token address"),
        Column("spender", "spender address"),
        Column("now", "before", folds=True),
    )
    return pairs(look, columns, (_change(look, e, labels.get((e.chain_index, e.owner))) for e in changes))


def _change(look: Look, entry: ChangeEntry, label: str | None) -> Sequence[Pair]:
    now, before = change_words(entry)
    unlimited = entry.after is not None and entry.after.unlimited
    return (
        (Part(entry.kind, _CHANGE_STYLES.get(entry.kind, "")), Part(ago(entry.at, look.now), "dim")),
        (Part(wallet(entry.owner, label)), Part(entry.chain, "dim")),
        _names(*token(entry.token)),
        _names(*spender(entry.spender)),
        (Part(now, LOUD if unlimited else ""), Part(before, "dim")),
    )


def alerts_told(
    look: Look,
    alerts: Iterable[AlertEntry],
    about: Mapping[str, str],
    *,
    news: Collection[str] = (),
    silenced: Mapping[str, str] | None = None,
) -> "Table":
    """Alerts in the order given, alike ones below one title; `about` says in one line what each speaks of.

    Of those in `news` it goes without saying when they opened; `silenced` gives the silence of those that one hides.
    """
    alike: dict[tuple[str, str], list[AlertEntry]] = {}
    for alert in alerts:
        alike.setdefault((alert.severity, alert.title), []).append(alert)
    return hanging(
        (mark(severity), [line(Part(title, "bold")), *(_alert(look, one, about, news, silenced or {}) for one in some)])
        for (severity, title), some in alike.items()
    )


def _alert(
    look: Look, alert: AlertEntry, about: Mapping[str, str], news: Collection[str], silenced: Mapping[str, str]
) -> "Text":
    if alert.resolved_at is not None:
        state = Part(f"resolved {ago(alert.resolved_at, look.now)}: {alert.reason or 'for no known reason'}", GOOD)
    else:
        known = "" if alert.state == AlertState.OPEN.value else f", {alert.state}"
        known += f", silenced by {silenced[alert.id]}" if alert.id in silenced else ""
        state = Part(f"opened {ago(alert.opened_at, look.now)}{known}", "dim")
    said = about.get(alert.approval)
    if said is not None and alert.id in news:
        return line(Part(f"{alert.id}  "), Part(said))
    return line(Part(f"{alert.id}  "), Part("" if said is None else f"{said}, "), state)


def totals(approvals: Sequence[ApprovalEntry], alerts: Iterable[AlertEntry] = ()) -> "Text":
    """How many approvals there are, of how many wallets, how many are unlimited, and what is open on them."""
    if not approvals:
        return line(Part("No approvals", "bold"))
    wallets = len({entry.owner for entry in approvals})
    unlimited = sum(entry.allowance.unlimited is True for entry in approvals)
    graded = Counter(by_approval(alerts).values())
    parts = [Part(f"{unlimited} unlimited", LOUD if unlimited else "")]
    parts += [
        Part(f"{graded[severity]} with {severity} alerts", SEVERITIES[severity])
        for severity in reversed(Severity)
        if graded[severity]
    ]
    whole = Part(f"{counted(len(approvals), 'approval')} of {counted(wallets, 'wallet')}", "bold")
    return line(whole, *(piece for part in parts for piece in (Part(", "), part)))


def unread(look: Look, targets: Iterable[TargetEntry]) -> Iterator["Text"]:
    """Loudly, what could not be read completely and why, and how old that makes what is shown; alike ones together."""
    alike: dict[str, list[TargetEntry]] = {}
    for target in targets:
        if not target.complete:
            alike.setdefault(target.error or "not read yet", []).append(target)
    for error, some in alike.items():
        named = ", ".join(f"{_named(t)} ({last_reading(t.read_at, look.now)})" for t in some[:_FEW])
        more = f", and {len(some) - _FEW} more" if len(some) > _FEW else ""
        yield line(Part("NOT READ COMPLETELY", LOUD), Part(f" {named}{more}: "), Part(error, LOUD))


def ages(look: Look, targets: Sequence[TargetEntry]) -> Iterator["Text"]:
    """How old what is shown is: for each of a few targets, the span for many."""
    sound = [target for target in targets if target.complete and target.read_at is not None]
    if len(sound) <= _FEW:
        for target in sound:
            yield line(Part(f"{_named(target)}: {last_reading(target.read_at, look.now)}", "dim"))
    else:
        times = sorted(target.read_at for target in sound if target.read_at is not None)
        span = f"{ago(times[0], look.now)} to {ago(times[-1], look.now)}"
        yield line(Part(f"{len(sound)} targets: last complete readings from {span}", "dim"))


def _named(target: TargetEntry) -> str:
    return f"{wallet(target.owner, target.label)} on {target.chain}"
