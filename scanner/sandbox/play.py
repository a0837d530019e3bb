"""A world being played: what day it is, how answers are given, what goes wrong next, and what was asked so far."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scanner.sandbox.endpoints import Endpoint
from scanner.sandbox.faults import FAULTS_AT, Armed, Fault
from scanner.sandbox.pages import Asked, Cursor
from scanner.sandbox.quirks import Quirks
from scanner.sandbox.worlds import Day, Key, Row, World

__all__ = ["Logged", "Play"]


@dataclass(frozen=True, slots=True)
class Logged:
    """One request: what was asked for, as far as that could be read, and how it was answered.

    `endpoint` is None where a path led nowhere. `code` is the answer's code ("0" is a sound one, whatever an exchange
    calls that), `fault` the name of the fault that struck instead; `offset` where the page begins.
    """

    at: datetime
    method: str
    path: str
    endpoint: Endpoint | None = None
    entries: tuple[Key, ...] = ()
    cursor: Cursor = None
    offset: int = 0
    limit: int | None = None
    code: str = "0"
    fault: str | None = None


class Play:
    """The state of a sandbox, to be set and looked at. `day`, `quirks` and `requests` may be changed at any time."""

    def __init__(self, world: World, quirks: Quirks) -> None:
        self.world = world
        self.quirks = quirks
        self.day = 0
        self.requests: list[Logged] = []
        self.armed: list[Armed] = []
        self._answered: Counter[Endpoint] = Counter()

    @property
    def answered(self) -> int:
        """How many requests for approvals there were, without those that were refused."""
        return self._answered[Endpoint.APPROVALS]

    @property
    def today(self) -> Day:
        """The state of the world on this day."""
        return self.world.at(self.day)

    def advance(self) -> Day:
        """Let a day pass. The last one lasts for ever."""
        self.day = min(self.day + 1, len(self.world.days) - 1)
        return self.today

    def truth(self) -> Mapping[Key, tuple[Row, ...]]:
        """All approvals as they are today, by target."""
        return self.today.rows

    def fail(
        self,
        fault: str,
        *,
        endpoint: str = Endpoint.APPROVALS,
        times: int | None = 1,
        page: int | str | None = None,
        target: Key | None = None,
        request: int | None = None,
    ) -> None:
        """Let something go wrong: `times` times (None: for ever), with the next request that fits.

        `endpoint` is where (one of `Endpoint`). `page` is a number from 1, "first" or "later"; `target` a (chainIndex,
        owner); `request` the number of a request to that endpoint, from 1, since the sandbox was made. What is refused
        (a bad signature, …) does not count. Raises KeyError for a fault that cannot happen there, ValueError for an
        endpoint, times or a page that cannot be.
        """
        where = Endpoint(endpoint)
        if times is not None and times < 1:
            raise ValueError("times has to be 1 or more, or None for ever")
        if isinstance(page, str) and page not in ("first", "later"):
            raise ValueError(f'page has to be a number, "first" or "later", not {page!r}')
        self.armed.append(Armed(FAULTS_AT[where][fault], where, times, page, target, request))

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.armed.clear()

    def strike(self, asked: Asked) -> Fault | None:
        """Count a request for approvals, and say what happens to it: the first fault that fits, or nothing."""
        return self.strike_at(Endpoint.APPROVALS, asked)

    def strike_at(self, endpoint: Endpoint, asked: Asked) -> Fault | None:
        """Count a request to an endpoint, and say what happens to it: the first fault that fits, or nothing."""
        self._answered[endpoint] += 1
        number = self._answered[endpoint]
        struck = next((armed for armed in self.armed if armed.strikes(endpoint, asked, number)), None)
        self.armed = [armed for armed in self.armed if armed.times != 0]
        return struck.fault if struck else None
