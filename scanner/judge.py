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

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Finding, Judgement, Transition, reconcile, unwatched
from scanner.domain.approvals import Approval, End, Snapshot, Target
from scanner.domain.changes import GONE, WITHDRAWN, Change, ChangeKind, Difference, Held
from scanner.domain.surroundings import Surroundings
from scanner.domain.telling import Telling
from scanner.policy.exceptions import Exemptions
from scanner.policy.fields import AGES, COUNTS, MONEY, facts
from scanner.policy.moments import Moments
from scanner.policy.rules import Pack, findings
from scanner.store import alerts as kept_alerts
from scanner.store import knowledge, lists, outbox, unmoved
from scanner.store.engine import Store
from scanner.store.rows import parts
from scanner.store.surroundings import keep_first_worth, surroundings

__all__ = ["Case", "Judge", "Judged", "Moved", "parted"]

SPENDERS_AT_ONCE = 100
"""Spenders whose approvals are judged in one transaction."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The steps that alerts take; how often each rule could not decide, and the rules that decided something."""

    transitions: list[Transition] = field(default_factory=list)
    undecided: Counter[str] = field(default_factory=Counter)
    decided: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be judged: approvals of one target, with what is provable about them.

    `held` are judged, `changed` tells what happened to them, `gone` are provably in force no more, with
    the reason, `baseline` are news of a first reading, `raised` allow more than before.
    """

    target: Target
    held: Sequence[Held]
    proven: bool
    changed: Mapping[str, Change] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    baseline: frozenset[str] = frozenset()
    raised: frozenset[str] = frozenset()


@dataclass(slots=True)
class Moved:
    """The spenders that a scan moved: those of changed approvals, and whether each only by a wallet's first reading.

    They are judged once, when the scan is done: what a spender holds over all wallets is moved by each of them, and
    judging every wallet again for every other one would cost their product.
    """

    spenders: dict[str, bool] = field(default_factory=dict)

    def note(self, spender: str, *, first: bool) -> None:
        """A change of this spender's approvals was seen."""
        if spender:
            self.spenders[spender] = first and self.spenders.get(spender, True)

    def parts(self) -> Iterable[list[str]]:
        """The spenders, so many at a time."""
        names = sorted(self.spenders)
        return (names[start : start + SPENDERS_AT_ONCE] for start in range(0, len(names), SPENDERS_AT_ONCE))


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
        case = _after(snapshot, difference)
        judged = await self._judge_all(connection, self._own, [case])
        await self._apply(connection, judged.transitions, scan_id, snapshot.read_at)
        for change in difference.changes:
            moved.note(change.after.spender.address, first=change.kind is ChangeKind.BASELINE)
        if self._ageing or thorough:
            for held in difference.known.in_force:
                moved.note(held.approval.spender.address, first=held.approval.id in case.baseline)
        return judged

    async def weighed(self, connection: AsyncConnection, scan_id: str, target: Target) -> Judged:
        """Judge a target again by the rules that follow money, after a reading of its balances.

        What the scan found changed is judged as a change once more: its worth was not known before.
        """
        if not self._money.rules:
            return Judged()
        kept = await knowledge.in_force(connection, knowledge.Filter(targets={target}, watched=False))
        changes = await knowledge.changes_of(connection, scan_id, target)
        told = await kept_alerts.rules_told(connection, [change.id for change in changes])
        changed = {change.after.id: change for change in changes}
        first = frozenset(id_ for id_, change in changed.items() if change.kind is ChangeKind.BASELINE)
        found = await self._judge_all(connection, self._money, _cases(kept, first, changed), told)
        await self._apply(connection, found.transitions, scan_id, self._now())
        return found

    async def spenders(self, connection: AsyncConnection, scan_id: str, moved: Moved, names: Sequence[str]) -> Judged:
        """Judge the rules on what a spender holds over all wallets, for some of those that a scan moved."""
        if not self._shared.rules:
            return Judged()
        held = await knowledge.holders(connection, names)
        first = frozenset(one.held.approval.id for one in held if moved.spenders[one.held.approval.spender.address])
        found = await self._judge_all(connection, self._shared, _cases(held, first))
        await self._apply(connection, found.transitions, scan_id, self._now())
        return found

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
        cases = _cases(await knowledge.some_in_force(connection, ids))
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
    ) -> Judged:
        """Judge approvals. `told` are the rules that spoke of a change already: an event is told once."""
        at = self._now()
        held = [one for case in cases for one in case.held]
        counts = await self._counts(connection, pack, held)
        known = await surroundings(connection, held)
        await keep_first_worth(connection, held, known)
        excepted = {
            (rule, one.approval.id): exemption.reason
            for one in held
            for rule, exemption in self._exemptions.of(one.approval, at).items()
        }
        baseline, raised = (
            frozenset().union(*(part(case) for case in cases))
            for part in (attrgetter("baseline"), attrgetter("raised"))
        )
        gone = {id_: why for case in cases for id_, why in case.gone.items()}
        judged = {one.approval.id for one in held} | gone.keys()
        alerts = await kept_alerts.open_alerts(connection, sorted(judged))
        alerting: dict[str, set[str]] = {}
        for alert in alerts:
            alerting.setdefault(alert.approval, set()).add(alert.rule)
        found: list[Finding] = []
        undecided, decided = Counter[str](), set[str]()
        for case in cases:
            for one in case.held:
                id_, change = one.approval.id, case.changed.get(one.approval.id)
                about = _facts(case, one, counts, known[id_], at)
                said = [
                    (rule, verdict)
                    for rule, verdict in pack.judge(about, None if change is None else change.kind)
                    # Of one that is in force no more only what happened is judged.
                    if (rule.on or one.in_force)
                    and (rule.id, id_) not in excepted
                    and not (rule.on and change is not None and (rule.id, change.id) in told)
                ]
                silent = {rule.id for rule, verdict in said if verdict.judgement is Judgement.UNDECIDED}
                undecided.update(silent)
                decided.update(rule.id for rule, _ in said if rule.id not in silent)
                found += findings(
                    said,
                    approval=id_,
                    facts=about,
                    change=change,
                    proven=case.proven,
                    alerting=alerting.get(id_, ()),
                )
        transitions = reconcile(alerts, found, gone=gone, baseline=baseline, raised=raised, excepted=excepted, at=at)
        return Judged(transitions, undecided, frozenset(decided))

    async def _counts(
        self, connection: AsyncConnection, pack: Pack, held: Sequence[Held]
    ) -> Mapping[str, tuple[int, int]]:
        if all(COUNTS.isdisjoint(rule.fields_read) for rule in pack.rules):
            return {}
        spenders = {one.approval.spender.address for one in held if one.approval.spender.address}
        return await knowledge.spender_counts(connection, spenders)

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


def _facts(
    case: Case, held: Held, counts: Mapping[str, tuple[int, int]], beside: Surroundings, at: datetime
) -> dict[str, object]:
    """What is known of one approval."""
    approvals, owners = counts.get(held.approval.spender.address, (None, None))
    return facts(
        held,
        target=case.target,
        spender_approvals=approvals,
        spender_owners=owners,
        change=case.changed.get(held.approval.id),
        beside=beside,
        at=at,
    )


def _after(snapshot: Snapshot, difference: Difference) -> Case:
    """What is to be judged of a target that was read. What is not in force is judged only as a change."""
    changed = {change.after.id: change for change in difference.changes}
    return Case(
        target=snapshot.target,
        held=[one for id_, one in difference.known.held.items() if one.in_force or id_ in changed],
        changed=changed,
        proven=difference.complete,
        gone=_gone(snapshot, difference),
        baseline=_of(difference, ChangeKind.BASELINE),
        raised=_of(difference, ChangeKind.INCREASED, ChangeKind.RESTORED),
    )


def _gone(snapshot: Snapshot, difference: Difference) -> dict[str, str]:
    """The approvals that provably are in force no more, and why. What ended by itself needs no whole reading."""
    found = {}
    if snapshot.end is not End.INCOMPLETE:
        ended = (one.approval.id for one in difference.known.held.values() if not one.in_force)
        found = dict.fromkeys(ended, GONE[ChangeKind.REVOKED])
    found |= dict.fromkeys(_of(difference, ChangeKind.EXPIRED), GONE[ChangeKind.EXPIRED])
    return found | dict.fromkeys(_of(difference, ChangeKind.REVOKED) & snapshot.withdrawn, WITHDRAWN)


def _of(difference: Difference, *kinds: ChangeKind) -> frozenset[str]:
    """The approvals that changed in one of these ways."""
    return frozenset(change.after.id for change in difference.changes if change.kind in kinds)


def _cases(
    kept: Iterable[knowledge.Kept], first: frozenset[str] = frozenset(), changed: Mapping[str, Change] | None = None
) -> list[Case]:
    """Stored approvals by target, and by whether they are proven; `first` are news of first readings.

    What only an incomplete reading has shown resolves nothing yet.
    """
    found: dict[tuple[Target, bool], list[Held]] = {}
    for one in kept:
        found.setdefault((one.target, one.proven), []).append(one.held)
    return [
        Case(target, held, proven=proven, baseline=first, changed=changed or {})
        for (target, proven), held in found.items()
    ]
