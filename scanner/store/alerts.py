"""Alerts, each step of their lives, and what each channel is owed about them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Move, Transition
from scanner.domain.approvals import Target
from scanner.domain.changes import Change, Held
from scanner.domain.report import rfc3339
from scanner.domain.story import AttemptEntry, NoticeEntry, StepEntry
from scanner.domain.telling import Telling
from scanner.store.notices import owe
from scanner.store.prepared import Command, Query
from scanner.store.rows import (
    ALERT,
    ALERT_COLUMNS,
    alert_from,
    alert_of,
    alert_row,
    given,
    held_from,
    is_open,
    target_from,
)
from scanner.store.tables import alert_events, alerts, approvals, attempts, messages, notices, targets

__all__ = [
    "Story",
    "Told",
    "apply",
    "around_scan",
    "find_alert",
    "listing",
    "of_rule",
    "of_rules_other_than",
    "open_alerts",
    "rules_told",
    "story",
]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as a person is told of it: with its approval, the wallet as the user calls it, and the rule's words."""

    alert: Alert
    held: Held
    target: Target
    why: str
    fix: str


async def open_alerts(connection: AsyncConnection, approval_ids: Sequence[str]) -> list[Alert]:
    """The alerts of some approvals that are not resolved."""
    return [alert_of(row) for row in await _OPEN(connection, ids=approval_ids)] if approval_ids else []


_OPEN = Query(select(*ALERT).where(alerts.c.approval_id.in_(given("ids")), is_open()))


async def of_rule(connection: AsyncConnection, rule: str, approval_id: str) -> list[Alert]:
    """All alerts that one rule ever had on one approval, the newest first."""
    mine = select(*ALERT).where(alerts.c.rule == rule, alerts.c.approval_id == approval_id)
    return [alert_of(row) for row in await connection.execute(mine.order_by(alerts.c.opened_at.desc(), alerts.c.id))]


async def rules_told(connection: AsyncConnection, changes: Sequence[Change]) -> set[tuple[str, str]]:
    """Which rules (id) have spoken of which changes (id), whatever became of their alerts."""
    moved, ids = [change.after.id for change in changes], [change.id for change in changes]
    return set(await _SPOKE(connection, moved=moved, ids=ids)) if changes else set()


_SPOKE = Query(
    select(alerts.c.rule, alerts.c.change_id).where(
        alerts.c.approval_id.in_(given("moved")), alerts.c.change_id.in_(given("ids"))
    )
)
"""Looked for by the approvals that moved: no index has alerts by their changes."""


async def of_rules_other_than(connection: AsyncConnection, rules: Collection[str]) -> list[Alert]:
    """The alerts that are not resolved and whose rule is none of these."""
    names = list(await connection.scalars(select(alerts.c.rule).where(is_open()).distinct()))
    gone = [name for name in names if name not in rules]
    return [alert_of(row) for row in await connection.execute(select(*ALERT).where(alerts.c.rule.in_(gone), is_open()))]


async def apply(
    connection: AsyncConnection,
    transitions: Sequence[Transition],
    *,
    telling: Telling,
    words: Callable[[str], tuple[str, str]],
    scan_id: str | None,
    at: datetime,
) -> None:
    """Write steps in alerts' lives, and in the same breath what each channel is owed about them.

    `words` gives a rule's danger and remedy by its id. What waits for the scan's end has no due time yet.
    """
    if not transitions:
        return
    opened = [(step.alert, *words(step.alert.rule)) for step in transitions if step.move is Move.OPENED]
    born = [alert_row(alert) | {"why": why, "fix": fix, "opened_by": scan_id} for alert, why, fix in opened]
    await _BEAR(connection, born)
    moved = [step.alert for step in transitions if step.move is not Move.OPENED]
    for ended, move in ((False, _MOVE), (True, _END)):
        rows = [alert_row(alert) for alert in moved if (alert.state is AlertState.RESOLVED) is ended]
        by = {"resolved_by": scan_id} if ended else {}
        await move(connection, [{f"new_{name}": value for name, value in (row | by).items()} for row in rows])
    await _STEP(
        connection,
        [
            {
                "alert_id": step.alert.id,
                "at": at,
                "move": step.move.value,
                "reason": step.reason,
                "scan_id": scan_id,
                "severity": step.alert.severity.value,
            }
            for step in transitions
        ],
    )
    await owe(connection, transitions, telling, scan_id=scan_id, at=at)


def _moving(*more: str) -> Command:
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*ALERT_COLUMNS, *more)}
    return Command(update(alerts).where(alerts.c.id == bindparam("new_id")).values(columns))


_BEAR = Command(alerts.insert(), (*ALERT_COLUMNS, "why", "fix", "opened_by"))
_STEP = Command(alert_events.insert(), ("alert_id", "at", "move", "reason", "scan_id", "severity"))
_MOVE, _END = _moving(), _moving("resolved_by")


async def listing(
    connection: AsyncConnection, *, states: Collection[AlertState] = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
) -> list[Told]:
    """Alerts, the worst and newest first."""
    query = _joined().where(alerts.c.state.in_([state.value for state in states]))
    found = [_told_from(row) for row in (await connection.execute(query)).mappings()]
    return sorted(found, key=lambda told: _worst_first(told.alert))


async def around_scan(
    connection: AsyncConnection, scan_id: str, scope: Collection[Target]
) -> tuple[list[Alert], list[str]]:
    """The alerts of some targets, the worst and newest first: all that are open, and what one scan resolved.

    Beside them the ids of those that are open since this scan.
    """
    wanted = is_open() | (alerts.c.resolved_by == scan_id)
    place = alerts.c.opened_by, approvals.c.chain, approvals.c.owner
    query = select(*ALERT, *place).join(approvals, approvals.c.id == alerts.c.approval_id).where(wanted)
    rows = await connection.execute(query)
    inside = [row for row in rows if Target(*row[-2:]) in scope]
    told = sorted(((alert_of(row), row[-3]) for row in inside), key=lambda one: _worst_first(one[0]))
    raised = [alert.id for alert, by in told if by == scan_id and alert.state is not AlertState.RESOLVED]
    return [alert for alert, _ in told], raised


def _worst_first(alert: Alert) -> tuple[int, float, str]:
    return -alert.severity.rank, -alert.opened_at.timestamp(), alert.id


async def find_alert(connection: AsyncConnection, alert_id: str) -> Told | None:
    """An alert by its id, in any spelling of its letters' case; None where there is none."""
    row = (await connection.execute(_joined().where(alerts.c.id == alert_id.upper()))).mappings().first()
    return None if row is None else _told_from(row)


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened to one alert: its steps, what each channel was owed and why, and each attempt to send it.

    `episodes` are the ids of its earlier lives, the oldest first: the same rule held for the same approval.
    """

    steps: tuple[StepEntry, ...]
    notices: tuple[NoticeEntry, ...]
    attempts: tuple[AttemptEntry, ...]
    episodes: tuple[str, ...]


async def story(connection: AsyncConnection, alert_id: str) -> Story:
    """The story of an alert, in the order in which it happened."""

    async def rows(query: Select[Any]) -> Sequence[RowMapping]:
        found: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
        return found

    steps = select(alert_events).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.seq)
    sent = select(notices, messages.c.state, messages.c.sent_at).outerjoin(
        messages, messages.c.id == notices.c.message_id
    )
    tried = (
        select(attempts, messages.c.channel)
        .join(messages, messages.c.id == attempts.c.message_id)
        .where(attempts.c.message_id.in_(select(notices.c.message_id).where(notices.c.alert_id == alert_id)))
    )
    return Story(
        steps=tuple(
            StepEntry(rfc3339(row["at"]), row["move"], row["reason"], row["scan_id"]) for row in await rows(steps)
        ),
        notices=tuple(
            _notice(row) for row in await rows(sent.where(notices.c.alert_id == alert_id).order_by(notices.c.seq))
        ),
        attempts=tuple(_attempt(row) for row in await rows(tried.order_by(attempts.c.seq))),
        episodes=tuple(await connection.scalars(_before(alert_id))),
    )


def _before(alert_id: str) -> Select[Any]:
    """The ids of a state alert's earlier episodes."""
    this = alerts.alias()
    same = (alerts.c.rule == this.c.rule) & (alerts.c.approval_id == this.c.approval_id)
    states = alerts.c.change_id.is_(None) & this.c.change_id.is_(None)
    return (
        select(alerts.c.id)
        .join(this, same & states & (alerts.c.opened_at < this.c.opened_at))
        .where(this.c.id == alert_id)
        .order_by(alerts.c.opened_at)
    )


def _notice(row: RowMapping) -> NoticeEntry:
    return NoticeEntry(
        at=rfc3339(row["created_at"]),
        channel=row["channel"],
        what=row["what"],
        send=row["send"],
        reason=row["reason"],
        message=row["message_id"],
        state=row["state"],
        sent_at=None if row["sent_at"] is None else rfc3339(row["sent_at"]),
    )


def _attempt(row: RowMapping) -> AttemptEntry:
    return AttemptEntry(
        at=rfc3339(row["at"]),
        channel=row["channel"],
        message=row["message_id"],
        number=row["number"],
        outcome=row["outcome"],
        detail=row["detail"],
    )


def _joined() -> Select[Any]:
    return (
        select(alerts, approvals, targets.c.label, targets.c.tags)
        .join(approvals, approvals.c.id == alerts.c.approval_id)
        .join(targets, targets.c.id == approvals.c.target_id)
    )


def _told_from(row: RowMapping) -> Told:
    return Told(alert_from(row), held_from(row), target_from(row), why=row[alerts.c.why], fix=row[alerts.c.fix])
