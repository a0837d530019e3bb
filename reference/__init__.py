"""`make docs`: the pages that are made from the code, so that they cannot say anything else than it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from reference.documents import documents_page
from reference.fields import fields_page
from reference.pack import pack_page

__all__ = ["DOCS", "PAGES"]

DOCS = Path(__file__).parent.parent / "docs"

PAGES: Mapping[str, Callable[[], str]] = {
    "documents.md": documents_page,
    "fields.md": fields_page,
    "pack.md": pack_page,
}
"""The pages by the name of their file in `docs`."""
