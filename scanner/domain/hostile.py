"""Text from outside made harmless: what strangers wrote stays text in every channel and format.

Names of tokens and projects are chosen by attackers, who would like a link, a mention, markup, a forged line or an
invisible character in an alert. One function makes dead text of them; everything that is shown goes through it.

What the clients of channels bring to life by themselves is broken, too: bare domains, `:emoji:`, `/commands`,
`$CASHTAGS`, and numbers that could be called or paid to.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

__all__ = ["LONGEST", "dead_line", "disguised", "harmless", "printable", "quoted"]

LONGEST = 64
"""Characters that are kept of a name."""

_BLANKS = re.compile(r"[\s\u2800\u3164\uffa0\u115f\u1160]+")
_INVISIBLE = re.compile(r"[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS = frozenset({"Mn", "Me"})
_LIKE_LATIN = frozenset({"CYRILLIC", "GREEK"})
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
        "~": "∼",
        "`": "ˋ",
        "|": "¦",
        "/": "∕",  # division slash: neither a path nor a bot's command
        "\\": "⧵",
        "#": "♯",
        "@": "(at)",
        "。": ".",
    }
    # A name stands in quotation marks: it must not be able to end them.
    | dict.fromkeys('"“”„‟«»〝〞〟', "'")
)
_DOT = "[.]"
"""A dot that ends no host's label any more. Strangers may write it themselves."""

_DATE = r"\d{4}-\d\d-\d\d(?!\d)"

_BROKEN: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # A number that could be called or paid to; a date is none.
    (re.compile(rf"(?<!\w)(?!{_DATE})\d(?:[ ().-]*\d){{6,}}(?!\w)"), lambda found: _in_groups(found[0])),
    (re.compile(r"(?<![^\W_])_|_(?![^\W_])"), "ˍ"),  # inside a word, no client reads it as emphasis
    (re.compile(r":([\w+'-]+):"), r"∶\1∶"),  # :emoji:
    (re.compile(r"([A-Za-z][\w+.-]{0,30}):(?=[^\s…])"), r"\1: "),  # a scheme, as in mailto:
    (re.compile(r"\$(?=\w)"), "$ "),  # a cashtag
    (re.compile(r"\bAW-(?=[0-9A-F])", re.IGNORECASE), "AW‐"),  # an alert's id
    (re.compile(r"\d+(?:\.\d+){3,}"), lambda found: found[0].replace(".", _DOT)),
    # A top-level domain is two letters at least: "e.g." and "v1.25" are no hosts.
    (re.compile(r"(?<=[^\s.\[])\.(?=[^\W\d_][\w-])"), _DOT),
)
_CUT_DOT = re.compile(r"\[\.?$")


@lru_cache(maxsize=4096)
def harmless(text: str | None) -> str | None:
    """Dead text of at most 64 characters, or None where nothing visible is left.

    Control, zero-width and bidirectional characters go; look-alike forms are folded (NFKC) first, so that they cannot
    hide a link; dots inside host-like words become `[.]`, schemes and `@` are broken, angle brackets and markup are
    replaced. Dead text that comes through again stays as it is.
    """
    return None if text is None else dead_line(text, LONGEST) or None


def dead_line(text: str, longest: int, size: Callable[[str], int] = len) -> str:
    """A text as one line of dead text, at most `longest` in `size`; "" where nothing visible is left."""
    line = _dead(text[: 16 * longest])
    room = longest
    while size(line) > longest:
        room -= 1
        while size(line) > room:
            line = line[: room if len(line) > room else -1]
        # What was cut may end in what has to be broken now, and grow by that.
        line = _dead(_CUT_DOT.sub("", line).rstrip() + "…")
    return line


def _dead(text: str) -> str:
    """The whole text, dead."""
    parts = _fold(_visible(_fold(text))).split(_DOT)
    dead = _fold(_DOT.join(part.translate(_REPLACED) for part in parts))
    for pattern, instead in _BROKEN:
        dead = pattern.sub(instead, dead)
    return dead


def _in_groups(number: str) -> str:
    """The digits of a number, apart from one another so that no client takes it for a telephone or a card."""
    runs = re.findall(r"\d+", number)
    return "'".join(run if len(run) <= 4 else re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "'", run) for run in runs)


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


def disguised(text: str | None) -> bool:
    """Whether a name hides what it is: characters that nobody can see, or Latin letters beside others that look so.

    Cyrillic and Greek letters look like Latin ones. A name that is all of one script is honest, and so are signs such
    as that of a currency.
    """
    if text is None or text.isascii():
        return False
    letters = {unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha()}
    if "LATIN" in letters and not letters.isdisjoint(_LIKE_LATIN):
        return True
    return any(unicodedata.category(letter) == "Cf" for letter in text)


def quoted(text: str | None) -> str:
    """A stranger's name as it stands in a sentence: in quotation marks, or `no name`."""
    dead = harmless(text)
    return "no name" if dead is None else f"“{dead}”"


def printable(text: str) -> str:
    """The text without what moves a cursor, reorders or hides; its lines stay lines."""
    return text if text.isprintable() else "".join(c for c in text if c == "\n" or c.isprintable())
