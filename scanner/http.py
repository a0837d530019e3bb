"""One bounded request over HTTP: no redirect is followed, no more is read than is borne, and a failure is a value.

Nothing here logs or repeats more of a URL than its host: a key may stand in the rest, and in headers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import cache
from os import strerror
from ssl import SSLError
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from scanner.domain.hostile import harmless
from scanner.errors import Reason, Trouble

__all__ = ["LARGEST", "TOO_LARGE", "TOO_LATE", "Answer", "http_time", "retry_after", "send"]

LARGEST = 8 * 1024 * 1024
"""Bytes that are read of one answer, where the caller does not say otherwise."""

TOO_LARGE = "too-large"
"""The code of the trouble with an answer that goes beyond them."""

TOO_LATE = "too-late"
"""The code of the trouble with one that did not end in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came. `headers` are found by their names in lower case, however the far side writes them."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


async def send(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    far_side: str,
    within: float,
    body: bytes = b"",
    largest: int = LARGEST,
) -> Answer | Trouble:
    """Send one request, of an encoded URL, and read its answer, whatever it says, within so many seconds
    and of at most so many bytes.

    `far_side` is what people call it. What to do about a trouble the caller knows, who knows the settings: it may pass
    where a retry helps; a connection that cannot be trusted is mended by nobody's waiting.
    """
    there = URL(url, encoded=True)
    host = there.host or ""
    try:
        async with session.request(
            method,
            there,
            proxy=_proxy(there.scheme, host),
            data=body or None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=within),
        ) as response:
            read = await _read(response, largest)
    except TimeoutError:
        # Not within how many seconds: what is left of a patience differs, and one outage is told once.
        return replace(_unavailable(f"{far_side} did not answer in time"), code=TOO_LATE)
    except aiohttp.ClientSSLError as error:
        said = f"the TLS connection to {host} cannot be trusted: {_words(error)}"
        return Trouble(Reason.UNAVAILABLE, said, whole_source=True)
    except aiohttp.ServerDisconnectedError:
        return _unavailable(f"{host} closed the connection without an answer")
    except aiohttp.ClientConnectionError as error:
        return _unavailable(f"no connection to {host}: {_words(error)}")
    except (aiohttp.ClientError, OSError) as error:
        # The words of these errors may repeat the URL.
        return _unavailable(f"the answer of {host} broke off or is no HTTP ({type(error).__name__})")
    if read is None:
        size = f"more than {largest // 1024 // 1024} MiB"
        said = f"{far_side} gave an answer (HTTP {response.status}) of {size}, which is not read"
        return Trouble(Reason.PROTOCOL, said, code=TOO_LARGE)
    return Answer(response.status, read, response.headers)


def retry_after(text: str | None, now: float) -> float | None:
    """What a `Retry-After` header asks for, in seconds: it holds a number of them, or a date. `now` is since 1970."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    at = http_time(text)
    return None if at is None else max(0.0, at - now)


def http_time(text: str | None) -> float | None:
    """A time in an HTTP header, in seconds since 1970, or None where there is none that can be read."""
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


@cache
def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names on the way to a host.

    A session with `trust_env` asks for it anew for every request, and for a password in ~/.netrc, in other threads.
    """
    return None if proxy_bypass(host) else getproxies().get(scheme)


async def _read(response: aiohttp.ClientResponse, largest: int) -> bytes | None:
    """The body, or None where it does not end within so many bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > largest:
            return None
    return b"".join(chunks)


def _unavailable(said: str) -> Trouble:
    return Trouble(Reason.UNAVAILABLE, said, retry=True, whole_source=True)


def _words(error: aiohttp.ClientConnectionError) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if not isinstance(cause, OSError):
        return type(cause).__name__
    # asyncio's own words repeat the address. A name that is not found, or a certificate, has a number of its own.
    number = 0 if isinstance(cause, SSLError) else cause.errno or 0
    return harmless(strerror(number) if number > 0 else cause.strerror) or type(cause).__name__
