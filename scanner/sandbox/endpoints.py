"""What the sandbox serves, and a request to any of it as a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from scanner.sandbox.codes import Codes, Refusal
from scanner.sandbox.pages import Asked, Json

__all__ = ["Call", "Endpoint", "Reading", "Reply", "Service"]


class Endpoint(StrEnum):
    """The kinds of requests, as they are named in the log and by whoever lets something go wrong.

    `APPROVALS` is both versions of them, `BALANCES` both ways to ask for them, `CHAINS` the list of chains with
    balances; `FUNDING` is the exchange's account in its version 5, `WALLET` in version 3 and `STATUS` that one's
    maintenance; `XT` and `XT_V4` are the two versions of the other exchange; `LISTS` who has turned out hostile.
    """

    APPROVALS = "approvals"
    BALANCES = "balances"
    CHAINS = "chains"
    FUNDING = "funding"
    WALLET = "wallet"
    STATUS = "status"
    XT = "xt"
    XT_V4 = "xt-v4"
    LISTS = "lists"


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came, at the server's time. `target` is the path with its query, to the byte."""

    at: datetime
    method: str
    path: str
    target: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content_type: str
    body: bytes


Reply: TypeAlias = Callable[[], Json]
"""Makes the sound answer, once it is certain that there is one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A well-formed request: what it goes to and asks for, and what it is answered, with which headers."""

    endpoint: Endpoint
    asked: Asked
    reply: Reply
    headers: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """One API: what it serves, what its requests have to be, and how it refuses them. `codes` are its error codes."""

    codes: Codes

    def endpoint(self, path: str) -> Endpoint | None:
        """What a path leads to; None where the API has no such path."""
        ...

    def read(self, call: Call) -> Reading:
        """Check a request from its headers to its last parameter. Raises Refusal for the first thing that is wrong."""
        ...

    def refusal(self, refused: Refusal) -> Json:
        """How this API says that it refuses."""
        ...
