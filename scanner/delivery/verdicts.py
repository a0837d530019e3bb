"""How an attempt to send ended, decided from what was heard; and when the next one is due."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, Outcome, Result

__all__ = ["GIVE_UP_AFTER", "Heard", "next_attempt", "verdict"]

GIVE_UP_AFTER = timedelta(days=3)
"""So long a message that is not critical is tried."""

# The first pause and the longest. One more try after an unknown end may be one more copy before somebody's eyes.
PAUSES = {
    Result.TRANSIENT: (timedelta(seconds=2), timedelta(minutes=5)),
    Result.RATE_LIMITED: (timedelta(seconds=2), timedelta(minutes=5)),
    Result.UNKNOWN: (timedelta(seconds=10), timedelta(hours=1)),
    Result.PERMANENT: (timedelta(minutes=1), timedelta(hours=1)),
}
LONGEST_WISH = timedelta(days=1)
LONGEST_SAID = 200

# Of several bad ends the first of these decides: it asks for the most care.
_WORST_FIRST = (Result.UNKNOWN, Result.RATE_LIMITED, Result.TRANSIENT, Result.PERMANENT)

# What Slack's own API calls an error that passes, and the status that means the same; any other is final.
_SLACK = {"ratelimited": 429} | dict.fromkeys(("internal_error", "fatal_error", "service_unavailable"), 503)


@dataclass(frozen=True, slots=True)
class Heard:
    """One request and what came back. `code` is None where nothing did; `sent` says whether the request went out.

    `mail` tells SMTP replies from HTTP answers; `retry_after` is that header's text.
    """

    code: int | None
    text: str = ""
    mail: bool = False
    sent: bool = True
    retry_after: str = ""


def verdict(*, accepted: bool, heard: Sequence[Heard], strict: bool, now: datetime) -> Outcome:
    """How it ended, given what apprise made of it and what was heard on the wire.

    `strict` is for services that answer in JSON and put an `ok` into it: anything else is no success, whatever its
    status. A message with several addressees of which only some took it may have arrived.
    """
    if not heard:
        return Outcome(Result.DELIVERED) if accepted else Outcome(Result.TRANSIENT, "the service did not take it")
    ends = [_mail(heard)] if heard[-1].mail else [_http(one, strict, now) for one in heard]
    bad = [end for end in ends if end.result is not Result.DELIVERED]
    if not bad:
        return Outcome(Result.DELIVERED) if accepted else Outcome(Result.UNKNOWN, "answered in an unexpected way")
    worst = min(bad, key=lambda end: _WORST_FIRST.index(end.result))
    if len(bad) < len(ends):
        return Outcome(Result.UNKNOWN, f"arrived in part: {worst.detail}", worst.retry_after)
    return worst


def _http(one: Heard, strict: bool, now: datetime) -> Outcome:
    if one.code is None:
        if not one.sent:
            return Outcome(Result.TRANSIENT, f"could not connect ({_cut(one.text)})")
        return Outcome(Result.UNKNOWN, f"sent, but no answer came ({_cut(one.text)})")
    answer = _object(one.text)
    if strict and one.code == 200 and answer is None:
        return Outcome(Result.TRANSIENT, "answered 200, but not as this service does: is there a proxy on the way?")
    code, said = one.code, _said(one.text, answer)
    if strict and answer is not None and code < 300 and answer.get("ok") is not True:
        code = _number(answer.get("error_code")) or _SLACK.get(str(answer.get("error")), 400)
    return Outcome(_of_status(code), f"answered {code}{said}" if code >= 300 else "", _wish(one, answer, now))


def _of_status(code: int) -> Result:
    if 200 <= code < 300:
        return Result.DELIVERED
    if code == 429:
        return Result.RATE_LIMITED
    if code == 504:  # a gateway that did not wait for the service, which may have taken it
        return Result.UNKNOWN
    return Result.TRANSIENT if code >= 500 or code in (408, 425) else Result.PERMANENT


def _mail(heard: Sequence[Heard]) -> Outcome:
    """An SMTP session: once the text was asked for (354), only the reply to it says whether it was taken."""
    asked = [place for place, one in enumerate(heard) if one.code == 354]
    if asked:
        after = heard[asked[-1] + 1 :]
        if not after or after[0].code is None:
            return Outcome(Result.UNKNOWN, "the mail was handed over, but its receipt was not confirmed")
        if after[0].code == 250:
            return Outcome(Result.DELIVERED)
    refusals = [one for one in heard if one.code is not None and one.code >= 400]
    if not refusals:
        return Outcome(Result.TRANSIENT, "the mail server broke the connection off")
    # 500 to 504 are about a command, which a client may do without; 530 and more about this mail or login.
    last = refusals[-1]
    final = last.code is not None and last.code >= 505
    return Outcome(
        Result.PERMANENT if final else Result.TRANSIENT, f"the mail server said {last.code} {_cut(last.text)}"
    )


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
    return " ".join(text.split())[:LONGEST_SAID]


def next_attempt(claim: Claim, outcome: Outcome, now: datetime, jitter: float) -> datetime | None:
    """When to try again, or None to give the message up.

    The pauses double up to a limit, within which `jitter` (from 0 to 1) spreads them; what the service asks for
    counts if it is longer. A critical message is never given up; any other is when it is refused for good or too old.
    """
    if claim.severity is not Severity.CRITICAL and (
        outcome.result is Result.PERMANENT or now - claim.created_at >= GIVE_UP_AFTER
    ):
        return None
    first, longest = PAUSES[outcome.result]
    pause = min(first * 2.0 ** min(claim.attempt - 1, 20), longest) * (0.5 + jitter / 2)
    return now + max(pause, outcome.retry_after or timedelta())
