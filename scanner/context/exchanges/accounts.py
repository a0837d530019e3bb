"""What every adapter for an exchange has in common: the way to one account, and what to do when it cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from scanner.domain.assets import Account
from scanner.errors import Reason, Trouble

__all__ = ["Access", "Exchange", "advised"]

LEAST_SECRET = 4
"""Letters of a part of a key below which it may stand in a text by chance."""


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """The way to one account, with a key that may only read. Shows nothing of the key.

    `name` is what people call the account, `setting` where the configuration speaks of it; `base_url` is None for the
    exchange's own; `timeout` is in seconds, for one request, and for trying again after it where that is done.
    """

    name: str
    setting: str
    key: str
    secret: str
    passphrase: str = ""
    base_url: str | None = None
    timeout: float = 20.0

    def __repr__(self) -> str:
        return f"Access({self.name!r})"

    def in_text(self, text: str) -> bool:
        """Whether a text gives away a part of the key."""
        parts = (self.key, self.secret, self.passphrase)
        return any(len(part) >= LEAST_SECRET and part in text for part in parts)


class Exchange(Protocol):
    """One account at an exchange."""

    async def read(self) -> Account:
        """What the account holds. What goes wrong is in the reading's `trouble`, never raised."""
        ...


_HINTS: Mapping[Reason, str] = {
    Reason.UNAVAILABLE: "Look at the network and at {setting}.base_url, if it does not pass",
    Reason.RATE_LIMITED: "Ask again later: somebody else uses this key, too",
    Reason.REFUSED_KEY: "Look at {setting}: its key, its secret, the key's right to read and its allowed addresses",
    Reason.CLOCK: "Set this machine's clock, by NTP for example",
    Reason.BAD_REQUEST: "Look at {setting}.api and {setting}.base_url",
    Reason.PROTOCOL: "Look at {setting}.api and {setting}.base_url, if it does not pass",
}


def advised(trouble: Trouble, access: Access) -> Trouble:
    """The same trouble, with what to do about it in the settings of this account, and nothing of the key."""
    known = _HINTS.get(trouble.reason)
    hint = trouble.hint if known is None else known.format(setting=access.setting)
    if access.in_text(trouble.message):
        return replace(
            trouble, message="what it answered is not repeated, for a part of the key stands in it", hint=hint
        )
    return replace(trouble, hint=hint)
