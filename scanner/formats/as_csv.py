"""CSV: one flat table, that no spreadsheet takes for a formula."""

import csv
import re
from io import StringIO

from scanner.domain.hostile import printable
from scanner.formats.documents import Document, Look
from scanner.formats.sheets import Cell, sheet

__all__ = ["render"]

_FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def render(document: Document, look: Look) -> str:
    """The document's table. Unknown is an empty cell; a cell that begins like a formula is prefixed with `'`."""
    table = sheet(document)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_cell(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def _cell(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    whole = "" if cell is None else str(cell)
    text = printable(_BREAKS.sub(" ", whole))
    return f"'{text}" if _FORMULA.match(whole) or _FORMULA.match(text) else text
