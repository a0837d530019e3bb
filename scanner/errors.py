"""The few kinds of error there are; each says whether a retry helps and what the user can do.

What goes wrong while one target is read is a value (`Trouble`) that travels with the reading, so that one target's
failure never touches another's result. What stops a whole command is an exception below `ApprovalWatchError`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ApprovalWatchError",
    "ConfigError",
    "Place",
    "Problem",
    "Reason",
    "StoreError",
    "Trouble",
    "UsageError",
    "broke_off",
    "closest",
]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written: a file, its line and column (both from 1), and the text of that line."""

    file: str
    line: int = 0
    column: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in what a person wrote.

    `code` is stable, for people to search for and for programs to match; `hint` says what to do.
    """

    place: Place
    message: str
    code: str = "invalid"
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.hint})" if self.hint else "")

    def render(self) -> str:
        """The problem with its code, its line and a caret below the column."""
        said = f"{self} [{self.code}]"
        if not self.place.text:
            return said
        text = self.place.text.replace("\t", " ")
        return f"{said}\n    {text}\n    {' ' * (self.place.column - 1)}^"


def closest(text: str, known: Iterable[str]) -> str:
    """A hint that names what somebody probably meant, or ""."""
    from difflib import get_close_matches  # what is right needs no hint

    near = get_close_matches(text, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else ""


class ApprovalWatchError(Exception):
    """Anything that ends a command in words for the user instead of a traceback.

    `hint` says what to do; `retry` whether the same call may succeed later; `exit_code` is one
    of those that the README names.
    """

    exit_code = 1
    retry = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UsageError(ApprovalWatchError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(ApprovalWatchError):
    """The configuration cannot be used; carries every problem at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the configuration")

    def __str__(self) -> str:
        return "\n".join(problem.render() for problem in self.problems)


class StoreError(ApprovalWatchError):
    """The store cannot be used as it is: locked, full, corrupt, of a newer version, or held by another daemon."""


class Reason(StrEnum):
    """Why a reading failed, in the words of the JSON and the log.

    The first group says something about the source as a whole, the second about one target or one answer.
    """

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate-limited"
    REFUSED_KEY = "refused-key"
    CLOCK = "clock"
    BAD_REQUEST = "bad-request"
    REGION = "region"
    QUOTA = "quota"
    NOT_ASKED = "not-asked"

    CACHING = "caching"
    NODE_FAILED = "node-failed"
    NOT_COVERED = "not-covered"
    PROTOCOL = "protocol"
    UNPROVEN_END = "unproven-end"
    MASS_ABSENCE = "mass-absence"
    UNKNOWN_SPENDER = "unknown-spender"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be read: for a person, in one sentence, with what to do.

    `retry` says whether the same request may succeed later in the same scan; `whole_source` that the far side as a
    whole is at fault, so that asking for other targets is pointless for now; `retry_after` is the far side's wish,
    in seconds.
    """

    reason: Reason
    message: str
    hint: str = ""
    retry: bool = False
    whole_source: bool = False
    retry_after: float | None = None
    code: str = ""

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


def broke_off(what: str, error: Exception) -> Trouble:
    """Why `what` was not read to its end: in the error's own words where it has some, else as the defect that it is."""
    if isinstance(error, ApprovalWatchError):
        return Trouble(Reason.NOT_ASKED, error.message, error.hint, whole_source=True)
    said = f"{what} broke off by a defect of this program ({type(error).__name__})"
    return Trouble(Reason.NOT_ASKED, said, "The log has the details: please report it")
