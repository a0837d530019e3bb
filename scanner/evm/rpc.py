"""JSON-RPC 2.0 as it is written and read: an answer is a result that is still encoded, or a `Fault`.

Every answer is found by its id. What is cut off, missing or of another id is a fault, never a part of the truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec

from scanner.errors import Reason, Trouble
from scanner.evm.faults import Fault, What, judged
from scanner.http import TOO_LARGE, TOO_LATE, Answer, retry_after

__all__ = ["NULL", "Ask", "Result", "read", "written"]

NULL = b"null"

Result: TypeAlias = msgspec.Raw | Fault


@dataclass(frozen=True, slots=True)
class Ask:
    """One method with its parameters."""

    method: str
    params: Sequence[Any] = ()


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"")
    error: Any = None


_decode_one = msgspec.json.Decoder(_Reply).decode
_decode_many = msgspec.json.Decoder(list[_Reply]).decode


def written(asks: Sequence[Ask], first_id: int) -> bytes:
    """The body of a request: one object, or a batch where there are several. Ids count on from `first_id`."""
    bodies = [
        {"jsonrpc": "2.0", "id": first_id + place, "method": ask.method, "params": ask.params}
        for place, ask in enumerate(asks)
    ]
    return msgspec.json.encode(bodies[0] if len(bodies) == 1 else bodies)


def _failure(trouble: Trouble, redacted: Callable[[str], str]) -> Fault:
    """What it means that there is no answer."""
    said = redacted(trouble.message)
    if trouble.code == TOO_LARGE:
        return Fault(What.RANGE, said)
    if trouble.code == TOO_LATE:
        return Fault(What.LATE, said)
    return Fault(What.NONSENSE if trouble.reason is Reason.PROTOCOL else What.UNAVAILABLE, said)


def read(
    answer: Answer | Trouble, asks: Sequence[Ask], first_id: int, *, now: float, redacted: Callable[[str], str]
) -> list[Result] | Fault:
    """What was answered to each, in their order; one fault where it speaks of all of them.

    `now` is in seconds since 1970. `redacted` takes secrets out of what is told to people.
    """
    if isinstance(answer, Trouble):
        return _failure(answer, redacted)
    wait = retry_after(answer.headers.get("retry-after"), now)
    replies = _opened(answer.body, many=len(asks) > 1)
    if answer.status == 429:
        return Fault(What.LIMITED, "answered HTTP 429: too many requests", wait)
    if isinstance(replies, _Reply) and replies.error is not None and _speaks_of(replies, asks, first_id):
        fault = _erred(replies.error, asks[0].method, wait, redacted)
        if fault.what is What.REVERTED:  # one call's answer is not that of the others
            return [fault] if len(asks) == 1 else replace(fault, what=What.BATCH)
        if fault.what is not What.REJECTED or answer.status == 200:
            return fault
    if answer.status != 200:
        return _by_status(answer.status, wait)
    if isinstance(replies, Fault):
        return replies
    if isinstance(replies, _Reply):
        if len(asks) > 1:
            return Fault(What.BATCH, "answered a batch with a single answer")
        replies = [replies]
    return _sorted(replies, asks, first_id, wait, redacted)


def _speaks_of(reply: _Reply, asks: Sequence[Ask], first_id: int) -> bool:
    """Whether an error is about what was asked: one object may stand for a whole batch, whatever its id is."""
    return len(asks) > 1 or reply.id is None or _place(reply.id, first_id) == 0


def _opened(body: bytes, *, many: bool) -> list[_Reply] | _Reply | Fault:
    start = body.lstrip()[:1]
    try:
        if many and start == b"[":
            return _decode_many(body)
        return _decode_one(body)
    except msgspec.ValidationError:
        return Fault(What.NONSENSE, "answered in another shape than JSON-RPC")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if start == b"<":
            return Fault(What.NONSENSE, "answered with an HTML page")
        return Fault(What.NONSENSE, "gave an answer that breaks off or is no JSON")


def _sorted(
    replies: Sequence[_Reply],
    asks: Sequence[Ask],
    first_id: int,
    wait: float | None,
    redacted: Callable[[str], str],
) -> list[Result] | Fault:
    """Each reply to its request. An answer that nobody asked for, or a second one, makes all of them doubtful."""
    told: dict[int, _Reply] = {}
    for reply in replies:
        place = _place(reply.id, first_id)
        if place is None or place >= len(asks) or place in told:
            return Fault(What.NONSENSE, "gave an answer with an id that was not asked, or twice")
        told[place] = reply
    return [_result(told.get(place), ask, wait, redacted) for place, ask in enumerate(asks)]


def _place(told: int | str | None, first_id: int) -> int | None:
    """Which request an id stands for. Some nodes give numbers back as texts."""
    if isinstance(told, str):
        told = int(told) if told.isdecimal() and told.isascii() else None
    return None if told is None or told < first_id else told - first_id


def _result(reply: _Reply | None, ask: Ask, wait: float | None, redacted: Callable[[str], str]) -> Result:
    if reply is None:
        return Fault(What.NONSENSE, "left out the answer to a request of a batch")
    if reply.error is not None:
        return _erred(reply.error, ask.method, wait, redacted)
    if not bytes(memoryview(reply.result)[:1]):
        return Fault(What.NONSENSE, "gave an answer with neither a result nor an error")
    return reply.result


def _erred(error: Any, method: str, wait: float | None, redacted: Callable[[str], str]) -> Fault:
    if not isinstance(error, dict):
        return _waiting(judged(method, None, redacted(error) if isinstance(error, str) else ""), wait)
    code, words, data = error.get("code"), error.get("message"), error.get("data")
    told = [text for text in (words, data) if isinstance(text, str) and not text.startswith("0x")]
    return _waiting(
        judged(
            method,
            code if isinstance(code, int) else None,
            redacted(": ".join(told)),
            data=isinstance(data, str) and data.startswith("0x"),
        ),
        wait,
    )


def _waiting(fault: Fault, wait: float | None) -> Fault:
    return fault if wait is None else replace(fault, retry_after=wait)


def _by_status(status: int, wait: float | None) -> Fault:
    said = f"answered HTTP {status}"
    if 300 <= status < 400:
        return Fault(What.REFUSED, f"{said}: it redirects, and redirects are not followed")
    if status in (401, 402, 403):
        return Fault(What.REFUSED, f"{said}: the key, the plan or this machine's address is refused", wait)
    if status in (404, 405, 410):
        return Fault(What.REFUSED, f"{said}: there is no such endpoint", wait)
    if status == 413:
        return Fault(What.RANGE, f"{said}: too much was asked for", wait)
    return Fault(What.REJECTED if 400 <= status < 500 and status != 408 else What.UNAVAILABLE, said, wait)
