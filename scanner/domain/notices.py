"""Who is told of a step in an alert's life, when, and why or why not: each decision has one named reason."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scanner.domain.alerts import ENDS, Move, Severity, Transition
from scanner.domain.groups import GroupState, due_at
from scanner.domain.silences import silenced_by
from scanner.domain.telling import Telling

__all__ = ["Case", "Notice", "Why", "decide"]


class Why:
    """The named reasons. They are stored, and shown to whoever asks why a message came or did not.

    One more names its silence: see `silences.silenced_by`.
    """

    FIRST = "first"
    NEW_IN_GROUP = "new in group"
    NEW_WALLET = "new wallet in group"
    WORSENED = "worsened"
    REMINDER = "reminder due"
    SILENCE_ENDED = "silence ended"
    MISSED = "open before the channel wanted it"
    RESOLVED = "resolved"
    UNWATCHED = "no longer watched"
    OTHER_CHANNEL = "the rule is told to other channels"
    BELOW = "below the channel's severity"
    INFORMATIONAL = "informational never notifies"
    EASED = "less severe than before"
    ACKNOWLEDGED = "acknowledged"
    RATE_CAPPED = "rate-capped"
    MOOT = "moot: opened and ended while the channel could not be reached"
    OVER = "moot: it ended before it could be told"
    NO_CHANNEL = "the channel is no longer configured"


_WHY_ENDED = {Move.RESOLVED: Why.RESOLVED, Move.UNWATCHED: Why.UNWATCHED}


@dataclass(frozen=True, slots=True)
class Notice:
    """What one channel is owed about one alert, or why it is owed nothing.

    `group` is what it is told together with. `due_at` None waits for the end of its scan, whose `digest` tells it.
    """

    alert: str
    channel: str
    what: Move
    send: bool
    reason: str
    group: str = ""
    due_at: datetime | None = None
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A step, and what bears on telling it.

    `told` are the channels that were told, or are about to be, that the alert opened; `silence` hides the alert;
    `wallet` is the owner; `groups` is what each channel knows of the alert's group. `first_reading` says that the
    scan that read the wallet for the first time, and opened the alert, is still under way.
    """

    step: Transition
    group: str
    wallet: str
    told: frozenset[str] = frozenset()
    silence: str | None = None
    first_reading: bool = False
    groups: Mapping[str, GroupState] = field(default_factory=dict)


def decide(cases: Iterable[Case], telling: Telling, at: datetime) -> list[Notice]:
    """What each channel is owed for steps that are taken together; what is told of one is known to those after it.

    Who was told that an alert opened is told that it ended, whatever its severity has become since, whatever hides it,
    and also a channel that is not configured now: it may come back. An alert of a wallet's first reading goes into that
    scan's one digest.
    """
    met: set[tuple[str, ...]] = set()
    found: list[Notice] = []
    for case in cases:
        owed = [_notice(case, channel, telling, at, met) for channel in _concerned(case, telling)]
        for notice in owed:
            if notice.send:
                met |= {(notice.channel, case.group), (notice.channel, case.group, case.wallet)}
        found += owed
    return found


def _concerned(case: Case, telling: Telling) -> Iterable[str]:
    """Of an end only those are told who know of the beginning; that somebody knows of an alert is told to nobody."""
    if case.step.move is Move.ACKNOWLEDGED:
        return ()
    return sorted(case.told) if case.step.move in ENDS else telling.channels


def _notice(case: Case, channel: str, telling: Telling, at: datetime, met: Collection[tuple[str, ...]]) -> Notice:
    alert, move = case.step.alert, case.step.move
    group = case.groups.get(channel, GroupState())
    why_not = "" if move in ENDS else _why_not(case, channel, telling)
    if why_not:
        return Notice(alert.id, channel, move, send=False, reason=why_not, group=case.group)
    if case.first_reading and move not in ENDS:
        why = Why.WORSENED if move is Move.WORSENED else Why.FIRST
        return Notice(alert.id, channel, move, send=True, reason=why, group=case.group, digest=True)
    known = group.open or (channel, case.group) in met
    strange = case.wallet not in group.wallets and (channel, case.group, case.wallet) not in met
    why = _WHY_ENDED.get(move) or (Why.WORSENED if move is Move.WORSENED else _why_opened(known=known, strange=strange))
    urgent = move not in ENDS and (strange or move is Move.WORSENED or alert.severity is Severity.CRITICAL)
    due = due_at(group.told_at, telling, at, urgent=urgent)
    return Notice(alert.id, channel, move, send=True, reason=why, group=case.group, due_at=due)


def _why_opened(*, known: bool, strange: bool) -> str:
    if not known:
        return Why.FIRST
    return Why.NEW_WALLET if strange else Why.NEW_IN_GROUP


def _why_not(case: Case, channel: str, telling: Telling) -> str:
    """Why a channel is not told of a step that is no end; "" where it is."""
    severity = case.step.alert.severity
    if severity is Severity.INFORMATIONAL:
        return Why.INFORMATIONAL
    if not telling.tells(channel, case.step.alert.rule):
        return Why.OTHER_CHANNEL
    if case.step.move is Move.EASED:
        return Why.EASED
    if not severity.reaches(telling.channels[channel]):
        return Why.BELOW
    return "" if case.silence is None else silenced_by(case.silence)
