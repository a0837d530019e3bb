"""The typed registry of what rules may ask, and the facts of one approval in those terms.

What is not known is absent from the facts, never a stand-in value: a condition that needs it is undecided. A text
that a source leaves out (a name, a token's address) is known to be empty: "".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from scanner.domain.approvals import Approval, Kind, Status, Target
from scanner.domain.chains import CHAINS
from scanner.domain.changes import Change, ChangeKind, Held
from scanner.domain.exposure import allowed
from scanner.domain.hostile import disguised, harmless
from scanner.domain.lists import WARNINGS, Standing
from scanner.domain.report import chain_name
from scanner.domain.surroundings import UNKNOWN, Surroundings

__all__ = [
    "AGES",
    "COUNTS",
    "FIELDS",
    "MONEY",
    "PRICED",
    "Facts",
    "Field",
    "FieldType",
    "ages_began",
    "facts",
    "in_words",
    "lasting_facts",
    "passing_facts",
]

Facts = Mapping[str, object]
"""What is known of one approval, by field name."""


class FieldType(StrEnum):
    """What sort of value a field has, in the words that messages and the documentation use."""

    TRUTH = "true or false"
    TEXT = "text"
    TEXTS = "list of texts"
    COUNT = "whole number"
    NUMBER = "number"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a rule may ask. `unknown` says when it is absent, "" if it never is.

    `choices` are all the texts that it can be, where there are only so many.
    """

    name: str
    type: FieldType
    meaning: str
    unknown: str = ""
    choices: tuple[str, ...] = ()


_T = FieldType
_BALANCES = "until the balance is read"
_PRICES = "if the source gives no price"
_WARNINGS = ", ".join(f"`{label}`" for label in sorted(WARNINGS))

FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("chain.name", _T.TEXT, "The chain's name, such as `ethereum`", "", tuple(c.name for c in CHAINS)),
        Field("chain.index", _T.TEXT, "The provider's number of the chain, as text, such as `56`"),
        Field("owner.address", _T.TEXT, "Who granted the approval"),
        Field("owner.label", _T.TEXT, "Your own name for the owner; empty where you gave none"),
        Field("owner.tags", _T.TEXTS, "Your own tags of the owner"),
        Field("token.address", _T.TEXT, "The token's contract; empty where the source gives none"),
        Field("token.symbol", _T.TEXT, "The token's symbol, unverified; empty where the source gives none"),
        Field(
            "token.symbol_disguised",
            _T.TRUTH,
            "Whether the symbol hides something: Latin letters beside Cyrillic or Greek ones, or invisible characters",
        ),
        Field("token.labels", _T.TEXTS, "What your lists say of the token's contract"),
        Field("token.warned", _T.TRUTH, "Whether a list warns of the token's contract, with a label as for spenders"),
        Field("spender.address", _T.TEXT, "Who may take; empty where the source contradicts itself or is silent"),
        Field("spender.name", _T.TEXT, "What the source calls the spender, unverified; empty where it has no name"),
        Field("spender.labels", _T.TEXTS, "What your lists say of the spender, such as `known` or `exploited`"),
        Field("spender.trusted", _T.TRUTH, "Whether a list calls the spender `trusted` and none calls it `exploited`"),
        Field("spender.warned", _T.TRUTH, f"Whether a list warns of the spender: {_WARNINGS}"),
        Field("spender.approvals", _T.COUNT, "How many stored approvals in force the spender has", "if not counted"),
        Field("spender.owners", _T.COUNT, "How many of your owners have approved the spender", "if not counted"),
        Field("allowance.readable", _T.TRUTH, "Whether the amount could be read"),
        Field(
            "allowance.unlimited", _T.TRUTH, "Whether no holder could ever use it up", "if the amount cannot be read"
        ),
        Field(
            "allowance.amount",
            _T.NUMBER,
            "How much, in token units",
            "if the token's decimals are not known, the amount cannot be read, or was only called unlimited",
        ),
        Field(
            "approval.status",
            _T.TEXT,
            "What the source says of the approval's transaction",
            "",
            tuple(status.value for status in Status),
        ),
        Field("approval.kind", _T.TEXT, "The standard that defines the right", "", tuple(kind.value for kind in Kind)),
        Field(
            "approval.age",
            _T.DURATION,
            "How long it has been in force: since its grant, or since first sight where that time is not known",
        ),
        Field("approval.unchanged_for", _T.DURATION, "How long since its amount or status last changed"),
        Field(
            "approval.operator",
            _T.TRUTH,
            "Whether it gives away everything that the owner has or will have of a contract, whatever the amounts",
        ),
        Field(
            "approval.final",
            _T.TRUTH,
            "Whether the block that shows it cannot be reorganised away any more; always so of what an API tells",
        ),
        Field("approval.expires", _T.TRUTH, "Whether it ends by itself one day"),
        Field("approval.expires_in", _T.DURATION, "How long until it ends by itself", "if it does not"),
        Field(
            "change.kind", _T.TEXT, "What happened; for rules with `on`", "", tuple(kind.value for kind in ChangeKind)
        ),
        Field(
            "change.was_unlimited",
            _T.TRUTH,
            "Whether the allowance was unlimited before the change; for rules with `on`",
            "if the approval was not watched before, or its amount could not be read then",
        ),
        Field(
            "change.was_status",
            _T.TEXT,
            "The approval's status before the change; for rules with `on`",
            "if there was none before, or the approval was not watched",
            tuple(status.value for status in Status),
        ),
        Field("balance.amount", _T.NUMBER, "What the owner holds of the token, in token units", _BALANCES),
        Field("token.price_usd", _T.NUMBER, "The price of one token unit, in US dollars", _PRICES),
        Field(
            "token.risk",
            _T.TRUTH,
            "Whether the source calls the token a scam or a honeypot",
            "until the source says something of the token",
        ),
        Field(
            "exposure.usd",
            _T.NUMBER,
            "What could be taken today, in US dollars: the smaller of allowance and balance, times the price",
            "if a part of that is not known, and nothing else makes it 0",
        ),
        Field(
            "exposure.real_usd",
            _T.NUMBER,
            "The same, but 0 where the source calls the token a scam or a honeypot, since anybody can invent its price",
            "where `exposure.usd` is, unless the token is called a scam",
        ),
        Field(
            "exposure.first_usd",
            _T.NUMBER,
            "What could be taken when that was first known after the approval last changed, in US dollars",
            "until it is known once",
        ),
        Field(
            "allowance.covers_balance",
            _T.TRUTH,
            "Whether the allowance reaches the whole balance",
            "until the balance is read, and if it cannot be held against the allowance",
        ),
    )
}
"""Every field by name. Source of the meanings: the approvals API, the user's configuration and lists."""

COUNTS = frozenset({"spender.approvals", "spender.owners"})
"""The fields that another wallet's approvals can move."""

AGES = frozenset({"approval.age", "approval.unchanged_for", "approval.expires_in"})
"""The fields that time alone moves."""

PRICED = frozenset({"token.price_usd", "exposure.usd", "exposure.real_usd"})
"""The fields that a price alone moves."""

MONEY = PRICED | {
    *("balance.amount", "token.risk", "allowance.amount", "allowance.covers_balance", "exposure.first_usd")
}
"""The fields that a reading of balances can move."""

_WITHOUT_AMOUNT = frozenset({Kind.ERC721, Kind.ERC721_ALL, Kind.ERC1155_ALL, Kind.ERC777})


def facts(
    held: Held,
    *,
    target: Target,
    spender_approvals: int | None,
    spender_owners: int | None,
    at: datetime,
    change: Change | None = None,
    beside: Surroundings = UNKNOWN,
) -> dict[str, object]:
    """What is known of one approval at a time, by field name; what is not known is absent.

    `target` carries the user's label and tags, `beside` what balances and lists add. `change` is given when an event is
    judged. Exact numbers become floating point here, and here alone: rules compare, they do not account. Texts are the
    true ones, as strangers wrote them, not made harmless.
    """
    return {
        **lasting_facts(beside.counted(held.approval), target, beside.spender, beside.token, change),
        **passing_facts(held, beside, spender_approvals, spender_owners, at),
    }


def lasting_facts(
    approval: Approval, target: Target, spender: Standing, token: Standing, change: Change | None
) -> dict[str, object]:
    """Those of `facts` that stand as long as an approval, its names, and what lists say of them; it is `counted`."""
    labels = [_text(label) for label in spender.labels]
    return _known(
        {
            "chain.name": chain_name(approval.chain),
            "chain.index": approval.chain,
            "owner.address": _text(approval.owner),
            "owner.label": _text(target.label),
            "owner.tags": [_text(tag) for tag in target.tags],
            "token.address": _text(approval.token.address),
            "token.symbol": _text(approval.token.symbol),
            "token.symbol_disguised": disguised(approval.token.symbol),
            "token.labels": [_text(label) for label in token.labels],
            "token.warned": not WARNINGS.isdisjoint(token.labels),
            "spender.address": _text(approval.spender.address),
            "spender.name": _text(approval.spender.name),
            "spender.labels": labels,
            "spender.trusted": "trusted" in labels and "exploited" not in labels,
            "spender.warned": not WARNINGS.isdisjoint(labels),
            "allowance.readable": _readable(approval),
            "allowance.unlimited": approval.unlimited,
            "allowance.amount": _number(allowed(approval, approval.token.decimals)),
            "approval.status": approval.status.value,
            "approval.kind": approval.kind.value,
            "approval.operator": approval.operator,
            "approval.final": approval.final,
            "approval.expires": approval.expires_at is not None,
            "change.kind": None if change is None else change.kind.value,
            "change.was_unlimited": None if change is None else _was_unlimited(change),
            "change.was_status": None if change is None or change.before is None else change.before.status.value,
        }
    )


def passing_facts(
    held: Held, beside: Surroundings, spender_approvals: int | None, spender_owners: int | None, at: datetime
) -> dict[str, object]:
    """Those of `facts` that money, other approvals of the spender, and time move."""
    at_stake = beside.exposure
    return _known(
        {
            "spender.approvals": spender_approvals,
            "spender.owners": spender_owners,
            "token.price_usd": _number(at_stake.price_usd),
            "token.risk": at_stake.risk,
            "allowance.covers_balance": at_stake.covers_balance,
            "balance.amount": _number(at_stake.balance),
            "exposure.usd": _number(at_stake.usd),
            "exposure.real_usd": _number(at_stake.real_usd),
            "exposure.first_usd": _number(beside.worth_at_first),
            "approval.expires_in": None if held.approval.expires_at is None else _since(at, held.approval.expires_at),
            **{name: _since(began, at) for name, began in ages_began(held).items()},
        }
    )


def _known(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if value is not None}


def ages_began(held: Held) -> dict[str, datetime]:
    """Since when each of the `AGES` of an approval that grow is counted."""
    return {"approval.age": held.approval.granted_at or held.since, "approval.unchanged_for": held.changed_at}


def _text(text: str | None) -> str:
    """The text as CEL can take it (no lone surrogates); "" where nothing of it would be visible."""
    if text is None:
        return ""
    if text.isascii():
        return text if text.strip() else ""
    return text.encode(errors="replace").decode() if harmless(text) else ""


def _readable(approval: Approval) -> bool:
    allowance = approval.allowance
    if allowance.unreadable is not None:
        return False
    return allowance.in_words or allowance.raw is not None or approval.kind in _WITHOUT_AMOUNT


def _number(exact: Decimal | None) -> float | None:
    return None if exact is None else float(exact)


def _since(then: datetime, now: datetime) -> timedelta:
    # A clock that was set back makes nothing younger than new; what is over lasts no longer.
    return max(now - then, timedelta(0))


def _was_unlimited(change: Change) -> bool | None:
    if change.before is not None:
        return change.before.unlimited
    # A first reading cannot tell what was before it; otherwise nothing was there.
    return None if change.kind is ChangeKind.BASELINE else False


def in_words(value: object) -> str:
    """A fact for a person: short, and dead where a stranger wrote it."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case float():
            return _number_in_words(value)
        case timedelta():
            return _duration_in_words(value)
        case list():
            return ", ".join(harmless(str(item)) or "nothing visible" for item in value) or "none"
        case _:
            return harmless(str(value)) or "none"


def _number_in_words(number: float) -> str:
    """To six digits, and to the second decimal at least; what is beyond all money only roughly."""
    if abs(number) >= 1e15:
        return f"{number:.3g}"
    return f"{number:,.6g}" if abs(number) < 1e4 else f"{number:,.2f}".removesuffix(".00")


def _duration_in_words(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size or size == 1:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    raise AssertionError(duration)  # pragma: no cover - the last unit always fits
