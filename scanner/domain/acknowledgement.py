"""A person says that an alert is known: it stops being repeated, until it grows worse."""

from dataclasses import replace
from datetime import datetime

from scanner.domain.alerts import Alert, AlertState, Move, Transition
from scanner.domain.hostile import harmless

__all__ = ["acknowledge"]


def acknowledge(alert: Alert, author: str, comment: str, at: datetime) -> Transition | None:
    """The step that an alert takes when a person acknowledges it; None where it has taken it, or is over.

    What is so stays so: a state alert stays open, only its reminders stop. What happened is over once somebody knows:
    an event alert closes.
    """
    if alert.state is not AlertState.OPEN:
        return None
    reason = f"acknowledged by {harmless(author)}"
    story = f"{reason}: {comment}" if comment else reason
    if alert.is_event:
        # The comment is for whoever asks about the alert; what channels are told is the reason alone.
        over = replace(alert, state=AlertState.RESOLVED, resolved_at=at, reason=reason)
        return Transition(Move.RESOLVED, over, story)
    return Transition(Move.ACKNOWLEDGED, replace(alert, state=AlertState.ACKNOWLEDGED), story)
