"""One row as an approval: the far side's contradictions are settled here, and nothing is dropped for them.

Texts from outside are cut here, and made harmless where they are shown.
"""

import re
from enum import Flag, auto

import msgspec

from scanner.domain.addresses import BadAddressError, is_evm, normal_address
from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Spender, Status, Target, Token
from scanner.domain.chains import Chain, Family
from scanner.okx.shapes import LONGEST_TEXT, short_text
from scanner.sources.okx_wire import Row

__all__ = ["Flaw", "allowance_of", "approval_of"]

_DIGITS = re.compile(r"[0-9]{1,100}")

# What is not documented may be in force: it counts as granted.
_STATUSES = {1: Status.GRANTED, 2: Status.REVOKING, 3: Status.GRANTING}
_STATUSES_BY_TEXT = {str(number): status for number, status in _STATUSES.items()}


class Flaw(Flag):
    """What is wrong with a row that is kept nevertheless."""

    NONE = 0
    SPENDER = auto()
    TOKEN = auto()


def approval_of(row: Row, target: Target, chain: Chain) -> tuple[Approval, Flaw]:
    """The approval that a row tells of, with `Spender("")` or `Token("")` where an address cannot be told."""
    flaw = Flaw.NONE
    token = _address(row.token, chain)
    if token is None or (row.token is None and row.symbol is None):
        token, flaw = "", Flaw.TOKEN
    spender = _spender(row.spenders, chain)
    if spender is None:
        spender, flaw = "", flaw | Flaw.SPENDER
    approval = Approval(
        chain=target.chain,
        owner=target.owner,
        token=Token(token, _symbol(row.symbol)),
        spender=Spender(spender, _name(row.name)),
        allowance=allowance_of(row.amount),
        status=_status(row.status),
    )
    return approval, flaw


def allowance_of(amount: object) -> Allowance:
    """An amount exactly, however it is written; what cannot be read is kept as the text that it is.

    "unlimited" and -1 are words for all there is. A number with a fraction or an exponent is not an amount in the
    smallest unit, and beyond 2^256-1 there is none.
    """
    if isinstance(amount, str):
        text = amount.strip()
        if _DIGITS.fullmatch(text):
            return _exact(int(text), text)
        if text == "-1" or text.casefold() == "unlimited":
            return Allowance(None, in_words=True)
        return Allowance(None, unreadable=amount[:LONGEST_TEXT])
    if isinstance(amount, int) and not isinstance(amount, bool):
        return Allowance(None, in_words=True) if amount == -1 else _exact(amount, str(amount))
    return Allowance(None, unreadable=msgspec.json.encode(amount).decode()[:LONGEST_TEXT])


def _exact(number: int, text: str) -> Allowance:
    return Allowance(number) if 0 <= number <= UINT256_MAX else Allowance(None, unreadable=text[:LONGEST_TEXT])


def _spender(candidates: tuple[object, ...], chain: Chain) -> str | None:
    """The one address that all fields agree on; None where two differ, one is malformed, or none is there."""
    found = {_address(value, chain) for value in candidates if value not in (None, "")}
    return found.pop() if len(found) == 1 else None


def _address(value: object, chain: Chain) -> str | None:
    """An address in its stored form, "" where there is none, None where it is malformed."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if chain.family is Family.EVM:
        # The far side's own capitals are no checksum.
        return text.lower() if is_evm(text) else None
    try:
        return normal_address(text, chain)
    except BadAddressError:
        return None


def _name(value: object) -> str | None:
    """What the API calls a spender: "" where it says that it has no name, None where it says nothing."""
    return "" if value == "" else short_text(value)


def _symbol(value: object) -> str | None:
    """A symbol is a text in the provider's example and a list of texts in its table."""
    if isinstance(value, list):
        return short_text("/".join(part for part in value if isinstance(part, str)))
    return short_text(value)


def _status(value: object) -> Status:
    if isinstance(value, str):
        return _STATUSES_BY_TEXT.get(value.strip(), Status.GRANTED)
    return _STATUSES.get(value, Status.GRANTED) if isinstance(value, int) else Status.GRANTED
