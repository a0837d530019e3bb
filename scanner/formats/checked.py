"""How a table and a page show what a check of rule files found."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from scanner.domain.hostile import printable
from scanner.domain.plain import counted
from scanner.formats.flaws import Checked, FlawEntry
from scanner.formats.grids import LOUD, Part, line

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["checked_rows", "checked_told"]


def checked_told(document: Checked, width: int) -> Iterator["RenderableType"]:
    """Each flaw with its line and a caret, and a line that counts."""
    for flaw in document.flaws:
        loud = flaw.level == "problem"
        yield line(
            Part(f"{flaw.level} ", LOUD if loud else "yellow"),
            Part(f"{_place(flaw)}: ", "bold"),
            Part(f"{flaw.message}{f' ({flaw.hint})' if flaw.hint else ''} "),
            Part(f"[{flaw.code}]", "dim"),
        )
        if flaw.text is not None:
            text, caret = _excerpt(flaw.text, flaw.column or 1, width - 4)
            yield line(Part(f"    {text}"))
            yield line(Part(f"    {' ' * caret}^", LOUD if loud else "yellow"))
    counts = [counted(document.rules, "sound rule")]
    counts += [
        counted(number, level)
        for level in ("problem", "warning")
        if (number := sum(flaw.level == level for flaw in document.flaws))
    ]
    yield line(Part(", ".join(counts), "bold"))


def checked_rows(flaws: Iterable[FlawEntry]) -> Iterator[Sequence[str]]:
    """A row of texts for each flaw: level, place, what is wrong, what to do, code."""
    return ((flaw.level, _place(flaw), flaw.message, flaw.hint or "", flaw.code) for flaw in flaws)


def _place(flaw: FlawEntry) -> str:
    return flaw.file if flaw.line is None else f"{flaw.file}:{flaw.line}:{flaw.column}"


def _excerpt(text: str, column: int, width: int) -> tuple[str, int]:
    """As much of a line as fits around a column (from 1), and where in it (from 0) that column is."""
    seen = "".join(char if char == printable(char) else " " for char in text)
    start = max(0, min(column - width // 2, len(seen) - width))
    return seen[start : start + width], column - 1 - start
