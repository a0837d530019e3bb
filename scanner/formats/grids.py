"""How the table format draws: columns that stack on narrow terminals, lists that hang, colours by severity.

rich is imported where something is drawn, and only there: most of a command's start would be spent on it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from scanner.domain.hostile import printable
from scanner.formats.documents import Look

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["GOOD", "LOUD", "SEVERITIES", "SHORT", "Column", "Pair", "Part", "draw", "hanging", "line", "pairs"]

WIDE = 132
"""From so many columns on each part of a pair has a column of its own."""

ADDRESS = 19
"""The columns that a shortened address takes."""

LOUD = "bold red"
GOOD = "green"

SEVERITIES: Mapping[str, str] = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}
"""The style of each severity."""

SHORT: Mapping[str, str] = {
    "critical": "CRIT",
    "high": "HIGH",
    "medium": "MED",
    "low": "LOW",
    "informational": "INFO",
}
"""Four letters for each severity."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text and how it looks."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of pairs: the names of the two parts. What does not fold is cut where the room ends."""

    first: str
    second: str = ""
    folds: bool = False


Pair = tuple[Part, Part]
"""Two parts that belong together: beside each other where there is room, else below each other."""


def draw(look: Look, things: Iterable["RenderableType"]) -> str:
    """The things below each other, as text of that width; with escapes only where colours are welcome."""
    text = StringIO()
    console = _console(text, look)
    for thing in things:
        console.print(thing)
    return "\n".join(drawn.rstrip() for drawn in text.getvalue().split("\n"))


def _console(file: StringIO, look: Look) -> "Console":
    from rich.console import Console

    return Console(
        file=file,
        width=look.width,
        force_terminal=look.colour,
        color_system="standard" if look.colour else None,
        no_color=not look.colour,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        legacy_windows=False,
    )


def line(*parts: Part) -> "Text":
    """Parts on one line, which wraps between words where it must."""
    from rich.text import Text

    text = Text()
    for part in parts:
        text.append(printable(part.text), part.style or None)
    return text


def hanging(rows: Iterable[tuple[Part, Iterable["Text"]]]) -> "Table":
    """A short mark, and beside it lines that keep their indent when they wrap."""
    grid = _grid()
    grid.expand = True
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    for mark, lines in rows:
        first = True
        for text in lines:
            grid.add_row(line(mark) if first else "", text)
            first = False
    return grid


def pairs(look: Look, columns: Sequence[Column], rows: Iterable[Sequence[Pair]]) -> "Table":
    """A table of pairs: two columns for each on a wide terminal, one column and two lines on a narrow one."""
    from rich.text import Text

    wide = look.width >= WIDE
    grid = _grid(2 if wide else 1)
    grid.show_header, grid.header_style = True, "none"
    for column in columns:
        for name in (column.first, column.second) if wide and column.second else (column.first,):
            grid.add_column(
                Text(name, "dim"),
                no_wrap=not column.folds,
                max_width=None if column.folds else _most(look),
                overflow="fold" if column.folds else "ellipsis",
            )
    arrange = _beside if wide else _below
    for row in rows:
        grid.add_row(*(cell for pair, column in zip(row, columns, strict=True) for cell in arrange(pair, column)))
    return grid


def _most(look: Look) -> int:
    """How wide a column of names may be: an address on 80 columns, more where there is more."""
    if look.width < WIDE:
        return min(max((look.width - 23) // 3, 10), ADDRESS)
    return ADDRESS + (look.width - WIDE) // 6


def _grid(gap: int = 1) -> "Table":
    from rich.table import Table

    return Table.grid(padding=(0, gap, 0, 0))


def _beside(pair: Pair, column: Column) -> Iterable["Text"]:
    return (line(part) for part in (pair if column.second else pair[:1]))


def _below(pair: Pair, column: Column) -> Iterable["Text"]:
    first, second = pair
    if not (column.second and second.text):
        return (line(first),)
    return (line(first, Part("\n"), second),)
