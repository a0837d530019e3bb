"""A list's content, from a file, a folder or the web: bounded in size and time, and only when it is another one."""

import hashlib
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from scanner.domain.hostile import dead_line
from scanner.errors import ApprovalWatchError

__all__ = ["LARGEST", "Fetched", "UnreadableListError", "digest", "fetch", "read_local"]

LARGEST = 20_000_000
"""Bytes of a list, unpacked and over all files of a folder."""

_LONGEST_ETAG = 500
_LONGEST_WHY = 160
_CHUNK = 65_536
_ELSEWHERE = {301, 302, 303, 307, 308}
_FRESH = 2.0
"""Seconds in which a file's time may not have moved although the file did."""


class UnreadableListError(ApprovalWatchError):
    """What should be a list cannot be fetched, or has none of its forms."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The files of a list by name, "" for a single one; None where they are those that `etag` names already.

    `etag` is what the far side calls this content; of local files it is made of their times and sizes. None where
    the next look has to read again.
    """

    files: Mapping[str, bytes] | None
    etag: str | None


async def fetch(session: aiohttp.ClientSession, url: str, etag: str | None, largest: int = LARGEST) -> Fetched:
    """A list from the web, unless it is still what `etag` names. Redirects are not followed.

    Raises UnreadableListError; the caller limits the time.
    """
    host = urlsplit(url).hostname
    headers = {"If-None-Match": etag} if etag else {}
    try:
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status == 304 and etag:
                return Fetched(None, etag)
            if response.status in _ELSEWHERE:
                raise UnreadableListError(
                    f"{host} sends elsewhere (HTTP {response.status})", "Name the address that it leads to"
                )
            if response.status != 200:
                raise UnreadableListError(f"{host} answered HTTP {response.status}")
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                content += chunk
                _check_size(len(content), largest)
            tag = response.headers.get("ETag")
            return Fetched({"": bytes(content)}, tag if tag and len(tag) <= _LONGEST_ETAG else None)
    except aiohttp.ClientError as error:
        why = dead_line(str(error), _LONGEST_WHY) or type(error).__name__
        raise UnreadableListError(f"{host} cannot be read: {why}") from error


def read_local(path: Path, etag: str | None, largest: int = LARGEST) -> Fetched:
    """A list from a file, or from a folder's JSON files, unless nothing moved there. Raises UnreadableListError."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            files = {one.name: one for one in sorted(path.iterdir()) if one.suffix == ".json" and one.is_file()}
            if not files:
                raise UnreadableListError(f"there is no JSON file in the folder {path}")
        elif stat.S_ISREG(found.st_mode):
            files = {"": path}
        else:
            raise UnreadableListError(f"{path} is neither a file nor a folder")
        stamp = _stamp(files)
        if stamp is not None and stamp == etag:
            return Fetched(None, etag)
        return Fetched(_contents(files, largest), stamp)
    except FileNotFoundError as error:
        raise UnreadableListError(f"there is no {path}", "Put the list there, or take it out of lists:") from error
    except OSError as error:
        why = (error.strerror or "it failed").lower()
        raise UnreadableListError(f"{path} cannot be read: {why}") from error


def _stamp(files: Mapping[str, Path]) -> str | None:
    """The files' names, times and sizes in short; None where one was written only just now."""
    states = [(name, (state := file.stat()).st_mtime_ns, state.st_size, state.st_ino) for name, file in files.items()]
    if max(moved for _, moved, _, _ in states) / 1e9 > time.time() - _FRESH:
        return None
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _contents(files: Mapping[str, Path], largest: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = largest
    for name, file in files.items():
        with file.open("rb") as opened:
            found[name] = opened.read(left + 1)
        left -= len(found[name])
        _check_size(largest - left, largest)
    return found


def _check_size(size: int, largest: int) -> None:
    if size > largest:
        raise UnreadableListError(f"it is larger than {largest // 1_000_000} MB", "Split it into several lists")


def digest(files: Mapping[str, bytes]) -> str:
    """What tells one content from another."""
    found = hashlib.sha256()
    for name, content in files.items():
        for part in (name.encode(errors="surrogateescape"), content):
            found.update(len(part).to_bytes(8) + part)
    return found.hexdigest()
