"""How an attempt to send ended, decided from what was heard; and when the next one is due."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from scanner.delivery.manners import ANY, Manner
from scanner.domain.alerts import Severity
from scanner.domain.hostile import printable
from scanner.domain.messages import Claim, Outcome, Result

__all__ = ["Heard", "moved_to", "next_attempt", "verdict"]

# The first pause and the longest. One more try after an unknown end may be one more copy before somebody's eyes.
PAUSES = {
    Result.TRANSIENT: (timedelta(seconds=2), timedelta(minutes=5)),
    Result.RATE_LIMITED: (timedelta(seconds=2), timedelta(minutes=5)),
    Result.UNKNOWN: (timedelta(seconds=10), timedelta(hours=1)),
    Result.PERMANENT: (timedelta(minutes=1), timedelta(hours=1)),
}
LONGEST_WISH = timedelta(days=1)
LONGEST_SAID = 200

_BROKEN_OFF = {
    "SMTPNotSupportedError": "the mail server offers no TLS, or no login over it: check the port and mode in the URL",
    "SSLCertVerificationError": "the mail server's certificate is not valid for its name: check the name in the URL",
}

# Of several bad ends the first of these decides: it asks for the most care.
_WORST_FIRST = (Result.UNKNOWN, Result.RATE_LIMITED, Result.TRANSIENT, Result.PERMANENT)

MOST_NAMED = 5
"""Addressees that are named of those that did not take a message."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One request and what came back. `code` is None where nothing did; `sent` says whether the request went out.

    `mail` tells SMTP from HTTP; `retry_after` is that header's text; `carries` says whether the request held the
    message, or something that a plugin asks around it; `to` is for whom it was: of mail, it stands with the end of
    the whole handing over, not with the single replies before that.
    """

    code: int | None
    text: str = ""
    mail: bool = False
    sent: bool = True
    retry_after: str = ""
    carries: bool = True
    to: str = ""


def verdict(
    *,
    accepted: bool,
    heard: Sequence[Heard],
    now: datetime,
    manner: Manner = ANY,
    clean: Callable[[str], str] = str,
) -> Outcome:
    """How it ended, given what apprise made of it and what was heard on the wire.

    `manner` is how the service behaves; `clean` takes secrets out of what it said. A message with several addressees
    of which only some took it may have arrived: the others are named.
    """
    told = _telling(heard)
    if not told:
        return Outcome(Result.DELIVERED) if accepted else Outcome(Result.TRANSIENT, "the service did not take it")
    ends = [(one.to, _end(one, manner, now, clean)) for one in told]
    bad = [(to, end) for to, end in ends if end.result is not Result.DELIVERED]
    if not bad:
        return Outcome(Result.DELIVERED) if accepted else Outcome(Result.UNKNOWN, "answered in an unexpected way")
    _, worst = min(bad, key=lambda end: _WORST_FIRST.index(end[1].result))
    if len(bad) < len(ends):
        return Outcome(Result.UNKNOWN, f"arrived in part; {_named(bad)}", worst.retry_after)
    return Outcome(worst.result, _named(bad), worst.retry_after) if len(bad) > 1 else worst


def _telling(heard: Sequence[Heard]) -> Sequence[Heard]:
    """What decides: the requests that carried the message, if there are any; of a mail session that came to nothing
    before anything was handed over, its last refusal."""
    if any(one.mail for one in heard):
        return [one for one in heard if one.mail and one.to] or [_refusal(heard)]
    return [one for one in heard if one.carries] or heard


def _refusal(session: Sequence[Heard]) -> Heard:
    broken = Heard(None, "the connection broke off", mail=True, sent=False)
    bad = (one for one in reversed(session) if one.code is None or one.code >= 400)
    return next(bad, broken)


def _named(bad: Sequence[tuple[str, Outcome]]) -> str:
    """What each addressee that did not take it met; what several met alike is said once."""
    met: dict[str, list[str]] = {}
    for to, end in bad:
        met.setdefault(end.detail, []).append(to)
    return "; ".join(": ".join(filter(None, [_some(names), detail])) for detail, names in met.items())


def _some(names: Sequence[str]) -> str:
    known = [name for name in names if name]
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return ", ".join(known[:MOST_NAMED]) + more


def _end(one: Heard, manner: Manner, now: datetime, clean: Callable[[str], str]) -> Outcome:
    return _mail(one, manner, clean) if one.mail else _http(one, manner, now, clean)


def _http(one: Heard, manner: Manner, now: datetime, clean: Callable[[str], str]) -> Outcome:
    if one.code is None:
        if not one.sent:
            return Outcome(Result.TRANSIENT, f"could not connect ({_cut(one.text)})")
        return Outcome(Result.UNKNOWN, f"sent, but no answer came ({_cut(one.text)})")
    answer = _object(one.text)
    if manner.strict and one.code == 200 and answer is None:
        return Outcome(Result.TRANSIENT, "answered 200, but not as this service does: is there a proxy on the way?")
    code = one.code
    if manner.strict and answer is not None and code < 300 and answer.get("ok") is not True:
        code = _number(answer.get("error_code")) or manner.errors.get(str(answer.get("error")), 400)
    result = _of_status(code)
    if result is Result.DELIVERED:
        return Outcome(result)
    said = _said(one.text, answer)
    helps = manner.remedy(code, said) if result is Result.PERMANENT else ""
    return Outcome(result, _sentences(f"answered {code}{clean(said)}", helps), _wish(one, answer, now))


def _sentences(first: str, second: str) -> str:
    return f"{first.rstrip('.')}. {second}" if second else first


def _of_status(code: int) -> Result:
    if 200 <= code < 300:
        return Result.DELIVERED
    if code == 429:
        return Result.RATE_LIMITED
    if code == 504:  # a gateway that did not wait for the service, which may have taken it
        return Result.UNKNOWN
    return Result.TRANSIENT if code >= 500 or code in (408, 425) else Result.PERMANENT


def _mail(one: Heard, manner: Manner, clean: Callable[[str], str]) -> Outcome:
    """The end of handing a mail over to one addressee, or of a session that did not come so far."""
    if one.code is None:
        if one.sent:
            return Outcome(Result.UNKNOWN, "the mail was handed over, but its receipt was not confirmed")
        return Outcome(
            Result.TRANSIENT, _BROKEN_OFF.get(one.text, f"could not talk to the mail server ({_cut(one.text)})")
        )
    if one.code == 250:
        return Outcome(Result.DELIVERED)
    said = f"the mail server said {one.code} {_cut(clean(one.text))}"
    # 500 to 504 before a mail was handed over are about a command, which a client may do without.
    if one.code < (500 if one.to else 505):
        return Outcome(Result.TRANSIENT, said)
    return Outcome(Result.PERMANENT, _sentences(said, manner.remedy(one.code, f"{one.code} {one.text}")))


def moved_to(one: Heard) -> int | None:
    """The chat that took the place of the one addressed, where Telegram says that there is one."""
    answer = _object(one.text)
    parameters = None if answer is None else answer.get("parameters")
    return _number(parameters.get("migrate_to_chat_id")) if isinstance(parameters, dict) else None


def _wish(one: Heard, answer: dict[str, Any] | None, now: datetime) -> timedelta | None:
    """How long the service asks to be left alone, where it does."""
    parameters = answer.get("parameters") if answer is not None else None
    seconds = _number(parameters.get("retry_after")) if isinstance(parameters, dict) else None
    if seconds is None and one.retry_after:
        seconds = _number(one.retry_after)
        if seconds is None:
            seconds = _until(one.retry_after, now)
    return None if seconds is None else min(timedelta(seconds=max(0, seconds)), LONGEST_WISH)


def _until(date: str, now: datetime) -> int | None:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    return int((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()) + 1


def _number(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _said(text: str, answer: dict[str, Any] | None) -> str:
    words = text if answer is None else str(answer.get("description") or answer.get("error") or "")
    return f": {_cut(words)}" if words and "<" not in words else ""


def _cut(text: str) -> str:
    return printable(" ".join(text.split()))[:LONGEST_SAID]


def next_attempt(
    claim: Claim, outcome: Outcome, now: datetime, jitter: float, give_up_after: timedelta
) -> datetime | None:
    """When to try again, or None to give the message up.

    The pauses double up to a limit, within which `jitter` (from 0 to 1) spreads them; what the service asks for
    counts if it is longer. A critical message is never given up; any other is when it is older than `give_up_after`:
    also what is refused for good is taken once somebody has mended what it is refused for.
    """
    if claim.severity is not Severity.CRITICAL and now - claim.created_at >= give_up_after:
        return None
    first, longest = PAUSES[outcome.result]
    pause = min(first * 2.0 ** min(claim.attempt - 1, 20), longest) * (0.5 + jitter / 2)
    return now + max(pause, outcome.retry_after or timedelta())
