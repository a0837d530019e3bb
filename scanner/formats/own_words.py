"""The users' own words in what people read: labels of wallets, words of rules, comments on silences, why something is
excepted.

JSON and CSV hold them as they are, for programs that join on them. Tables and pages show them as dead as names from
outside: a rule may come from somebody else, and a comment may quote a name.
"""

from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from scanner.domain.hostile import dead_line

__all__ = ["dead"]

T = TypeVar("T")

_OWN = frozenset({"author", "comment", "fix", "label", "noise", "owner_label", "reason", "subject", "title", "why"})
_LONGEST = 400


def dead(document: T) -> T:
    """The same document, its users' own words dead."""
    if isinstance(document, type) or not is_dataclass(document):
        return document
    changed = {}
    for field in fields(document):
        value = getattr(document, field.name)
        if field.name in _OWN and isinstance(value, str):
            new: object = dead_line(value, _LONGEST)
        elif isinstance(value, tuple):
            new = tuple(dead(one) for one in value)
        else:
            new = dead(value)
        if new != value:
            changed[field.name] = new
    return replace(document, **changed)  # type: ignore[type-var]  # - it is a dataclass: see above
