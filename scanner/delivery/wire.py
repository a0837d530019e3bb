"""Listening to what a service really answers while a plugin of apprise talks to it.

A plugin says True or False and writes a line to a log. That is not enough to tell "refused for ever" from "wait 30
seconds" from "nobody knows whether it arrived", and some take a page of HTML for success. So the two libraries below
all of them, requests and smtplib, are listened to while one of our messages is sent. Nothing else is touched: outside
of `overheard` both behave as ever. Redirects are off within it: a token must not follow one to another host.
"""

import json
import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError, SSLError

from scanner.delivery.verdicts import Heard

__all__ = ["overheard"]

P = ParamSpec("P")
T = TypeVar("T")
Reply: TypeAlias = tuple[int, bytes]

KEPT = 2000
"""Bytes of an answer that are kept."""


@dataclass(frozen=True, slots=True)
class _Ear:
    """What is listened for: see `overheard`."""

    ref: str
    addressee: str
    dress: Callable[[str | bytes], bytes] | None
    heard: list[Heard] = field(default_factory=list)
    places: dict[tuple[object, ...], int] = field(default_factory=dict)

    def hear(self, request: requests.PreparedRequest, answer: Heard) -> None:
        """Keep the answer to a request. Some plugins try again by themselves: only the last try counts."""
        what = (request.method, request.url, request.body, request.headers.get("Authorization"))
        if what in self.places:
            self.heard[self.places[what]] = answer
            return
        self.places[what] = len(self.heard)
        self.heard.append(answer)


_ear: ContextVar[_Ear | None] = ContextVar("approval_watch_ear", default=None)


@contextmanager
def overheard(
    ref: str = "", addressee: str = "", dress: Callable[[str | bytes], bytes] | None = None
) -> Iterator[list[Heard]]:
    """Collect what is heard in this context, in order, while it lasts.

    `ref` tells the message itself from what a plugin asks before or after it; `addressee` is the field of a request
    that says for whom it is; `dress` gives mail its last form.
    """
    _install()
    ear = _Ear(ref, addressee, dress)
    token = _ear.set(ear)
    try:
        yield ear.heard
    finally:
        _ear.reset(token)


@cache
def _install() -> None:
    # The one place that every plugin passes, and likewise those that all mail passes.
    for owner, name, heard in (
        (requests.Session, "send", _send_heard),
        (smtplib.SMTP, "getreply", _reply_heard),
        (smtplib.SMTP, "sendmail", _mail_heard),
        (smtplib.SMTP, "connect", _failing_aloud),
        (smtplib.SMTP, "starttls", _failing_aloud),
        (smtplib.SMTP, "login", _failing_aloud),
    ):
        setattr(owner, name, heard(getattr(owner, name)))


def _send_heard(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    @wraps(send)
    def listening(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        ear = _ear.get()
        if ear is None:
            return send(self, request, **options)
        about = _about(request, ear)
        try:
            answer = send(self, request, **{**options, "allow_redirects": False})
        except requests.RequestException as error:
            ear.hear(request, Heard(None, type(error).__name__, sent=not _before_sending(error), **about))
            raise
        text = answer.content[:KEPT].decode("utf-8", "replace")
        wish = answer.headers.get("Retry-After", "")
        ear.hear(request, Heard(answer.status_code, text, retry_after=wish, **about))
        return answer

    return listening


def _reply_heard(getreply: Callable[[smtplib.SMTP], Reply]) -> Callable[[smtplib.SMTP], Reply]:
    @wraps(getreply)
    def listening(self: smtplib.SMTP) -> Reply:
        code, said = getreply(self)
        if (ear := _ear.get()) is not None:
            ear.heard.append(Heard(code, _text(said), mail=True))
        return code, said

    return listening


def _mail_heard(sendmail: Callable[..., dict[str, Reply]]) -> Callable[..., dict[str, Reply]]:
    """Handing one mail over, heard as its end for each addressee; the mail gets its last form on the way."""

    @wraps(sendmail)
    def listening(
        self: smtplib.SMTP, sender: str, to: str | Sequence[str], mail: str | bytes, *rest: Any, **options: Any
    ) -> dict[str, Reply]:
        ear = _ear.get()
        if ear is None:
            return sendmail(self, sender, to, mail, *rest, **options)
        addressees = [to] if isinstance(to, str) else list(to)
        before = len(ear.heard)
        try:
            refused = sendmail(
                self, sender, addressees, mail if ear.dress is None else ear.dress(mail), *rest, **options
            )
        except smtplib.SMTPRecipientsRefused as error:
            ear.heard.extend(_to(one, error.recipients.get(one, (None, b""))) for one in addressees)
            raise
        except smtplib.SMTPResponseException as error:
            ear.heard.extend(_to(one, (error.smtp_code, error.smtp_error)) for one in addressees)
            raise
        except (OSError, smtplib.SMTPException) as error:
            # Once the server has asked for the text (354), it may have taken it.
            asked = any(one.code == 354 for one in ear.heard[before:])
            broken = Heard(None, type(error).__name__, mail=True, sent=asked)
            ear.heard.extend(replace(broken, to=one) for one in addressees)
            raise
        ear.heard.extend(_to(one, refused.get(one, (250, b""))) for one in addressees)
        return refused

    return listening


def _failing_aloud(step: Callable[P, T]) -> Callable[P, T]:
    """A step of a mail session whose failure is heard even where the server says nothing."""

    @wraps(step)
    def listening(*args: P.args, **options: P.kwargs) -> T:
        try:
            return step(*args, **options)
        except (OSError, smtplib.SMTPException) as error:
            if (ear := _ear.get()) is not None and not isinstance(error, smtplib.SMTPResponseException):
                ear.heard.append(Heard(None, type(error).__name__, mail=True, sent=False))
            raise

    return listening


def _about(request: requests.PreparedRequest, ear: _Ear) -> dict[str, Any]:
    """Whether a request carries the message, and for whom it is."""
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    carries = ear.ref.encode() in raw or ear.ref in (request.url or "")
    return {"carries": carries, "to": _addressee(raw, ear.addressee) if ear.addressee else ""}


def _addressee(body: bytes, name: str) -> str:
    try:
        fields = json.loads(body)
    except ValueError:
        return ""
    return str(fields.get(name, "")) if isinstance(fields, dict) else ""


def _to(addressee: str, end: tuple[int | None, bytes | str]) -> Heard:
    code, said = end
    return Heard(code, _text(said), mail=True, to=addressee)


def _text(said: bytes | str) -> str:
    return said[:KEPT].decode("utf-8", "replace") if isinstance(said, bytes) else said[:KEPT]


def _before_sending(error: requests.RequestException) -> bool:
    """Whether the request cannot have reached the service."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    never = (ConnectTimeoutError, NewConnectionError, NameResolutionError, ProxyError, SSLError)
    return isinstance(reason, never) or isinstance(error, ValueError)
