"""Who said that an alert is known, when, and in which words."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.acknowledgement import acknowledge
from scanner.domain.alerts import Alert
from scanner.domain.telling import Telling
from scanner.store.alerts import apply
from scanner.store.tables import alerts

__all__ = ["Acknowledged", "acknowledged", "record"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """By whom an alert is known, since when, and what they said."""

    by: str
    at: datetime
    comment: str


async def record(connection: AsyncConnection, alert: Alert, said: Acknowledged, telling: Telling) -> Alert | None:
    """Note that somebody knows of an alert. Returns the alert afterwards, or None, without a change, if it was known.

    An event alert closes, and who was told of it is told that.
    """
    step = acknowledge(alert, said.by, said.comment, said.at)
    if step is None:
        return None
    await apply(connection, [step], telling=telling, words=_unasked, scan_id=None, at=said.at)
    known = {"acked_at": said.at, "acked_by": said.by, "ack_comment": said.comment}
    await connection.execute(update(alerts).where(alerts.c.id == alert.id).values(known))
    return step.alert


async def acknowledged(connection: AsyncConnection, alert_id: str) -> Acknowledged | None:
    """Who acknowledged an alert last; None where nobody did."""
    row = (await connection.execute(select(alerts).where(alerts.c.id == alert_id))).mappings().one()
    at = row["acked_at"]
    return None if at is None else Acknowledged(row["acked_by"] or "", at, row["ack_comment"] or "")


def _unasked(rule: str) -> tuple[str, str]:
    raise AssertionError("only an alert that opens needs its rule's words")
