"""Messages that count: what a storm would have made too many messages of, and the regular review of what is open."""

from collections import Counter
from collections.abc import Sequence

from scanner.delivery.blocks import Stage, blocks, line
from scanner.delivery.frame import room, signed, titled
from scanner.delivery.messages import LISTING
from scanner.delivery.words import ENDED, one_line, size, tally
from scanner.domain.alerts import Severity
from scanner.domain.messages import Due, Message, MessageKind
from scanner.domain.plain import counted
from scanner.domain.reminders import Open
from scanner.domain.telling import Storm

__all__ = ["review", "storm_summary"]

LONGEST_LINE = 160
NAMED = 10
"""Alerts that a summary names at most; the others are counted, and one command shows them all."""


def storm_summary(dues: Sequence[Due], storm: Storm, budget: int, message_id: str) -> Message:
    """One message for all that is beyond a channel's cap: how many alerts of which severities, and how to see them.

    `budget` is the room for title and body together, as `words.size` counts.
    """
    found = [part for block in blocks(dues) for part in block.split()]
    kinds = [one.severity if one.stage is Stage.OPEN else ENDED for one in found]
    lead = f"More than {storm.messages} messages in {_minutes(storm)}: what is not critical is only counted here."
    return _message(
        channel=dues[0].channel,
        kind=MessageKind.SUMMARY,
        severity=max((one.severity for one in found), key=lambda severity: severity.rank),
        title=f"Too much at once: {counted(len(found), 'alert')} in one message",
        lead=[lead, f"{counted(len(found), 'alert')}: {tally(kinds)}."],
        lines=[one.shortest(LONGEST_LINE) for one in found],
        see=f"{LISTING} --all" if ENDED in kinds else LISTING,
        budget=budget,
        message_id=message_id,
        notices=tuple(sorted(seq for one in found for seq in one.notices)),
    )


def review(found: Sequence[Open], channel: str, often: str, budget: int, message_id: str) -> Message:
    """The regular review, `often` as a person says it: what is open and not repeated, by severity and rule.

    `found` stand with the worst first, and are at least one. `budget` as for `storm_summary`.
    """
    total = counted(len(found), "alert")
    rules = Counter((one.alert.title, one.alert.severity.value) for one in found)
    told = [f"{number} × {title} ({severity})" for (title, severity), number in rules.most_common(NAMED)]
    return _message(
        channel=channel,
        kind=MessageKind.REVIEW,
        severity=found[0].alert.severity,
        title=f"{often.capitalize()} review: {total} still open",
        lead=[
            f"Open, and not told again one by one: {total} ({tally(one.alert.severity for one in found)}).",
            *(one_line(text, LONGEST_LINE) for text in told),
        ],
        lines=[line(one.alert, one.target, LONGEST_LINE) for one in found],
        see=LISTING,
        budget=budget,
        message_id=message_id,
        notices=(),
    )


def _message(
    *,
    channel: str,
    kind: MessageKind,
    severity: Severity,
    title: str,
    lead: Sequence[str],
    lines: Sequence[str],
    see: str,
    budget: int,
    message_id: str,
    notices: tuple[int, ...],
) -> Message:
    body = signed(_fitted(title, lead, lines, f"See them all: {see}", room(budget)), message_id)
    return Message(message_id, channel, kind, severity, titled(title, budget), body, notices)


def _fitted(title: str, lead: Sequence[str], lines: Sequence[str], see: str, room: int) -> str:
    """The lead, the worst few, and where to see the rest; of these what there is room for, the title if that is all."""
    text = "\n".join([*lead, see])
    if size(text) > room:
        return "\n".join([one_line(title, room - size(f"\n{see}")), see])
    named: list[str] = []
    for one in lines[:NAMED]:
        longer = "\n".join([*lead, "The worst:", *named, one, see])
        if size(longer) > room:
            break
        text, named = longer, [*named, one]
    return text


def _minutes(storm: Storm) -> str:
    return f"{storm.per.total_seconds() / 60:g} min"
