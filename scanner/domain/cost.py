"""What reading costs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

__all__ = ["Cost", "Meter", "Spent"]


@dataclass(slots=True)
class Cost:
    """What reading has cost so far: requests sent (retries included), retries, seconds waited for the budget."""

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
    """What some readers cost from now on, each told by its own running cost."""

    def __init__(self, costs: Sequence[Cost]) -> None:
        self._costs = costs
        self._before = [replace(cost) for cost in costs]
        self._seconds = 0.0

    @contextmanager
    def running(self, now: Callable[[], datetime]) -> Iterator[None]:
        """Count the time that passes within."""
        began = now()
        try:
            yield
        finally:
            self._seconds += (now() - began).total_seconds()

    @property
    def spent(self) -> Spent:
        """What it was until now."""
        pairs = list(zip(self._costs, self._before, strict=True))
        return Spent(
            requests=sum(cost.requests - before.requests for cost, before in pairs),
            retries=sum(cost.retries - before.retries for cost, before in pairs),
            waited_seconds=round(sum(cost.waited - before.waited for cost, before in pairs), 3),
            seconds=round(self._seconds, 3),
        )
