"""Why a rule says what it says of one approval, as typed values: like `domain.report`, the JSON of version 1.

All texts are words for people. Values from outside are dead text; conditions are what the rule's author wrote.
"""

from dataclasses import dataclass

__all__ = ["ConditionEntry", "Explanation", "FlipEntry", "OperandEntry", "ValueEntry", "WayEntry"]


@dataclass(frozen=True, slots=True)
class ValueEntry:
    """A field that the rule reads, and its value in words. `unknown` says when it is not known; null if it is."""

    field: str
    value: str
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class OperandEntry:
    """A condition, or an operand of one, and its outcome: `holds`, `fails` or `undecided`.

    `join` says how its own operands make it: `all`, `any`, `not`, `choice` (if, then, else); `test` has none.
    `about` are the values behind a test, in words.
    """

    text: str
    join: str
    outcome: str
    about: str = ""
    operands: tuple["OperandEntry", ...] = ()


@dataclass(frozen=True, slots=True)
class FlipEntry:
    """One operand whose outcome would have to become `outcome`, and what that takes, in words."""

    operand: str
    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class WayEntry:
    """One of the smallest changes that make a condition come to `outcome`: all of these operands have to flip."""

    outcome: str
    flips: tuple[FlipEntry, ...]


@dataclass(frozen=True, slots=True)
class ConditionEntry:
    """One condition of a rule. `kind` is `when` or `until`; `severity` is that of its grade, null of the rule's own.

    `text` is the condition as it is run. `ways` are the smallest changes of its outcome, of one or two operands; none
    where it takes more, or where nothing changes it.
    """

    kind: str
    severity: str | None
    text: str
    outcome: str
    tree: OperandEntry
    ways: tuple[WayEntry, ...] = ()

    @property
    def name(self) -> str:
        """What it is called: `when`, `critical until`."""
        return self.kind if self.severity is None else f"{self.severity} {self.kind}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one rule says of one approval, and all that decided it.

    `judgement` is `holds`, `fails`, `lingers` (it holds no more, and what is open is not over), `undecided`, or
    `not asked` of a rule on changes where none such happened. `severity` is how bad an alert would be; one that is open
    does not fall below `floor` yet. `said` tells all that in sentences.
    """

    rule: str
    title: str
    judgement: str
    severity: str
    said: tuple[str, ...]
    values: tuple[ValueEntry, ...]
    conditions: tuple[ConditionEntry, ...]
    floor: str | None = None
