"""Exceptions: what a user excepts from a rule, with a reason, and nothing beside it.

An exception names at least one of spender, token and owner, and covers the approvals that fit all that it names.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from scanner.domain.alerts import Severity
from scanner.domain.approvals import Approval
from scanner.errors import Problem, closest
from scanner.places import Data
from scanner.policy.params import WrongPart
from scanner.policy.rules import EXCEPTABLE, Exemption, Rule

__all__ = ["Exemptions", "check_exceptions", "idle", "read_allowed"]

_WHO = ("spender", "token", "owner")


class Exemptions:
    """Any number of exceptions, found by what an approval is."""

    def __init__(self, exemptions: Iterable[Exemption]) -> None:
        self._by_address: dict[str, list[Exemption]] = {}
        for exemption in exemptions:
            address = next(value for name in _WHO if (value := getattr(exemption, name)))
            self._by_address.setdefault(address, []).append(exemption)

    def of(self, approval: Approval, at: datetime) -> dict[str, Exemption]:
        """The exceptions that cover an approval at a time, by the rule that each is from; of several the first."""
        found: dict[str, Exemption] = {}
        if not self._by_address:
            return found
        for exemption in self.all_of(approval, at):
            found.setdefault(exemption.rule, exemption)
        return found

    def all_of(self, approval: Approval, at: datetime) -> Iterator[Exemption]:
        """Every exception that covers an approval at a time."""
        for address in dict.fromkeys((approval.spender.address, approval.token.address, approval.owner)):
            for exemption in self._by_address.get(address, ()):
                if exemption.covers(approval, at):
                    yield exemption


def idle(exemptions: Sequence[Exemption], approvals: Iterable[Approval], at: datetime) -> list[Exemption]:
    """The exceptions that cover none of these approvals at a time, and are not over: what they were for may be gone."""
    known = Exemptions(exemptions)
    used = {id(one) for approval in approvals for one in known.all_of(approval, at)}
    return [one for one in exemptions if id(one) not in used and (one.until is None or at < one.until)]


def read_allowed(data: Data) -> tuple[tuple[frozenset[str], ...] | None, list[WrongPart]]:
    """What stands below a rule's `exceptions:`: the sets of names of which an exception has to name one at least."""
    hint = f"a list of lists of {', '.join(EXCEPTABLE)}, such as [[spender, token], [owner, token]]; [] allows none"
    if not isinstance(data, list):
        return None, [((), "`exceptions` is a list", "rule-shape", hint)]
    found: list[frozenset[str]] = []
    wrong: list[WrongPart] = []
    for index, names in enumerate(data):
        if isinstance(names, list) and names and all(name in EXCEPTABLE for name in names):
            found.append(frozenset(str(name) for name in names))
        else:
            wrong.append(((index,), "this is nothing that an exception can name", "bad-word", hint))
    return tuple(found), wrong


def check_exceptions(
    exemptions: Sequence[Exemption], rules: Mapping[str, Rule], ids: Collection[str], at: datetime
) -> tuple[tuple[Exemption, ...], list[Problem], list[Problem]]:
    """The exceptions that can be in force, what is wrong with the others, and what is only worth a warning.

    `rules` are those in force, `ids` also the broken and the disabled ones: an exception from those is kept for later.
    """
    sound: list[Exemption] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for exemption in exemptions:
        found = list(_problems(exemption, rules.get(exemption.rule), ids))
        problems += found
        if found:
            continue
        sound.append(exemption)
        if exemption.until is not None and exemption.until <= at:
            said = f"this exception from {exemption.rule} ended at {exemption.until:%Y-%m-%d %H:%M} UTC"
            warnings.append(Problem(exemption.place, said, "exception-ended", "take it out, or give it a later end"))
    return tuple(sound), problems, warnings


def _problems(exemption: Exemption, rule: Rule | None, ids: Collection[str]) -> Iterator[Problem]:
    name, place = exemption.rule, exemption.place
    if name not in ids:
        hint = closest(name, ids) or "approval-watch rules list names them all"
        yield Problem(place, f"there is no rule {name!r} to except from", "unknown-rule", hint)
        return
    named = exemption.names
    if named.isdisjoint(_WHO):
        hint = "name a spender, a token or an owner; to switch off the whole rule: rules.disable"
        yield Problem(place, f"this exception from {name} names nobody", "exception-too-wide", hint)
        return
    if rule is None:
        return
    if rule.exceptions is not None:
        if not any(allowed <= named for allowed in rule.exceptions):
            allowed = " or ".join(_listed(one) for one in rule.exceptions)
            hint = f"it allows those that name {allowed}" if allowed else "it allows none"
            said = f"{name} allows no exception that names {_listed(named)} alone"
            yield Problem(place, said, "exception-not-allowed", hint)
    elif len(named.intersection(_WHO)) == 1 and Severity.CRITICAL in rule.severities:
        said = f"{name} can be critical: an exception that names {_listed(named)} alone is too wide"
        hint = "name two of spender, token and owner, or put the spender on a list as trusted"
        yield Problem(place, said, "exception-too-wide", hint)


def _listed(names: Iterable[str]) -> str:
    return " and ".join(name for name in EXCEPTABLE if name in names)
