"""What the rules say of what is known, and what that does to alerts.

It is asked after a reading, when rules or lists have changed, and when wallets or rules were taken away. It works
inside the caller's transaction: an approval, its alerts and what each channel is owed about them are one fact.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Finding, Judgement, Severity, Transition, reconcile, unwatched
from scanner.domain.approvals import End, Snapshot, Target
from scanner.domain.changes import Change, ChangeKind, Held, Outcome
from scanner.policy.fields import facts
from scanner.policy.rules import Pack, findings
from scanner.store import alerts as kept_alerts
from scanner.store import knowledge
from scanner.store.engine import Store

__all__ = ["Judge", "Judged"]

COUNTS = frozenset({"spender.approvals", "spender.owners"})
"""The fields that another wallet's approvals can move."""

COMES_OR_GOES = frozenset({ChangeKind.BASELINE, ChangeKind.NEW, ChangeKind.RESTORED, ChangeKind.REVOKED})
"""The changes that move those fields."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The steps that alerts take, and how many conditions could not be decided."""

    transitions: list[Transition] = field(default_factory=list)
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class _Case:
    """What is to be judged: approvals of one target, with what is provable about them.

    `held` are judged, `changed` tells what happened to them, `gone` are provably in force no more, `baseline` are
    news of a first reading; `only` keeps to some rules.
    """

    target: Target
    held: Sequence[Held]
    changed: Mapping[str, Change] = field(default_factory=dict)
    proven: bool = True
    gone: frozenset[str] = frozenset()
    baseline: frozenset[str] = frozenset()
    only: frozenset[str] | None = None


class Judge:
    """Holds approvals against the pack's rules. `channels` gives the least severity that each channel wants."""

    def __init__(
        self,
        pack: Pack,
        *,
        channels: Mapping[str, Severity],
        group_wait: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self.pack = pack
        self._rules = {rule.id: rule for rule in pack.rules}
        self._counting = frozenset(rule.id for rule in pack.rules if not COUNTS.isdisjoint(rule.fields_read))
        self._channels = channels
        self._group_wait = group_wait
        self._now = now

    async def reading(self, connection: AsyncConnection, scan_id: str, snapshot: Snapshot, outcome: Outcome) -> Judged:
        """Judge a target after a reading of it, and other wallets of the spenders that it moved."""
        cases = [_after(snapshot, outcome), *await self._elsewhere(connection, snapshot.target, outcome)]
        judged = [await self._judge(connection, case) for case in cases]
        transitions = [step for one in judged for step in one.transitions]
        await self._apply(connection, transitions, scan_id, snapshot.read_at)
        return Judged(transitions, judged[0].undecided)

    async def again(self, store: Store) -> None:
        """Judge everything that is stored once more, without a request: rules or lists have changed."""
        kept = await store.read(lambda connection: knowledge.in_force(connection, knowledge.Filter()))
        for case in _cases(kept):

            async def judging(connection: AsyncConnection, case: _Case = case) -> None:
                judged = await self._judge(connection, case)
                await self._apply(connection, judged.transitions, None, self._now())

            await store.write(judging)

    async def tidy(self, store: Store, targets: Collection[Target], *, certain: bool) -> None:
        """Close the alerts that nobody judges any more: of deleted rules and, if `certain`, of removed wallets.

        A rule that could not be loaded is not deleted, and a wallets file that could not be read removes nobody.
        """
        at = self._now()

        async def tidying(connection: AsyncConnection) -> None:
            steps: list[Transition] = []
            if certain:
                dropped = await knowledge.unwatch(connection, targets)
                closing = await kept_alerts.open_alerts(connection, dropped)
                steps += unwatched(closing, "the wallet is no longer in the configuration", at)
            if not self.pack.problems:
                orphans = await kept_alerts.of_rules_other_than(connection, self._rules.keys())
                steps += unwatched(orphans, "its rule was removed or disabled", at)
            once = {step.alert.id: step for step in steps}
            await self._apply(connection, list(once.values()), None, at)

        await store.write(tidying)

    async def _elsewhere(self, connection: AsyncConnection, target: Target, outcome: Outcome) -> list[_Case]:
        """The other wallets of spenders that this reading gave or took an approval, for the rules that count them."""
        moved = [change for change in outcome.changes if change.kind in COMES_OR_GOES and change.after.spender.address]
        rules = frozenset(id_ for id_ in self._counting if not self._rules[id_].on)
        if not moved or not rules:
            return []
        first = all(change.kind is ChangeKind.BASELINE for change in moved)
        kept = await knowledge.holders(connection, {change.after.spender.address for change in moved}, target)
        return _cases(kept, only=rules, first=first)

    async def _judge(self, connection: AsyncConnection, case: _Case) -> Judged:
        at = self._now()
        spenders = {one.approval.spender.address for one in case.held if one.approval.spender.address}
        counts = await knowledge.spender_counts(connection, spenders) if self._counting else {}
        found = [finding for one in case.held for finding in self._findings(case, one, counts, at)]
        ids = {one.approval.id for one in case.held} | case.gone
        alerts = await kept_alerts.open_alerts(connection, sorted(ids))
        if case.only is not None:
            alerts = [alert for alert in alerts if alert.rule in case.only]
        transitions = reconcile(alerts, found, gone=case.gone, baseline=case.baseline, at=at)
        return Judged(transitions, sum(finding.judgement is Judgement.UNDECIDED for finding in found))

    def _findings(
        self, case: _Case, held: Held, counts: Mapping[str, tuple[int, int]], at: datetime
    ) -> Iterable[Finding]:
        """What the rules say of one approval. Of one that is in force no more only what happened is judged."""
        approvals, owners = counts.get(held.approval.spender.address, (None, None))
        change = case.changed.get(held.approval.id)
        known = facts(
            held, target=case.target, spender_approvals=approvals, spender_owners=owners, change=change, at=at
        )
        judged = [
            (rule, judgement)
            for rule, judgement in self.pack.judge(known, None if change is None else change.kind)
            if (held.in_force or rule.on) and (case.only is None or rule.id in case.only)
        ]
        return findings(judged, approval=held.approval.id, facts=known, change=change, proven=case.proven)

    async def _apply(
        self, connection: AsyncConnection, transitions: Sequence[Transition], scan_id: str | None, at: datetime
    ) -> None:
        await kept_alerts.apply(
            connection,
            transitions,
            channels=self._channels,
            words=self._words,
            scan_id=scan_id,
            at=at,
            due_at=at + self._group_wait,
        )

    def _words(self, rule_id: str) -> tuple[str, str]:
        rule = self._rules[rule_id]
        return rule.why, rule.fix


def _after(snapshot: Snapshot, outcome: Outcome) -> _Case:
    """What is to be judged of a target that was read. What is not in force is judged only as a change."""
    changed = {change.after.id: change for change in outcome.changes}
    ended = frozenset(one.approval.id for one in outcome.known.held.values() if not one.in_force)
    return _Case(
        target=snapshot.target,
        held=[one for id_, one in outcome.known.held.items() if one.in_force or id_ in changed],
        changed=changed,
        proven=outcome.complete,
        gone=ended if snapshot.end is not End.INCOMPLETE else frozenset(),
        baseline=frozenset(change.after.id for change in outcome.changes if change.kind is ChangeKind.BASELINE),
    )


def _cases(kept: Iterable[knowledge.Kept], *, only: frozenset[str] | None = None, first: bool = False) -> list[_Case]:
    """Stored approvals, a case for each target."""
    by_target: dict[Target, list[Held]] = {}
    for one in kept:
        by_target.setdefault(one.target, []).append(one.held)
    return [
        _Case(target, held, only=only, baseline=frozenset(one.approval.id for one in held) if first else frozenset())
        for target, held in by_target.items()
    ]
