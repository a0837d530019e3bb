"""What reading costs."""

from dataclasses import dataclass

__all__ = ["Cost"]


@dataclass(slots=True)
class Cost:
    """What reading has cost so far: requests sent (retries included), retries, seconds waited for the budget."""

    requests: int = 0
    retries: int = 0
    waited: float = 0.0

    def __sub__(self, before: "Cost") -> "Cost":
        return Cost(self.requests - before.requests, self.retries - before.retries, self.waited - before.waited)
