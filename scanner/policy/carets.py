"""Where in a file a character of a condition stands: YAML writes the same text in several styles."""

from collections.abc import Iterator
from dataclasses import dataclass

from scanner.errors import Place
from scanner.places import Document, Path

__all__ = ["place_in"]

_BLANK = " \t\r\n"


def place_in(document: Document, steps: Path, text: str, line: int, column: int) -> Place:
    """The place in the file of a line and column (from 1) within the text of the scalar at `steps`.

    The scalar's own place where the two cannot be held against each other, as with an anchor or a numeric escape.
    """
    line_offset = sum(len(part) + 1 for part in text.split("\n")[: line - 1])
    offset = min(line_offset + column - 1, len(text))
    start = document.place(steps)
    marks = list(_marks(_Cursor(document.lines, start.line - 1, start.column - 1), text))
    if offset < len(marks):
        return document.at(*marks[offset])
    if marks and len(marks) == len(text):
        # Past the end: right behind the last character that is seen.
        last = len(text.rstrip(_BLANK)) - 1
        return document.at(marks[last][0], marks[last][1] + 1)
    return start


@dataclass(slots=True)
class _Cursor:
    """A position in the file, from 0. A line's end is a newline."""

    lines: tuple[str, ...]
    line: int
    column: int

    @property
    def char(self) -> str:
        if self.line >= len(self.lines):
            return ""
        row = self.lines[self.line]
        return row[self.column] if self.column < len(row) else "\n"

    def step(self) -> None:
        if self.char == "\n":
            self.line, self.column = self.line + 1, 0
        else:
            self.column += 1


def _marks(cursor: _Cursor, text: str) -> Iterator[tuple[int, int]]:
    """The line and column (from 1) of each character of the text, up to the first that does not match.

    What is seen of a scalar stands in the file in the same order; only blanks, quotes and escapes come between.
    """
    style = cursor.char
    if style in {"|", ">"}:
        cursor.line, cursor.column = cursor.line + 1, 0
    elif style in {'"', "'"}:
        cursor.step()
    for char in text:
        if char in _BLANK:
            yield cursor.line + 1, cursor.column + 1
            continue
        _skip(cursor, style)
        if cursor.char != char:
            return
        yield cursor.line + 1, cursor.column + 1
        cursor.step()
        if style == "'" and char == "'":
            cursor.step()


def _skip(cursor: _Cursor, style: str) -> None:
    """Go over what stands between two visible characters: blanks, and in double quotes the escapes."""
    while cursor.char:
        if style == '"' and cursor.char == "\\":
            cursor.step()
            if cursor.char not in "nt \n":
                return
        elif cursor.char not in _BLANK:
            return
        cursor.step()
