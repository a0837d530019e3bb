"""What an exchange's answer says: typed data, exact amounts, or why there is none. No failure is "nothing there"."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from scanner.context.exchanges.accounts import Access
from scanner.domain.holdings import EXACT
from scanner.domain.hostile import harmless, quoted
from scanner.errors import Reason, Trouble
from scanner.http import Answer

__all__ = ["Verdict", "added", "amount_of", "by_code", "by_status", "decoded", "held", "misshapen"]

T = TypeVar("T")

Verdict = tuple[Reason, str]
"""What a code means: the reason, and the same in words."""

_AMOUNT = re.compile(rb'"?([0-9]{1,60}(?:\.[0-9]{1,60})?(?:[eE][+-]?[0-9]{1,2})?)"?')

_STATUSES: Mapping[int, Verdict] = {
    401: (Reason.REFUSED_KEY, "the key is refused"),
    403: (Reason.REFUSED_KEY, "the key or this machine's address is refused"),
    404: (Reason.BAD_REQUEST, "there is no such endpoint"),
    405: (Reason.BAD_REQUEST, "there is no such endpoint"),
    410: (Reason.BAD_REQUEST, "there is no such endpoint any more"),
    429: (Reason.RATE_LIMITED, "too many requests for this key"),
    451: (Reason.REGION, "the service is not offered in this region"),
}


_BUSY = (Reason.UNAVAILABLE, "the service is not available")
_UNKNOWN = (Reason.PROTOCOL, "nothing is known about this")


def decoded(decode: Callable[[bytes], T], answer: Answer, exchange: str) -> T | Trouble:
    """The answer in its documented shape, or what it is instead."""
    try:
        return decode(answer.body)
    except msgspec.ValidationError:
        return misshapen(exchange, "gave an answer of another shape than documented")
    except (msgspec.DecodeError, ValueError):
        page = answer.body.lstrip()[:1] == b"<"
        said = "answered with an HTML page instead of data" if page else "gave an answer that is no JSON"
        return misshapen(exchange, said)
    except RecursionError:
        return misshapen(exchange, "gave an answer that is nested too deeply")


def misshapen(exchange: str, said: str) -> Trouble:
    """The trouble with an answer that makes no sense."""
    return Trouble(Reason.PROTOCOL, f"{exchange} {said}")


def by_code(
    codes: Mapping[str, Verdict], code: str, words: object, answer: Answer, exchange: str, access: Access
) -> Trouble:
    """The trouble that a code stands for, or else the status that it came with.

    What the exchange says besides is quoted, unless a secret is in it.
    """
    reason, meaning = codes.get(code) or _of_status(answer.status) or _UNKNOWN
    said = f" ({quoted(words)})" if isinstance(words, str) and words.strip() and not access.in_text(words) else ""
    shown = harmless(code) or "?"
    return Trouble(reason, f"{exchange} answered code {shown}{said}: {meaning}", code=shown)


def by_status(answer: Answer, exchange: str) -> Trouble | None:
    """The trouble that an HTTP status stands for; None for 200."""
    if answer.status == 200:
        return None
    reason, meaning = _of_status(answer.status) or _UNKNOWN
    return Trouble(reason, f"{exchange} answered HTTP {answer.status}: {meaning}", code=f"http-{answer.status}")


def _of_status(status: int) -> Verdict | None:
    return _STATUSES.get(status) or (_BUSY if status >= 500 else None)


def amount_of(raw: msgspec.Raw) -> Decimal | None:
    """A number as it was written, as a text or not, to its last digit; None where it is none, or beyond all reason."""
    found = _AMOUNT.fullmatch(bytes(raw))
    return Decimal(found[1].decode()) if found else None


def held(rows: Mapping[str, Decimal | None]) -> dict[str, Decimal | None]:
    """The currencies of which there is something, or of which that is not known."""
    return {currency: amount for currency, amount in rows.items() if amount is None or amount}


def added(*parts: Decimal | None) -> Decimal | None:
    """Parts of an amount added up, exactly; None where one of them is not known."""
    whole = Decimal(0)
    for part in parts:
        if part is None:
            return None
        whole = EXACT.add(whole, part)
    return whole
