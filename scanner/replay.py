"""What rules would have said of what is kept: an approval's past is lived through again, and judged where it matters.

It is pure, and goes by one approval at a time, for what becomes of an alert depends on its approval alone. Between two
things that happened only a price and the time move: there the rules are asked where either passes what they hold it
against (`policy.cuts`), and nowhere else.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf
from operator import itemgetter

from scanner.domain.alerts import Alert, AlertState, Judgement, Transition, reconcile, unwatched
from scanner.domain.backtest import Step
from scanner.domain.changes import GONE, Change, ChangeKind, Held
from scanner.domain.exposure import exposure
from scanner.domain.holdings import Holding
from scanner.domain.lists import NOBODY
from scanner.domain.past import Believed, Past, TokenState
from scanner.domain.surroundings import Surroundings
from scanner.judge import Case, parted, say
from scanner.policy.cuts import FIRST, cuts_of
from scanner.policy.exceptions import Exemptions
from scanner.policy.fields import AGES, COUNTS, MONEY, PRICED
from scanner.policy.moments import Moments
from scanner.policy.rules import Pack

__all__ = ["Replay"]

SLACK = 1e-9
"""How near to a cut a price is looked at, as a part of it: floating point only says where to look."""

LOOK_EVERY = timedelta(days=1)
"""How often rules are asked that use an age in some other way than to hold it against something."""

_RISES = (ChangeKind.INCREASED, ChangeKind.RESTORED)


class Replay:
    """Rules, ready to be held against any number of pasts.

    `scans` are when scans began and ended, in order: that time has passed is found by them alone.
    """

    def __init__(self, pack: Pack, scans: Sequence[tuple[datetime, datetime]]) -> None:
        self.scans = scans
        self.all = pack
        self.exemptions = Exemptions(pack.exemptions)
        self.own, _ = parted(pack)
        self.money, self.ages = pack.reading(MONEY), pack.reading(AGES)
        self.closing = pack.reading(MONEY | AGES | COUNTS)
        self.asks_first = any(FIRST in rule.fields_read for rule in pack.rules)
        self.cuts = {name: cuts_of(pack.conditions, name) for name in sorted(PRICED)}
        self.moments = Moments(pack)

    def live(self, past: Past, until: datetime) -> list[Step]:
        """The steps that alerts of one approval would have taken until then, in order."""
        life = _Life(self, past)
        happenings = [one for one in _happenings(self, past) if one.at <= until]
        for place, happening in enumerate(happenings):
            life.meet(happening)
            if place + 1 == len(happenings):
                life.wait(happening.at, until)
            elif happenings[place + 1].at > happening.at:
                life.wait(happening.at, happenings[place + 1].at)
        return life.steps

    def closed_at(self, moment: datetime) -> datetime:
        """When the scan under way at a moment had read all wallets: a price that one showed is every wallet's then."""
        place = bisect_right(self.scans, moment, key=itemgetter(0))
        return moment if place == 0 else max(moment, self.scans[place - 1][1])

    def found_at(self, moment: datetime) -> datetime | None:
        """When the first scan that began after a moment had judged everything; None where there is none."""
        place = bisect_right(self.scans, moment, key=itemgetter(0))
        return self.scans[place][1] if place < len(self.scans) else None


@dataclass(frozen=True, slots=True)
class _Happening:
    """Something that moved by itself, and the rules that it may matter to. `watched` is False where a watch ended."""

    at: datetime
    pack: Pack
    believed: Believed | None = None
    watched: bool = True


def _happenings(rules: Replay, past: Past) -> list[_Happening]:
    """All that moved but for price and time, in the order in which scans judge it."""
    found = []
    for one in past.believed:
        found.append(_Happening(one.change.at, rules.own, one))
        found.append(_Happening(one.judged_at, rules.closing))
        if one.proven_at is not None and one.proven_at > one.change.at:
            found.append(_Happening(one.proven_at, rules.all))
    found += [_Happening(at, rules.money) for at in past.balances.times]
    found += [_Happening(at, rules.all) for course in (past.spender, past.token) for at in course.times]
    found += [_Happening(at, rules.closing) for at in past.counts.times]
    watched = past.watched
    found += [
        _Happening(at, rules.own, watched=target is not None)
        for at, target in zip(watched.times, watched.values, strict=True)
        # What the scan that begins a watch finds changed is judged as it found it, and not as it had been before.
        if target is None or not any(at <= one.change.at <= rules.closed_at(at) for one in past.believed)
    ]
    found += [_Happening(one.until, rules.all) for one in rules.all.exemptions if one.until is not None]
    # A change comes before what is judged by it at the same moment.
    return sorted(found, key=lambda one: (one.at, one.believed is None))


@dataclass(slots=True)
class _Life:
    """One approval, as far as its replay has come. `valued` is what it was first worth, and since which change."""

    rules: Replay
    past: Past
    held: Held | None = None
    last: Believed | None = None
    open: list[Alert] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    valued: tuple[datetime, Decimal] | None = None
    told: set[tuple[str, str | None]] = field(default_factory=set)
    counted: tuple[Held, int | None, Held] | None = None
    edges: dict[tuple[str, Decimal | None], Sequence[float]] = field(default_factory=dict)

    def meet(self, happening: _Happening) -> None:
        """Take note of what happened, and judge."""
        at = happening.at
        if not happening.watched:
            self._take(unwatched(self.open, "the wallet was no longer watched", at), at)
        elif happening.believed is not None:
            self.last = happening.believed
            self.held = _after(self.held, happening.believed.change)
            self._judge(happening.pack, at, read=True)
        else:
            self._judge(happening.pack, at)

    def wait(self, since: datetime, until: datetime) -> None:
        """Let time pass in which nothing moves but the price and the time itself."""
        held = self.held
        if held is None or not held.in_force:
            return
        at = since
        while True:
            price, age = self._price_moves(held, at, until), self._age_counts(held, at, until)
            if price is None and age is None:
                return
            at = min(moment for moment in (price, age) if moment is not None)
            self._judge(
                self.rules.closing if price == age else self.rules.money if at == price else self.rules.ages, at
            )

    def _judge(self, pack: Pack, at: datetime, *, read: bool = False) -> None:
        """Judge the approval as it is at a time; `read` says that a reading has just shown what happened to it."""
        held, last, target = self.held, self.last, self.past.watched.at(at)
        if held is None or last is None or target is None or not (held.in_force or read):
            return
        id_ = held.approval.id
        under_way = at <= last.judged_at
        fresh = frozenset({id_}) if under_way and last.change.kind is ChangeKind.BASELINE else frozenset[str]()
        case = Case(
            target=target,
            held=(held,),
            proven=last.proven_at is not None and last.proven_at <= at,
            changed={id_: last.change} if under_way else {},
            gone={} if held.in_force else {id_: GONE[last.change.kind]},
            baseline=fresh,
            raised=frozenset({id_}) if read and last.change.kind in _RISES else frozenset(),
        )
        beside = self._beside(held, at)
        if held.approval.token.decimals is None and beside.exposure.decimals is not None:
            # Counted once and not at every judgement: an approval is costly to make.
            held = self._counted(held, beside)
        spender = held.approval.spender.address
        counts = self.past.counts.at(at)
        excepted = {(rule, id_): one.reason for rule, one in self.rules.exemptions.of(held.approval, at).items()}
        found = [
            finding
            for finding in say(pack, case, held, {} if counts is None else {spender: counts}, beside, at)
            if (finding.rule, id_) not in excepted
            and (finding.change is None or (finding.rule, finding.change) not in self.told)
        ]
        steps = reconcile(
            self.open, found, gone=case.gone, baseline=fresh, raised=case.raised, excepted=excepted, at=at
        )
        self.told |= {(finding.rule, finding.change) for finding in found if finding.judgement is Judgement.HOLDS}
        self._take(steps, at, first=last.judged_at if fresh else None)
        if self.rules.asks_first and beside.first_usd is None and beside.exposure.usd is not None:
            # From the next judgement on it is known what the approval was worth at first.
            self.valued = held.changed_at, beside.exposure.usd
            self._judge(self.rules.money, at)

    def _counted(self, held: Held, beside: Surroundings) -> Held:
        if self.counted is None or self.counted[0] is not held or self.counted[1] != beside.exposure.decimals:
            self.counted = held, beside.exposure.decimals, replace(held, approval=beside.counted(held.approval))
        return self.counted[2]

    def _take(self, steps: Iterable[Transition], at: datetime, first: datetime | None = None) -> None:
        for step in steps:
            now = {alert.id: alert for alert in self.open} | {step.alert.id: step.alert}
            self.open = [alert for alert in now.values() if alert.state is not AlertState.RESOLVED]
            self.steps.append(Step(at, step, first))

    def _beside(self, held: Held, at: datetime) -> Surroundings:
        first = self.valued[1] if self.valued is not None and self.valued[0] == held.changed_at else None
        spender, token = self.past.spender.at(at), self.past.token.at(at)
        return Surroundings(exposure(held.approval, self._holding(held, at)), first, spender or NOBODY, token or NOBODY)

    def _holding(self, held: Held, at: datetime) -> Holding | None:
        balance = self.past.balances.at(at)
        if balance is None:
            return None
        token = self.past.quotes.course.at(at) or TokenState()
        return Holding(
            held.approval.token.address,
            at,
            amount=balance.amount,
            raw=balance.raw,
            decimals=token.decimals,
            price_usd=token.price_usd,
            risk=token.risk,
        )

    def _price_moves(self, held: Held, at: datetime, until: datetime) -> datetime | None:
        """When the token next moves in a way that rules may see."""
        low, high = self._range(self._beside(held, at))
        moved = self.past.quotes.leaves(at, low, high)
        told = None if moved is None else self.rules.closed_at(moved)
        return told if told is not None and told < until else None

    def _range(self, beside: Surroundings) -> tuple[float, float]:
        """The prices, without its ends, between which the rules that follow money say the same as they do now."""
        now = beside.exposure
        if now.price_usd is None:
            return -inf, inf
        price, low, high = float(now.price_usd), -inf, inf
        for name, cuts in self.rules.cuts.items():
            if cuts.everywhere:
                return price, price
            amount = 1.0 if name == "token.price_usd" else float(now.amount or 0)
            for cut in self._edges(name, beside.first_usd) if amount else ():
                at = cut / amount
                low = max(low, at * (1 + SLACK)) if at <= price else low
                high = min(high, at * (1 - SLACK)) if at >= price else high
        return low, high

    def _edges(self, name: str, first_usd: Decimal | None) -> Sequence[float]:
        """What rules hold a number against, given what the approval was worth at first."""
        if (name, first_usd) not in self.edges:
            known = {} if first_usd is None else {FIRST: float(first_usd)}
            self.edges[name, first_usd] = self.rules.cuts[name].numbers(known)
        return self.edges[name, first_usd]

    def _age_counts(self, held: Held, at: datetime, until: datetime) -> datetime | None:
        """When a scan next finds that the approval's age has passed what rules hold it against."""
        moments = [*self.rules.moments.passed(held)]
        if self.rules.moments.everywhere:
            moments.append(at + LOOK_EVERY)
        found = [scan for one in moments if (scan := self.rules.found_at(one)) is not None]
        return min((scan for scan in found if at < scan < until), default=None)


def _after(held: Held | None, change: Change) -> Held:
    """What was held of an approval after a change."""
    at = change.at
    if change.kind in GONE:
        approval = change.before or change.after
        first, since = (at, at) if held is None else (held.first_seen, held.since)
        return Held(approval, first_seen=first, since=since, changed_at=at, in_force=False)
    if held is None:
        return Held(change.after, first_seen=at, since=at, changed_at=at)
    since = at if change.kind is ChangeKind.RESTORED else held.since
    return Held(change.after, first_seen=held.first_seen, since=since, changed_at=at)
