"""Messages about the watch itself: what is wrong with it, what is over, and the drill that tries the way."""

from collections.abc import Sequence
from datetime import datetime

from scanner.delivery.frame import SEPARATOR, room, signed, titled
from scanner.delivery.words import one_line, size
from scanner.domain.alerts import Severity
from scanner.domain.conditions import Condition
from scanner.domain.messages import Message, MessageKind
from scanner.domain.plain import moment

__all__ = ["begun", "drill", "ended"]

LONGEST_PART = 400
LISTING = "approval-watch doctor"


def begun(conditions: Sequence[Condition], channel: str, budget: int, message_id: str) -> Message:
    """What has gone wrong with the watch, in one message; the worst first.

    `budget` is the room for title and body together, as `words.size` counts. What does not fit is counted.
    """
    worst_first = sorted(conditions, key=lambda one: -one.severity.rank)
    first = worst_first[0]
    others = f" and {len(conditions) - 1} more" if len(conditions) > 1 else ""
    title = f"{first.severity.upper()}, the watch itself: {first.title}{others}"
    texts = [(_full(one), _lean(one)) for one in worst_first]
    return _message(texts, channel, budget, message_id, MessageKind.WATCH, first.severity, title)


def ended(conditions: Sequence[Condition], channel: str, budget: int, message_id: str) -> Message:
    """What is over, in one message; as `begun`."""
    worst_first = sorted(conditions, key=lambda one: -one.severity.rank)
    first = worst_first[0]
    others = f" and {len(conditions) - 1} more" if len(conditions) > 1 else ""
    title = f"Over, the watch itself: {first.title}{others}"
    texts = [(_over(one), f"OVER: {one.title}") for one in worst_first]
    return _message(texts, channel, budget, message_id, MessageKind.END, first.severity, title)


def drill(channel: str, budget: int, message_id: str, next_at: datetime) -> Message:
    """A message that only tries the way, and says what it means if the next one does not come."""
    full = (
        "This is a drill: nothing is wrong. It went the way that alerts go, and it arrived.\n"
        f"The next one is due {moment(next_at)}. "
        f"Do: if it does not come, alerts would not come either; look on the machine: {LISTING}"
    )
    lean = f"Drill: nothing is wrong. Next one {moment(next_at)}; if none comes: {LISTING}"
    title = f"Drill: messages reach {channel}"
    return _message([(full, lean)], channel, budget, message_id, MessageKind.DRILL, Severity.INFORMATIONAL, title)


def _full(one: Condition) -> str:
    return f"{one.severity.upper()}: {one.title}\n{_cut(one.detail)}\nSince: {moment(one.since)}\nDo: {_cut(one.fix)}"


def _lean(one: Condition) -> str:
    return f"{one.severity.upper()}: {one.title}. See: {LISTING}"


def _over(one: Condition) -> str:
    until = "" if one.ended_at is None else f" to {moment(one.ended_at)}"
    return f"OVER: {one.title}\nIt was so from {moment(one.since)}{until}. {_cut(one.detail)}"


def _cut(text: str) -> str:
    """The program's own words as one line. What others said in them is dead already."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_PART else line[: LONGEST_PART - 1].rstrip() + "…"


def _message(
    texts: Sequence[tuple[str, str]],
    channel: str,
    budget: int,
    message_id: str,
    kind: MessageKind,
    severity: Severity,
    title: str,
) -> Message:
    return Message(
        id=message_id,
        channel=channel,
        kind=kind,
        severity=severity,
        title=titled(title, budget),
        body=signed(_fitted(texts, room(budget)), message_id),
        notices=(),
    )


def _fitted(texts: Sequence[tuple[str, str]], room: int) -> str:
    """All in full words, else all in few, else as many as there is room for and the number of the others."""
    for which in (0, 1):
        text = SEPARATOR.join(words[which] for words in texts)
        if size(text) <= room:
            return text
    for named in range(len(texts) - 1, 0, -1):
        counted = f"and {len(texts) - named} more: {LISTING}"
        text = SEPARATOR.join([*(lean for _, lean in texts[:named]), counted])
        if size(text) <= room:
            return text
    more = f" and {len(texts) - 1} more: {LISTING}" if len(texts) > 1 else ""
    return one_line(texts[0][1], room - size(more)) + more
