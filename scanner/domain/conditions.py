"""What is wrong with the watch itself: each condition begins, is told once to every channel, and ends, told once more.

`decide` holds what is open against what is observed; the store performs. A condition that keeps coming back is told
more and more rarely, and one that is only the consequence of another is not told beside it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from scanner.domain.alerts import Severity

__all__ = [
    "REMEMBERED",
    "Condition",
    "ConditionKind",
    "Observation",
    "Step",
    "Turn",
    "decide",
    "may_begin",
    "wants",
]

REMEMBERED = timedelta(days=1)
"""How long it counts that a condition was there before."""

FIRST_CALM = timedelta(minutes=15)
LONGEST_CALM = timedelta(hours=6)
"""How long after its end a condition does not begin again; each return within `REMEMBERED` doubles it."""


class ConditionKind(StrEnum):
    """What can be wrong with the watch."""

    API_REFUSED = "api-refused"
    API_UNREACHABLE = "api-unreachable"
    CHAIN_SILENT = "chain-silent"
    NODES_FAILING = "nodes-failing"
    SCHEMA_DRIFT = "schema-drift"
    ALL_EMPTY = "all-empty"
    NOT_COVERED = "not-covered"
    STALE_TARGETS = "stale-targets"
    STALE_MOST = "stale-most"
    SCAN_OVERDUE = "scan-overdue"
    ROUNDS_OVERLONG = "rounds-overlong"
    RULES_BROKEN = "rules-broken"
    RULE_UNDECIDED = "rule-undecided"
    WALLETS_FILE = "wallets-file"
    LIST = "list"
    BALANCES = "balances"
    SOURCES_DISAGREE = "sources-disagree"
    CHANNEL = "channel"
    OUTBOX_OLD = "outbox-old"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was looked at. `wrong` is None where it cannot be told now: then everything stays as it is.

    `subject` names what it is about where there may be several: a channel, a rule. `behind` are the kinds of which
    this would only be the consequence. `detail` says what was seen; once it is over, what shows that.
    """

    kind: ConditionKind
    severity: Severity
    wrong: bool | None
    title: str = ""
    detail: str = ""
    fix: str = ""
    subject: str = ""
    behind: frozenset[ConditionKind] = frozenset()

    @property
    def key(self) -> str:
        """The identity of the condition that this speaks of."""
        return f"{self.kind}:{self.subject}" if self.subject else str(self.kind)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something wrong with the watch, from `since` to `ended_at`. `told` are the channels that know of it.

    `seq` is its number in the store, None before it has one.
    """

    key: str
    kind: ConditionKind
    severity: Severity
    title: str
    detail: str
    fix: str
    since: datetime
    ended_at: datetime | None = None
    told: tuple[str, ...] = ()
    seq: int | None = None

    @property
    def subject(self) -> str:
        """What it is about, where there may be several of its kind."""
        return self.key.partition(":")[2]

    @property
    def blinds(self) -> bool:
        """Whether dangers may go unseen or untold while it lasts."""
        return self.severity.reaches(Severity.HIGH)


class Turn(StrEnum):
    """What happens to a condition: it begins, is seen in another light, or ends."""

    BEGAN = "began"
    CHANGED = "changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of a condition, which is given as it is afterwards."""

    turn: Turn
    condition: Condition


def decide(
    standing: Sequence[Condition],
    seen: Iterable[Observation],
    past: Mapping[str, Collection[datetime]],
    at: datetime,
) -> list[Step]:
    """Hold the conditions that are open against what is observed at a time.

    `past` tells when each key's earlier conditions ended. What is not looked at any more, as a channel that was taken
    out of the configuration, is over.
    """
    observations = {one.key: one for one in seen}
    by_key = {condition.key: condition for condition in standing}
    causes = {one.kind for one in standing if _stays(one, observations)}
    causes |= {one.kind for one in observations.values() if one.wrong}
    steps = []
    for key, one in observations.items():
        known = by_key.get(key)
        if known is None:
            if one.wrong and causes.isdisjoint(one.behind) and may_begin(past.get(key, ()), at):
                steps.append(Step(Turn.BEGAN, _begin(one, at)))
        elif one.wrong:
            now = replace(known, title=one.title, detail=one.detail, fix=one.fix, severity=one.severity)
            if now != known:
                steps.append(Step(Turn.CHANGED, now))
        elif one.wrong is False:
            steps.append(Step(Turn.ENDED, replace(known, ended_at=at, detail=one.detail or known.detail)))
    unseen = [condition for condition in standing if condition.key not in observations]
    over = "Nothing of it is seen any more."
    return steps + [Step(Turn.ENDED, replace(one, ended_at=at, detail=over)) for one in unseen]


def may_begin(ends: Collection[datetime], at: datetime) -> bool:
    """Whether a condition that ended at these times before may begin again: what flaps is told ever more rarely."""
    recent = [ago for end in ends if (ago := abs(at - end)) < REMEMBERED]  # an end ahead is a clock that was set back
    if not recent:
        return True
    calm: timedelta = FIRST_CALM * 2 ** min(len(recent) - 1, 20)
    return min(recent) >= min(calm, LONGEST_CALM)


def wants(channel: str, least: Severity, condition: Condition) -> bool:
    """Whether a channel that wants alerts of a severity is told of a condition.

    What blinds the watch is everybody's concern. A channel is not told of its own failure: it would never hear it.
    """
    own = condition.kind is ConditionKind.CHANNEL and condition.subject == channel
    return not own and (condition.blinds or condition.severity.reaches(least))


def _stays(condition: Condition, observations: Mapping[str, Observation]) -> bool:
    observation = observations.get(condition.key)
    return observation is not None and observation.wrong is not False


def _begin(one: Observation, at: datetime) -> Condition:
    return Condition(
        key=one.key,
        kind=one.kind,
        severity=one.severity,
        title=one.title,
        detail=one.detail,
        fix=one.fix,
        since=at,
    )
