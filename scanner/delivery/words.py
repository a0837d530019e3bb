"""Amounts, changes and addresses in words that a person understands at night on a phone."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from scanner.delivery.links import chain_title, checked_address
from scanner.domain.alerts import Severity
from scanner.domain.approvals import Approval, Kind, Status, Target
from scanner.domain.changes import Change, ChangeKind
from scanner.domain.exposure import Exposure, allowed
from scanner.domain.holdings import MOST_DECIMALS
from scanner.domain.hostile import dead_line, harmless, quoted
from scanner.domain.lists import Standing
from scanner.domain.plain import grouped, moment, money, units
from scanner.domain.report import plain
from scanner.domain.surroundings import UNKNOWN, Surroundings

__all__ = [
    "ENDED",
    "allowance",
    "at_stake",
    "changed",
    "listed",
    "one_line",
    "size",
    "spender",
    "tally",
    "token",
    "wallet",
]

ENDED = "ended"
"""What an alert is counted as when it is over, in place of its severity."""


def size(text: str) -> int:
    """How long a text is at most for a channel: UTF-16 units, and two for a line's end, which some make of one."""
    return len(text) + sum(1 for character in text if character > "\uffff" or character == "\n")


def tally(kinds: Iterable[str]) -> str:
    """How many there are of each severity, the worst first, and of what has ended: `2 critical, 1 ended`."""
    counts = Counter(kinds)
    return ", ".join(f"{counts[kind]} {kind}" for kind in (*reversed(Severity), ENDED) if counts[kind])


def one_line(text: str, longest: int) -> str:
    """A text of the user's own as one line of at most that size: as dead as a stranger's, only longer."""
    return dead_line(text, longest, size)


def wallet(target: Target) -> str:
    """The owner as the user calls it, its address, and the chain."""
    label = harmless(target.label)
    return f"{label + ' ' if label else ''}{_address(target.chain, target.owner)} on {chain_title(target.chain)}"


def spender(approval: Approval) -> str:
    """Who may take; the name is whatever the source repeats."""
    name = harmless(approval.spender.name)
    called = "no name" if name is None else f"“{name}” (name not verified)"
    return f"{called}, {_address(approval.chain, approval.spender.address)}"


def listed(known: Standing) -> str | None:
    """What the user's lists say of somebody: labels, and what happened or else a name; None where they say nothing."""
    if not known.labels:
        return None
    labels = ", ".join(label for one in known.labels if (label := harmless(one)))
    told = [quoted(one) for one in known.incidents or (known.name,) if harmless(one)]
    return f"{labels}: {', '.join(told)}" if told else labels


def token(approval: Approval, *, risk: bool = False) -> str:
    """The token, by a name that anybody could have chosen, and its address; `risk` where the source warns of it."""
    which = "" if approval.token_id is None else f", id {approval.token_id}"
    warned = "; called a scam or a honeypot by the source" if risk else ""
    return f"{quoted(approval.token.symbol)}, {_address(approval.chain, approval.token.address)}{which}{warned}"


def at_stake(exposure: Exposure) -> str | None:
    """What could be taken now, and of what that is a part; None where no balance was ever read."""
    if exposure.read_at is None:
        return None
    if exposure.balance is None:
        return f"not known: the source did not tell the balance, asked {moment(exposure.read_at)}"
    read = f", read {moment(exposure.read_at)}"
    held = units(f"{exposure.balance:f}")
    if not exposure.balance:
        return f"nothing now: the wallet holds none{read}"
    if exposure.usd is None:
        why = "no price is known" if exposure.amount is not None else "how much is allowed is not certain"
        return f"the wallet holds {held}; {why}{read}"
    return f"{money(str(exposure.usd))}; the wallet holds {held}{read}"


def _address(chain: str, address: str) -> str:
    if not address:
        return "address not known"
    return checked_address(chain, address) or harmless(address) or "address not readable"


def allowance(approval: Approval) -> str:
    """What the spender may take, in one phrase."""
    pending = {Status.REVOKING: "; being revoked, not done yet", Status.GRANTING: "; being granted, not done yet"}
    until = "" if approval.expires_at is None else f", until {moment(approval.expires_at)}"
    return f"{_right(approval)}{_through(approval)}{until}{pending.get(approval.status, '')}"


def _through(approval: Approval) -> str:
    if approval.kind is not Kind.PERMIT2:
        return ""
    return ", through Permit2" + ("" if approval.via is None else f" at {_address(approval.chain, approval.via)}")


def _right(approval: Approval) -> str:
    named = quoted(approval.token.symbol) if harmless(approval.token.symbol) else None
    symbol, collection = named or "this token", f"this collection, {named}," if named else "this collection"
    if approval.allowance.unreadable is not None:
        said = quoted(approval.allowance.unreadable)
        return f"cannot be read (the source says {said}); treat it as unlimited until you know better"
    if approval.kind in (Kind.ERC721_ALL, Kind.ERC1155_ALL):
        return f"may move every NFT of {collection} that the wallet has or will have"
    if approval.kind is Kind.ERC721:
        return f"may move the NFT {approval.token_id} of {named or collection}"
    if approval.operator:
        return f"may move all of {symbol} that the wallet has or will have"
    if approval.unlimited:
        return f"unlimited {symbol}"
    if approval.allowance.raw is None:
        return "not known; treat it as unlimited until you know better"
    if not approval.fungible:
        return f"{_quantity(approval)} of {symbol}"
    known = _decimals(approval) is not None
    return f"{_quantity(approval)} {symbol}" if known else f"{_quantity(approval)} of {symbol} (decimals unknown)"


def _quantity(approval: Approval) -> str:
    raw = approval.allowance.raw
    if approval.allowance.unreadable is not None or (raw is None and not approval.allowance.in_words):
        return "an amount that cannot be read"
    if approval.unlimited or raw is None:
        return "unlimited"
    amount = allowed(approval, _decimals(approval))
    return f"{grouped(raw)} raw units" if amount is None else grouped(plain(amount))


def _decimals(approval: Approval) -> int | None:
    """A token's decimals; one that claims more than an amount can have is not believed."""
    decimals = approval.token.decimals
    return decimals if decimals is not None and 0 <= decimals <= MOST_DECIMALS else None


_PLAIN_CHANGES = {
    ChangeKind.BASELINE: "it was there when the wallet was first read",
    ChangeKind.NEW: "newly granted",
    ChangeKind.RESTORED: "granted again after it had ended",
    ChangeKind.REVOKED: "revoked",
    ChangeKind.EXPIRED: "expired",
}


def changed(change: Change, known: Surroundings = UNKNOWN) -> str:
    """What happened to the approval, and when that was seen."""
    said = _PLAIN_CHANGES.get(change.kind)
    if said is None:
        before = None if change.before is None else known.counted(change.before)
        said = _moved(replace(change, before=before, after=known.counted(change.after)))
    return f"{said}, seen {moment(change.at)}"


def _moved(change: Change) -> str:
    before, after = change.before, change.after
    if change.kind is ChangeKind.STATUS:
        was = "" if before is None else f"from {before.status} "
        return f"its state went {was}to {after.status}"
    verb = "raised" if change.kind is ChangeKind.INCREASED else "lowered"
    was = "" if before is None else f"from {_quantity(before)} "
    return f"{verb} {was}to {_quantity(after)}"
