"""A backtest: every past that the store keeps is lived through under some rules, and held against what really was."""

import gc
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Approval, Target
from scanner.domain.backtest import Difference, Episode, Message, Step, differences, episodes, messages
from scanner.domain.past import Past
from scanner.domain.telling import Telling
from scanner.policy.cuts import cuts_of
from scanner.policy.fields import COUNTS
from scanner.policy.rules import Pack
from scanner.replay import Replay
from scanner.store.episodes import real_episodes, real_messages
from scanner.store.past import Alike, pasts, scan_times
from scanner.store.pruning import known_since

__all__ = ["Outcome", "RuleOutcome", "backtest"]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """One rule: how many alerts opened, and in how many messages it was told, really and in the replay."""

    rule: str
    title: str
    was: int
    would: int
    messages_were: int
    messages_would_be: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a backtest found in a stretch of time.

    `about` are the approvals that `differences` speak of, each with its wallet. `messages_were` and `messages_would_be`
    count messages by channel. `approvals` is how many were lived through.
    """

    since: datetime
    until: datetime
    approvals: int
    scans: int
    rules: tuple[RuleOutcome, ...]
    differences: tuple[Difference, ...]
    about: dict[str, tuple[Approval, Target]]
    messages_were: Counter[str]
    messages_would_be: Counter[str]


async def backtest(
    connection: AsyncConnection, pack: Pack, telling: Telling, since: datetime, until: datetime
) -> Outcome:
    """Hold what these rules would have told from one time to another against what was told.

    Every past is lived through from its beginning: what was open before is not opened again.
    """
    scans = await scan_times(connection)
    times = [began_at for began_at, _ in scans]
    replay, same = Replay(pack, scans), _Same(times)
    really = await real_episodes(connection, until)
    known = await known_since(connection)
    found: list[Difference] = []
    was, would = Counter[str](), Counter[str]()
    told: list[tuple[Step, Approval]] = []
    about: dict[str, tuple[Approval, Target]] = {}
    lived = 0
    async for past in _uncollected(pasts(connection, _alike(pack))):
        approval = past.believed[-1].change.after
        lived += 1
        steps = replay.live(past, until)
        real = _remembered(really.pop(approval.id, []), known)
        if not steps and not real:
            continue
        made = _remembered(episodes(steps), known)
        told += [(step, approval) for step in steps]
        was.update(one.rule for one in real if one.opened_at >= since)
        would.update(one.rule for one in made if one.opened_at >= since)
        differ = [one for one in differences(real, made, same) if _opened_at(one) >= since]
        if differ:
            found += differ
            about[approval.id] = approval, _named(past, approval)
    were = await real_messages(connection, since, until)
    would_be = [one for one in messages(told, telling) if one.at >= since]
    return Outcome(
        since=since,
        until=until,
        approvals=lived,
        scans=bisect_right(times, until) - bisect_left(times, since),
        rules=_by_rule(pack, was, would, were, would_be, found),
        differences=tuple(sorted(found, key=_opened_at)),
        about=about,
        messages_were=Counter(message.channel for message in were),
        messages_would_be=Counter(message.channel for message in would_be),
    )


async def _uncollected(found: AsyncIterator[Past]) -> AsyncIterator[Past]:
    """The same, without the collector of cycles: there are none to find, and looking costs a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        async for past in found:
            yield past
    finally:
        if was:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Same:
    """Times are the same where no more than one scan began between them: nothing finer was ever looked at."""

    scans: Sequence[datetime]

    def __call__(self, one: datetime, other: datetime) -> bool:
        earlier, later = sorted((one, other))
        return bisect_right(self.scans, later) - bisect_right(self.scans, earlier) <= 1


def _remembered(found: Sequence[Episode], known: datetime | None) -> list[Episode]:
    """The episodes that were not over before the time from which on all is known: of those, real ones are forgotten."""
    return [one for one in found if known is None or one.ended_at is None or one.ended_at >= known]


def _opened_at(difference: Difference) -> datetime:
    """When the alert opened that differs, really or in the replay: the later of the two."""
    return max(one.opened_at for one in (difference.was, difference.would) if one is not None)


def _named(past: Past, approval: Approval) -> Target:
    names = [target for target in past.watched.values if target is not None]
    return names[-1] if names else approval.target


def _alike(pack: Pack) -> Alike | None:
    """What of a spender's counts the rules tell apart; None where they ask for none."""
    if all(COUNTS.isdisjoint(rule.fields_read) for rule in pack.rules):
        return None
    approvals, owners = (cuts_of(pack.conditions, name) for name in ("spender.approvals", "spender.owners"))

    if not (approvals.fixed and owners.fixed):
        return lambda counts: counts
    first, second = approvals.numbers(), owners.numbers()
    return lambda counts: (_place(first, counts[0]), _place(second, counts[1]))


def _place(cuts: Sequence[float], number: int) -> tuple[int, int]:
    """Where a number lies among cuts: between two of them, or on one."""
    return bisect_left(cuts, number), bisect_right(cuts, number)


def _by_rule(
    pack: Pack,
    was: Counter[str],
    would: Counter[str],
    were: Collection[Message],
    would_be: Collection[Message],
    found: Collection[Difference],
) -> tuple[RuleOutcome, ...]:
    """What became of each rule that told anything, or could have; those that are not there any more stand last."""
    titles = {rule.id: rule.title for rule in pack.rules}
    gone = {one.was.rule: one.was.title for one in found if one.was is not None and one.was.rule not in titles}
    before, after = (Counter(rule for message in some for rule in message.rules) for some in (were, would_be))
    return tuple(
        RuleOutcome(rule, title, was[rule], would[rule], before[rule], after[rule])
        for rule, title in (titles | gone).items()
    )
