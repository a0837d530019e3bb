"""docs/fields.md: every field that a rule can ask for."""

from collections.abc import Iterable, Iterator

from scanner.policy.fields import FIELDS, Field

__all__ = ["fields_page"]

MOST_CHOICES = 10
"""More choices than that do not fit into a table; there is one such field, the chain's name."""

_INTRO = """\
# Fields

What a rule can ask of an approval. This page is made from the code by `make docs`; [Rules](rules.md) tells how to ask.

A field that is not known is absent, never 0, false or empty; a condition that cannot be decided without it is
undecided. A text that a source leaves out is known to be empty: `spender.name == ""` asks for spenders without a name.
Names and symbols are what strangers wrote, unchanged; they are made harmless only where they are shown.

Amounts and money are compared as floating point numbers; the exact ones are in the store, in JSON and in tables. They
are never negative. A duration is written `days(90)` or `duration("12h30m")`.
"""


def fields_page() -> str:
    """The whole page: a table for each thing that the fields speak of."""
    return "\n".join([_INTRO, *_tables(FIELDS.values())])


def _tables(fields: Iterable[Field]) -> Iterator[str]:
    things: dict[str, list[Field]] = {}
    for field in fields:
        things.setdefault(field.name.partition(".")[0], []).append(field)
    for thing, group in things.items():
        yield f"## {thing.capitalize()}\n"
        yield "| field | type | what it is | unknown |\n|---|---|---|---|"
        for field in group:
            yield f"| `{field.name}` | {field.type} | {field.meaning}{_choices(field)} | {field.unknown or 'never'} |"
        yield ""


def _choices(field: Field) -> str:
    if not 0 < len(field.choices) < MOST_CHOICES:
        return ""
    return f": {', '.join(f'`{choice}`' for choice in field.choices)}"
