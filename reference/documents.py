"""docs/documents.md: every document that `--format json` prints, key by key."""

from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any, get_args

import msgspec

from scanner.formats.documents import Document

__all__ = ["COMMANDS", "documents_page"]

COMMANDS: Mapping[str, str] = {
    "Report": "scan",
    "Approvals": "approvals",
    "History": "history",
    "Alerts": "alerts list",
    "Story": "alerts show",
    "Rules": "rules list",
    "Explained": "rules explain",
    "Silences": "alerts silences",
    "Deliveries": "deliveries list",
    "Lists": "lists show",
    "Holdings": "holdings",
    "Checked": "rules check",
    "Backtest": "rules backtest",
    "Trials": "rules test",
    "Reconciliation": "reconcile",
}
"""The command that prints each document."""

_INTRO = """\
# Documents

What commands print with `--format json`, key by key. This page is made from the code by `make docs`; [JSON](json.md)
has examples, and tells what holds for all of it: what may change within a version, how times and money are written, and
what every word means. A key that may be `null` says so.
"""

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "`null`",
}

_Schema = Mapping[str, Any]


def documents_page() -> str:
    """The whole page: the documents by the commands that print them, then the parts that they are made of."""
    documents = get_args(Document)
    _, schemas = msgspec.json.schema_components(documents, ref_template="#{name}")
    whole = [document.__name__ for document in documents]
    lines = [_INTRO]
    for name in whole:
        lines += _section(f"## `{COMMANDS[name]}`", schemas[name])
    lines.append("## Parts\n")
    for name in sorted(schemas.keys() - set(whole)):
        lines += _section(f"### {name}", schemas[name])
    return "\n".join(lines)


def _section(heading: str, schema: _Schema) -> Iterator[str]:
    yield f"{heading}\n"
    yield f"{cleandoc(schema['description'])}\n"
    yield "| key | value |\n|---|---|"
    for key, value in schema["properties"].items():
        yield f"| `{key}` | {_words(value)} |"
    yield ""


def _words(schema: _Schema) -> str:
    """A value's type in words; the parts of the document are links."""
    match schema:
        case {"anyOf": [*some]}:
            return " or ".join(_words(one) for one in some)
        case {"$ref": target}:
            return f"[{target[1:]}]({target.lower()})"
        case {"type": "array", "items": items}:
            return f"list: {_words(items)}"
        case {"type": "object"}:
            values = schema.get("additionalProperties")
            return f"object, by name: {_words(values)}" if isinstance(values, Mapping) and values else "object"
        case {"type": kind}:
            return _TYPES[kind]
    return "anything"
