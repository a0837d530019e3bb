"""Text from outside made harmless: what strangers wrote stays text in every channel and format.

Names of tokens and projects are chosen by attackers, who would like a link, a mention, markup, a forged line or an
invisible character in an alert. One function makes dead text of them; everything that is shown goes through it.
"""

import re
import unicodedata

__all__ = ["LONGEST", "harmless", "quoted"]

LONGEST = 64
"""Characters that are kept of a name."""

_BLANKS = re.compile(r"[\s\u2800\u3164\uffa0\u115f\u1160]+")
_INVISIBLE = re.compile(r"[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
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
        "_": "‗",
        "~": "∼",
        "`": "ˋ",
        "|": "¦",
        "\\": "⧵",
        "#": "♯",
        '"': "”",
        "。": ".",
        "｡": ".",
    }
)
_HOST_DOT = re.compile(r"(?<=[^\s.])\.(?=[^\s.])")


def harmless(text: str | None) -> str | None:
    """Dead text of at most 64 characters, or None where nothing visible is left.

    Control, zero-width and bidirectional characters go; look-alike forms are folded (NFKC) first, so that they cannot
    hide a link; dots inside words become `[.]`, `://` and `@` are broken, angle brackets and markup are replaced.
    """
    if text is None:
        return None
    folded = unicodedata.normalize("NFKC", text[: 16 * LONGEST])
    spaced = _BLANKS.sub(" ", folded)
    spaced = spaced.replace("[.]", ".")  # dead text stays as it is when it comes through again
    visible = "".join(c for c in _INVISIBLE.sub("", spaced) if unicodedata.category(c) not in _DROPPED)
    dead = visible.translate(_REPLACED).replace("://", ": ∕∕").replace("//", "∕∕").replace("@", "(at)")
    dead = _HOST_DOT.sub("[.]", dead).strip()
    if len(dead) > LONGEST:
        dead = dead[: LONGEST - 1].rstrip() + "…"
    return dead or None


def quoted(text: str | None) -> str:
    """A stranger's name as it stands in a sentence: in quotation marks, or `no name`."""
    dead = harmless(text)
    return "no name" if dead is None else f"“{dead}”"
