"""What a check of rule files found, as typed values."""

from dataclasses import dataclass

__all__ = ["Checked", "FlawEntry"]


@dataclass(frozen=True, slots=True)
class FlawEntry:
    """One thing that is wrong in a rule file.

    `level` is `problem`, or `warning` where the rule is in force all the same. `code` is stable. `line` and
    `column` count from 1, null where the file as a whole is meant; `text` is that line.
    """

    level: str
    code: str
    message: str
    hint: str | None
    file: str
    line: int | None
    column: int | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is wrong in rule files, in order of place, and how many rules of theirs are sound."""

    version: int = 1
    rules: int
    flaws: tuple[FlawEntry, ...] = ()
