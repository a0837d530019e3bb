"""A rule's own tests: what they are given, and whether the rule says what they expect.

What a test does not give is that of a plain approval: granted, limited, of an ERC-20 token, to a spender with a name
that is on no list.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite

from msgspec import structs

from scanner.domain.alerts import Alert, AlertState, Judgement, Severity, reconcile
from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Kind, Spender, Target, Token
from scanner.domain.changes import Change, ChangeKind, Held
from scanner.domain.hostile import disguised
from scanner.domain.lists import Standing
from scanner.domain.surroundings import Surroundings
from scanner.errors import closest
from scanner.places import Data
from scanner.policy.engine import known_facts
from scanner.policy.fields import FIELDS, FieldType, facts
from scanner.policy.rules import Expectation, Pack, Rule, Trial, findings

__all__ = ["NotAValueError", "TrialResult", "given_facts", "parse_given", "run_tests", "try_rule"]

RAW = "allowance.raw"
"""A field of tests alone: the amount in the token's smallest unit, from which the fields on it are derived."""

UNKNOWN = "unknown"
_FIRST_SIGHTS = frozenset({ChangeKind.BASELINE, ChangeKind.NEW, ChangeKind.RESTORED})
_MAKES_REAL = frozenset({"exposure.usd", "token.risk"})
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PLAIN = Approval(
    chain="1",
    owner="0x" + "a" * 40,
    token=Token("0x" + "b" * 40, "TKN"),
    spender=Spender("0x" + "c" * 40, "Some Exchange"),
    allowance=Allowance(10**18),
)
_DURATION = re.compile(r"(\d+)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


class NotAValueError(ValueError):
    """A test gives something that its field cannot be; says what is expected. `hint` says what was probably meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How one of a rule's own tests went: what the rule said, and how bad its alert is; None where none is open."""

    rule: Rule
    trial: Trial
    got: Expectation
    severity: Severity | None

    @property
    def passed(self) -> bool:
        """Whether the rule said what the test expects."""
        return self.got is self.trial.expect and self.trial.severity in {None, self.severity}


def run_tests(pack: Pack) -> list[TrialResult]:
    """Every test of every rule of a pack, in order."""
    return [try_rule(rule, trial) for rule in pack.rules for trial in rule.tests]


def try_rule(rule: Rule, trial: Trial) -> TrialResult:
    """What a rule says of the approval of a test, and what that does to the alert that the test has open."""
    kind = trial.given.get("change.kind")
    change = Change(ChangeKind(kind), None, _PLAIN, _NOW) if isinstance(kind, str) else None
    applies = not rule.on or (change is not None and change.kind in rule.on)
    judged = [(rule, rule.judge(known_facts(trial.given)))] if applies else []
    found = findings(judged, approval=_PLAIN.id, facts=trial.given, change=change, proven=True)
    before = [] if trial.open is None else [Alert("", rule.id, rule.title, trial.open, _PLAIN.id, _NOW)]
    after = [step.alert for step in reconcile(before, found, gone={}, baseline=(), at=_NOW)] or before
    severity = next((alert.severity for alert in after if alert.state is AlertState.OPEN), None)
    if any(finding.judgement is Judgement.UNDECIDED for finding in found):
        return TrialResult(rule, trial, Expectation.UNDECIDED, severity)
    return TrialResult(rule, trial, Expectation.QUIET if severity is None else Expectation.ALERT, severity)


def given_facts(given: Iterable[tuple[str, object]], on: Sequence[ChangeKind]) -> dict[str, object]:
    """The facts of a test: what it gives, what follows from that, and a plain approval's for the rest.

    `given` are field names with values of the field's type, or None where the field is to be unknown.
    """
    named = dict(given)
    known: dict[str, object | None] = facts(
        Held(_of_kind(named), first_seen=_NOW, since=_NOW, changed_at=_NOW),
        target=Target(_PLAIN.chain, _PLAIN.owner),
        beside=Surroundings(
            spender=Standing(labels=_labels(named.get("spender.labels"))),
            token=Standing(labels=_labels(named.get("token.labels"))),
        ),
        spender_approvals=1,
        spender_owners=1,
        at=_NOW,
    )
    if on:
        known |= {"change.kind": on[0].value, "change.was_unlimited": False}
        if on[0] not in _FIRST_SIGHTS:
            known["change.was_status"] = _PLAIN.status.value
    if RAW in named:
        allowance = named.pop(RAW)
        known["allowance.readable"] = allowance is not None
        known["allowance.unlimited"] = allowance.unlimited() if isinstance(allowance, Allowance) else None
    known |= named
    if "exposure.real_usd" not in named and not named.keys().isdisjoint(_MAKES_REAL):
        known["exposure.real_usd"] = 0.0 if named.get("token.risk") else named.get("exposure.usd")
    if "token.symbol" in named and "token.symbol_disguised" not in named:
        known["token.symbol_disguised"] = disguised(str(named["token.symbol"] or ""))
    return {name: value for name, value in known.items() if value is not None}


def _of_kind(named: Mapping[str, object]) -> Approval:
    """A plain approval of the kind, and with the time left, that a test gives; an operator's right is one in words."""
    kind, left = named.get("approval.kind"), named.get("approval.expires_in")
    plain = _PLAIN if kind is None else structs.replace(_PLAIN, kind=Kind(str(kind)))
    if plain.operator:
        plain = structs.replace(plain, allowance=Allowance(None, in_words=True))
    return structs.replace(plain, expires_at=_NOW + left) if isinstance(left, timedelta) else plain


def _labels(given: object) -> tuple[str, ...]:
    return tuple(str(label) for label in given) if isinstance(given, list) else ()


def parse_given(name: str, data: Data) -> object:
    """What a test gives for a field, as the field's type; None for `unknown`. Raises NotAValueError."""
    if name == RAW:
        return _raw(data)
    if (field := FIELDS.get(name)) is None:
        raise NotAValueError(f"there is no field {name!r}", closest(name, (*FIELDS, RAW)))
    if data == UNKNOWN:
        return None
    if field.type is FieldType.TEXTS:
        if isinstance(data, list) and all(isinstance(item, str) for item in data):
            return data
        raise NotAValueError(f"{name} is a list of texts", "such as [known]")
    if not isinstance(data, str):
        raise NotAValueError(f"{name} is {field.type}, not {'nothing' if data is None else 'a list or a mapping'}")
    value = _scalar(field.type, data)
    if value is None:
        raise NotAValueError(f"{name} is a {field.type}, not {data!r}".replace("a true", "true"), _example(field.type))
    if field.choices and data not in field.choices:
        raise NotAValueError(f"{name} is never {data!r}", closest(data, field.choices))
    return value


def _raw(data: Data) -> Allowance | None:
    if data == UNKNOWN:
        return None
    if data == "max":
        return Allowance(UINT256_MAX)
    if data == "unlimited":
        return Allowance(None, in_words=True)
    if isinstance(data, str) and data.isascii() and data.isdecimal() and int(data) <= UINT256_MAX:
        return Allowance(int(data))
    raise NotAValueError(f"{RAW} is a whole number up to 2^256-1", "or `max`, `unlimited` (in words) or `unknown`")


def _scalar(kind: FieldType, text: str) -> object:
    """The text as a value of that type, or None where it is none."""
    match kind:
        case FieldType.TRUTH:
            return _TRUTHS.get(text.lower())
        case FieldType.COUNT:
            return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
        case FieldType.NUMBER:
            return _number(text)
        case FieldType.DURATION:
            found = _DURATION.fullmatch(text)
            return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found and len(found[1]) < 9 else None
        case _:
            return text


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _example(kind: FieldType) -> str:
    return "such as 90d, 12h or 30m" if kind is FieldType.DURATION else ""
