"""In which order a round visits its targets, so that one that takes too long, or breaks off, delays the least."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scanner.domain.approvals import Target

__all__ = ["MOST", "Visited", "in_order"]

MOST = 4.0
"""How much older a reading has to be to go before one of a target with the most at stake: nobody waits for longer."""

PLENTY = 1_000_000.0
"""US dollars from which on more at stake makes no difference."""


@dataclass(frozen=True, slots=True)
class Visited:
    """What is known of a target: when it was last tried, and what it has at stake, roughly, in US dollars.

    Both are None where they are not known.
    """

    tried_at: datetime | None = None
    at_stake: float | None = None


def in_order(
    targets: Iterable[Target], known: Mapping[Target, Visited], last_round: datetime | None, at: datetime
) -> list[Target]:
    """The targets, the most urgent first.

    First those that were never tried, then those that the last round, which began then, did not come to; within these,
    and among the others, the age of the last reading counts, up to `MOST` times as much where more is at stake.
    """

    def urgency(target: Target) -> tuple[int, float]:
        seen = known.get(target) or Visited()
        if seen.tried_at is None:
            return 0, -_weight(seen)
        missed = last_round is not None and seen.tried_at < last_round
        return (1 if missed else 2), -_weight(seen) * max((at - seen.tried_at).total_seconds(), 0.0)

    return sorted(targets, key=urgency)


def _weight(seen: Visited) -> float:
    """From 1 for nothing at stake to `MOST`, by orders of magnitude. What is not known may be a lot."""
    at_stake = PLENTY if seen.at_stake is None else min(max(seen.at_stake, 0.0), PLENTY)
    return 1 + (MOST - 1) * math.log10(1 + at_stake) / math.log10(1 + PLENTY)
