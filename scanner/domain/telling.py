"""How people want to be told: which channel of what, together with what else, how often, and how much at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from scanner.domain.alerts import Alert, Severity

__all__ = ["REPEAT", "STORM", "Digest", "GroupBy", "Storm", "Telling"]

REPEAT: Mapping[Severity, timedelta] = {Severity.CRITICAL: timedelta(hours=24), Severity.HIGH: timedelta(days=7)}
"""How often an open alert is told again, unless the user says otherwise."""


class GroupBy(StrEnum):
    """What alerts may have in common to be told together."""

    SPENDER = "spender"
    OWNER = "owner"
    CHAIN = "chain"
    TOKEN = "token"  # noqa: S105 - of an approval, not of a key
    RULE = "rule"
    SEVERITY = "severity"


class Digest(StrEnum):
    """How often a summary is sent although nothing happened."""

    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def period(self) -> timedelta | None:
        """The time from one to the next; None where there is none."""
        return {Digest.DAILY: timedelta(days=1), Digest.WEEKLY: timedelta(days=7)}.get(self)


@dataclass(frozen=True, slots=True)
class Storm:
    """A cap: at most `messages` in any stretch of `per`. Critical alerts are never held back."""

    messages: int
    per: timedelta


STORM = Storm(60, timedelta(minutes=10))
"""The cap, unless the user says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the user configured. `channels` gives the least severity that each channel wants.

    `group_by` is what alerts have in common to share a message; `group_wait` how long a first one waits for others,
    `group_interval` the least time between two messages of a group. `repeat`: how often an open alert is told again, by
    severity. `digest`: the regular summary of what is not repeated. `storm`: the cap for each channel, None for none.
    `give_up_after`: how long a message that is not critical is tried. `only`: the rules that are told to some channels
    alone, each with these.
    """

    channels: Mapping[str, Severity]
    group_by: tuple[GroupBy, ...] = (GroupBy.SPENDER,)
    group_wait: timedelta = timedelta(seconds=10)
    group_interval: timedelta = timedelta(minutes=5)
    repeat: Mapping[Severity, timedelta] = field(default_factory=lambda: REPEAT)
    digest: Digest = Digest.WEEKLY
    storm: Storm | None = STORM
    give_up_after: timedelta = timedelta(days=3)
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def tells(self, channel: str, rule: str) -> bool:
        """Whether a channel is one of those that are told of a rule's alerts."""
        return channel in self.only.get(rule, (channel,))

    def wants(self, channel: str, alert: Alert) -> bool:
        """Whether a channel is there and is told of an alert as bad as this; informational ones are told to nobody."""
        return self.tells(channel, alert.rule) and alert.severity in self.wanted(channel)

    def wanted(self, channel: str) -> list[Severity]:
        """The severities of which a channel is told; none of one that is not there."""
        least = self.channels.get(channel)
        if least is None:
            return []
        return [one for one in Severity if one is not Severity.INFORMATIONAL and one.reaches(least)]

    def elsewhere(self, channel: str) -> list[str]:
        """The rules that are told to other channels and not to this one."""
        return [rule for rule in self.only if not self.tells(channel, rule)]
