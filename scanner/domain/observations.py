"""From plain facts to what is right and wrong with the watch; `conditions.decide` makes lives of it.

Each function looks at one thing. Where the facts say neither that it is wrong nor that it is right, it cannot be told:
between the two thresholds there is room, so that nothing flaps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scanner.domain.addresses import short
from scanner.domain.alerts import Severity
from scanner.domain.approvals import Target
from scanner.domain.breaker import ChannelHealth
from scanner.domain.chains import by_index
from scanner.domain.conditions import ConditionKind, Observation
from scanner.domain.hostile import dead_line, harmless
from scanner.domain.lists import EXPLOITED, ListState
from scanner.domain.plain import counted, moment
from scanner.domain.reconciliation import Agreement
from scanner.domain.report import chain_name
from scanner.domain.rounds import BLIND, ROUNDS_LOOKED_AT

__all__ = [
    "LATE_AFTER",
    "OUTBOX_OLD_AFTER",
    "SILENT_AFTER",
    "Freshness",
    "Hearing",
    "agreement",
    "balances",
    "channels",
    "lateness",
    "lists",
    "outbox",
    "rules",
    "silence",
    "stale",
    "wallets_file",
]

LATE_AFTER = timedelta(minutes=10)
"""How long after its time a scan that is not under way is overdue."""

OUTBOX_OLD_AFTER = timedelta(hours=1)
"""How long a message may wait in the outbox before that is told."""

SILENT_AFTER = timedelta(minutes=10)
"""How long a chain that is followed may be without a new block that could be read."""

LONGEST_REASON = 200
"""Characters that are shown of what a far side said."""

_BLINDED = frozenset(
    {
        ConditionKind.API_REFUSED,
        ConditionKind.API_UNREACHABLE,
        ConditionKind.NODES_FAILING,
        ConditionKind.SCHEMA_DRIFT,
    }
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long ago the watched targets were last read completely, or else their watch began.

    `stale` of `total` are beyond the limit. `worst` is the target that waits longest, since `since`; `read_at` is when
    it was last read completely.
    """

    total: int = 0
    stale: int = 0
    worst: Target | None = None
    since: datetime | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a chain (by chainIndex) is heard by who follows it.

    `since` is when its newest `block` was read, or when the following began where none was; `trouble` is what was in
    the way at the last try, in words.
    """

    chain: str
    since: datetime
    block: int | None = None
    trouble: str | None = None


def silence(chain: str, heard: Hearing | None, at: datetime) -> Observation:
    """Whether a chain that is to be followed tells of no new blocks any more. `heard` is None where nobody listens."""
    known = by_index(chain)
    one = Observation(
        ConditionKind.CHAIN_SILENT,
        Severity.HIGH,
        None,
        f"No new block of {known.title} is read",
        fix=f"try its nodes: approval-watch doctor; more of them in source.evm.{known.name}.rpc help",
        subject=known.name,
    )
    if heard is None:
        return one
    if at - heard.since <= SILENT_AFTER:
        back = heard.block is not None and at - heard.since <= SILENT_AFTER / 2
        return replace(one, wrong=False if back else None, detail="Its blocks are read again.")
    newest = "None has come yet" if heard.block is None else f"The newest is {heard.block}, read {moment(heard.since)}"
    why = f" {dead_line(heard.trouble, LONGEST_REASON).rstrip('.')}." if heard.trouble else ""
    return replace(one, wrong=True, detail=f"{newest}.{why} New approvals go unseen until a scan reads them.")


def stale(now_stale: Freshness, limit: timedelta, at: datetime, *, can_tell: bool) -> list[Observation]:
    """Whether targets are without a complete reading for longer than `limit`: some of them, or at least half.

    They are counted, and the worst is named. `can_tell` is False until a scan had its chance.
    """
    fix = "see why: approval-watch scan; if it takes too long for all wallets, give the schedule a longer interval"
    some = _stale(ConditionKind.STALE_TARGETS, "Some wallets are not read completely any more", fix)
    most = _stale(ConditionKind.STALE_MOST, "Most wallets are not read completely any more", fix)
    if not can_tell:
        return [some, most]
    fresh = now_stale.since is None or at - now_stale.since <= limit / 2
    said = "All wallets were read completely again." if fresh else _stale_words(now_stale)
    many = now_stale.stale > 0 and now_stale.stale * 2 >= now_stale.total
    return [
        replace(some, detail=said, wrong=None if many else _third(now_stale.stale > 0, fresh)),
        replace(most, detail=said, wrong=_third(many, now_stale.stale * 4 < max(now_stale.total, 1))),
    ]


def _stale(kind: ConditionKind, title: str, fix: str) -> Observation:
    behind = _BLINDED | {ConditionKind.SCAN_OVERDUE}
    return Observation(kind, Severity.HIGH, None, title, "", fix, behind=behind)


def _stale_words(now_stale: Freshness) -> str:
    worst = now_stale.worst
    said = f"{now_stale.stale} of {counted(now_stale.total, 'target')} wait too long."
    if worst is None:
        return said
    called = f"{label} " if (label := harmless(worst.label)) else ""
    read_at = now_stale.read_at
    last = "never read completely" if read_at is None else f"last read completely {moment(read_at)}"
    return f"{said} The longest: {called}{short(worst.owner)} on {chain_name(worst.chain)}, {last}."


def lateness(due: datetime | None, finished: datetime | None, at: datetime, *, moving: bool) -> Observation:
    """Whether the scan that was due at a time has not come. `finished` is when the last one did.

    A scan that is under way and `moving` is only slow.
    """
    kind, severity = ConditionKind.SCAN_OVERDUE, Severity.HIGH
    late = due is not None and at - due > LATE_AFTER
    if due is None or (late and moving):
        return Observation(kind, severity, None)
    if not late:
        return Observation(kind, severity, False, detail="Scans finish in time again.")
    last = "none has finished yet" if finished is None else f"the last one finished {moment(finished)}"
    said = f"A scan was due {moment(due)} and has not finished; {last}. {BLIND}"
    fix = "look at the daemon's log, and start it again: systemctl restart approval-watch"
    return Observation(kind, severity, True, "A scan is overdue", said, fix)


def rules(broken: Sequence[str], undecided: Sequence[frozenset[str]]) -> list[Observation]:
    """Whether rules were left out, and which ones decided nothing in any of the last whole scans, newest first."""
    found = [_broken_rules(broken)]
    ever = frozenset().union(*undecided)
    lasting = frozenset.intersection(*undecided) if len(undecided) == ROUNDS_LOOKED_AT else frozenset()
    newest = undecided[0] if undecided else frozenset()
    return found + [
        Observation(
            ConditionKind.RULE_UNDECIDED,
            Severity.MEDIUM,
            _third(rule in lasting, rule not in newest),
            f"The rule {rule} decides nothing",
            f"What it needs was unknown for every approval in the last {ROUNDS_LOOKED_AT} scans, so it cannot warn."
            if rule in newest
            else "It decides again.",
            "see what it needs: approval-watch rules list. With if_unknown: alert it warns when it cannot tell; "
            "disable, below rules, takes it out",
            subject=rule,
        )
        for rule in sorted(ever)
    ]


def _broken_rules(broken: Sequence[str]) -> Observation:
    kind, severity = ConditionKind.RULES_BROKEN, Severity.HIGH
    if not broken:
        return Observation(kind, severity, False, detail="All rules are in force.")
    first = f"{counted(len(broken), 'problem')}, the first: {dead_line(broken[0], LONGEST_REASON)}."
    said = f"{first} The sound rules judge; the broken ones warn of nothing."
    fix = "see all of them: approval-watch rules check; then systemctl reload approval-watch"
    return Observation(kind, severity, True, "Rules are broken and left out", said, fix)


def wallets_file(problems: Sequence[str], *, certain: bool) -> Observation:
    """Whether the wallets file could be read whole."""
    kind, severity = ConditionKind.WALLETS_FILE, Severity.HIGH
    if certain:
        return Observation(kind, severity, False, detail="It was read whole.")
    first = f"{dead_line(problems[0], LONGEST_REASON)}. " if problems else ""
    said = f"{first}Wallets that could not be read from it are not watched; no alert of theirs is closed."
    fix = "see all of it: approval-watch check-config; then systemctl reload approval-watch"
    return Observation(kind, severity, True, "The wallets file cannot be read", said, fix)


def lists(states: Iterable[ListState]) -> list[Observation]:
    """Which lists could not be read anew. The one that must not go stale tells of exploited spenders."""
    return [
        Observation(
            ConditionKind.LIST,
            Severity.HIGH if one.label == EXPLOITED else Severity.MEDIUM,
            one.error is not None,
            f"The list {one.name} cannot be read anew",
            "It is read again." if one.error is None else _list_words(one),
            f"see what is wrong with it: approval-watch lists show {one.name}",
            subject=one.name,
        )
        for one in states
    ]


def _list_words(state: ListState) -> str:
    kept = "nothing is known of it" if state.as_of is None else f"the copy of {moment(state.as_of)} stays in force"
    return f"{dead_line(state.error or '', LONGEST_REASON).rstrip('.')}; {kept}."


def balances(unread: int, total: int, example: str) -> Observation:
    """Whether the balances of at least half of the targets could not be read at the last try; `example` says why."""
    wrong = unread > 0 and unread * 2 >= total
    said = (
        f"{unread} of {counted(total, 'target')}: {dead_line(example, LONGEST_REASON).rstrip('.')}. "
        "What is at stake is shown as of the last good reading, and rules that follow money decide by that."
    )
    return Observation(
        ConditionKind.BALANCES,
        Severity.MEDIUM,
        _third(wrong, unread * 4 < max(total, 1)),
        "Balances cannot be read",
        said if wrong else "Balances are read again.",
        "approvals are watched all the same; try it: approval-watch scan",
        behind=_BLINDED,
    )


def agreement(found: Agreement | None) -> Observation:
    """Whether two sources told the same when they were compared last; None where they never were."""
    kind, severity = ConditionKind.SOURCES_DISAGREE, Severity.MEDIUM
    if found is None or (found.unread and not found.differences):
        return Observation(kind, severity, None)
    if not found.differences:
        return Observation(kind, severity, False, detail="They tell the same again.")
    size = f"{counted(found.differences, 'difference')} in {counted(found.targets, 'target')}"
    said = f"{size}, compared {moment(found.at)}. The first: {dead_line(found.example, LONGEST_REASON)}."
    fix = "see all of them, and why: approval-watch reconcile. source.prefer says which source is believed"
    return Observation(kind, severity, True, "The chain and the API disagree", said, fix)


def channels(health: Iterable[ChannelHealth]) -> list[Observation]:
    """Which channels take nothing any more."""
    return [
        Observation(
            ConditionKind.CHANNEL,
            Severity.HIGH,
            _third(one.broken, one.failing_since is None),
            f"The channel {one.channel} takes no messages",
            _channel_words(one),
            f"try it: approval-watch channels test {one.channel}. What waits: approval-watch deliveries list",
            subject=one.channel,
        )
        for one in health
    ]


def _channel_words(health: ChannelHealth) -> str:
    if health.failing_since is None:
        return "It takes messages again; what waited for it goes out in its order."
    why = dead_line(health.reason, LONGEST_REASON) or "no reason was given"
    return f"It fails since {moment(health.failing_since)}: {why}. What it is owed waits in the outbox."


def outbox(oldest: Mapping[str, datetime], at: datetime) -> Observation:
    """Whether messages wait too long; `oldest` is each channel's oldest, but those of channels known to fail."""
    kind, severity = ConditionKind.OUTBOX_OLD, Severity.HIGH
    late = sorted(channel for channel, since in oldest.items() if at - since > OUTBOX_OLD_AFTER)
    if late:
        since = min(oldest[channel] for channel in late)
        said = f"The oldest message for {', '.join(late)} waits since {moment(since)}."
        fix = "see what waits and why: approval-watch deliveries list"
        return Observation(kind, severity, True, "Messages wait too long", said, fix)
    fresh = all(at - since <= OUTBOX_OLD_AFTER / 2 for since in oldest.values())
    return Observation(kind, severity, False if fresh else None, detail="Messages go out in time again.")


def _third(wrong: bool, right: bool) -> bool | None:
    return True if wrong else False if right else None
