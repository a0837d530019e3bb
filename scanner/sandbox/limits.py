"""How often a client may ask."""

import math
from asyncio import get_running_loop
from collections import deque

__all__ = ["Limit"]

GRACE = 1.05
"""Requests that are spaced by the limit to the millisecond may arrive a little closer together."""


class Limit:
    """So many requests a second, counted over a window that holds a whole number of them."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._recent: deque[float] = deque()

    def passes(self) -> bool:
        """Whether a request that comes now is within the limit; one that is not does not count."""
        burst = math.ceil(self.per_second)
        window = burst / (self.per_second * GRACE)
        now = get_running_loop().time()
        while self._recent and now - self._recent[0] >= window:
            self._recent.popleft()
        if len(self._recent) >= burst:
            return False
        self._recent.append(now)
        return True
