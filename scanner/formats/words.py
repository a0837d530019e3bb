"""The words that people read: amounts, ages, places, and what comes first. Shared by the formats for people."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from scanner.domain.addresses import short
from scanner.domain.alerts import AlertState, Severity
from scanner.domain.plain import counted, grouped, lasting, money, units
from scanner.domain.report import (
    AlertEntry,
    AllowanceEntry,
    ApprovalEntry,
    ChangeEntry,
    ScanEntry,
    SpenderEntry,
    StateEntry,
    TargetEntry,
    TokenEntry,
    chain_name,
)

__all__ = [
    "ago",
    "allowance",
    "at_stake",
    "by_approval",
    "change_words",
    "cost",
    "exposure",
    "labels_of",
    "last_reading",
    "matched",
    "open_alerts",
    "right",
    "sentences",
    "spender",
    "token",
    "undecided",
    "wallet",
    "worst",
    "worst_changes_first",
    "worst_first",
]

_EVERYTHING = {"erc721_all": "every NFT", "erc1155_all": "every NFT", "erc777": "every token", "erc6909": "every token"}
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_CHANGES = ("restored", "increased", "new", "status", "decreased", "revoked", "expired", "baseline")
"""Kinds of change, the most alarming first."""


def ago(then: str, now: datetime) -> str:
    """How long ago an RFC 3339 time is: `2 h ago`, or `in 3 d`."""
    seconds = (now - datetime.fromisoformat(then)).total_seconds()
    for size, unit in _SPANS:
        if abs(seconds) >= size:
            return f"{int(seconds // size)} {unit} ago" if seconds > 0 else f"in {round(-seconds / size)} {unit}"
    return "just now"


def last_reading(read_at: str | None, now: datetime) -> str:
    """When something was last read completely, in words."""
    return "never read completely yet" if read_at is None else f"last complete reading {ago(read_at, now)}"


def matched(matchers: Mapping[str, str | Sequence[str]]) -> str:
    """What a silence is about, in one line: `spender 0x…, severity high or medium`."""
    values = {name: value if isinstance(value, str) else " or ".join(value) for name, value in matchers.items()}
    if "chain" in values:
        values["chain"] = chain_name(values["chain"])
    return ", ".join(f"{name} {value}" for name, value in values.items())


def allowance(entry: ApprovalEntry) -> str:
    """What a spender may take, in plain words; an end is said, a status other than granted, and what is not final."""
    said = right(entry.allowance, entry.kind, entry.token_id)
    if entry.kind == "permit2":
        said += " through Permit2"
    if entry.expires_at is not None:
        said += f" until {entry.expires_at[:10]}"
    asides = [*([] if entry.status == "granted" else [entry.status]), *([] if entry.final else ["not final yet"])]
    return f"{said} ({', '.join(asides)})" if asides else said


def right(entry: AllowanceEntry | StateEntry, kind: str, token_id: str | None) -> str:
    """What may be taken by a right of a kind, in plain words: an amount, an NFT, or everything."""
    if isinstance(entry, AllowanceEntry) and entry.unreadable is not None:
        return "cannot be read"
    if kind == "erc721":
        return f"NFT {token_id}"
    if token_id is not None:
        return f"{_amount(entry)} of id {token_id}"
    return _EVERYTHING.get(kind) or _amount(entry)


def _amount(entry: AllowanceEntry | StateEntry) -> str:
    if entry.unlimited:
        return "unlimited"
    if entry.amount is not None:
        return grouped(entry.amount)
    return "unknown" if entry.raw is None else f"{grouped(entry.raw)} raw"


def exposure(entry: ApprovalEntry) -> tuple[str, str]:
    """What could be taken today in dollars, and the balance; words where one is not known, "" where none was read."""
    at_stake = entry.exposure
    if at_stake.read_at is None:
        return "", ""
    held = "balance unknown" if at_stake.balance is None else f"holds {units(at_stake.balance)}"
    return ("unknown" if at_stake.usd is None else money(at_stake.usd)), held


def at_stake(usd: str | None, unvalued: int | None) -> str:
    """What could be taken in all, and how many approvals could not be valued."""
    left = f"{counted(unvalued, 'approval')} could not be valued" if unvalued else ""
    if usd is None:
        return f"What is at stake is not known: {left}" if left else "What is at stake is not known"
    return f"{'at least ' if left else ''}{money(usd)} at stake{f'; {left}' if left else ''}"


LEAST_WAIT = 0.1
"""Seconds of waiting below which they are not worth a word."""


def cost(scan: ScanEntry) -> str:
    """What a scan took: time and requests, those for balances apart, and what was tried again or waited for."""
    parts = [f"{spent.requests} for {name}" for name, spent in scan.costs.items() if spent.requests]
    asked = f"{counted(scan.requests, 'request')} ({', '.join(parts)})" if len(parts) > 1 else ""
    said = [f"Took {lasting(timedelta(seconds=scan.seconds))}", *([asked] if asked else [])]
    if scan.retries:
        said.append(counted(scan.retries, "retry", "retries"))
    if scan.waited_seconds >= LEAST_WAIT:
        said.append(f"waited {lasting(timedelta(seconds=scan.waited_seconds))} between requests")
    return ", ".join(said)


def undecided(scan: ScanEntry) -> str:
    """What to say of conditions that could not be decided; "" of none. It is unusual only where something failed."""
    if not scan.undecided:
        return ""
    said = f"{counted(scan.undecided, 'condition')} could not be decided"
    if scan.complete and not scan.context_errors:
        return f"{said}, as usual where no price is known"
    return f"{said}: some may need what could not be read"


def _state(entry: StateEntry, change: ChangeEntry) -> str:
    """One side of a change: what may be taken, with a status other than granted."""
    said = right(entry, change.approval_kind, change.token_id)
    return said if entry.status == "granted" else f"{said} ({entry.status})"


def change_words(entry: ChangeEntry) -> tuple[str, str]:
    """What a change led to and what was before, in words; "" where there was nothing before."""
    now = entry.kind if entry.after is None else _state(entry.after, entry)
    return now, "" if entry.before is None else f"was {_state(entry.before, entry)}"


def wallet(owner: str, label: str | None) -> str:
    """A wallet as its user calls it, else its address, shortened."""
    return label or short(owner)


def token(entry: TokenEntry | None) -> tuple[str, str]:
    """A token's symbol in quotation marks, and its address, or words where there is none."""
    if entry is None:
        return "unknown", "no address"
    return _quoted(entry.symbol, "no symbol"), entry.address or "no address"


def spender(entry: SpenderEntry | None) -> tuple[str, str]:
    """The labels of the user's lists and a spender's name in quotation marks, and its address or words."""
    if entry is None:
        return "unknown", "no address"
    labels = (f"[{label}]" for label in entry.labels)  # first: what is cut off is the stranger's part
    return " ".join([*labels, _quoted(entry.name, "no name")]), entry.address or "address unknown"


def _quoted(text: str | None, nothing: str) -> str:
    return nothing if text is None else f"“{text}”"


def labels_of(targets: Iterable[TargetEntry]) -> dict[tuple[str, str], str]:
    """The labels of targets, by chainIndex and owner."""
    return {(target.chain_index, target.owner): target.label for target in targets if target.label}


def sentences(
    approvals: Iterable[ApprovalEntry], changes: Iterable[ChangeEntry] = (), targets: Iterable[TargetEntry] = ()
) -> dict[str, str]:
    """Each approval in one line by its id: whose, on which chain, of which token and id, for whom."""
    labels = labels_of(targets)
    found = {e.approval: _sentence(e, labels.get((e.chain_index, e.owner))) for e in changes}
    return found | {entry.id: _sentence(entry, entry.owner_label) for entry in approvals}


def _sentence(entry: ApprovalEntry | ChangeEntry, label: str | None) -> str:
    (symbol, contract), (name, address) = token(entry.token), spender(entry.spender)
    whose = f"{wallet(entry.owner, label)} on {entry.chain}"
    return f"{whose}: {symbol} {short(contract)}{_apart(entry)} for {name} {short(address)}"


def _apart(entry: ApprovalEntry | ChangeEntry) -> str:
    """What tells a right from others that the same spender may have over the same token."""
    kind = entry.kind if isinstance(entry, ApprovalEntry) else entry.approval_kind
    which = "" if entry.token_id is None else f", id {entry.token_id},"
    return which + (" through Permit2" if kind == "permit2" else "")


def by_approval(alerts: Iterable[AlertEntry]) -> dict[str, Severity]:
    """The severity of the worst alert that is not resolved, by the id of its approval."""
    mild_first = sorted(open_alerts(alerts), key=lambda alert: Severity(alert.severity).rank)
    return {alert.approval: Severity(alert.severity) for alert in mild_first}


def open_alerts(alerts: Iterable[AlertEntry]) -> list[AlertEntry]:
    """The alerts that are not resolved."""
    return [alert for alert in alerts if alert.state != AlertState.RESOLVED.value]


def worst(alerts: Iterable[AlertEntry]) -> list[AlertEntry]:
    """Alerts, the worst first, and of those the newest."""
    newest = sorted(alerts, key=lambda alert: alert.opened_at, reverse=True)
    return sorted(newest, key=lambda alert: -Severity(alert.severity).rank)


def worst_first(approvals: Iterable[ApprovalEntry], graded: Mapping[str, Severity]) -> list[ApprovalEntry]:
    """Approvals: those with grave open alerts, then what is worth most, then the unlimited ones, then the rest."""

    def order(entry: ApprovalEntry) -> tuple[object, ...]:
        severity = graded.get(entry.id)
        rank = -1 if severity is None else severity.rank
        grave = rank if rank >= Severity.MEDIUM.rank else -1
        size = int(entry.allowance.raw or 0)
        where = (entry.owner_label or entry.owner, entry.chain, entry.token.symbol or "", entry.id)
        return (-grave, -Decimal(entry.exposure.usd or 0), _reach(entry.allowance.unlimited), -rank, -size, *where)

    return sorted(approvals, key=order)


def worst_changes_first(changes: Sequence[ChangeEntry]) -> list[ChangeEntry]:
    """Changes grouped by kind, the most alarming kind first, and in each the unlimited ones."""

    def order(entry: ChangeEntry) -> tuple[object, ...]:
        place = _CHANGES.index(entry.kind) if entry.kind in _CHANGES else len(_CHANGES)
        side = entry.after or entry.before
        return place, _reach(None if side is None else side.unlimited), entry.at, entry.approval

    return sorted(changes, key=order)


def _reach(unlimited: bool | None) -> int:
    return {True: 0, None: 1, False: 2}[unlimited]
