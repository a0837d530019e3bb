"""Rows to values and back: the one place that knows both the tables' columns and the domain's fields.

Where rows are many, values are made of them by their places (`approval_of`); where a row joins several tables for few,
by the names of its columns (`approval_from`).
"""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from msgspec import structs
from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, func, select

from scanner.domain.alerts import ENDS, Alert, AlertState, Severity
from scanner.domain.approvals import Allowance, Approval, Kind, Spender, Status, Target, Token
from scanner.domain.changes import Change, ChangeKind, Held
from scanner.store.columns import Json
from scanner.store.tables import alerts, approvals, changes, notices, targets

__all__ = [
    "ALERT",
    "ALERT_COLUMNS",
    "APPROVAL",
    "CHANGE",
    "CHANGE_COLUMNS",
    "HELD",
    "HERE",
    "STATE",
    "alert_from",
    "alert_of",
    "alert_row",
    "approval_from",
    "approval_of",
    "approval_row",
    "approval_then",
    "change_of",
    "change_row",
    "given",
    "held_from",
    "held_of",
    "here",
    "is_end",
    "is_open",
    "parts",
    "target_from",
]

T = TypeVar("T")

STATE = ("status", "raw", "in_words", "unreadable", "expires_at")
"""What changes keep of an approval before and after them; the columns have the side in front."""

CHUNK = 500
"""Values in one IN list: well below every database's limit."""


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values, as many at a time as an IN list may hold."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def given(name: str) -> Select[Any]:
    """The values of a parameter, however many, as a set for IN: of statements with so many values each is made anew."""
    return select(func.json_each(bindparam(name, type_=Json)).table_valued("value").c.value)


def here(target: Target) -> dict[str, str]:
    """The parameters of `HERE`."""
    return {"this_chain": target.chain, "this_owner": target.owner}


HERE = (targets.c.chain == bindparam("this_chain")) & (targets.c.owner == bindparam("this_owner"))
"""The row of the target whose parameters `here` gives."""


def is_open() -> ColumnElement[bool]:
    """The alerts that are not resolved."""
    return alerts.c.state != AlertState.RESOLVED.value


def is_end() -> ColumnElement[bool]:
    """The notices that tell that an alert ended."""
    return notices.c.what.in_([move.value for move in ENDS])


APPROVAL = (
    *(approvals.c.chain, approvals.c.owner, approvals.c.kind, approvals.c.status),
    *(approvals.c.token, approvals.c.symbol, approvals.c.decimals, approvals.c.supply),
    *(approvals.c.spender, approvals.c.spender_name),
    *(approvals.c.raw, approvals.c.in_words, approvals.c.unreadable),
    *(approvals.c[name] for name in ("token_id", "expires_at", "granted_at", "granted_tx", "via", "final")),
)
"""The columns that `approval_of` makes an approval of."""

HELD = (
    *APPROVAL,
    *(approvals.c[name] for name in ("first_seen", "since", "changed_at", "in_force", "missing_since", "version")),
)
"""The columns that `held_of` makes of what is held of an approval."""

ALERT_COLUMNS = (
    *("id", "rule", "title", "severity", "approval_id", "opened_at", "change_id", "state"),
    *("resolved_at", "baseline", "reason", "values"),
)
"""The columns of an alert that its life changes, and those that it is born with."""

ALERT = tuple(alerts.c[name] for name in ALERT_COLUMNS)
"""The columns that `alert_of` makes an alert of."""

_BEFORE, _AFTER = (tuple(f"{side}_{name}" for name in STATE) for side in ("before", "after"))

CHANGE_COLUMNS = ("id", "scan_id", "approval_id", "kind", "at", *_BEFORE, *_AFTER)
"""The columns of a change that are written."""

CHANGE = tuple(changes.c[name] for name in CHANGE_COLUMNS[3:])
"""The columns that `change_of` makes a change of."""

# Of thousands of rows, most of the time would go into looking each column up by its name, and each kind by its value.
_APPROVAL, _HELD, _ALERT = itemgetter(*APPROVAL), itemgetter(*HELD), itemgetter(*ALERT)
_TARGET = itemgetter(approvals.c.chain, approvals.c.owner, targets.c.label, targets.c.tags)
_KINDS = {kind.value: kind for kind in Kind}
_STATUSES = {status.value: status for status in Status}


def approval_of(row: Sequence[Any]) -> Approval:
    """An approval from a row that begins with the values of `APPROVAL`."""
    chain, owner, kind, status, token, symbol, decimals, supply, spender, name, *rest = row[: len(APPROVAL)]
    raw, in_words, unreadable, *others = rest
    return Approval(
        chain,
        owner,
        Token(token, symbol, decimals, supply),
        Spender(spender, name),
        Allowance(raw, in_words, unreadable),
        _KINDS[kind],
        _STATUSES[status],
        *others,
    )


def approval_from(row: RowMapping) -> Approval:
    """An approval as it stands in its row."""
    return approval_of(_APPROVAL(row))


def target_from(row: RowMapping) -> Target:
    """The target of an approval, as the user knows it, from a row that joins the two."""
    chain, owner, label, tags = _TARGET(row)
    return Target(chain, owner, label, tuple(tags or ()))


def held_of(row: Sequence[Any]) -> Held:
    """What is held of an approval, from a row that begins with the values of `HELD`."""
    return Held(approval_of(row), *row[len(APPROVAL) : len(HELD)])


def held_from(row: RowMapping) -> Held:
    """What is held of an approval."""
    return held_of(_HELD(row))


def approval_row(held: Held, target_id: int) -> dict[str, object]:
    """The row of a held approval."""
    approval = held.approval
    return {
        "id": approval.id,
        "target_id": target_id,
        "chain": approval.chain,
        "owner": approval.owner,
        "kind": approval.kind.value,
        "token": approval.token.address,
        "token_id": approval.token_id,
        "symbol": approval.token.symbol,
        "decimals": approval.token.decimals,
        "supply": approval.token.supply,
        "spender": approval.spender.address,
        "spender_name": approval.spender.name,
        "status": approval.status.value,
        "raw": approval.allowance.raw,
        "in_words": approval.allowance.in_words,
        "unreadable": approval.allowance.unreadable,
        "expires_at": approval.expires_at,
        "granted_at": approval.granted_at,
        "granted_tx": approval.granted_tx,
        "via": approval.via,
        "final": approval.final,
        "in_force": held.in_force,
        "first_seen": held.first_seen,
        "since": held.since,
        "changed_at": held.changed_at,
        "missing_since": held.missing_since,
        "version": held.version,
        "undecided": 0,
    }


def change_row(change: Change, scan_id: str) -> dict[str, object]:
    """The row of a change."""
    return {
        "id": change.id,
        "scan_id": scan_id,
        "approval_id": change.after.id,
        "kind": change.kind.value,
        "at": change.at,
        **_state(_BEFORE, change.before),
        **_state(_AFTER, change.after),
    }


def _state(columns: Sequence[str], approval: Approval | None) -> dict[str, object]:
    if approval is None:
        return dict.fromkeys(columns)
    kept = approval.allowance
    state = (approval.status.value, kept.raw, kept.in_words, kept.unreadable, approval.expires_at)
    return dict(zip(columns, state, strict=True))


def change_of(now: Approval, row: Sequence[Any]) -> Change:
    """What happened to an approval, as it is known now, from a row that begins with the values of `CHANGE`."""
    kind, at, *states = row[: len(CHANGE)]
    before, after = (approval_then(now, side) for side in (states[: len(STATE)], states[len(STATE) :]))
    return Change(ChangeKind(kind), before, after or now, at)


def approval_then(now: Approval, state: Sequence[Any]) -> Approval | None:
    """An approval as it is known now, in a state that it once had (see `STATE`); None where it had none."""
    status, raw, in_words, unreadable, expires_at = state
    if status is None:
        return None
    allowance = Allowance(raw, in_words, unreadable)
    return structs.replace(now, status=Status(status), allowance=allowance, expires_at=expires_at)


def alert_of(row: Sequence[Any]) -> Alert:
    """An alert from a row that begins with the values of `ALERT`."""
    id_, rule, title, severity, approval, opened_at, change, state, *others = row[: len(ALERT)]
    return Alert(id_, rule, title, Severity(severity), approval, opened_at, change, AlertState(state), *others)


def alert_from(row: RowMapping) -> Alert:
    """An alert as it stands in its row."""
    return alert_of(_ALERT(row))


def alert_row(alert: Alert) -> dict[str, object]:
    """The row of an alert: `ALERT_COLUMNS`."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "title": alert.title,
        "severity": alert.severity.value,
        "approval_id": alert.approval,
        "change_id": alert.change,
        "state": alert.state.value,
        "opened_at": alert.opened_at,
        "resolved_at": alert.resolved_at,
        "baseline": alert.baseline,
        "reason": alert.reason,
        "values": alert.values,
    }
