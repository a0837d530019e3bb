"""A person says that an alert is known: it stops being repeated, until it grows worse."""

from dataclasses import replace
from datetime import datetime

from scanner.domain.alerts import Alert, AlertState, Move, Transition

__all__ = ["acknowledge"]


def acknowledge(alert: Alert, author: str, comment: str, at: datetime) -> Transition | None:
    """The step that an alert takes when a person acknowledges it; None where it has taken it, or is over.

    What is so stays so: a state alert stays open, only its reminders stop. What happened is over once somebody knows:
    an event alert closes.
    """
    if alert.state is not AlertState.OPEN:
        return None
    reason = f"acknowledged by {author}" + (f": {comment}" if comment else "")
    if alert.is_event:
        over = replace(alert, state=AlertState.RESOLVED, resolved_at=at, reason=reason)
        return Transition(Move.RESOLVED, over, reason)
    return Transition(Move.ACKNOWLEDGED, replace(alert, state=AlertState.ACKNOWLEDGED), reason)
