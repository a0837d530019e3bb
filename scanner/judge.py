"""What the rules say of what is known, and what that does to alerts.

It is asked after a reading, when rules or lists have changed, and when wallets or rules were taken away. It works
inside the caller's transaction: an approval, its alerts and what each channel is owed about them are one fact.
"""

from collections import Counter
from collections.abc import Callable, Collection, Container, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import attrgetter

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.cases import Case, Moved, Part, after_reading, of_stored
from scanner.domain.alerts import Transition, reconcile, unwatched
from scanner.domain.approvals import Approval, Snapshot, Target
from scanner.domain.changes import ChangeKind, Difference, Held
from scanner.domain.telling import Telling
from scanner.policy.exceptions import Exemptions
from scanner.policy.fields import AGES, COUNTS, MONEY
from scanner.policy.moments import Moments
from scanner.policy.rules import Pack
from scanner.rulings import Rulings, alerting_about
from scanner.store import alerts as kept_alerts
from scanner.store import knowledge, lists, outbox, unmoved
from scanner.store.engine import Store
from scanner.store.rows import parts
from scanner.store.spenders import Counts
from scanner.store.surroundings import keep_first_worth, surroundings

__all__ = ["Judge", "Judged", "parted"]


@dataclass(frozen=True, slots=True)
class Judged:
    """The steps that alerts take; how often each rule could not decide, and the rules that decided something.

    `lasting` is how many undecided judgements are on states of what was judged: the store keeps count of these.
    """

    transitions: Sequence[Transition] = ()
    undecided: Counter[str] = field(default_factory=Counter)
    decided: frozenset[str] = frozenset()
    lasting: int = 0

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(
            (*self.transitions, *other.transitions),
            self.undecided + other.undecided,
            self.decided | other.decided,
            self.lasting + other.lasting,
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
        self._states = frozenset(rule.id for rule in self._own.rules if not rule.on)
        self._money, self._shared_money = pack.reading(MONEY), self._shared.reading(MONEY)
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
        settled: bool = False,
        thorough: bool = False,
    ) -> Judged:
        """Judge a target after a reading of it, and note whose approvals it moved; if `thorough`, every spender's.

        Of one that was `settled` until then only what differs is judged: the rest would be judged as it was.
        """
        revalued = await unmoved.revalued(connection, snapshot.target) if settled else None
        case = after_reading(snapshot, difference, revalued)
        judged = await self._judge_all(connection, self._own, [case])
        await self._apply(connection, judged.transitions, scan_id, snapshot.read_at)
        for change in difference.changes:
            moved.see(change)
        for id_ in difference.altered:
            moved.see_alone(difference.rows[id_].approval)
        if self._ageing or thorough:
            for held in case.held:
                if held.in_force:
                    moved.note(held.approval.spender.address, first=held.approval.id in case.baseline)
        return judged

    async def weighed(self, connection: AsyncConnection, scan_id: str, target: Target, moved: Moved) -> Judged:
        """Judge a target again by the rules that follow money, after a reading of its balances.

        What the scan found changed is judged as a change once more: its worth was not known before. Of what it did not,
        where all of the target was judged by its balances before, only that is judged of which they or their tokens
        say something else now. Counts are asked for only where they matter, and of a spender that the scan moved at its
        end, when they are known.
        """
        if not self._money.rules:
            return Judged()
        kinds = await knowledge.kinds_of(connection, scan_id, target)
        kept = await self._to_weigh(connection, target, kinds.keys())
        happened = not self._money_events.isdisjoint(kinds.values())
        changes = await knowledge.changes_of(connection, scan_id, target) if happened else []
        told = await kept_alerts.rules_told(connection, changes)
        changed = {change.after.id: change for change in changes}
        first = frozenset(id_ for id_, kind in kinds.items() if kind is ChangeKind.BASELINE)
        settled: set[str] = set()
        found = await self._judge_all(
            connection, self._own, of_stored(kept, first, changed), told, moved.counts, settled, self.follow_money
        )
        for one in kept:
            if one.held.approval.id in settled and moved.holds(one.held.approval):
                moved.settle(one.held.approval)
        counting = [one for one in kept if one.held.approval.id not in settled]
        now = [one for one in counting if one.held.approval.spender.address not in moved.spenders]
        found += await self._judge_all(connection, self._shared_money, of_stored(now, first), counts=moved.counts)
        await self._apply(connection, found.transitions, scan_id, self._now())
        return found

    async def _to_weigh(self, connection: AsyncConnection, target: Target, changed: Set[str]) -> list[knowledge.Kept]:
        """The approvals of a target that a reading of its balances may say something new of, by their ids.

        Where nothing else is to be judged by these rules, it is noted that they are judged.
        """
        before = await unmoved.settled(connection, target, self.pack.digest, self._now())
        if before is not None and before.weighed:
            moved = changed | await unmoved.revalued(connection, target)
            kept = await knowledge.some_in_force(connection, sorted(moved))
        else:
            kept = await knowledge.of_target(connection, target)
        if before is not None:
            await unmoved.note_weighed(connection, target)
        return sorted(kept, key=lambda one: one.held.approval.id)

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
        found = await self._judge_all(connection, self._shared, of_stored(held, first), counts=moved.counts)
        await self._apply(connection, found.transitions, scan_id, self._now())
        return found, Part(left, after=after) if left else None

    async def again(self, store: Store) -> None:
        """Judge everything that is stored once more, without a request: rules or lists have changed.

        What is in memory is one transaction's part of it, however much is stored.
        """
        after, counts = (0, ""), Counts()
        while places := await store.read(partial(knowledge.next_in_force, after=after)):
            await store.write(partial(self._judge_some, ids=[id_ for _, id_ in places], counts=counts))
            after = places[-1]

    async def touched(self, store: Store) -> int:
        """Judge again, without a request, every approval that changed lists speak of. Returns how many.

        Each transaction is bounded. What is left when this breaks off waits in the store for whoever asks next.
        """
        newest, ids = await store.read(lists.to_judge)
        counts = Counts()
        for some in parts(ids):
            await store.write(partial(self._judge_some, ids=some, counts=counts))
        if newest:
            await store.write(partial(lists.judged, newest=newest))
        return len(ids)

    async def _judge_some(self, connection: AsyncConnection, ids: Sequence[str], counts: Counts) -> None:
        """Judge stored approvals. The `counts` are the same for all parts: to ask for them anew each time is dear."""
        cases = of_stored(await knowledge.some_in_force(connection, ids))
        judged = await self._judge_all(connection, self.pack, cases, counts=counts)
        await self._apply(connection, judged.transitions, None, self._now())
        # Rules that judged the last reading before these did may come back, and would say something else.
        await unmoved.forget(connection, ids, but=self.pack.digest)

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
        counts: Counts | None = None,
        settled: set[str] | None = None,
        among: Container[str] | None = None,
    ) -> Judged:
        """Judge approvals by a pack, or by those `among` its rules. `told` are the rules that spoke of a change before:
        an event is told once.

        `counts` know what was asked for by calls before. Approvals of which the rules that count can say nothing,
        whatever the counts are, are added to `settled`. Where all rules on a wallet's own states are asked, it is kept
        how many of them could not decide.
        """
        gone = {id_: why for case in cases for id_, why in case.gone.items()}
        held = [one for case in cases for one in case.held]
        if not held and not gone:
            return Judged()
        at = self._now()
        counted = await self._counts(connection, pack, held, counts or Counts())
        new = frozenset().union(*(case.new for case in cases))
        known = await surroundings(connection, held, new)
        await keep_first_worth(connection, held, known)
        old = ({one.approval.id for one in held} | gone.keys()) - new
        alerts = await kept_alerts.open_alerts(connection, sorted(old))
        rulings = Rulings(pack, told, alerting_about(alerts), among, self._states)
        for case in cases:
            for one in case.held:
                spared = self._exemptions.of(one.approval, at)
                asked = rulings.ask(case, one, counted, known[one.approval.id], spared, at)
                if settled is not None and rulings.settles(self._shared, one, asked):
                    settled.add(one.approval.id)
        baseline, raised = (
            frozenset().union(*(part(case) for case in cases))
            for part in (attrgetter("baseline"), attrgetter("raised"))
        )
        transitions = reconcile(
            alerts,
            rulings.found,
            gone=gone,
            baseline=baseline,
            raised=raised,
            excepted=rulings.excepted,
            at=at,
        )
        lasting = 0
        if self._states.issubset(rule.id for rule in pack.rules):
            await unmoved.note_undecided(connection, rulings.open_questions)
            lasting = sum(rulings.open_questions.values())
        return Judged(transitions, rulings.undecided, frozenset(rulings.decided), lasting)

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
