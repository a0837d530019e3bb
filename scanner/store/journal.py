"""What has been written down since a moment: the steps that alerts took, and what each channel was owed about them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, Move, Severity
from scanner.domain.approvals import Approval
from scanner.store.rows import alert_from, approval_from, is_open, parts
from scanner.store.tables import alert_events, alerts, approvals, notices

__all__ = ["Mark", "Owed", "Step", "anything_open", "mark", "owed_since", "rules_in", "steps_since"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the journal was: the last of the steps and of the notices."""

    step: int = 0
    notice: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an alert's life. `severity` is how bad it was afterwards, None where that was not kept."""

    move: Move
    severity: Severity | None
    alert: Alert
    approval: Approval


@dataclass(frozen=True, slots=True)
class Owed:
    """What a channel was owed about a step, and why it was or was not told."""

    channel: str
    what: Move
    send: bool
    reason: str
    alert: Alert
    approval: Approval


async def mark(connection: AsyncConnection) -> Mark:
    """How far the journal is now."""
    step = await connection.scalar(select(func.max(alert_events.c.seq)))
    notice = await connection.scalar(select(func.max(notices.c.seq)))
    return Mark(step or 0, notice or 0)


async def anything_open(connection: AsyncConnection) -> bool:
    """Whether there is an alert that could be told again."""
    return bool(await connection.scalar(select(exists().where(is_open()))))


async def steps_since(connection: AsyncConnection, then: Mark) -> list[Step]:
    """The steps that alerts have taken since, in order."""
    found = await connection.execute(
        select(alert_events.c.move, alert_events.c.severity, alert_events.c.alert_id)
        .where(alert_events.c.seq > then.step)
        .order_by(alert_events.c.seq)
    )
    rows = found.all()
    about = await _about(connection, {row.alert_id for row in rows})
    return [
        Step(Move(row.move), None if row.severity is None else Severity(row.severity), *about[row.alert_id])
        for row in rows
    ]


async def owed_since(connection: AsyncConnection, then: Mark) -> list[Owed]:
    """What channels were owed, and were not, since then, in order."""
    found = await connection.execute(select(notices).where(notices.c.seq > then.notice).order_by(notices.c.seq))
    rows = found.all()
    about = await _about(connection, {row.alert_id for row in rows})
    return [Owed(row.channel, Move(row.what), row.send, row.reason, *about[row.alert_id]) for row in rows]


async def rules_in(connection: AsyncConnection, message: str) -> frozenset[str]:
    """The rules whose alerts a message tells of; none where it tells of other things."""
    query = select(alerts.c.rule).join(notices, notices.c.alert_id == alerts.c.id)
    return frozenset(await connection.scalars(query.where(notices.c.message_id == message).distinct()))


async def _about(connection: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[Alert, Approval]]:
    """The alerts as they are now, each with its approval."""
    kept: dict[str, Alert] = {}
    held: dict[str, Approval] = {}
    for part in parts(sorted(ids)):
        rows = await connection.execute(select(alerts).where(alerts.c.id.in_(part)))
        kept |= {row[alerts.c.id]: alert_from(row) for row in rows.mappings()}
    for part in parts(sorted({alert.approval for alert in kept.values()})):
        rows = await connection.execute(select(approvals).where(approvals.c.id.in_(part)))
        held |= {row[approvals.c.id]: approval_from(row) for row in rows.mappings()}
    return {id_: (alert, held[alert.approval]) for id_, alert in kept.items()}
