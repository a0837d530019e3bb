"""What rules would have said of what is kept: an approval's past is lived through again, and judged where it matters.

It is pure, and goes by one approval at a time, for what becomes of an alert depends on its approval alone. Between two
things that happened only a price and the time move: there the rules are asked where either passes what they hold it
against (`policy.cuts`), and nowhere else.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf
from operator import is_

from scanner.domain.alerts import Alert, AlertState, Judgement, Transition, reconcile, unwatched
from scanner.domain.approvals import Target
from scanner.domain.backtest import Step
from scanner.domain.changes import GONE, Change, ChangeKind, Held
from scanner.domain.exposure import exposure
from scanner.domain.holdings import Holding
from scanner.domain.lists import NOBODY
from scanner.domain.past import Believed, Past, TokenState
from scanner.domain.surroundings import Surroundings
from scanner.judge import parted
from scanner.policy.cuts import FIRST, cuts_of
from scanner.policy.exceptions import Exemptions
from scanner.policy.fields import AGES, COUNTS, MONEY, PRICED, Facts, lasting_facts, passing_facts
from scanner.policy.moments import Moments
from scanner.policy.rules import Judged, Pack, Verdict, findings

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
        self.begins = [began for began, _ in scans]
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
        place = bisect_right(self.begins, moment)
        return moment if place == 0 else max(moment, self.scans[place - 1][1])

    def found_at(self, moment: datetime) -> datetime | None:
        """When the first scan that began after a moment had judged everything; None where there is none."""
        place = bisect_right(self.begins, moment)
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
    said: dict[str, tuple[Verdict, bool]] = field(default_factory=dict)
    lasting: tuple[tuple[object, ...], dict[str, object]] | None = None
    counted: tuple[Held, int | None, Held] | None = None
    seen: tuple[tuple[object, ...], Surroundings] | None = None
    ages: tuple[Held, list[datetime]] | None = None
    edges: tuple[Decimal | None, Sequence[tuple[str, Sequence[float] | None]]] | None = None

    def meet(self, happening: _Happening) -> None:
        """Take note of what happened, and judge."""
        at = happening.at
        if not happening.watched:
            self._take(unwatched(self.open, "the wallet was no longer watched", at), at)
            self.said.clear()
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
        change = last.change if at <= last.judged_at else None
        beside = self._beside(held, at)
        facts = self._facts(held, target, change, beside, at)
        case = _Case(
            held.approval.id,
            change,
            proven=last.proven_at is not None and last.proven_at <= at,
            raised=read and last.change.kind in _RISES,
            gone="" if held.in_force else GONE[last.change.kind],
        )
        judged = pack.judge(facts, None if change is None else change.kind)
        news = self._news(judged, case, self.rules.exemptions.of(held.approval, at))
        if news or case.moved:
            self._take(self._steps(news, case, facts, at), at, first=last.judged_at if case.first else None)
        if self.rules.asks_first and beside.first_usd is None and beside.exposure.usd is not None:
            self.valued = held.changed_at, beside.exposure.usd

    def _news(self, judged: Iterable[Judged], case: "_Case", excepted: Container[str]) -> list[Judged]:
        """What rules say of what happened; and of a state, if they said otherwise before: again, it moves nothing."""
        if case.moved:
            self.said.clear()
        news = [
            (rule, verdict)
            for rule, verdict in judged
            if rule.id not in excepted
            and (rule.on or (not case.gone and self.said.get(rule.id) != (verdict, case.proven)))
        ]
        self.said.update((rule.id, (verdict, case.proven)) for rule, verdict in news if not rule.on)
        return news

    def _steps(self, news: Iterable[Judged], case: "_Case", facts: Facts, at: datetime) -> list[Transition]:
        """What follows for the alerts that are open, and which ones open."""
        found = [
            finding
            for finding in findings(
                news,
                approval=case.approval,
                facts=facts,
                change=case.change,
                proven=case.proven,
                alerting={alert.rule for alert in self.open},
            )
            if finding.change is None or (finding.rule, finding.change) not in self.told
        ]
        self.told |= {(finding.rule, finding.change) for finding in found if finding.judgement is Judgement.HOLDS}
        return reconcile(
            self.open,
            found,
            gone={case.approval: case.gone} if case.gone else {},
            baseline={case.approval} if case.first else (),
            raised={case.approval} if case.raised else (),
            at=at,
        )

    def _facts(
        self, held: Held, target: Target, change: Change | None, beside: Surroundings, at: datetime
    ) -> dict[str, object]:
        """What is known of the approval. Most of it stands for long, and is put together once."""
        counted = held
        if held.approval.token.decimals is None and beside.exposure.decimals is not None:
            counted = self._counted(held, beside)
        stands = (counted, target, beside.spender, beside.token, change)
        if self.lasting is None or not all(map(is_, self.lasting[0], stands)):
            self.lasting = stands, lasting_facts(counted.approval, target, beside.spender, beside.token, change)
        approvals, owners = self.past.counts.at(at) or (None, None)
        return self.lasting[1] | passing_facts(held, beside, approvals, owners, at)

    def _counted(self, held: Held, beside: Surroundings) -> Held:
        """The approval in token units: put together once, since an approval is costly to make."""
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
        if self.seen is None or self.seen[0] != (at, held, first):
            at_stake = exposure(held.approval, self._holding(held, at))
            spender, token = self.past.spender.at(at), self.past.token.at(at)
            self.seen = (at, held, first), Surroundings(at_stake, first, spender or NOBODY, token or NOBODY)
        return self.seen[1]

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
        moved = self.past.quotes.leaves(at, low, high, before=until)
        told = None if moved is None else self.rules.closed_at(moved)
        return told if told is not None and told < until else None

    def _range(self, beside: Surroundings) -> tuple[float, float]:
        """The prices, without its ends, between which the rules that follow money say the same as they do now."""
        now = beside.exposure
        if now.price_usd is None:
            return -inf, inf
        price, low, high = float(now.price_usd), -inf, inf
        for name, edges in self._edges(beside.first_usd):
            if edges is None:
                return price, price
            if not (amount := 1.0 if name == "token.price_usd" else float(now.amount or 0)):
                continue
            below = bisect_right(edges, price * amount * (1 + SLACK))
            above = bisect_left(edges, price * amount * (1 - SLACK))
            low = max(low, edges[below - 1] / amount * (1 + SLACK)) if below else low
            high = min(high, edges[above] / amount * (1 - SLACK)) if above < len(edges) else high
        return low, high

    def _edges(self, first_usd: Decimal | None) -> Sequence[tuple[str, Sequence[float] | None]]:
        """What rules hold numbers against, given what the approval was worth at first; None where they do otherwise."""
        if self.edges is None or self.edges[0] != first_usd:
            first = None if first_usd is None else float(first_usd)
            cuts = [(name, None if one.everywhere else one.numbers(first)) for name, one in self.rules.cuts.items()]
            self.edges = first_usd, cuts
        return self.edges[1]

    def _age_counts(self, held: Held, at: datetime, until: datetime) -> datetime | None:
        """When a scan next finds that the approval's age has passed what rules hold it against."""
        if self.ages is None or self.ages[0] is not held:
            self.ages = held, self._found(self.rules.moments.passed(held))
        found = [*self.ages[1], *self._found([at + LOOK_EVERY] if self.rules.moments.everywhere else [])]
        return min((scan for scan in found if at < scan < until), default=None)

    def _found(self, moments: Iterable[datetime]) -> list[datetime]:
        return [scan for one in moments if (scan := self.rules.found_at(one)) is not None]


@dataclass(frozen=True, slots=True)
class _Case:
    """What matters of an approval beside its facts: how it came to be as it is, and whether that is proven.

    `change` is what the scan under way found changed, if anything; `gone` why it is in force no more, "" while it is.
    """

    approval: str
    change: Change | None
    proven: bool
    raised: bool
    gone: str

    @property
    def first(self) -> bool:
        """Whether it is news of a wallet's first reading."""
        return self.change is not None and self.change.kind is ChangeKind.BASELINE

    @property
    def moved(self) -> bool:
        """Whether its alerts move whatever rules say."""
        return self.raised or bool(self.gone)


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
