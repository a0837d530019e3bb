"""Options that several commands share. Each turns what a person writes into the form that is stored and compared.

What is not understood is a usage error (exit 2) that names the option. What a parser needs is imported when it runs.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import typer

__all__ = [
    "At",
    "Chains",
    "FailOn",
    "Form",
    "FormName",
    "Level",
    "Output",
    "Severity",
    "Since",
    "Spender",
    "Token",
    "Wallets",
    "group",
]

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

LONGEST_SYMBOL = 20
"""No address is so short."""


class FormName(StrEnum):
    """The formats, by name."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class Level(StrEnum):
    """Severities, as they are typed. The domain's own would cost every start 20 ms; a test holds the two together."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def group(help_text: str) -> typer.Typer:
    """A group of commands, with help as plain and quick as everywhere."""
    return typer.Typer(help=help_text, add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def chain_index(text: str) -> str:
    """The chainIndex of a chain that a person names."""
    from scanner.domain.chains import UnknownChainError, find_chain

    try:
        return find_chain(text).index
    except UnknownChainError as error:
        raise ValueError(str(error)) from error


def address(text: str) -> str:
    """The stored form of an address of any family; on EVM chains its checksum has to fit."""
    from scanner.domain.addresses import any_address

    return any_address(text)


def address_or_symbol(text: str) -> str:
    """The stored form of an address, or a token's symbol as it was written."""
    return address(text) if text.startswith("0x") or len(text) > LONGEST_SYMBOL else text


def moment(text: str) -> datetime:
    """A time: RFC 3339, a date (its beginning), or how long ago (`2h`, `7d`). Without an offset it is UTC."""
    from scanner.config.written import WrongError, duration

    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        try:
            span = duration()(text.removesuffix("ago").strip())
        except WrongError as error:
            raise ValueError(
                f"{text!r} is not a time: 2026-11-20, 2026-11-20T08:00:00Z, or how long ago, as in 2h or 7d"
            ) from error
        return datetime.now(UTC) - (span if isinstance(span, timedelta) else timedelta())
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def output_file(text: str) -> Path:
    """A file that can be written, as far as its folder tells."""
    path = Path(text)
    if path.is_dir():
        raise ValueError(f"{text} is a folder, not a file")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist")
    return path


def parser(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader whose ValueError becomes a usage error, in its own words."""

    def parse(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parse


def one_of(words: type[E]) -> Callable[[str], E]:
    """A parser of one of some words, in any case."""

    def read(text: str) -> E:
        if text.lower() not in list(words):
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return words(text.lower())

    return parser(read)


Wallets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--wallet", metavar="ADDRESS", parser=parser(address), help="Only this owner. May be given several times."
    ),
]
Chains: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--chain",
        metavar="CHAIN",
        parser=parser(chain_index),
        help="Only this chain, by name or chainIndex. May be given several times.",
    ),
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", parser=parser(address_or_symbol), help="Only this token, by address or symbol."
    ),
]
Spender: TypeAlias = Annotated[
    str | None, typer.Option("--spender", metavar="ADDRESS", parser=parser(address), help="Only this spender.")
]
At: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        metavar="TIME",
        parser=parser(moment),
        help="As it was believed then: 2026-11-20, 2026-11-20T08:00:00Z, or how long ago, as in 2h or 7d. In UTC.",
    ),
]
Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="TIME", parser=parser(moment), help="Only from then on; times as in 2026-11-20 or 7d."
    ),
]
Form: TypeAlias = Annotated[
    FormName, typer.Option("--format", metavar="F", parser=one_of(FormName), help=f"{', '.join(FormName)}.")
]
Severity: TypeAlias = Annotated[
    Level | None, typer.Option("--severity", metavar="SEVERITY", parser=one_of(Level), help="Only these and worse.")
]
FailOn: TypeAlias = Annotated[
    Level | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        parser=one_of(Level),
        help="Exit with 4 if an alert of this severity or above is open.",
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", parser=parser(output_file), help="Write to this file, not to stdout."),
]
