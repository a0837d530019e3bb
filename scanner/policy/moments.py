"""When time alone may change what rules say: so that what did not move is judged again then, and not before."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from scanner.domain.changes import Held
from scanner.policy.cuts import cuts_of
from scanner.policy.fields import AGES, ages_began
from scanner.policy.rules import Pack

__all__ = ["Moments"]

AT_LEAST_EVERY = timedelta(hours=1)
"""How often rules are asked again that reckon with time in a way that is not understood here."""

_TICK = timedelta(microseconds=1)
_FOREVER = timedelta(days=500_000)


class Moments:
    """The moments of any approval at which a pack may say something else, though nothing but time has passed.

    `everywhere` says that there are others too: some rule does more with an age than to hold it against a duration.
    """

    def __init__(self, pack: Pack) -> None:
        cuts = {name: cuts_of(pack.conditions, name) for name in sorted(AGES)}
        self.everywhere = not all(one.fixed for one in cuts.values())
        self._spans = {
            name: [span for span in one.durations() if timedelta(0) <= span < _FOREVER] for name, one in cuts.items()
        }
        self._ends = [one.until for one in pack.exemptions if one.until is not None]

    def passed(self, held: Held) -> Iterator[datetime]:
        """When the ages of an approval, and the time that is left to it, are just what rules hold them against."""
        for name, began in ages_began(held).items():
            yield from (began + span for span in self._spans[name])
        if held.approval.expires_at is not None:
            yield from (held.approval.expires_at - span for span in self._spans["approval.expires_in"])

    def due_again(self, held: Iterable[Held], at: datetime) -> datetime | None:
        """The next time after `at` at which a rule may say something else of these approvals than at `at`, or one ends.

        None where only something else than time can move them.
        """
        held = list(held)
        # What is held against "at least" moves at the moment itself, what is held against "more than" a tick later.
        times = [moment + after for one in held for moment in self.passed(one) for after in (timedelta(0), _TICK)]
        times += self._ends
        times += [one.approval.expires_at for one in held if one.approval.expires_at is not None]
        if self.everywhere:
            times.append(at + AT_LEAST_EVERY)
        return min((time for time in times if time > at), default=None)
