"""What endpoints are called, and what of their URLs nobody may see: a key may stand in any part of one."""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import unquote

from yarl import URL

__all__ = ["named", "redacted"]

HIDDEN = "…"

SHORTEST_SECRET = 6
"""Characters of a part of a URL from which on it may be a key. What is shorter guards nothing."""

_BETWEEN = re.compile(r"[/?&=:@#]+")
_LIKE_A_KEY = re.compile(r"(?=[^.]*\d)[\w-]{20,}")


def named(urls: Sequence[str]) -> list[str]:
    """A name for each: its host, with a number where several share it. A part of it that looks like a key is left out.

    The port is part of the name where it is written.
    """
    hosts = [_host(URL(url)) for url in urls]
    times = Counter(hosts)
    seen: Counter[str] = Counter()
    names = []
    for host in hosts:
        seen[host] += 1
        names.append(host if times[host] == 1 else f"{host} ({seen[host]})")
    return names


def redacted(text: str, url: str) -> str:
    """The text without anything that stands in the URL beside its scheme, its port and the plain parts of its host."""
    host = URL(url).host or ""
    parts = {part for part in _BETWEEN.split(url) if part != host}
    parts |= {unquote(part) for part in parts} | set(_LIKE_A_KEY.findall(host))
    for part in sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def _host(url: URL) -> str:
    host = _LIKE_A_KEY.sub(HIDDEN, url.host or "?")
    return host if url.explicit_port is None else f"{host}:{url.explicit_port}"
