"""What rules say of one approval after the other, gathered for those who decide what follows from it."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from scanner.cases import Case
from scanner.domain.alerts import Alert, Finding, Judgement
from scanner.domain.changes import Held
from scanner.domain.surroundings import Surroundings
from scanner.policy.fields import COUNTS, FIELDS, facts
from scanner.policy.rules import Exemption, Pack, findings
from scanner.policy.rules import Judged as Ruled

__all__ = ["Rulings", "alerting_about"]

_NOT_LATER = COUNTS | {name for name in FIELDS if name.startswith("change.")}
"""The fields that are not the same any more when a scan is done."""


def alerting_about(alerts: Iterable[Alert]) -> Mapping[str, Collection[str]]:
    """The rules that have an alert open about each approval, by its id."""
    found: dict[str, set[str]] = {}
    for alert in alerts:
        found.setdefault(alert.approval, set()).add(alert.rule)
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """What rules said, and what of it can be told at a glance: the rules that could not decide, and those that did.

    `holds` says that one of them does, `fails` that none does or may. Of the `whole` answer only what was `judged`
    counts; but `open_questions` are all of some `states` among the rules that could not decide. It is kept because it
    is known again by what it is, and not by what it says: while it is held, no other answer can take its place.
    """

    whole: Sequence[Ruled]
    judged: Sequence[Ruled]
    undecided: frozenset[str]
    decided: frozenset[str]
    open_questions: frozenset[str]
    holds: bool
    fails: bool

    @classmethod
    def of(
        cls, whole: Sequence[Ruled], among: Container[str] | None = None, states: Container[str] = frozenset()
    ) -> Self:
        judged = whole if among is None else [said for said in whole if said[0].id in among]
        by = {judgement: {rule.id for rule, said in judged if said.judgement is judgement} for judgement in Judgement}
        undecided = frozenset(by.pop(Judgement.UNDECIDED))
        return cls(
            whole,
            judged,
            undecided,
            frozenset().union(*by.values()),
            frozenset(rule.id for rule, said in whole if said.judgement is Judgement.UNDECIDED and rule.id in states),
            holds=bool(by[Judgement.HOLDS]),
            fails=len(by[Judgement.FAILS]) == len(judged),
        )


@dataclass(slots=True)
class Rulings:
    """What the rules of a pack say of one approval after the other.

    `told` are the rules that spoke of a change already, `alerting` those with an open alert about an approval. `among`
    are those whose word counts, None for all. `open_questions` is how many of the `states`, which may be others, could
    not decide about each approval in force.
    """

    pack: Pack
    told: Collection[tuple[str, str]]
    alerting: Mapping[str, Collection[str]]
    among: Container[str] | None = None
    states: Container[str] = frozenset()
    found: list[Finding] = field(default_factory=list)
    excepted: dict[tuple[str, str], str] = field(default_factory=dict)
    undecided: Counter[str] = field(default_factory=Counter)
    decided: set[str] = field(default_factory=set)
    open_questions: dict[str, int] = field(default_factory=dict)
    _seen: dict[int, _Said] = field(default_factory=dict)
    """By the identity of the answer."""

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
        said = self._said(self.pack.judge(known, None if change is None else change.kind), self.among)
        if held.in_force:
            self.open_questions[id_] = len(said.open_questions.difference(spared))
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

    def _said(self, judged: Sequence[Ruled], among: Container[str] | None = None) -> _Said:
        """The same at a glance. Of approvals that are alike a pack gives the very same answer: it is looked at once."""
        said = self._seen.get(id(judged))
        if said is None:
            said = self._seen[id(judged)] = _Said.of(judged, among, self.states)
        return said
