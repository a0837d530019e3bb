"""What the last whole scans say of the API and of nodes: whether they accept, answer, make sense, tell anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scanner.domain.alerts import Severity
from scanner.domain.conditions import ConditionKind, Observation
from scanner.domain.hostile import dead_line
from scanner.domain.plain import counted
from scanner.errors import Reason

__all__ = ["ROUNDS_IN_A_ROW", "ROUNDS_LOOKED_AT", "Round", "Rounds", "rounds_told"]

ROUNDS_LOOKED_AT = 3
"""How many of the last whole scans are looked at."""

ROUNDS_IN_A_ROW = 2
"""So many rounds in a row have to be bad before an outage is told, and good before it is over."""

RARE = timedelta(hours=1)
"""Where rounds come no more often than this, one is enough."""

DRIFT = 0.2
"""The share of targets, or of allowances, that make no sense from which on it is not about single ones any more."""

FEWEST_ALLOWANCES = 5
"""Below so many, a share of them says nothing."""

LONGEST_EXAMPLE = 250
"""Characters that are shown of one target's trouble."""

BLIND = "Nothing is read: new approvals go unseen. Open alerts stay as they are."
_BLIND_THERE = "Nothing is read there: new approvals go unseen. Open alerts stay as they are."

_REFUSALS = (Reason.REFUSED_KEY, Reason.CLOCK, Reason.REGION, Reason.QUOTA, Reason.BAD_REQUEST)
_SILENCES = (Reason.UNAVAILABLE, Reason.RATE_LIMITED, Reason.NODE_FAILED, Reason.CACHING)
_NONSENSE = (Reason.PROTOCOL, Reason.UNKNOWN_SPENDER)
_ABOUT_SOURCE = (*_REFUSALS, *_SILENCES, *_NONSENSE)


@dataclass(frozen=True, slots=True)
class Round:
    """A scan of everything that is watched, or of what one source reads of that, once it has ended.

    `complete` counts the targets that were read completely, `empty` those of them without an approval; `troubles` the
    others by reason, and `errors` has one example of each in words. Of the whole scan in any case are `approvals`,
    which are those in force in what was read, `unreadable`, the allowances among them that made no sense, and
    `undecided_rules`, the rules that decided nothing.
    """

    started_at: datetime
    finished_at: datetime
    total: int
    complete: int
    empty: int = 0
    approvals: int = 0
    unreadable: int = 0
    troubles: Mapping[Reason, int] = field(default_factory=dict)
    errors: Mapping[Reason, str] = field(default_factory=dict)
    undecided_rules: frozenset[str] = frozenset()

    @property
    def covered(self) -> int:
        """How many targets are on chains that are read at all."""
        return self.total - self.troubles.get(Reason.NOT_COVERED, 0)

    @property
    def dark(self) -> bool:
        """Whether nothing at all was read, for reasons that are not the targets' own."""
        lost = sum(self.troubles.get(reason, 0) for reason in (*_ABOUT_SOURCE, Reason.NOT_ASKED))
        return self.covered > 0 and lost == self.covered and self.cause is not None

    @property
    def cause(self) -> Reason | None:
        """The most frequent reason that is about the source."""
        found = [reason for reason in _ABOUT_SOURCE if self.troubles.get(reason)]
        return max(found, key=lambda reason: self.troubles[reason], default=None)

    @property
    def nonsense(self) -> float:
        """The share of answers or allowances that make no sense, whichever is larger."""
        of_targets = sum(self.troubles.get(reason, 0) for reason in _NONSENSE) / self.total if self.total else 0.0
        of_allowances = self.unreadable / self.approvals if self.approvals >= FEWEST_ALLOWANCES else 0.0
        return max(of_targets, of_allowances)

    @property
    def emptied(self) -> bool:
        """Whether every answer came back empty, although approvals of some targets were known."""
        lost = self.troubles.get(Reason.MASS_ABSENCE, 0)
        return lost > 0 and lost + self.empty == self.covered


@dataclass(frozen=True, slots=True)
class Rounds:
    """The last whole scans, the newest first: all of each, what the API reads of it, and what nodes of chains do."""

    whole: Sequence[Round]
    api: Sequence[Round]
    nodes: Sequence[Round]


def rounds_told(rounds: Rounds, interval: timedelta, *, ever_any: bool) -> list[Observation]:
    """What the last whole scans say. Of a source that reads nothing, nothing is said.

    `interval` is the time between two of them; `ever_any` says whether an approval was ever seen.
    """
    needed = 1 if interval >= RARE else ROUNDS_IN_A_ROW
    by_api = [_refused(rounds.api), _unreachable(rounds.api, needed), _drift(rounds.api, needed)]
    by_nodes = [_nodes_failing(rounds.nodes, needed)]
    return [
        *(by_api if _reads(rounds.api) else []),
        *(by_nodes if _reads(rounds.nodes) else []),
        _all_empty(rounds.whole, ever_any=ever_any),
        _not_covered(rounds.whole),
    ]


def _reads(rounds: Sequence[Round]) -> bool:
    """Whether a source has anything to read, as far as is known."""
    return not rounds or rounds[0].total > 0


_REFUSED_TITLES = {
    Reason.REFUSED_KEY: "The approvals API refuses the key",
    Reason.CLOCK: "The approvals API refuses this machine's clock",
    Reason.REGION: "The approvals API does not serve this region",
    Reason.QUOTA: "The key's quota at the approvals API is used up",
    Reason.BAD_REQUEST: "The approvals API accepts no request",
}
_REFUSED_FIXES = {
    Reason.REFUSED_KEY: "look at the four credentials below okx in the configuration, and at the key's rights",
    Reason.CLOCK: "set this machine's clock, for instance with systemd-timesyncd",
    Reason.REGION: "ask the provider, or run this where the service is offered",
    Reason.QUOTA: "look at the key's plan at the provider",
    Reason.BAD_REQUEST: "look at base_url, api and approvals_path below okx in the configuration",
}


def _refused(rounds: Sequence[Round]) -> Observation:
    """A refusal is no mishap on the way: one round is enough."""
    kind, severity = ConditionKind.API_REFUSED, Severity.HIGH
    newest = rounds[0] if rounds else None
    if newest is not None and newest.dark and newest.cause in _REFUSED_TITLES:
        said = f"{_example(newest, newest.cause)} {_BLIND_THERE}"
        fix = f"{_REFUSED_FIXES[newest.cause]}; then try it: approval-watch doctor"
        return Observation(kind, severity, True, _REFUSED_TITLES[newest.cause], said, fix)
    if newest is None or newest.dark:
        return Observation(kind, severity, None)
    return Observation(kind, severity, False, detail="It accepts requests again.")


def _unreachable(rounds: Sequence[Round], needed: int) -> Observation:
    kind, severity = ConditionKind.API_UNREACHABLE, Severity.HIGH
    last = rounds[:needed]
    if len(last) == needed and all(one.dark for one in last) and last[0].cause in _SILENCES:
        said = f"{_example(last[0], last[0].cause)} {_BLIND_THERE}"
        fix = "see whether this machine reaches the network, and whether the service is up: approval-watch doctor"
        return Observation(kind, severity, True, "The approvals API cannot be reached", said, fix)
    if last and not any(one.dark for one in last):
        return Observation(kind, severity, False, detail="It answers again.")
    return Observation(kind, severity, None)


def _nodes_failing(rounds: Sequence[Round], needed: int) -> Observation:
    """Whatever is wrong with them, `doctor` tells it of each. That a chain fell silent says the same, and sooner."""
    one = Observation(
        ConditionKind.NODES_FAILING,
        Severity.HIGH,
        None,
        "No chain can be read through its nodes",
        fix="try them: approval-watch doctor; more of them below source.evm help",
        behind=frozenset({ConditionKind.CHAIN_SILENT}),
    )
    # A past that is being read is no failure, however long that takes.
    failed = [each.dark and not each.troubles.get(Reason.CACHING) for each in rounds[:needed]]
    if len(failed) == needed and all(failed):
        return replace(one, wrong=True, detail=f"{_example(rounds[0], rounds[0].cause)} {_BLIND_THERE}")
    if failed and not any(failed):
        return replace(one, wrong=False, detail="Chains are read again.")
    return one


def _drift(rounds: Sequence[Round], needed: int) -> Observation:
    kind, severity = ConditionKind.SCHEMA_DRIFT, Severity.HIGH
    last = rounds[:needed]
    if len(last) == needed and all(one.nonsense >= DRIFT or (one.dark and one.cause in _NONSENSE) for one in last):
        newest = last[0]
        odd = sum(newest.troubles.get(reason, 0) for reason in _NONSENSE)
        example = _example(newest, max(_NONSENSE, key=lambda reason: newest.troubles.get(reason, 0)))
        parts = [
            f"{odd} of {newest.total} targets could not be understood." if odd else "",
            f"{newest.unreadable} of {newest.approvals} allowances make no sense." if newest.unreadable else "",
            example if odd else "",
        ]
        said = f"{' '.join(one for one in parts if one)} What could not be understood is not believed to be gone."
        fix = (
            "look for a newer version: the interface may have changed. If something on the way answers instead of the "
            "API, look at base_url below okx in the configuration"
        )
        return Observation(kind, severity, True, "The approvals API's answers make no sense", said, fix)
    if last and all(one.nonsense < DRIFT / 2 and not one.dark for one in last):
        return Observation(kind, severity, False, detail="Its answers can be understood again.")
    return Observation(kind, severity, None)


def _all_empty(rounds: Sequence[Round], *, ever_any: bool) -> Observation:
    """Told at once: the next reading that says the same is believed."""
    kind = ConditionKind.ALL_EMPTY
    newest = rounds[0] if rounds else None
    fix = "see on a block explorer whether it is true; if not, look at key, project, approvals_path or from_block"
    if newest is not None and newest.emptied:
        said = (
            "Every wallet came back without a single approval, though approvals were known. It is not believed yet; "
            "another reading that says the same will be, and will resolve alerts."
        )
        return Observation(kind, Severity.HIGH, True, "Every wallet came back empty at once", said, fix)
    if newest is not None and not ever_any and newest.covered and newest.empty == newest.covered:
        said = f"{counted(newest.covered, 'target')} could be read, and there was no approval anywhere, then or before."
        return Observation(kind, Severity.MEDIUM, True, "No wallet shows any approval", said, fix)
    if newest is None or newest.complete == 0:
        return Observation(kind, Severity.HIGH, None)
    still = newest.approvals == 0
    said = "A later reading said the same, and is believed now." if still else "Approvals are read again."
    return Observation(kind, Severity.HIGH, False, detail=said)


def _not_covered(rounds: Sequence[Round]) -> Observation:
    kind, severity = ConditionKind.NOT_COVERED, Severity.MEDIUM
    newest = rounds[0] if rounds else None
    outside = 0 if newest is None else newest.troubles.get(Reason.NOT_COVERED, 0)
    if newest is None or newest.dark:
        return Observation(kind, severity, None)
    if not outside:
        return Observation(kind, severity, False, detail="Every wallet is on a chain that is read.")
    said = f"{counted(outside, 'target')} of {newest.total} cannot be read. {_example(newest, Reason.NOT_COVERED)}"
    fix = "look at the chains of the wallets; which ones they are: approval-watch scan"
    return Observation(kind, severity, True, "Some wallets are on chains that are not read", said, fix)


def _example(of: Round, reason: Reason | None) -> str:
    said = "" if reason is None else dead_line(of.errors.get(reason, ""), LONGEST_EXAMPLE).rstrip(".")
    return f"{said}." if said else ""
