"""Signed headers, as the provider documents them.

The signature covers the time, the method, the path with its query, and the body: the bytes that are signed have to be
the bytes that are sent. A signature holds for half a minute, so that every attempt is signed anew.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from scanner.errors import ConfigError, Place, Problem

__all__ = ["Credentials", "signed_headers", "timestamp"]


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a key consists of. `project` goes to the endpoints that ask for one. Shows nothing of itself.

    Raises ConfigError where a part cannot stand in an HTTP header, such as a key with a line break in it.
    """

    key: str
    secret: str
    passphrase: str
    project: str | None = None

    def __post_init__(self) -> None:
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        problems = [_unfit(name) for name, text in parts.items() if text is not None and not _fits(text)]
        if problems:
            raise ConfigError(problems)

    def __repr__(self) -> str:
        return "Credentials(hidden)"

    @property
    def fingerprint(self) -> str:
        """A short name for the key that does not give it away: under it the budget is kept."""
        return hashlib.blake2b(self.key.encode(), digest_size=12, person=b"okx-budget").hexdigest()


def timestamp(at: float) -> str:
    """A time (seconds since 1970) as the signature wants it: UTC with milliseconds and `Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def signed_headers(
    credentials: Credentials, method: str, path: str, body: bytes, at: float, *, project: bool = False
) -> dict[str, str]:
    """The headers of one attempt at `at` (seconds since 1970).

    `path` includes the encoded query; `project` says whether the endpoint wants the project's header as well.
    """
    time = timestamp(at)
    digest = hmac.digest(credentials.secret.encode(), f"{time}{method}{path}".encode() + body, hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "OK-ACCESS-KEY": credentials.key,
        "OK-ACCESS-SIGN": base64.b64encode(digest).decode(),
        "OK-ACCESS-TIMESTAMP": time,
        "OK-ACCESS-PASSPHRASE": credentials.passphrase,
    }
    if project and credentials.project is not None:
        headers["OK-ACCESS-PROJECT"] = credentials.project
    return headers


def _fits(text: str) -> bool:
    return text != "" and text.isascii() and text.isprintable()


def _unfit(name: str) -> Problem:
    said = "is empty, or holds a line break or another character that cannot stand in an HTTP header"
    return Problem(Place(f"source.okx.{name}"), said, "bad-secret", "Look at how it was pasted or exported")
