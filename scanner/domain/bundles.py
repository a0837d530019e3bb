"""What is told together: which notices are taken up, what each comes to by now, and how many messages that may make.

A notice that its channel was certainly not sent yet can be taken up again, also out of a message that waits: what is
told is what is so when it is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scanner.domain.alerts import ENDS, AlertState, Move, Severity
from scanner.domain.messages import Due
from scanner.domain.notices import Why
from scanner.domain.silences import silenced_by
from scanner.domain.telling import Storm

__all__ = ["MOOT", "Lying", "Plan", "Traffic", "arrange", "bundle_of", "gather", "thread_of"]

MOOT = "moot"
"""The bundle of what opened and ended before its channel heard of it."""


def bundle_of(what: Move, alert: str, group: str, reading: str | None) -> str:
    """What a notice is told together with: its first reading, all that is still open, or its group."""
    if reading is not None:
        return f"reading {reading}"
    return "still open" if what is Move.REMINDED else f"group {group or alert}"


def thread_of(bundle: Sequence[Due]) -> str:
    """What messages about the same belong together by, where a channel can show that: one group; else nothing."""
    groups = {due.group for due in bundle}
    return groups.pop() if len(groups) == 1 and bundle[0].reading is None else ""


@dataclass(frozen=True, slots=True)
class Lying:
    """A notice that its channel was certainly not sent yet, and where it lies.

    `due_at` None waits for its scan's end. `message` is what it was put into; `collected` says that this collects what
    else has nothing in common, and `recalled` that it has to be composed again.
    """

    seq: int
    alert: str
    channel: str
    bundle: str
    due_at: datetime | None
    message: str | None = None
    collected: bool = False
    recalled: bool = False

    @property
    def may_go(self) -> bool:
        """Whether it may be told with others, even before its time."""
        return self.message is not None or self.due_at is not None

    def ties(self) -> Iterable[tuple[str, ...]]:
        """What it shares with all that has to be taken up when it is."""
        if self.message is not None:
            yield ("message", self.message)
        if self.may_go:
            yield ("bundle", self.channel, self.bundle)
            yield ("alert", self.channel, self.alert)
        if self.collected:
            yield ("channel", self.channel)


def gather(lying: Sequence[Lying], now: datetime) -> frozenset[int]:
    """The notices, by their numbers, that are told now: those that are due, and with them whatever they are tied to.

    That is all of their groups, all of the same alerts, and the whole of a message that is composed again. A message
    that collects, a storm's summary or what became moot, is composed again whenever anything is due for its channel.
    """
    tied: dict[tuple[str, ...], list[Lying]] = {}
    for one in lying:
        for tie in one.ties():
            tied.setdefault(tie, []).append(one)
    due = (one for one in lying if one.recalled or (one.message is None and one.due_at and one.due_at <= now))
    left = list(due)
    taken = {one.seq for one in left}
    while left:
        one = left.pop()
        for tie in (*one.ties(), ("channel", one.channel)):
            more = [other for other in tied.pop(tie, ()) if other.seq not in taken]
            taken.update(other.seq for other in more)
            left += more
    return frozenset(taken)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a channel carries: the messages that wait for it or were sent within the cap's time, and when the last
    summary was made that cannot be taken back."""

    messages: int = 0
    summary_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of notices of one channel.

    `told` are the bundles that make messages of their own, the worst first; `summed` are counted in a summary;
    `later` wait until `until`. `dropped` are not told, each by its number with the reason; `renamed` are told for
    another reason than the one that they were written with.
    """

    told: tuple[tuple[Due, ...], ...] = ()
    summed: tuple[Due, ...] = ()
    later: tuple[Due, ...] = ()
    until: datetime | None = None
    dropped: Mapping[int, str] = field(default_factory=dict)
    renamed: Mapping[int, str] = field(default_factory=dict)


def arrange(dues: Sequence[Due], traffic: Traffic, storm: Storm | None, now: datetime) -> Plan:
    """Decide what is told of the notices of one channel, and in how many messages.

    An alert is told once, as what it has become. One that opened and ended before its channel heard of it is told
    shortly, together with all like it. Beyond the storm's cap what is not critical is counted in one summary, and what
    comes after that waits for its time to pass; first readings, and what became moot, make one message anyway.
    """
    told: dict[str, list[Due]] = {}
    moot: list[Due] = []
    dropped: dict[int, str] = {}
    for steps in _by_alert(dues):
        last = steps[-1]
        why_not = _why_not(last)
        if why_not:
            dropped |= {due.seq: why_not for due in steps}
        elif last.what is Move.RESOLVED and not last.told:
            moot += steps
        else:
            told.setdefault(bundle_of(last.what, last.alert.id, last.group, last.reading), []).extend(steps)
    bundles = sorted((tuple(bundle) for bundle in told.values()), key=_worst_first)
    own, beyond = _within(bundles, traffic, storm)
    own += [tuple(moot)] if moot else []
    renamed = {due.seq: Why.MOOT for due in moot}
    if storm is None or not beyond:
        return Plan(tuple(own), dropped=dropped, renamed=renamed)
    capped = tuple(due for bundle in beyond for due in bundle)
    if traffic.summary_at is not None and traffic.summary_at <= now < traffic.summary_at + storm.per:
        return Plan(tuple(own), later=capped, until=traffic.summary_at + storm.per, dropped=dropped, renamed=renamed)
    return Plan(tuple(own), capped, dropped=dropped, renamed=renamed | {due.seq: Why.RATE_CAPPED for due in capped})


def _by_alert(dues: Sequence[Due]) -> Iterable[list[Due]]:
    found: dict[str, list[Due]] = {}
    for due in sorted(dues, key=lambda due: due.seq):
        found.setdefault(due.alert.id, []).append(due)
    return found.values()


def _why_not(last: Due) -> str:
    """Why an alert is not told after all, given the last that is owed of it; "" where it is."""
    if last.what in ENDS:
        return ""
    if last.alert.state is AlertState.RESOLVED:
        return Why.OVER
    if last.what is Move.REMINDED and last.alert.state is AlertState.ACKNOWLEDGED:
        return Why.ACKNOWLEDGED
    return "" if last.silence is None else silenced_by(last.silence)


def _worst_first(bundle: Sequence[Due]) -> tuple[int, int]:
    return -max(due.alert.severity.rank for due in bundle), min(due.seq for due in bundle)


def _within(
    bundles: Sequence[tuple[Due, ...]], traffic: Traffic, storm: Storm | None
) -> tuple[list[tuple[Due, ...]], list[tuple[Due, ...]]]:
    """The bundles that make messages of their own, and those beyond the cap."""
    room = len(bundles) if storm is None else storm.messages - traffic.messages
    own, beyond = [], []
    for bundle in bundles:
        exempt = bundle[0].reading is not None or any(due.alert.severity is Severity.CRITICAL for due in bundle)
        if exempt or room > 0:
            own.append(bundle)
            room -= 1
        else:
            beyond.append(bundle)
    return own, beyond
