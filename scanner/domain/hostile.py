"""Text from outside made harmless: what strangers wrote stays text in every channel and format.

Names of tokens and projects are chosen by attackers, who would like a link, a mention, markup, a forged line or an
invisible character in an alert. One function makes dead text of them; everything that is shown goes through it.
"""

import re
import unicodedata
from functools import lru_cache

__all__ = ["LONGEST", "harmless", "quoted"]

LONGEST = 64
"""Characters that are kept of a name."""

_BLANKS = re.compile(r"[\s\u2800\u3164\uffa0\u115f\u1160]+")
_INVISIBLE = re.compile(r"[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS = frozenset({"Mn", "Me"})
_STACK = 3
"""Marks on one letter that are kept: no script needs more, and a tower of them covers the lines around it."""

# What stands in for markup has to stay as it is under NFKC, so that dead text that comes through again is unchanged.
_REPLACED = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "&": "+",
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "*": "∗",  # asterisk operator: no client reads it as emphasis
        "_": "ˍ",
        "~": "∼",
        "`": "ˋ",
        "|": "¦",
        "\\": "⧵",
        "#": "♯",
        "。": ".",
    }
    # A name stands in quotation marks: it must not be able to end them.
    | dict.fromkeys('"“”„‟«»〝〞〟', "'")
)
_HOST_DOT = re.compile(r"(?<=[^\s.])\.(?=[^\s.])")
_CUT_DOT = re.compile(r"\[\.?$")


@lru_cache(maxsize=4096)
def harmless(text: str | None) -> str | None:
    """Dead text of at most 64 characters, or None where nothing visible is left.

    Control, zero-width and bidirectional characters go; look-alike forms are folded (NFKC) first, so that they cannot
    hide a link; dots inside words become `[.]`, `://` and `@` are broken, angle brackets and markup are replaced.
    Dead text that comes through again stays as it is.
    """
    if text is None:
        return None
    folded = _fold(_visible(_fold(text[: 16 * LONGEST]))).replace("[.]", ".")
    dead = folded.translate(_REPLACED).replace("://", ": ∕∕").replace("//", "∕∕").replace("@", "(at)")
    dead = _HOST_DOT.sub("[.]", _fold(dead))
    if len(dead) > LONGEST:
        dead = _CUT_DOT.sub("", dead[: LONGEST - 1]).rstrip() + "…"
    return dead or None


def _fold(text: str) -> str:
    """One form for what looks alike, but for the ellipsis: it marks what was cut, and three dots are longer."""
    parts = [unicodedata.normalize("NFKC", part) for part in text.split("…")]
    return _BLANKS.sub(" ", "…".join(parts)).strip()


def _visible(text: str) -> str:
    """The text without what cannot be seen, and without towers of marks."""
    kept: list[str] = []
    marks = 0
    for letter in _INVISIBLE.sub("", text):
        if (category := unicodedata.category(letter)) in _DROPPED:
            continue
        marks = marks + 1 if category in _MARKS else 0
        if marks <= _STACK:
            kept.append(letter)
    return "".join(kept)


def quoted(text: str | None) -> str:
    """A stranger's name as it stands in a sentence: in quotation marks, or `no name`."""
    dead = harmless(text)
    return "no name" if dead is None else f"“{dead}”"
