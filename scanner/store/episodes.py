"""The alerts that really were, and the messages that told of them: what a backtest is held against."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import ENDS, Move, Severity
from scanner.domain.backtest import Episode, Message
from scanner.store.tables import alert_events, alerts, notices

__all__ = ["real_episodes", "real_messages"]

_TOLD = [move.value for move in (Move.OPENED, Move.WORSENED, *ENDS)]
"""The steps that rules make. Reminders are told because nothing happened."""


async def real_episodes(connection: AsyncConnection, until: datetime) -> dict[str, list[Episode]]:
    """The alerts that opened until a time, by approval, as they were then."""
    steps = select(alert_events.c.alert_id, alert_events.c.severity).where(alert_events.c.at <= until).distinct()
    worst: dict[str, list[Severity]] = {}
    for alert_id, severity in await connection.execute(steps):
        # Steps that an older version took do not say how bad it was: then it counts as it is now.
        worst.setdefault(alert_id, []).extend([] if severity is None else [Severity(severity)])
    query = select(alerts).where(alerts.c.opened_at <= until).order_by(alerts.c.opened_at)
    found: dict[str, list[Episode]] = {}
    for row in await connection.execute(query):
        ended = row.resolved_at if row.resolved_at is not None and row.resolved_at <= until else None
        severities = worst.get(row.id) or [Severity(row.severity)]
        found.setdefault(row.approval_id, []).append(
            Episode(
                rule=row.rule,
                title=row.title,
                approval=row.approval_id,
                severity=max(severities, key=lambda one: one.rank),
                opened_at=row.opened_at,
                ended_at=ended,
                change=row.change_id,
                alert=row.id,
            )
        )
    return found


async def real_messages(connection: AsyncConnection, since: datetime, until: datetime) -> list[Message]:
    """The messages that told what happened to alerts in a stretch of time, each with the rules that it told of."""
    query = (
        select(notices.c.message_id, notices.c.channel, alerts.c.rule, notices.c.created_at)
        .join(alerts, alerts.c.id == notices.c.alert_id)
        .where(notices.c.message_id.is_not(None), notices.c.what.in_(_TOLD))
        .where(notices.c.created_at >= since, notices.c.created_at <= until)
        .order_by(notices.c.seq)
    )
    found: dict[str, Message] = {}
    for id_, channel, rule, at in await connection.execute(query):
        known = found.setdefault(id_, Message(channel, at, frozenset()))
        found[id_] = replace(known, rules=known.rules | {rule})
    return list(found.values())
