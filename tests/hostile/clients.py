"""What the clients of channels make of a text: links by themselves, mentions, markup. Stricter than any of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from html.parser import HTMLParser

__all__ = ["Page", "alive", "discord", "invisible", "lines_of", "slack"]

_OURS = re.compile(
    r"https://revoke\.cash/address/0x[0-9a-f]{40}\?chainId=1(?!\S)"
    r"|https://etherscan\.io/address/0x[0-9a-f]{40}(?!\S)"
)
# Ours, too, and nothing that a client reacts to: addresses, times, references, grouped amounts.
_PLAIN = re.compile(r"0x[0-9a-f]{8,40}\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ?| UTC)|^ref [0-9a-f]{16}$", re.MULTILINE)

_ALIVE = {
    "link": r"[a-z][a-z0-9+.-]*://",
    "scheme": r"\b(?:mailto|tel|sms|javascript|vbscript|data|file|tg|ethereum|bitcoin|magnet):\S",
    "host": r"[\w-]+\.(?:[\w-]+\.)*(?:xn--[\w-]+|[^\W\d_]{2,})",
    "ip address": r"\d+\.\d+\.\d+\.\d+",
    "mention": r"@",
    "hashtag": r"#\w",
    "cashtag": r"\$[^\W\d]",
    "command": r"(?<![\w/])/[a-z0-9_]",
    "path": r"[/\\]{2}",
    "number": r"(?<!\w)\+?\d(?:[ ().-]*\d){6,}(?!\w)",
    "emoji code": r":[\w+'-]+:(?!\d)",
    "tag": r"<[a-z!/@#:?]",
}

_MARKUP = {
    "emphasis": r"(?<!\w)([*_~]{1,3})(?=\S).+?(?<=\S)\1(?!\w)",
    "code": r"`",
    "spoiler": r"\|\|",
    "masked link": r"\]\(",
}


def alive(text: str) -> list[str]:
    """What a client would bring to life in a plain text, but for our own links."""
    rest = _PLAIN.sub(" ", _OURS.sub(" ", text))
    return list(_found(_ALIVE, rest))


def _found(patterns: dict[str, str], text: str) -> Iterator[str]:
    for name, pattern in patterns.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield f"{name}: {match[0]!r}"


def invisible(text: str) -> list[str]:
    """Characters that hide, reorder, break or escape; the ends of lines are none."""
    kinds = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    towers = re.findall(r"[\u0300-\u036f\u20d0-\u20ff]{4,}", unicodedata.normalize("NFD", text))
    return towers + [f"U+{ord(c):04X}" for c in text if c != "\n" and unicodedata.category(c) in kinds]


def slack(text: str) -> list[str]:
    """What Slack makes of a message's text: its control sequences, mrkdwn, emoji, links."""
    quotes = [line for line in text.split("\n") if line.startswith(("&gt;", ">"))]
    seen = unescape(text)
    return [*quotes, *re.findall(r"<[^>]*>", text), *_found(_MARKUP, seen), *alive(seen)]


def discord(text: str) -> list[str]:
    """What Discord makes of a message's text: mentions, Markdown, links."""
    blocks = [line for line in text.split("\n") if re.match(r"(#{1,3}|>{1,3}|[-*+]|\d+\.|-#) ", line)]
    return [*blocks, *_found(_MARKUP, text), *alive(text)]


class Page(HTMLParser):
    """What a reader sees of a page, and what would react to a click or a load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.targets: list[str] = []
        self._words: list[str] = []
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        return "".join(self._words)

    @property
    def foreign(self) -> list[str]:
        """Where it leads, but for our own links."""
        return [target for target in self.targets if not _OURS.fullmatch(target)]

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name in ("href", "src", "action", "background")]

    def handle_data(self, data: str) -> None:
        self._words.append(data)


def lines_of(text: str, beginnings: Iterable[str]) -> list[str]:
    """The lines, as any client may break them, that begin with one of these."""
    return [line for line in text.splitlines() if line.startswith(tuple(beginnings))]
