"""What reading costs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

__all__ = ["Cost", "Meter", "Spent"]


@dataclass(slots=True)
class Cost:
    """What reading has cost so far: requests sent (retries included), retries, seconds waited between them.

    Who reads waits for the key's budget, for a pace that a node bears, and before what failed is asked again.
    """

    requests: int = 0
    retries: int = 0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one part of a scan took: as `Cost`, and how many seconds it lasted, what was waited for included."""

    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0


class Meter:
    """What some readers cost while it runs, each told by its own running cost, which others may share."""

    def __init__(self, costs: Sequence[Cost]) -> None:
        self._costs = costs
        self._spent = Cost()
        self._seconds = 0.0

    @contextmanager
    def running(self, now: Callable[[], datetime]) -> Iterator[None]:
        """Count what is spent and the time that passes within."""
        began, before = now(), [replace(cost) for cost in self._costs]
        try:
            yield
        finally:
            self._seconds += (now() - began).total_seconds()
            for cost, then in zip(self._costs, before, strict=True):
                self._spent.requests += cost.requests - then.requests
                self._spent.retries += cost.retries - then.retries
                self._spent.waited += cost.waited - then.waited

    @property
    def spent(self) -> Spent:
        """What it was until now."""
        spent = self._spent
        return Spent(spent.requests, spent.retries, round(spent.waited, 3), round(self._seconds, 3))
