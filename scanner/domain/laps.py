"""Whether scheduled rounds fit the time that there is between them, and which interval would fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.domain.alerts import Severity
from scanner.domain.conditions import ConditionKind, Observation
from scanner.domain.plain import lasting
from scanner.domain.rounds import ROUNDS_IN_A_ROW, ROUNDS_LOOKED_AT

__all__ = ["Lap", "fitting", "overlong"]

ROOM = 1.25
"""How much longer than a round the time between two has to be: a retry must not make it late."""

_SENSIBLE = {
    **{f"{n}m": timedelta(minutes=n) for n in (1, 2, 3, 5, 10, 15, 20, 30, 45)},
    **{f"{n}h": timedelta(hours=n) for n in (1, 2, 3, 4, 6, 8, 12)},
}
"""Intervals that people choose, as they write them; above these, whole days."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One scheduled scan of everything, which has ended: when, and how many requests it took."""

    started_at: datetime
    finished_at: datetime
    requests: int

    @property
    def took(self) -> timedelta:
        """How long it took."""
        return self.finished_at - self.started_at


def overlong(laps: Sequence[Lap], due_after: Callable[[datetime], datetime | None]) -> Observation:
    """Whether the last rounds, the newest first, were each still under way when the next one was due."""
    kind, severity = ConditionKind.ROUNDS_OVERLONG, Severity.MEDIUM
    late = [(due := due_after(lap.started_at)) is not None and lap.finished_at > due for lap in laps]
    title = "Rounds take longer than the time between them"
    if len(late) >= ROUNDS_LOOKED_AT and all(late[:ROUNDS_LOOKED_AT]):
        newest = laps[0]
        said = (
            f"The last {ROUNDS_LOOKED_AT} rounds were still under way when the next one was due; the newest took "
            f"{lasting(newest.took)} and {newest.requests} requests. Wallets are read later than the schedule says."
        )
        fix = "see which interval would fit: approval-watch doctor"
        return Observation(kind, severity, True, title, said, fix)
    fits = len(late) >= ROUNDS_IN_A_ROW and not any(late[:ROUNDS_IN_A_ROW])
    return Observation(kind, severity, False if fits else None, title, "Rounds end before the next one is due.")


def fitting(needed: timedelta) -> str:
    """A sensible interval for rounds that take so long, as a configuration writes it."""
    wanted = needed * ROOM
    days = max(1, -(-wanted // timedelta(days=1)))
    return next((name for name, one in _SENSIBLE.items() if one >= wanted), f"{days}d")
