"""When time alone may change what rules say: so that what did not move is judged again then, and not before."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from scanner.domain.changes import Held
from scanner.policy.engine import Condition
from scanner.policy.rules import Pack, Rule

__all__ = ["AGES", "due_again"]

AGES = frozenset({"approval.age", "approval.unchanged_for"})
"""The fields that time alone moves."""

AT_LEAST_EVERY = timedelta(hours=1)
"""How often rules are asked again that reckon with time in a way that is not understood here."""

_JUST_AFTER = timedelta(seconds=1)

_DAYS = re.compile(r"\bdays\(\s*(\d{1,6})\s*\)")
_DURATION = re.compile(r"""\bduration\(\s*["']((?:\d+(?:\.\d+)?(?:h|ms|m|s))+)["']\s*\)""")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def due_again(pack: Pack, held: Iterable[Held], at: datetime) -> datetime | None:
    """The next time after `at` at which a rule may say something else of these approvals than at `at`.

    None where only something else than time can move them.
    """
    ageing = [rule for rule in pack.rules if not AGES.isdisjoint(rule.fields_read)]
    spans = [_spans(rule) for rule in ageing]
    known = frozenset[timedelta]().union(*spans)
    times = [
        since + span + _JUST_AFTER
        for one in held
        for since in {one.approval.granted_at or one.since, one.changed_at}
        for span in known
    ]
    times += [one.until for one in pack.exemptions if one.until is not None]
    if not all(spans):
        times.append(at + AT_LEAST_EVERY)
    return min((time for time in times if time > at), default=None)


def _spans(rule: Rule) -> frozenset[timedelta]:
    """The durations that a rule's conditions name."""
    conditions = [rule.condition, rule.until, *(one for g in rule.grades for one in (g.condition, g.until))]
    return frozenset(span for one in conditions if one is not None for span in _named(one))


def _named(condition: Condition) -> Iterable[timedelta]:
    yield from (timedelta(days=int(days)) for days in _DAYS.findall(condition.bound))
    for text in _DURATION.findall(condition.bound):
        yield timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
