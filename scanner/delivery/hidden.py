"""The regular message that says what silences kept from a channel: what is hidden must not be forgotten."""

from collections.abc import Sequence

from scanner.delivery.frame import SEPARATOR, room, signed, titled
from scanner.delivery.words import one_line, size, spender, tally, wallet
from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import Target
from scanner.domain.changes import Held
from scanner.domain.messages import Message, MessageKind
from scanner.domain.plain import counted, moment
from scanner.domain.silences import Hidden, Silence

__all__ = ["hidden_digest"]

LISTING = "approval-watch alerts silences"
LONGEST_NAME = 64
LONGEST_LINE = 300


def hidden_digest(hidden: Sequence[Hidden], channel: str, budget: int, message_id: str) -> Message:
    """What silences kept from a channel, the worst first below each silence; of the rest it says how many they are.

    `budget` is the room for title and body together, as `words.size` counts. The message settles no notice.
    """
    alerts = {alert.id: alert for one in hidden for alert, _, _ in one.alerts}
    kept = counted(len(alerts), "alert")
    opening = f"Silences kept {kept} from this channel ({tally(alert.severity for alert in alerts.values())})."
    closing = f"See them: {LISTING}"
    left = room(budget) - size(opening) - size(closing) - 2 * size(SEPARATOR)
    return Message(
        id=message_id,
        channel=channel,
        kind=MessageKind.REVIEW,
        severity=Severity.LOW,
        title=titled(f"Silences hid {kept}", budget),
        body=signed(SEPARATOR.join(part for part in (opening, _within(hidden, left), closing) if part), message_id),
        notices=(),
    )


def _within(hidden: Sequence[Hidden], room: int) -> str:
    """As many lines as there is room for, and how many alerts the others are."""
    lines: list[tuple[str, bool]] = []
    for one in hidden:
        lines.append((_silence(one.silence), False))
        worst_first = sorted(one.alerts, key=lambda told: -told[0].severity.rank)
        lines += [(_line(*told), True) for told in worst_first]
    left = room - size(_more(len(lines)))
    kept: list[str] = []
    for text, _ in lines:
        left -= size(f"{text}\n")
        if left < 0:
            break
        kept.append(text)
    missing = sum(is_alert for _, is_alert in lines[len(kept) :])
    return "\n".join([*kept, _more(missing)] if missing and room > size(_more(missing)) else kept)


def _more(count: int) -> str:
    return f"and {count} more"


def _silence(silence: Silence) -> str:
    end = f"until {moment(silence.ends_at)}" if silence.ended_at is None else f"ended {moment(silence.ended_at)}"
    said = f"{one_line(silence.author, LONGEST_NAME)}: {one_line(silence.comment, LONGEST_LINE)}"
    return f"{silence.id}, {end}, by {said}"


def _line(alert: Alert, held: Held, target: Target) -> str:
    over = ", resolved since" if alert.state is AlertState.RESOLVED else ""
    said = f"{alert.severity.upper()} {alert.id}: {one_line(alert.title, LONGEST_LINE)}"
    return f"- {said}. {wallet(target)}, spender {spender(held.approval)}{over}"
