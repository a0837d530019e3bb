"""How what is known is printed: every format renders the same typed values. A format is a module and a line here."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from scanner.formats import as_csv, as_json, as_markdown, as_table
from scanner.formats.documents import Document, Look

__all__ = ["FORMATS", "Format", "Look"]

Format: TypeAlias = Callable[[Document, Look], str]
"""Renders a document as text that ends in a newline. Reads no clock and knows no terminal: `Look` says it all."""

FORMATS: Mapping[str, Format] = {
    "table": as_table.render,
    "json": as_json.render,
    "csv": as_csv.render,
    "markdown": as_markdown.render,
}
