"""How values are written: from a person's text to durations, numbers and choices, and what to say when it is not one.

A scalar arrives as the text that was written. A field of `model.py` carries the reader of its text as an annotation;
the reader raises `WrongError` in words.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scanner.config.patterns import SCALAR, Schema
from scanner.errors import closest
from scanner.places import Data
from scanner.places import Path as Route

__all__ = [
    "Written",
    "WrittenIn",
    "WrongError",
    "crontab",
    "did_you_mean",
    "duration",
    "existing_folder",
    "file_path",
    "listed",
    "name",
    "number",
    "one_of",
    "plain_text",
    "rhythm",
    "single",
    "truth",
    "whole",
]

LONGEST_TEXT = 64

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_PART = r"(?:([0-9]{1,9}(?:\.[0-9]{1,3})?)%s)?"
_DURATION = re.compile("".join(_PART % unit for unit in "dhms"))
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CENTURY = timedelta(days=36_525)
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class WrongError(ValueError):
    """A value that is not what its key needs. `at` leads from the value to the part of it that is wrong."""

    def __init__(self, message: str, *, code: str = "bad-value", hint: str = "", at: Route = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.at = at


@dataclass(frozen=True, slots=True)
class Written:
    """Marks a field with the reader of its text, and with how that text looks.

    pydantic is imported only once a configuration is read.
    """

    read: Callable[[str], object]
    schema: Schema = field(default_factory=lambda: SCALAR, hash=False)

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> Any:
        """How pydantic validates such a field: by the reader alone."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(lambda value: self.read(single(value)))


@dataclass(frozen=True, slots=True)
class WrittenIn:
    """Marks a field whose reader takes any data, and the folder that relative paths start from."""

    read: Callable[[Data, Path], object]
    schema: Schema = field(default_factory=lambda: SCALAR, hash=False)

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> Any:
        """How pydantic validates such a field: by the reader alone; the validation's context is the folder."""
        from pydantic_core import core_schema

        return core_schema.with_info_plain_validator_function(lambda value, info: self.read(value, info.context))


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A hint that names what comes closest, or all that is known."""
    names = list(known)
    return closest(text, names) or closest(text.casefold(), names) or f"known: {listed(names)}"


def listed(names: Iterable[str]) -> str:
    """Names as they stand in a sentence."""
    return ", ".join(names)


def single(value: Data) -> str:
    """The text of a scalar; anything else is refused."""
    if isinstance(value, str):
        return value
    found = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "nothing"
    raise WrongError(f"one value is expected, not {found}", code="wrong-type")


def plain_text(text: str) -> str:
    """The user's own words: up to 64 visible characters."""
    if not text.strip():
        raise WrongError("the text is empty", code="bad-text")
    if len(text) > LONGEST_TEXT:
        raise WrongError(f"the text is longer than {LONGEST_TEXT} characters", code="bad-text")
    if not text.isprintable():
        raise WrongError("the text holds a control or an invisible character", code="bad-text")
    return text


def name(text: str) -> str:
    """A name that commands and messages can use: letters, digits, `_` and `-`, at most 64."""
    if not _NAME.fullmatch(text):
        raise WrongError(f"{text!r} is not a name", code="bad-name", hint="use up to 64 letters, digits, _ and -")
    return text


def truth(text: str) -> bool:
    """Yes or no, in any of YAML's words."""
    try:
        return _TRUTHS[text.casefold()]
    except KeyError:
        raise WrongError(f"{text!r} is neither true nor false", code="bad-choice", hint="write true or false") from None


def one_of(choices: Iterable[str]) -> Callable[[str], str]:
    """A reader of one of some words."""
    known = [str(choice) for choice in choices]

    def read(text: str) -> str:
        if text not in known:
            raise WrongError(f"{text!r} is not known here", code="bad-choice", hint=did_you_mean(text, known))
        return text

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """A reader of a plain decimal number between two bounds, both included."""

    def read(text: str) -> float:
        if not _NUMBER.fullmatch(text):
            raise WrongError(f"{text!r} is not a number", code="bad-number", hint="write digits, as in 1 or 0.5")
        if not low <= (value := float(text)) <= high:
            raise WrongError(f"{text} is out of range", code="bad-number", hint=f"from {low:g} to {high:g}")
        return value

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of a whole number between two bounds, both included."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise WrongError(f"{text!r} is not a whole number", code="bad-number", hint="write digits, as in 12")
        if not low <= (value := int(text)) <= high:
            raise WrongError(f"{text} is out of range", code="bad-number", hint=f"from {low} to {high}")
        return value

    return read


_RHYTHMS = {"daily": timedelta(days=1), "weekly": timedelta(days=7), "monthly": timedelta(days=30)}


def rhythm(text: str) -> timedelta | None:
    """How often something is done: `daily`, `weekly`, `monthly`, a duration of a minute at least, or None for `off`."""
    return None if text == "off" else _RHYTHMS.get(text) or duration(timedelta(minutes=1))(text)


def duration(low: timedelta = timedelta(), high: timedelta = _CENTURY) -> Callable[[str], timedelta]:
    """A reader of a duration such as `90s`, `15m`, `1h30m` or `7d`, between two bounds, both included."""

    def read(text: str) -> timedelta:
        match = _DURATION.fullmatch(text.replace(" ", ""))
        if match is None or not text.strip():
            hint = f"write a unit: {text}s, {text}m, {text}h or {text}d" if _NUMBER.fullmatch(text) else ""
            hint = hint or "a number and s, m, h or d, as in 90s, 15m or 1h30m"
            raise WrongError(f"{text!r} is not a duration", code="bad-duration", hint=hint)
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        # Compared as seconds first: a timedelta cannot hold what nine digits of days can say.
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        if not low.total_seconds() <= total <= high.total_seconds():
            raise WrongError(f"{text} is out of range", code="bad-duration", hint=f"from {low} to {high}")
        return timedelta(seconds=total)

    return read


def crontab(text: str) -> str:
    """A crontab line of five fields that comes due some day.

    Days of the week have to be names: crontab counts them from Sunday, the scheduler behind this from Monday.
    """
    from apscheduler.triggers.cron import CronTrigger

    fields = text.split()
    if len(fields) == 5 and re.search(r"(?<![/0-9])[0-9]", fields[4]):
        hint = "write mon, tue, wed, thu, fri, sat, sun: programs disagree on what the numbers mean"
        raise WrongError(f"{text!r} numbers the days of the week", code="bad-cron", hint=hint)
    try:
        trigger = CronTrigger.from_crontab(text, timezone=UTC)
    except ValueError as error:
        hint = 'five fields: minute, hour, day, month, day of the week, as in "*/15 * * * *"'
        raise WrongError(f"{text!r} is not a crontab line: {error}", code="bad-cron", hint=hint) from error
    if trigger.get_next_fire_time(None, datetime.now(UTC)) is None:
        raise WrongError(f"{text!r} never comes due", code="bad-cron")
    return text


def file_path(value: Data, folder: Path) -> Path:
    """A path; relative ones start from the configuration file's folder."""
    text = single(value)
    if not text.strip() or not text.isprintable():
        raise WrongError("this is not a path", code="bad-path")
    return folder / text


def existing_folder(value: Data, folder: Path) -> Path:
    """A path at which there is a folder."""
    path = file_path(value, folder)
    try:
        found = path.is_dir()
    except OSError as error:
        said = (error.strerror or "it cannot be reached").lower()
        raise WrongError(f"the folder {str(path)!r} cannot be read: {said}", code="unreadable-file") from error
    if not found:
        raise WrongError(f"there is no folder {str(path)!r}", code="missing-file", hint="make it, or take the line out")
    return path
