"""Addresses of services: what each may look like, and whether one carries a secret that belongs elsewhere."""

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from scanner.config.written import WrongError, file_path, single
from scanner.places import Data

__all__ = [
    "api_url",
    "carries_secret",
    "check_channel_url",
    "list_source",
    "node_of",
    "node_url",
    "open_url",
    "request_path",
    "sqlite_url",
    "web_url",
]

# Of a query, what sends a header or a field begins with a sign; a plus is read as a space.
_SIGNS = (" ", "+", "-", ":")
# Services whose address holds no token of its own. Of any other, the address *is* the secret.
_OPEN_SCHEMES = {
    "ws",
    "wss",
    "http",
    "https",
    "json",
    "jsons",
    "xml",
    "xmls",
    "form",
    "forms",
    "mailto",
    "mailtos",
    "syslog",
    "dbus",
}
_SECRET_KEYS = {"pass", "password", "token", "access_token", "key", "apikey", "api_key", "secret", "auth"}
_TOKEN = re.compile(r"[A-Za-z0-9_:.~-]{16,}")
_SQLITE = "sqlite:///"


def _split(text: str) -> SplitResult:
    """The parts of a URL with a scheme. The message never repeats the text: it may hold a secret."""
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise WrongError("this is not a URL", code="bad-url") from error
    if not parts.scheme or "://" not in text or not text.isprintable() or " " in text:
        raise WrongError("this is not a URL", code="bad-url", hint="a URL begins with a scheme, as in https://")
    return parts


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_near(host: str) -> bool:
    """Whether a host is on this machine or its own network: such a name has no dot, or ends as those do."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))


def _of_scheme(text: str, *schemes: str) -> SplitResult:
    parts = _split(text)
    if parts.scheme not in schemes or not parts.hostname:
        raise WrongError(f"an {schemes[0]}:// URL is expected", code="bad-url")
    try:
        _ = parts.port
    except ValueError as error:
        raise WrongError("the URL's port is not a port's number", code="bad-url") from error
    return parts


def _safe_web(text: str) -> SplitResult:
    parts = _of_scheme(text, "https", "http")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        hint = "use https://; http:// is accepted only on this machine's own loopback"
        raise WrongError("the connection would not be encrypted", code="bad-url", hint=hint)
    return parts


def api_url(text: str) -> str:
    """The scheme and host of an API, without a path: paths are signed, so a prefix cannot be right."""
    parts = _safe_web(text)
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        hint = "as in https://web3.okx.com"
        raise WrongError("only a scheme, a host and a port are expected", code="bad-url", hint=hint)
    return f"{parts.scheme}://{parts.netloc}"


def request_path(text: str) -> str:
    """The path of an API's request: it begins with `/` and has no query."""
    if not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)+/?", text):
        raise WrongError(f"{text!r} is not a path", code="bad-url", hint="as in /api/v5/wallet/security/approvals")
    return text


def list_source(value: Data, folder: Path) -> str | Path:
    """Where a list comes from: an https:// URL, or a path that starts from the configuration file's folder."""
    text = single(value)
    if "://" not in text:
        return file_path(value, folder)
    parts = _safe_web(text)
    if parts.username is not None or any(key.lower() in _SECRET_KEYS for key in parse_qs(parts.query)):
        hint = "lists show where they come from; have something else fetch it, and name the file"
        raise WrongError("this URL carries a secret, or may", code="plain-secret", hint=hint)
    return text


def sqlite_url(value: Data, folder: Path) -> str:
    """The store's URL with an absolute path."""
    text = single(value)
    if not text.startswith(_SQLITE):
        # The text is not repeated: the URL of a database server has a password in it.
        hint = "as in sqlite:///approval-watch.db; this version keeps its store in SQLite only"
        raise WrongError("the store's URL does not begin with sqlite:///", code="bad-url", hint=hint)
    path = text.removeprefix(_SQLITE)
    if path in ("", ":memory:") or "?" in path:
        hint = "name a file, without options: sqlite:///approval-watch.db"
        raise WrongError(f"{text!r} does not name a file", code="bad-url", hint=hint)
    return f"{_SQLITE}{file_path(path, folder)}"


def carries_secret(text: str) -> bool:
    """Whether a URL has, or may have, a secret in it: a token as its host or path, a password, a header."""
    parts = _split(text)
    words = [word for word in parts.path.split("/") if word]
    query = parse_qs(parts.query, keep_blank_values=True)
    words += [value for values in query.values() for value in values]
    words += [parts.username] if parts.username and not parts.scheme.startswith("mailto") else []
    return (
        parts.scheme not in _OPEN_SCHEMES
        or parts.password is not None
        or any(key.lower() in _SECRET_KEYS or key.startswith(_SIGNS) for key in query)
        or any(_TOKEN.fullmatch(word) and any(c.isdigit() for c in word) for word in words)
    )


def open_url(text: str) -> str:
    """A URL that may stand in the configuration itself because nothing in it is secret."""
    if carries_secret(text):
        hint = "put it in an environment variable or a file: {env: NAME}, {file: PATH} or {credential: NAME}"
        raise WrongError("this URL carries a secret, or may", code="plain-secret", hint=hint)
    return text


def web_url(text: str) -> str:
    """A whole URL of the web, encrypted unless it leads to loopback. Raises WrongError, which does not repeat it."""
    _safe_web(text)
    return text


def node_url(text: str) -> str:
    """The URL of a node that answers JSON-RPC. Raises WrongError, which does not repeat it.

    On the way from a node that is not next door anybody could change what it says of the chain.
    """
    parts = _of_scheme(text, "https", "wss", "http", "ws")
    if parts.scheme in ("http", "ws") and not _is_near(parts.hostname or ""):
        hint = f"use {parts.scheme}s://; without encryption a node has to be on this machine or its own network"
        raise WrongError("the connection would not be encrypted", code="bad-url", hint=hint)
    return text


def node_of(url: str) -> str:
    """What two spellings of a node's URL have in common."""
    parts = urlsplit(url.strip())
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/")).geturl()


def check_channel_url(text: str) -> None:
    """Refuse a channel's URL that would send a password unencrypted. Raises WrongError."""
    parts = _split(text)
    if parts.scheme != "mailto":
        return
    query = parse_qs(parts.query)
    host = query["smtp"][0] if "smtp" in query else parts.hostname
    if (parts.password is not None or "pass" in query) and not _is_loopback(host):
        raise WrongError("the mail password would be sent unencrypted", code="bad-url", hint="use mailtos://")
