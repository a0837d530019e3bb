"""JSON, version 1: the typed values as they are."""

import msgspec

from scanner.formats.documents import Document, Look

__all__ = ["render"]


def render(document: Document, look: Look) -> str:
    """The document as one JSON object, indented by two."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
