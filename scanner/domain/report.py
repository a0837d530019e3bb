"""What the program says of approvals, changes, alerts and scans: the JSON of version 1, as typed values.

Every field stands in docs/json.md: fields may be added within version 1, never renamed or removed. Unknown is None.
Integers that can exceed 2^53 and money are strings; times are RFC 3339 in UTC; EVM addresses are lower case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self

from scanner.domain.addresses import is_hash
from scanner.domain.alerts import Alert
from scanner.domain.approvals import Approval, Spender, Token
from scanner.domain.chains import UnknownChainError, by_index
from scanner.domain.changes import GONE, Change, Held
from scanner.domain.cost import Spent
from scanner.domain.exposure import Exposure, allowed
from scanner.domain.hostile import harmless
from scanner.domain.lists import NOBODY, Standing
from scanner.domain.surroundings import UNKNOWN, Surroundings

__all__ = [
    "AlertEntry",
    "AllowanceEntry",
    "ApprovalEntry",
    "ChangeEntry",
    "ExposureEntry",
    "Report",
    "ScanEntry",
    "SpenderEntry",
    "StateEntry",
    "TargetEntry",
    "TokenEntry",
    "chain_name",
    "plain",
    "rfc3339",
    "said",
]


def rfc3339(time: datetime) -> str:
    """A time in UTC as `2026-11-20T08:00:00.123456Z`, without the fraction where there is none."""
    return f"{time.astimezone(UTC).isoformat()[:-6]}Z"


def chain_name(index: str) -> str:
    """The table's name of a chainIndex, or the index itself where the table has none."""
    try:
        return by_index(index).name
    except UnknownChainError:
        return index


def plain(number: Decimal) -> str:
    """A decimal number to its last digit, without an exponent or trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def said(number: Decimal | None) -> str | None:
    """A number to its last digit; None where it is not known."""
    return None if number is None else plain(number)


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token. `symbol` is made harmless, still a stranger's word; `address` null where the source gives none."""

    address: str | None
    symbol: str | None
    decimals: int | None = None
    risk: bool | None = None
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, token: Token, known: Surroundings = UNKNOWN) -> Self:
        """A token, its symbol made harmless, with what balances and lists say of it."""
        return cls(
            address=token.address or None,
            symbol=harmless(token.symbol),
            decimals=token.decimals,
            risk=known.exposure.risk,
            labels=known.token.labels,
        )


@dataclass(frozen=True, slots=True)
class SpenderEntry:
    """A spender. `name` is what the source calls it, unverified, or else what a list does.

    `labels` and `incidents` are what the user's lists say of it.
    """

    address: str | None
    name: str | None
    labels: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()

    @classmethod
    def of(cls, spender: Spender, known: Standing = NOBODY) -> Self:
        """A spender, its name made harmless, with what the lists say of it."""
        incidents = tuple(dead for one in known.incidents if (dead := harmless(one)))
        name = harmless(spender.name) or harmless(known.name)
        return cls(spender.address or None, name, known.labels, incidents)


@dataclass(frozen=True, slots=True)
class AllowanceEntry:
    """How much: `raw` in the smallest unit, `amount` in token units where the decimals are known."""

    raw: str | None
    unlimited: bool | None
    amount: str | None = None
    unreadable: str | None = None

    @classmethod
    def of(cls, approval: Approval) -> Self:
        """The allowance of an approval; an amount that cannot be read is unknown, not the last one that could."""
        allowance = approval.allowance
        raw = allowance.raw if allowance.unreadable is None else None
        return cls(
            raw=None if raw is None else str(raw),
            unlimited=approval.unlimited,
            amount=said(allowed(approval, approval.token.decimals)),
            unreadable=harmless(allowance.unreadable),
        )


@dataclass(frozen=True, slots=True)
class ExposureEntry:
    """What could be taken today: `usd`, from the `balance` in token units and its `price_usd`.

    `amount` is what of the balance is within the allowance; `read_at` is when the balance was read.
    """

    usd: str | None = None
    balance: str | None = None
    price_usd: str | None = None
    amount: str | None = None
    covers_balance: bool | None = None
    read_at: str | None = None

    @classmethod
    def of(cls, at_stake: Exposure) -> Self:
        """What an approval puts at stake, to the last digit."""
        return cls(
            usd=said(at_stake.usd),
            balance=said(at_stake.balance),
            price_usd=said(at_stake.price_usd),
            amount=said(at_stake.amount),
            covers_balance=at_stake.covers_balance,
            read_at=None if at_stake.read_at is None else rfc3339(at_stake.read_at),
        )


@dataclass(frozen=True, slots=True)
class ApprovalEntry:
    """One approval in force.

    `expires_at` is when it ends by itself, null where it does not. `granted_at` and `granted_tx` are the time and the
    hash of the transaction that last raised it. `via` is the contract through which the spender takes, where that is
    not the standard's own. `final` is false while the block that shows it may yet be reorganised away.
    """

    id: str
    chain: str
    chain_index: str
    owner: str
    kind: str
    token: TokenEntry
    spender: SpenderEntry
    allowance: AllowanceEntry
    exposure: ExposureEntry
    status: str
    first_seen: str
    changed_at: str
    owner_label: str | None = None
    token_id: str | None = None
    expires_at: str | None = None
    granted_at: str | None = None
    granted_tx: str | None = None
    via: str | None = None
    final: bool = True

    @classmethod
    def of(cls, held: Held, label: str | None = None, known: Surroundings = UNKNOWN) -> Self:
        """An approval as it is held, with what is known beside it."""
        approval = known.counted(held.approval)
        return cls(
            id=approval.id,
            chain=chain_name(approval.chain),
            chain_index=approval.chain,
            owner=approval.owner,
            kind=approval.kind.value,
            token=TokenEntry.of(approval.token, known),
            spender=SpenderEntry.of(approval.spender, known.spender),
            allowance=AllowanceEntry.of(approval),
            exposure=ExposureEntry.of(known.exposure),
            status=approval.status.value,
            first_seen=rfc3339(held.first_seen),
            changed_at=rfc3339(held.changed_at),
            owner_label=label,
            token_id=None if approval.token_id is None else str(approval.token_id),
            expires_at=None if approval.expires_at is None else rfc3339(approval.expires_at),
            granted_at=None if approval.granted_at is None else rfc3339(approval.granted_at),
            granted_tx=approval.granted_tx if approval.granted_tx and is_hash(approval.granted_tx) else None,
            via=harmless(approval.via),
            final=approval.final,
        )


@dataclass(frozen=True, slots=True)
class StateEntry:
    """An approval's state before or after a change; `raw` and `amount` as in `AllowanceEntry`."""

    raw: str | None
    status: str
    unlimited: bool | None = None
    amount: str | None = None

    @classmethod
    def of(cls, approval: Approval | None) -> Self | None:
        """The state of an approval, or None where there was none."""
        if approval is None:
            return None
        allowance = AllowanceEntry.of(approval)
        return cls(allowance.raw, approval.status.value, allowance.unlimited, allowance.amount)


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """One change of one approval, whose own kind and token id are told. `after` is null where it is gone."""

    kind: str
    approval: str
    at: str
    before: StateEntry | None
    after: StateEntry | None
    chain: str = ""
    chain_index: str = ""
    owner: str = ""
    token: TokenEntry | None = None
    spender: SpenderEntry | None = None
    approval_kind: str = ""
    token_id: str | None = None

    @classmethod
    def of(cls, change: Change, known: Surroundings = UNKNOWN) -> Self:
        """A change as the diff found it, or as the store kept it, with what is known now beside the approval."""
        approval = known.counted(change.after)
        before = None if change.before is None else known.counted(change.before)
        gone = change.kind in GONE
        return cls(
            kind=change.kind.value,
            approval=approval.id,
            at=rfc3339(change.at),
            before=StateEntry.of(before),
            after=None if gone else StateEntry.of(approval),
            chain=chain_name(approval.chain),
            chain_index=approval.chain,
            owner=approval.owner,
            token=TokenEntry.of(approval.token, known),
            spender=SpenderEntry.of(approval.spender, known.spender),
            approval_kind=approval.kind.value,
            token_id=None if approval.token_id is None else str(approval.token_id),
        )


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """One alert. `event` says that it tells of something that happened, not of something that is so."""

    id: str
    rule: str
    severity: str
    state: str
    approval: str
    title: str
    opened_at: str
    resolved_at: str | None
    reason: str | None = None
    event: bool = False

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """An alert as it is now."""
        return cls(
            id=alert.id,
            rule=alert.rule,
            severity=alert.severity.value,
            state=alert.state.value,
            approval=alert.approval,
            title=alert.title,
            opened_at=rfc3339(alert.opened_at),
            resolved_at=None if alert.resolved_at is None else rfc3339(alert.resolved_at),
            reason=alert.reason or None,
            event=alert.is_event,
        )


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """One target of a scan. `approvals` are those in force; `complete` speaks of approvals alone.

    `read_at` is when this target was last read completely: the age of what is shown where this reading is not.
    """

    chain: str
    chain_index: str
    owner: str
    label: str | None
    complete: bool
    approvals: int
    error: str | None
    reason: str | None = None
    read_at: str | None = None


@dataclass(frozen=True, slots=True)
class ScanEntry:
    """One scan. `exposure_usd` counts a token of an owner once; `unvalued` are approvals whose worth is not known.

    `context_errors` say what could not be read beside the approvals: balances, lists. `excepted` counts the approvals
    within the scope about which an exception keeps a rule silent. `seconds` is how long it took, `waited_seconds` how
    much of that it waited between requests; `costs` tells the same of `approvals` and `balances`, apart.
    """

    id: str
    started_at: str
    finished_at: str
    complete: bool
    requests: int
    exposure_usd: str | None = None
    context_errors: tuple[str, ...] = ()
    targets: tuple[TargetEntry, ...] = ()
    dry_run: bool = False
    broken_rules: tuple[str, ...] = ()
    undecided: int = 0
    unvalued: int | None = None
    excepted: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0
    costs: Mapping[str, Spent] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """All that one scan says: what `scan --format json` prints.

    `approvals` are in force within the scope, `changes` what this scan found, `alerts` those open within the scope
    and those that this scan resolved. `raised` are the ids of the alerts that this scan opened.
    """

    version: int
    scan: ScanEntry
    approvals: tuple[ApprovalEntry, ...] = ()
    changes: tuple[ChangeEntry, ...] = ()
    alerts: tuple[AlertEntry, ...] = ()
    raised: tuple[str, ...] = field(default=())
