"""What the rules say of what is known, and what that does to alerts.

It is asked after a reading, when rules or lists have changed, and when wallets or rules were taken away. It works
inside the caller's transaction: an approval, its alerts and what each channel is owed about them are one fact.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.cases import Case, Moved, Part, after_reading, of_stored
from scanner.domain.alerts import Alert, Finding, Judgement, Transition, reconcile, unwatched
from scanner.domain.approvals import Approval, Snapshot, Target
from scanner.domain.changes import ChangeKind, Difference, Held
from scanner.domain.surroundings import Surroundings
from scanner.domain.telling import Telling
from scanner.policy.exceptions import Exemptions
from scanner.policy.fields import AGES, COUNTS, FIELDS, MONEY, facts
from scanner.policy.moments import Moments
from scanner.policy.rules import Exemption, Pack, findings
from scanner.policy.rules import Judged as Ruled
from scanner.store import alerts as kept_alerts
from scanner.store import knowledge, lists, outbox, unmoved
from scanner.store.engine import Store
from scanner.store.rows import parts
from scanner.store.spenders import Counts
from scanner.store.surroundings import keep_first_worth, surroundings

__all__ = ["Judge", "Judged", "parted"]

_NOT_LATER = COUNTS | {name for name in FIELDS if name.startswith("change.")}
"""The fields that are not the same any more when a scan is done."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The steps that alerts take; how often each rule could not decide, and the rules that decided something."""

    transitions: Sequence[Transition] = ()
    undecided: Counter[str] = field(default_factory=Counter)
    decided: frozenset[str] = frozenset()

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(
            (*self.transitions, *other.transitions), self.undecided + other.undecided, self.decided | other.decided
        )


def parted(pack: Pack) -> tuple[Pack, Pack]:
    """The rules that a wallet's own approvals decide, and those on what a spender holds over all wallets."""
    shared = tuple(rule for rule in pack.reading(COUNTS).rules if not rule.on)
    own = tuple(rule for rule in pack.rules if rule not in shared)
    return replace(pack, rules=own), replace(pack, rules=shared)


class Judge:
    """Holds approvals against the pack's rules; `telling` says who wants to be told of what comes of it."""

    def __init__(
        self,
        pack: Pack,
        *,
        telling: Telling,
        now: Callable[[], datetime],
    ) -> None:
        self.pack = pack
        self.moments = Moments(pack)
        self._rules = {rule.id: rule for rule in pack.rules}
        self._own, self._shared = parted(pack)
        self._money = pack.reading(MONEY)
        self._own_money, self._shared_money = self._own.reading(MONEY), self._shared.reading(MONEY)
        self._money_events = frozenset(kind for rule in self._money.rules for kind in rule.on)
        ending = {exemption.rule for exemption in pack.exemptions if exemption.until is not None}
        self._ageing = any(not AGES.isdisjoint(rule.fields_read) or rule.id in ending for rule in self._shared.rules)
        self._exemptions = Exemptions(pack.exemptions)
        self._telling = telling
        self._now = now

    @property
    def follow_money(self) -> frozenset[str]:
        """The rules that cannot decide while a balance or a price is not known, which is nothing unusual."""
        return frozenset(rule.id for rule in self._money.rules)

    def excepts(self, approval: Approval) -> bool:
        """Whether an exception keeps a rule from alerting about an approval now."""
        return bool(self._exemptions.of(approval, self._now()))

    async def reading(
        self,
        connection: AsyncConnection,
        scan_id: str,
        snapshot: Snapshot,
        difference: Difference,
        moved: Moved,
        *,
        thorough: bool = False,
    ) -> Judged:
        """Judge a target after a reading of it, and note whose approvals it moved; if `thorough`, every spender's."""
        case = after_reading(snapshot, difference)
        judged = await self._judge_all(connection, self._own, [case])
        await self._apply(connection, judged.transitions, scan_id, snapshot.read_at)
        for change in difference.changes:
            moved.see(change)
        if self._ageing or thorough:
            for held in difference.known.in_force:
                moved.note(held.approval.spender.address, first=held.approval.id in case.baseline)
        return judged

    async def weighed(self, connection: AsyncConnection, scan_id: str, target: Target, moved: Moved) -> Judged:
        """Judge a target again by the rules that follow money, after a reading of its balances.

        What the scan found changed is judged as a change once more: its worth was not known before. Counts are asked
        for only where they matter, and of a spender that the scan moved at its end, when they are known.
        """
        if not self._money.rules:
            return Judged()
        kept = await knowledge.of_target(connection, target)
        kinds = await knowledge.kinds_of(connection, scan_id, target)
        happened = not self._money_events.isdisjoint(kinds.values())
        changes = await knowledge.changes_of(connection, scan_id, target) if happened else []
        told = await kept_alerts.rules_told(connection, [change.id for change in changes])
        changed = {change.after.id: change for change in changes}
        first = frozenset(id_ for id_, kind in kinds.items() if kind is ChangeKind.BASELINE)
        settled: set[str] = set()
        found = await self._judge_all(
            connection, self._own_money, of_stored(kept, first, changed), told, moved, settled
        )
        for one in kept:
            if one.held.approval.id in settled and moved.holds(one.held.approval):
                moved.settle(one.held.approval)
        counting = [one for one in kept if one.held.approval.id not in settled]
        now = [one for one in counting if one.held.approval.spender.address not in moved.spenders]
        found += await self._judge_all(connection, self._shared_money, of_stored(now, first), moved=moved)
        await self._apply(connection, found.transitions, scan_id, self._now())
        return found

    async def together(
        self, connection: AsyncConnection, scan_id: str, moved: Moved, part: Part
    ) -> tuple[Judged, Part | None]:
        """Judge the rules on what a spender holds over all wallets, for a part of what a scan moved.

        As much of it as a transaction should hold; what is left of it is told, too.
        """
        if not self._shared.rules:
            return Judged(), None
        held, left, after = await knowledge.holders(connection, part.spenders, part.after)
        held += await knowledge.some_in_force(connection, part.approvals)
        first = frozenset(
            one.held.approval.id for one in held if moved.spenders.get(one.held.approval.spender.address, False)
        )
        found = await self._judge_all(connection, self._shared, of_stored(held, first), moved=moved)
        await self._apply(connection, found.transitions, scan_id, self._now())
        return found, Part(left, after=after) if left else None

    async def again(self, store: Store) -> None:
        """Judge everything that is stored once more, without a request: rules or lists have changed.

        What is in memory is one transaction's part of it, however much is stored.
        """
        after = (0, "")
        while places := await store.read(partial(knowledge.next_in_force, after=after)):
            await store.write(partial(self._judge_some, ids=[id_ for _, id_ in places]))
            after = places[-1]

    async def touched(self, store: Store) -> int:
        """Judge again, without a request, every approval that changed lists speak of. Returns how many.

        Each transaction is bounded. What is left when this breaks off waits in the store for whoever asks next.
        """
        newest, ids = await store.read(lists.to_judge)
        for some in parts(ids):
            await store.write(partial(self._judge_some, ids=some))
        if newest:
            await store.write(partial(lists.judged, newest=newest))
        return len(ids)

    async def _judge_some(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        cases = of_stored(await knowledge.some_in_force(connection, ids))
        judged = await self._judge_all(connection, self.pack, cases)
        await self._apply(connection, judged.transitions, None, self._now())
        # Rules that judged the last reading before these did may come back, and would say something else again.
        await unmoved.forget(connection, {step.alert.approval for step in judged.transitions})

    async def tidy(self, store: Store, targets: Collection[Target], *, certain: bool) -> None:
        """Close the alerts that nobody judges any more: of deleted rules and, if `certain`, of removed wallets.

        A rule that could not be loaded is not deleted, and a wallets file that could not be read removes nobody. What
        waits for a channel that was taken away is given up.
        """
        at = self._now()

        async def tidying(connection: AsyncConnection) -> None:
            steps: list[Transition] = []
            await outbox.abandon(connection, self._telling.channels)
            if certain:
                dropped = await knowledge.unwatch(connection, targets, at)
                closing = await kept_alerts.open_alerts(connection, dropped)
                steps += unwatched(closing, "the wallet is no longer in the configuration", at)
            if not self.pack.problems:
                orphans = await kept_alerts.of_rules_other_than(connection, self._rules.keys())
                steps += unwatched(orphans, "its rule was removed or disabled", at)
            once = {step.alert.id: step for step in steps}
            await unmoved.forget(connection, {step.alert.approval for step in steps})
            await self._apply(connection, list(once.values()), None, at)

        await store.write(tidying)

    async def _judge_all(
        self,
        connection: AsyncConnection,
        pack: Pack,
        cases: Sequence[Case],
        told: Collection[tuple[str, str]] = (),
        moved: Moved | None = None,
        settled: set[str] | None = None,
    ) -> Judged:
        """Judge approvals. `told` are the rules that spoke of a change already: an event is told once.

        `moved` is what the scan has moved so far. Those of which the rules that count can say nothing, whatever the
        counts are, are added to `settled`.
        """
        gone = {id_: why for case in cases for id_, why in case.gone.items()}
        held = [one for case in cases for one in case.held]
        if not held and not gone:
            return Judged()
        at = self._now()
        counted = await self._counts(connection, pack, held, Counts() if moved is None else moved.counts)
        new = frozenset().union(*(case.new for case in cases))
        known = await surroundings(connection, held, new)
        await keep_first_worth(connection, held, known)
        old = ({one.approval.id for one in held} | gone.keys()) - new
        alerts = await kept_alerts.open_alerts(connection, sorted(old))
        verdicts = _Verdicts(pack, told, _alerting(alerts))
        for case in cases:
            for one in case.held:
                spared = self._exemptions.of(one.approval, at)
                asked = verdicts.ask(case, one, counted, known[one.approval.id], spared, at)
                if settled is not None and verdicts.settles(self._shared, one, asked):
                    settled.add(one.approval.id)
        baseline, raised = (
            frozenset().union(*(part(case) for case in cases))
            for part in (attrgetter("baseline"), attrgetter("raised"))
        )
        transitions = reconcile(
            alerts,
            verdicts.found,
            gone=gone,
            baseline=baseline,
            raised=raised,
            excepted=verdicts.excepted,
            at=at,
        )
        return Judged(transitions, verdicts.undecided, frozenset(verdicts.decided))

    async def _counts(
        self, connection: AsyncConnection, pack: Pack, held: Sequence[Held], counts: Counts
    ) -> Mapping[str, tuple[int, int]]:
        if all(COUNTS.isdisjoint(rule.fields_read) for rule in pack.rules):
            return {}
        return await counts.of(connection, {one.approval.spender.address for one in held} - {""})

    async def _apply(
        self, connection: AsyncConnection, transitions: Sequence[Transition], scan_id: str | None, at: datetime
    ) -> None:
        await kept_alerts.apply(
            connection,
            transitions,
            telling=self._telling,
            words=self._words,
            scan_id=scan_id,
            at=at,
        )

    def _words(self, rule_id: str) -> tuple[str, str]:
        rule = self._rules[rule_id]
        return rule.why, rule.fix


def _alerting(alerts: Iterable[Alert]) -> Mapping[str, Collection[str]]:
    """The rules that have an alert open about each approval, by its id."""
    found: dict[str, set[str]] = {}
    for alert in alerts:
        found.setdefault(alert.approval, set()).add(alert.rule)
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """What rules said, and what of it can be told at a glance: the rules that could not decide, and those that did.

    `holds` says that one of them does, `fails` that none does or may.
    """

    judged: Sequence[Ruled]
    undecided: frozenset[str]
    decided: frozenset[str]
    holds: bool
    fails: bool

    @classmethod
    def of(cls, judged: Sequence[Ruled]) -> Self:
        by = {judgement: {rule.id for rule, said in judged if said.judgement is judgement} for judgement in Judgement}
        undecided = frozenset(by.pop(Judgement.UNDECIDED))
        return cls(
            judged,
            undecided,
            frozenset().union(*by.values()),
            holds=bool(by[Judgement.HOLDS]),
            fails=len(by[Judgement.FAILS]) == len(judged),
        )


@dataclass(slots=True)
class _Verdicts:
    """What the rules of a pack say of one approval after the other.

    `told` are the rules that spoke of a change already, `alerting` those with an open alert about an approval.
    """

    pack: Pack
    told: Collection[tuple[str, str]]
    alerting: Mapping[str, Collection[str]]
    found: list[Finding] = field(default_factory=list)
    excepted: dict[tuple[str, str], str] = field(default_factory=dict)
    undecided: Counter[str] = field(default_factory=Counter)
    decided: set[str] = field(default_factory=set)
    _seen: dict[int, _Said] = field(default_factory=dict)

    def ask(
        self,
        case: Case,
        held: Held,
        counts: Mapping[str, tuple[int, int]],
        beside: Surroundings,
        spared: Mapping[str, Exemption],
        at: datetime,
    ) -> dict[str, object]:
        """Ask what they say of one approval. Of one that is in force no more only what happened is judged.

        Returns the facts that they were asked of.
        """
        id_, change = held.approval.id, case.changed.get(held.approval.id)
        approvals, owners = counts.get(held.approval.spender.address, (None, None))
        known = facts(
            held,
            target=case.target,
            spender_approvals=approvals,
            spender_owners=owners,
            change=change,
            beside=beside,
            at=at,
        )
        said = self._said(self.pack.judge(known, None if change is None else change.kind))
        if spared or not held.in_force or (change is not None and self.told):
            event = None if change is None else change.id
            said = _Said.of(
                [
                    (rule, verdict)
                    for rule, verdict in said.judged
                    if (held.in_force or rule.on)
                    and rule.id not in spared
                    and not (rule.on and (rule.id, event) in self.told)
                ]
            )
            self.excepted |= {(rule, id_): exemption.reason for rule, exemption in spared.items()}
        self.undecided.update(said.undecided)
        self.decided |= said.decided
        if said.holds or id_ in self.alerting:
            self.found += findings(
                said.judged,
                approval=id_,
                facts=known,
                change=change,
                proven=case.proven,
                alerting=self.alerting.get(id_, ()),
            )
        return known

    def settles(self, shared: Pack, held: Held, known: Mapping[str, object]) -> bool:
        """Whether none of the rules that count can say anything of an approval in force, whatever counts there are."""
        said = self._said(shared.judge({name: fact for name, fact in known.items() if name not in _NOT_LATER}))
        self.decided |= said.decided
        return said.fails and self._none_open(shared, held)

    def _none_open(self, shared: Pack, held: Held) -> bool:
        open_ = self.alerting.get(held.approval.id, ())
        return not any(rule.id in open_ for rule in shared.rules)

    def _said(self, judged: Sequence[Ruled]) -> _Said:
        """The same at a glance. Of approvals that are alike a pack gives the very same answer: it is looked at once."""
        said = self._seen.get(id(judged))
        if said is None:
            said = self._seen[id(judged)] = _Said.of(judged)
        return said
