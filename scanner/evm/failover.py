"""Several endpoints of one chain, and who of them is asked: in the order given, whoever is well and has come so far."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from scanner.domain.cost import Cost
from scanner.evm.endpoint import Endpoint
from scanner.evm.faults import Fault, What

__all__ = ["LAG", "Failed", "Failover", "Manner", "Patience"]

T = TypeVar("T")

LAG = 5
"""Blocks that an endpoint may be behind the others, and still be the first choice."""

BEHIND_FOR = 0.25
"""Seconds until an endpoint that does not have a block yet is asked again."""

_NEVER = frozenset({What.PRUNED, What.UNSUPPORTED, What.ABSENT})
"""Faults that asking the same endpoint again does not mend."""

_OF_THE_QUESTION = _NEVER | {What.BEHIND}
"""Faults that say nothing about how an endpoint is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How nodes are asked, in seconds.

    `timeout`: for one request. `patience`: for how long what fails is tried again (see `Patience`). `poll`: between two
    looks for a new head. `quiet`: after which a WebSocket that tells nothing is held against a look.
    """

    timeout: float = 15.0
    patience: float = 20.0
    poll: float = 1.0
    quiet: float = 10.0


@dataclass(slots=True)
class Patience:
    """For how long failures are borne: `seconds` from when the first request was sent that failed, until `renewed`.

    After a request that took most of that time a quarter of it is left: to ask for less, or another endpoint.
    """

    seconds: float
    ends: float = math.inf

    def failed(self, sent_at: float, now: float) -> None:
        """A request that was sent then has failed now."""
        self.ends = min(self.ends, max(sent_at + self.seconds, now + self.seconds / 4))

    def renewed(self) -> None:
        """It got on: the next failure is the first one again."""
        self.ends = math.inf

    def left(self, began: float) -> float:
        """When a question ends that began then: where the patience is at its end, it has an eighth of it."""
        return max(self.ends, began + self.seconds / 8)


@dataclass(frozen=True, slots=True)
class Failed:
    """Nobody answered: what was wrong with each endpoint that could have been asked, the first choice first."""

    faults: Mapping[Endpoint, Fault]


class Failover:
    """Asks until somebody answers, or the patience is at its end."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        manner: Manner,
        cost: Cost,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]],
    ) -> None:
        self._endpoints = endpoints
        self._manner = manner
        self._cost = cost
        self._now = now
        self._sleep = sleep
        self._given_up = False

    def ordered(self) -> list[Endpoint]:
        """All endpoints, the first choice first: as given, but who rests or lags comes after who does not."""
        best = max((endpoint.head.number for endpoint in self._endpoints if endpoint.head), default=0)
        return sorted(
            self._endpoints,
            key=lambda one: (one.rest() > 0, one.head is not None and one.head.number < best - LAG),
        )

    async def through(
        self, attempt: Callable[[Endpoint, float], Awaitable[T | Fault]], patience: Patience | None = None
    ) -> T | Failed:
        """The first answer to a question; `attempt` puts it to an endpoint, with the seconds that a request has.

        `patience` is that of a reading that it is part of. A question by itself, right after others were given up, is
        not waited for long.
        """
        began = self._now()
        seconds = self._manner.patience
        own = Patience(seconds / 8 if self._given_up and patience is None else seconds)
        of_all = own if patience is None else patience
        faults: dict[Endpoint, Fault] = {}
        while True:
            round_at = self._now()
            for endpoint in self.ordered():
                if endpoint.rest() or (endpoint in faults and faults[endpoint].what in _NEVER):
                    continue
                sent_at = self._now()
                within = min(self._manner.timeout, max(0.01, min(own.ends, of_all.left(began)) - sent_at))
                self._cost.retries += bool(faults)
                answer = await endpoint.prove(within) or await attempt(endpoint, within)
                if not isinstance(answer, Fault):
                    endpoint.answered()
                    self._given_up = False
                    return answer
                faults[endpoint] = answer
                own.failed(sent_at, self._now())
                if answer.what not in _OF_THE_QUESTION:
                    endpoint.failed(answer, sent_at, alone=len(self._endpoints) == 1)
                    of_all.failed(sent_at, self._now())
            own.failed(round_at, self._now())
            pause = self._pause(faults)
            if self._now() + pause >= min(own.ends, of_all.left(began)):
                self._given_up |= any(fault.what not in _OF_THE_QUESTION for fault in faults.values())
                return Failed({one: fault for one in self._endpoints if (fault := faults.get(one) or one.fault)})
            self._cost.waited += pause
            await self._sleep(pause)

    def _pause(self, faults: Mapping[Endpoint, Fault]) -> float:
        """Seconds until somebody may be asked again; infinite where that makes no sense."""
        pauses = [
            endpoint.rest() or BEHIND_FOR
            for endpoint in self._endpoints
            if endpoint not in faults or faults[endpoint].what not in _NEVER
        ]
        return min(pauses, default=math.inf)
