"""Listening to what a service really answers while a plugin of apprise talks to it.

A plugin says True or False and writes a line to a log. That is not enough to tell "refused for ever" from "wait 30
seconds" from "nobody knows whether it arrived", and some take a page of HTML for success. So the two libraries below
all of them, requests and smtplib, are listened to while one of our messages is sent. Nothing else is touched: outside
of `overheard` both behave as ever. Redirects are off within it: a token must not follow one to another host.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError, SSLError

from scanner.delivery.verdicts import Heard

__all__ = ["overheard"]

KEPT = 2000
"""Bytes of an answer that are kept."""


_ear: ContextVar[list[Heard] | None] = ContextVar("approval_watch_ear", default=None)


@contextmanager
def overheard() -> Iterator[list[Heard]]:
    """Collect what is heard in this context, in order, while it lasts."""
    _install()
    heard: list[Heard] = []
    token = _ear.set(heard)
    try:
        yield heard
    finally:
        _ear.reset(token)


@cache
def _install() -> None:
    send, getreply = requests.Session.send, smtplib.SMTP.getreply

    def listening_send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        ear = _ear.get()
        if ear is None:
            return send(self, request, **options)
        try:
            answer = send(self, request, **{**options, "allow_redirects": False})
        except requests.RequestException as error:
            ear.append(Heard(None, type(error).__name__, sent=not _before_sending(error)))
            raise
        text = answer.content[:KEPT].decode("utf-8", "replace")
        ear.append(Heard(answer.status_code, text, retry_after=answer.headers.get("Retry-After", "")))
        return answer

    def listening_getreply(self: smtplib.SMTP) -> tuple[int, bytes]:
        ear = _ear.get()
        if ear is None:
            return getreply(self)
        try:
            code, said = getreply(self)
        except (OSError, smtplib.SMTPException) as error:
            ear.append(Heard(None, type(error).__name__, mail=True))
            raise
        ear.append(Heard(code, said[:KEPT].decode("utf-8", "replace"), mail=True))
        return code, said

    requests.Session.send = listening_send  # type: ignore[method-assign]  # - the one place that every plugin passes
    smtplib.SMTP.getreply = listening_getreply  # type: ignore[method-assign]  # - likewise for mail


def _before_sending(error: requests.RequestException) -> bool:
    """Whether the request cannot have reached the service."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    never = (ConnectTimeoutError, NewConnectionError, NameResolutionError, ProxyError, SSLError)
    return isinstance(reason, never) or isinstance(error, ValueError)
