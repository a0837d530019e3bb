"""A condition taken apart at its `&&`, `||`, `!` and `?:`, so that each operand can be asked by itself.

Strings, lists, calls and macros stay whole. What this does not understand is one operand: whoever uses the parts holds
what they come to against what the engine says of the whole.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

__all__ = ["Comparison", "Join", "Part", "comparison", "split"]

REMEMBERED = 1024
"""Conditions that stay taken apart: rules are grouped in several ways, and each asks again."""


class Join(StrEnum):
    """How operands are joined. A `test` is one operand, that is not taken apart any further."""

    ALL = "all"
    ANY = "any"
    NOT = "not"
    CHOICE = "choice"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Part:
    """A condition or an operand of one: its text without comments and needless parentheses, and its own operands."""

    text: str
    join: Join = Join.TEST
    operands: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operand that holds two values against each other."""

    left: str
    operator: str
    right: str


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_Tokens = Sequence[_Token]

_TOKEN = re.compile(
    r'''(?P<gap>\s+|//[^\n]*)
    |[bB]?[rR](?:"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"[^"\n]*"|'[^'\n]*')
    |[bB]?(?:"""(?:\\[\s\S]|[^\\])*?"""|\'\'\'(?:\\[\s\S]|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |[A-Za-z_]\w*|[0-9][\w.]*
    |&&|\|\||[=!<>]=|[\s\S]''',
    re.VERBOSE,
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_RELATIONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_BINARY = _RELATIONS | {*"+-*/%"}


@lru_cache(REMEMBERED)
def split(text: str) -> Part:
    """A sound condition with its operands, down to those that cannot be taken apart."""
    return _part(_tokens(text))


def comparison(text: str) -> Comparison | None:
    """The two sides of an operand that is one comparison and nothing else; None of any other."""
    tokens = _tokens(text)
    places = [place for place in _top_level(tokens) if tokens[place].text in _RELATIONS]
    if len(places) != 1 or tokens[0].text == "!":
        return None
    [place] = places
    return Comparison(_text(tokens[:place]), tokens[place].text, _text(tokens[place + 1 :]))


def _part(tokens: _Tokens) -> Part:
    tokens = _bare(tokens)
    text, top = _text(tokens), list(_top_level(tokens))
    marks = [place for place in top if tokens[place].text == "?"]
    if marks:
        first, last = marks[0], _colon(tokens, top, marks[0])
        sides = (tokens[:first], tokens[first + 1 : last], tokens[last + 1 :])
        return Part(text, Join.CHOICE, tuple(_part(side) for side in sides))
    for operator, join in (("||", Join.ANY), ("&&", Join.ALL)):
        places = [place for place in top if tokens[place].text == operator]
        if places:
            return Part(text, join, tuple(_part(side) for side in _between(tokens, places)))
    if tokens[0].text == "!" and not any(tokens[place].text in _BINARY for place in top):
        return Part(text, Join.NOT, (_part(tokens[1:]),))
    return Part(text)


def _tokens(text: str) -> _Tokens:
    return [_Token(found[0], found.start()) for found in _TOKEN.finditer(text) if found["gap"] is None]


def _bare(tokens: _Tokens) -> _Tokens:
    """The tokens without parentheses around all of them."""
    while len(tokens) > 2 and tokens[0].text == "(" and list(_top_level(tokens)) == [0, len(tokens) - 1]:
        tokens = tokens[1:-1]
    return tokens


def _top_level(tokens: _Tokens) -> Iterator[int]:
    """The places of the tokens that stand in no brackets; brackets themselves stand outside of what they hold."""
    depth = 0
    for place, token in enumerate(tokens):
        depth -= token.text in _CLOSE
        if depth == 0:
            yield place
        depth += token.text in _OPEN


def _colon(tokens: _Tokens, top: Sequence[int], mark: int) -> int:
    """The place of the `:` that belongs to a `?`: choices in its middle have their own."""
    open_marks = 0
    for place in (place for place in top if place >= mark):
        open_marks += (tokens[place].text == "?") - (tokens[place].text == ":")
        if open_marks == 0:
            return place
    return len(tokens)


def _between(tokens: _Tokens, places: Sequence[int]) -> Iterator[_Tokens]:
    start = 0
    for place in (*places, len(tokens)):
        yield tokens[start:place]
        start = place + 1


def _text(tokens: _Tokens) -> str:
    """What the tokens say, one blank where there was a gap."""
    text = ""
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        text += token.text
        text += " " if following is not None and following.start > token.end else ""
    return text
