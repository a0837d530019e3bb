"""What an answer means: its data, or a `Trouble` from the provider's table of error codes.

Classified by code first and by HTTP status second: the provider answers HTTP 200 for nearly all of its errors. Data
that are missing are an error, never "nothing there".
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from scanner.domain.hostile import harmless, quoted
from scanner.errors import Reason, Trouble

__all__ = ["Reply", "judge"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it came: `retry_after` in seconds, `date` the far side's clock in seconds since 1970."""

    status: int
    body: bytes
    retry_after: float | None = None
    date: float | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A row of the table: what a code means, what to do, whether to retry, whether the whole source is at fault."""

    reason: Reason
    said: str
    hint: str = ""
    retry: bool = False
    whole: bool = False


_KEY = "Look at source.okx.key (OKX_API_KEY)"
_SECRET = "Look at source.okx.secret (OKX_SECRET_KEY): it has to be the one that belongs to the key"  # noqa: S105 - words
_PASSPHRASE = "Look at source.okx.passphrase (OKX_API_PASSPHRASE)"  # noqa: S105 - words
_ADDRESSES = "Add this machine's address to the key's list of allowed addresses, or use another source.okx.key"
_RIGHTS = "Give the key (source.okx.key, OKX_API_KEY) the right to read"
_ALL_PARTS = (
    "Look at source.okx.key, secret, passphrase and project "
    "(OKX_API_KEY, OKX_SECRET_KEY, OKX_API_PASSPHRASE, OKX_PROJECT_ID)"
)
_BASE_URL = "Look at source.okx.base_url and source.okx.approvals_path"
_CLOCK = "Set this machine's clock, by NTP for example"
_LATER = "It is tried again at the next scan"

_BUSY = _Verdict(Reason.UNAVAILABLE, "the service is not available", _LATER, retry=True, whole=True)
_TOO_FAST = _Verdict(
    Reason.RATE_LIMITED,
    "too many requests for this key",
    "Lower source.okx.requests_per_second, or use a key of its own",
    retry=True,
    whole=True,
)
_STALE = _Verdict(Reason.CLOCK, "the time of the request is not accepted", _CLOCK, whole=True)
_WRONG = _Verdict(
    Reason.BAD_REQUEST, "it does not accept the request", "Look at source.okx.api and source.okx.approvals_path"
)
_UNFIT = _Verdict(
    Reason.NOT_COVERED, "the chain is not supported, or the address does not fit it", "Look at the wallet's chains"
)
_REGION = _Verdict(Reason.REGION, "the service is not offered in this region", "Ask the provider", whole=True)
_QUOTA = _Verdict(Reason.QUOTA, "the quota is used up or a payment is due", "Look at the key's plan", whole=True)
_UNKNOWN = _Verdict(Reason.PROTOCOL, "nothing is known about this code", _LATER)


def _refused(said: str, hint: str) -> _Verdict:
    return _Verdict(Reason.REFUSED_KEY, said, hint, whole=True)


_CODES: dict[str, _Verdict] = {
    **dict.fromkeys(("50001", "50004", "50013", "50026"), _BUSY),
    "50011": _TOO_FAST,
    "81159": _Verdict(Reason.CACHING, "the data are still being collected", _LATER, retry=True),
    "81451": _Verdict(Reason.NODE_FAILED, "the provider's node for the chain failed", _LATER, retry=True),
    **dict.fromkeys(("50102", "50112"), _STALE),
    "50030": _refused("the key has no right to read this", _RIGHTS),
    "50100": _refused("the key is frozen", _KEY),
    "50103": _refused("the key is missing", _KEY),
    "50104": _refused("the passphrase is missing", _PASSPHRASE),
    "50105": _refused("the passphrase is wrong", _PASSPHRASE),
    "50106": _refused("the signature is missing", _SECRET),
    "50107": _refused("the time of the request is missing", _ALL_PARTS),
    "50110": _refused("this machine's address is not allowed to use the key", _ADDRESSES),
    "50111": _refused("the key is not valid", _KEY),
    "50113": _refused("the signature is not accepted", _SECRET),
    "50119": _refused("the key does not exist", _KEY),
    "50121": _refused("this machine's address is not allowed to use the key", _ADDRESSES),
    **dict.fromkeys(("50000", "50002", "50006", "50014", "50015", "50016", "51000", "81001"), _WRONG),
    **dict.fromkeys(("81104", "81150", "81157", "81108", "81105", "81353"), _UNFIT),
    "81106": _Verdict(Reason.BAD_REQUEST, "it wants the address in lower case", "Look at how the wallet is written"),
    "81107": _Verdict(Reason.BAD_REQUEST, "there are too many addresses in one request"),
    **dict.fromkeys(("80001", "50125", "50047"), _REGION),
}

_STATUSES: dict[int, _Verdict] = {
    401: _refused("the key is refused", _ALL_PARTS),
    402: _QUOTA,
    403: _refused("the key or this machine's address is refused", f"{_ALL_PARTS}, and at the key's allowed addresses"),
    404: _Verdict(Reason.BAD_REQUEST, "there is no such endpoint", _BASE_URL, whole=True),
    405: _Verdict(Reason.BAD_REQUEST, "there is no such endpoint", _BASE_URL, whole=True),
    408: _BUSY,
    410: _Verdict(Reason.BAD_REQUEST, "there is no such endpoint any more", _BASE_URL, whole=True),
    429: _TOO_FAST,
    451: _REGION,
}


class _Envelope(msgspec.Struct):
    code: str | int | None = None
    msg: Any = None
    data: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(_Envelope).decode

# A stranger chooses the names in an answer, and half a surrogate pair or a bare control character in one of them would
# make all of it unreadable. Outside of a string every control character is a blank.
_BLANKED = bytes.maketrans(bytes(range(32)), b" " * 32)
_ESCAPED = re.compile(
    rb"\\\\"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def judge(reply: Reply) -> msgspec.Raw | Trouble:
    """The `data` of an answer, a list that is still encoded, or why there is none."""
    if 300 <= reply.status < 400:
        said = f"OKX redirects to {quoted(reply.location)}, and redirects are not followed"
        return Trouble(Reason.BAD_REQUEST, said, _BASE_URL, whole_source=True, code=f"http-{reply.status}")
    envelope = _open(reply.body)
    if not isinstance(envelope, Trouble) and envelope.code is not None and str(envelope.code) != "0":
        return _by_code(str(envelope.code), envelope.msg, reply)
    if reply.status != 200:
        return _by_status(reply)
    if isinstance(envelope, Trouble):
        return envelope
    if envelope.code is None:
        return _misshapen("OKX gave an answer without a code")
    if bytes(memoryview(envelope.data)[:1]) != b"[":
        return _misshapen("OKX answered code 0 without a list of data")
    return envelope.data


def _open(body: bytes) -> _Envelope | Trouble:
    """The envelope of an answer. A body that is not JSON may be a mishap on the way, so that it is asked for again."""
    try:
        return _decode(_mended(body))
    except msgspec.ValidationError:
        return _misshapen("OKX gave an answer of another shape than documented")
    except msgspec.DecodeError:
        return _unreadable(body)
    except RecursionError:
        return _misshapen("OKX gave an answer that is nested too deeply")


def _mended(body: bytes) -> bytes:
    text = body.translate(_BLANKED).decode(errors="replace").encode()
    if b"\\" not in text:  # the quickest look of all: most answers have none
        return text
    if b"\\ud" not in text and b"\\uD" not in text:
        return text
    return _ESCAPED.sub(lambda found: rb"\ufffd" if found["half"] else found[0], text)


def _unreadable(body: bytes) -> Trouble:
    start = body.lstrip()[:1]
    if start == b"<":
        said = "OKX answered with an HTML page instead of data"
        return Trouble(Reason.PROTOCOL, said, _BASE_URL, retry=True, whole_source=True)
    if not start:
        return Trouble(Reason.PROTOCOL, "OKX gave an empty answer", _LATER, retry=True, whole_source=True)
    return Trouble(Reason.PROTOCOL, "OKX gave an answer that breaks off or is no JSON", _LATER, retry=True)


def _misshapen(said: str) -> Trouble:
    return Trouble(Reason.PROTOCOL, said, _LATER)


def _by_code(code: str, words: object, reply: Reply) -> Trouble:
    # A code of which nothing is known is judged by its status; under 200 it is not retried, and speaks of one target.
    verdict = _CODES.get(code) or _of_status(reply.status) or _UNKNOWN
    shown = harmless(code) or "?"
    told = f" ({quoted(words)})" if isinstance(words, str) and words.strip() else ""
    return _trouble(verdict, f"OKX answered code {shown}{told}: {verdict.said}", shown, reply)


def _by_status(reply: Reply) -> Trouble:
    verdict = _of_status(reply.status)
    if verdict is None:
        return _misshapen(f"OKX answered HTTP {reply.status}, which is not documented")
    return _trouble(verdict, f"OKX answered HTTP {reply.status}: {verdict.said}", f"http-{reply.status}", reply)


def _of_status(status: int) -> _Verdict | None:
    return _STATUSES.get(status) or (_BUSY if status >= 500 else _WRONG if status >= 400 else None)


def _trouble(verdict: _Verdict, message: str, code: str, reply: Reply) -> Trouble:
    return Trouble(
        verdict.reason,
        message,
        verdict.hint,
        retry=verdict.retry,
        whole_source=verdict.whole,
        retry_after=reply.retry_after,
        code=code,
    )
