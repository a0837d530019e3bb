"""What other rules would have told, held against what was told: which alerts are new, which are gone, which changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scanner.domain.alerts import Move, Severity, Transition
from scanner.domain.approvals import Approval
from scanner.domain.groups import due_at, group_key
from scanner.domain.telling import Telling

__all__ = ["Difference", "DifferenceKind", "Episode", "Message", "Same", "Step", "differences", "episodes", "messages"]

Same = Callable[[datetime, datetime], bool]
"""Whether two times are one and the same, as far as scans can tell."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert from its beginning to its end: the worst that it was, and None for an end that has not come.

    `alert` is the id of one that really was; `change` is part of the identity of one that tells of an event.
    """

    rule: str
    title: str
    approval: str
    severity: Severity
    opened_at: datetime
    ended_at: datetime | None = None
    change: str | None = None
    alert: str | None = None

    def meets(self, other: "Episode", same: Same) -> bool:
        """Whether two are about the same: an event, or a state at times that touch."""
        if self.change is not None or same(self.opened_at, other.opened_at):
            return True
        mine, theirs = self.ended_at, other.ended_at
        return (theirs is None or self.opened_at <= theirs) and (mine is None or other.opened_at <= mine)

    def like(self, other: "Episode", same: Same) -> bool:
        """Whether a person would have seen no difference. When an event is over is for people to say."""
        if self.severity is not other.severity or not same(self.opened_at, other.opened_at):
            return False
        if self.change is not None:
            return True
        if self.ended_at is None or other.ended_at is None:
            return self.ended_at is other.ended_at
        return same(self.ended_at, other.ended_at)


class DifferenceKind(StrEnum):
    """What became of an alert."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """An alert that would have been another one. `was` is None where it is new, `would` where it is gone."""

    kind: DifferenceKind
    was: Episode | None
    would: Episode | None

    @property
    def rule(self) -> str:
        """The rule's id."""
        return self.about.rule

    @property
    def about(self) -> Episode:
        """What would be, or else what was: the rule, the approval, and what happened are the same in both."""
        found = self.was if self.would is None else self.would
        if found is None:
            raise ValueError("a difference of nothing")
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an alert takes, at a time. `first` is when the scan ended whose digest of first readings tells it."""

    at: datetime
    taken: Transition
    first: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a channel is sent, when it is due, and the rules whose alerts it tells of."""

    channel: str
    at: datetime
    rules: frozenset[str]


def episodes(steps: Iterable[Step]) -> list[Episode]:
    """The alerts that steps make, in the order in which they opened."""
    found: dict[str, Episode] = {}
    for step in steps:
        alert = step.taken.alert
        before = found.get(alert.id)
        worst = alert.severity if before is None else max(before.severity, alert.severity, key=lambda one: one.rank)
        found[alert.id] = Episode(
            rule=alert.rule,
            title=alert.title,
            approval=alert.approval,
            severity=worst,
            opened_at=alert.opened_at,
            ended_at=alert.resolved_at,
            change=alert.change,
        )
    return list(found.values())


def differences(was: Sequence[Episode], would: Sequence[Episode], same: Same) -> list[Difference]:
    """How the alerts of one approval would have differed, as far as times are not the `same`."""
    found: list[Difference] = []
    left = sorted(would, key=lambda one: one.opened_at)
    for real in sorted(was, key=lambda one: one.opened_at):
        key = (real.rule, real.change)
        match = next((one for one in left if (one.rule, one.change) == key and one.meets(real, same)), None)
        if match is None:
            found.append(Difference(DifferenceKind.GONE, real, None))
            continue
        left.remove(match)
        if not match.like(real, same):
            found.append(Difference(DifferenceKind.CHANGED, real, match))
    return found + [Difference(DifferenceKind.NEW, None, one) for one in left]


def messages(told: Iterable[tuple[Step, Approval]], telling: Telling) -> list[Message]:
    """The messages that these steps come to, in the order of time: alerts of one group that come up together share one.

    Without silences, reminders, digests and caps: those do not depend on the rules alone.
    """
    knows: dict[str, set[str]] = {}
    due: dict[tuple[str, str], datetime] = {}
    held: dict[tuple[str, str, datetime], set[str]] = {}
    for step, about in sorted(told, key=lambda one: one[0].at):
        alert = step.taken.alert
        for channel in _concerned(step.taken, telling, knows):
            group = group_key(telling.group_by, alert, about) if step.first is None else "first readings"
            at = step.first or _due(due.get((channel, group)), telling, step)
            if step.first is None:
                due[channel, group] = at
            held.setdefault((channel, group, at), set()).add(alert.rule)
    return [Message(channel, at, frozenset(rules)) for (channel, _, at), rules in held.items()]


def _concerned(step: Transition, telling: Telling, knows: dict[str, set[str]]) -> list[str]:
    """The channels that are told: of what opens and worsens those that want it, of an end those that know."""
    told = knows.setdefault(step.alert.id, set())
    if step.move in (Move.RESOLVED, Move.UNWATCHED):
        return sorted(told)
    if step.move is Move.EASED:
        return []
    wanting = [channel for channel in telling.channels if telling.wants(channel, step.alert)]
    told.update(wanting)
    return wanting


def _due(before: datetime | None, telling: Telling, step: Step) -> datetime:
    """When a step is told: with what waits, or in a message of its own."""
    if before is not None and step.at <= before:
        return before
    alert = step.taken.alert
    urgent = step.taken.move is Move.WORSENED or alert.severity is Severity.CRITICAL
    return due_at(before, telling, step.at, urgent=urgent and step.taken.move is not Move.RESOLVED)
