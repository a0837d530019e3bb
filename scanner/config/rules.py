"""Which rules judge, what is changed of them, and what they are silent about.

Whether there are such rules and params is not known here: `policy` holds it against the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

from scanner.config.patterns import ANYTHING, CHAIN, NAME, TEXT, TRUTH, words
from scanner.config.written import (
    Written,
    WrittenIn,
    WrongError,
    existing_folder,
    name,
    one_of,
    plain_text,
    truth,
)
from scanner.domain.addresses import BadAddressError, any_address
from scanner.domain.alerts import Severity
from scanner.domain.chains import UnknownChainError, find_chain
from scanner.places import Data

__all__ = ["ExceptionConfig", "OverrideConfig", "RulesConfig"]

LONGEST_REASON = 300

Text: TypeAlias = Annotated[str, Written(plain_text, TEXT)]
Name: TypeAlias = Annotated[str, Written(name, NAME)]
YesNo: TypeAlias = Annotated[bool, Written(truth, TRUTH)]


def _severity(text: str) -> Severity:
    return Severity(one_of(Severity)(text))


def _reason(text: str) -> str:
    """One line that can be read later, in `alerts show` too."""
    said = " ".join(text.split())
    if not said:
        raise WrongError("an exception needs a reason", code="bad-text", hint="say in a few words why")
    if len(said) > LONGEST_REASON or not said.isprintable():
        hint = f"at most {LONGEST_REASON} visible characters"
        raise WrongError("this reason cannot be kept", code="bad-text", hint=hint)
    return said


def _moment(text: str) -> datetime:
    """A day, from its beginning in UTC, or a time with its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "as in 2027-03-01 or 2027-03-01T12:00:00Z"
        raise WrongError(f"{text!r} is not a time", code="bad-time", hint=hint) from None
    if moment.tzinfo is None and len(text) > len("2027-03-01"):
        raise WrongError(f"{text!r} does not say where on earth", code="bad-time", hint=f"as in {text}Z, for UTC")
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _address(text: str) -> str:
    try:
        return any_address(text)
    except BadAddressError as error:
        raise WrongError(str(error), code="bad-address") from error


def _chain(text: str) -> str:
    try:
        return find_chain(text).index
    except UnknownChainError as error:
        raise WrongError(str(error), code="unknown-chain") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideConfig:
    """What is changed of one rule; what is left out stays as the rule has it.

    `severity`: of its mildest alerts. `params`: its thresholds by name, as they are written; the rule knows their
    types. `enabled`: whether it judges. `channels`: the only ones that are told of its alerts.
    """

    severity: Annotated[Severity, Written(_severity, words(Severity))] | None = None
    params: Mapping[str, Annotated[Data, WrittenIn(lambda value, _: value, ANYTHING)]] = field(default_factory=dict)
    enabled: YesNo = True
    channels: tuple[Name, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionConfig:
    """Approvals that a rule is silent about: those that fit all that is named.

    `rule`: its id. `spender`, `token`, `owner`: addresses; `chain`: a chainIndex, in the file also a name. `reason`:
    why, for whoever asks later. `until`: when it ends, None for never.
    """

    rule: Text
    reason: Annotated[str, Written(_reason)]
    spender: Annotated[str, Written(_address)] | None = None
    token: Annotated[str, Written(_address)] | None = None
    owner: Annotated[str, Written(_address)] | None = None
    chain: Annotated[str, Written(_chain, CHAIN)] | None = None
    until: Annotated[datetime, Written(_moment)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesConfig:
    """Which rules judge.

    `dirs`: folders with the user's own. `disable`: ids of rules to leave out. `default`: whether the default pack
    judges. `overrides`: what is changed of rules, by their ids. `exceptions`: what rules are silent about.
    """

    dirs: tuple[Annotated[Path, WrittenIn(existing_folder)], ...] = ()
    disable: tuple[Text, ...] = ()
    default: YesNo = True
    overrides: Mapping[Text, OverrideConfig] = field(default_factory=dict)
    exceptions: tuple[ExceptionConfig, ...] = ()
