"""What a request has to be before it is answered: signed, on time, and well formed.

Written from the provider's documents alone, so that a client that misreads them is found out. Every check either
passes or raises `Refusal` with the documented code.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scanner.sandbox.chains import EVM, KNOWN, fits
from scanner.sandbox.codes import Refusal
from scanner.sandbox.pages import Asked, read_cursor
from scanner.sandbox.quirks import CursorForm, Quirks
from scanner.sandbox.worlds import Key

__all__ = [
    "TOLERANCE",
    "Credentials",
    "check_body",
    "check_headers",
    "check_place",
    "check_successor_body",
    "read_object",
    "read_text",
    "same",
    "signature",
]

TOLERANCE = timedelta(seconds=30)
MOST_ADDRESSES = 20
MOST_ROWS = 100
USUAL_ROWS = 50
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the sandbox takes for keys: the provider's, and those of the other exchange, XT.

    The defaults are documented and guard nothing.
    """

    key: str = "sandbox-key"
    secret: str = field(default="22582BD0CFF14C41EDBF1AB98506286D", repr=False)
    passphrase: str = field(default="sandbox-passphrase", repr=False)
    project: str = "sandbox-project"
    xt_key: str = "sandbox-xt-key"
    xt_secret: str = field(default="sandbox-xt-secret", repr=False)


def signature(secret: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over timestamp, method, path with its query, and body, as the documents say."""
    text = f"{timestamp}{method}{path}".encode() + body
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


def check_headers(
    headers: Mapping[str, str], method: str, path: str, body: bytes, credentials: Credentials, now: datetime
) -> None:
    """Check the OK-ACCESS headers in the order of a gateway: all there, on time, ours, and signed.

    Raises Refusal: 50103-50107 for what is missing, 50112 and 50102 for the timestamp, 50111, 50105, 50113 and 50121.
    """
    given = {}
    for name, code in (("KEY", "50103"), ("SIGN", "50106"), ("TIMESTAMP", "50107"), ("PASSPHRASE", "50104")):
        given[name] = headers.get(f"OK-ACCESS-{name}", "")
        if not given[name]:
            raise Refusal(code)
    if not _TIMESTAMP.fullmatch(given["TIMESTAMP"]):
        raise Refusal("50112", "ISO 8601 in UTC with milliseconds and Z is expected")
    try:
        sent = datetime.fromisoformat(given["TIMESTAMP"])
    except ValueError:
        raise Refusal("50112", "there is no such time") from None
    if abs(now - sent) > TOLERANCE:
        raise Refusal("50102", f"it is {now.astimezone(UTC).isoformat(timespec='milliseconds')} here")
    if not same(given["KEY"], credentials.key):
        raise Refusal("50111")
    if not same(given["PASSPHRASE"], credentials.passphrase):
        raise Refusal("50105")
    if not same(given["SIGN"], signature(credentials.secret, given["TIMESTAMP"], method, path, body)):
        raise Refusal("50113")
    needs_project = path.startswith(("/api/v5/wallet/", "/api/v5/waas/"))
    if needs_project and not same(headers.get("OK-ACCESS-PROJECT", ""), credentials.project):
        raise Refusal("50121")


def check_body(body: bytes, content_type: str, quirks: Quirks) -> Asked:
    """Check the body of a v5 request. Raises Refusal with the code for the first thing that is wrong."""
    asked = read_object(body, content_type)
    limit = asked.get("limit", str(USUAL_ROWS))
    if not isinstance(limit, str) or not re.fullmatch(r"[1-9]\d{0,2}", limit) or int(limit) > MOST_ROWS:
        raise Refusal("51000", f'limit has to be a text from "1" to "{MOST_ROWS}"')
    entries = _entries(asked, quirks.address_key)
    return _asked(entries, int(limit), asked.get("cursor"), quirks.cursor, quirks)


def check_successor_body(body: bytes, content_type: str, quirks: Quirks) -> Asked:
    """Check the body of a v6 request, in which `limit` and `cursor` are numbers. Raises Refusal."""
    asked = read_object(body, content_type)
    limit = asked.get("limit", 20)
    if type(limit) is not int or not 1 <= limit <= MOST_ROWS:
        raise Refusal("51000", f"limit has to be a number from 1 to {MOST_ROWS}")
    if not isinstance(asked.get("nested", False), bool):
        raise Refusal("51000", "nested has to be true or false")
    entries = _entries(asked, "addressList")
    if not all(chain in EVM for chain, _ in entries):
        raise Refusal("81150")
    return _asked(entries, limit, asked.get("cursor"), CursorForm.NUMBER, quirks)


def same(given: str, expected: str) -> bool:
    """Whether a secret that was given is the one that was expected."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def read_object(body: bytes, content_type: str) -> dict[str, Any]:
    """The body of a request as an object. Raises Refusal where it is none, or is not said to be JSON."""
    if content_type != "application/json":
        raise Refusal("50006")
    if not body.strip():
        raise Refusal("50000")
    try:
        asked = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refusal("50002") from None
    if not isinstance(asked, dict):
        raise Refusal("50002", "an object is expected")
    return asked


def _entries(asked: dict[str, Any], name: str) -> tuple[Key, ...]:
    addresses = asked.get(name)
    if addresses is None or addresses == []:
        raise Refusal("50014", name)
    if not isinstance(addresses, list):
        raise Refusal("51000", f"{name} has to be a list")
    if len(addresses) > MOST_ADDRESSES:
        raise Refusal("81107", f"{len(addresses)}, at most {MOST_ADDRESSES} are allowed")
    return tuple(_entry(entry) for entry in addresses)


def _entry(entry: object) -> Key:
    if not isinstance(entry, dict):
        raise Refusal("51000", "an address entry has to be an object")
    chain, address = read_text(entry, "chainIndex"), read_text(entry, "address")
    check_place(chain, address)
    if chain in EVM and address != address.lower():
        raise Refusal("81106", address)
    return chain, address


def check_place(chain: str, address: str) -> None:
    """Check that an address can be on a chain that is served. Raises Refusal: 81104 or 81157."""
    if chain not in KNOWN:
        raise Refusal("81104", chain)
    if not fits(address, chain):
        raise Refusal("81157", f"{address} on chain {chain}")


def read_text(entry: Mapping[str, Any], name: str) -> str:
    """The text under a name. Raises Refusal where there is nothing (50014), or something else (51000)."""
    value = entry.get(name)
    if value is None or value == "":
        raise Refusal("50014", name)
    if not isinstance(value, str):
        raise Refusal("51000", f"{name} has to be a text")
    return value


def _asked(entries: tuple[Key, ...], limit: int, cursor: Any, form: CursorForm, quirks: Quirks) -> Asked:
    try:
        offset = 0 if cursor is None else read_cursor(cursor, form)
    except ValueError as error:
        raise Refusal("51000", str(error)) from None
    return Asked(entries, limit, min(limit, quirks.largest_page), form, cursor, offset)
