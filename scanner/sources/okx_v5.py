"""The documented interface: projects, each with a spender and the tokens that it may take."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from scanner.domain.approvals import Target
from scanner.domain.chains import Family
from scanner.okx.shapes import MalformedError, canonical_chain, salvage
from scanner.sources.okx_wire import (
    Entry,
    Row,
    Wire,
    address_list,
    page_cursor,
)

__all__ = ["V5"]

T = TypeVar("T")


class _Token(msgspec.Struct, rename="camel"):
    approval_num: Any = None
    symbol: Any = None
    status: Any = None
    token_address: Any = None


class _Project(msgspec.Struct, Generic[T], rename="camel"):
    tokens: list[T]
    project_name: Any = None
    approval_address: Any = None
    approve_address: Any = None
    spender_address: Any = None


class _Entry(msgspec.Struct, Generic[T], rename="camel"):
    approval_projects: list[T]
    chain_index: Any = None
    cursor: msgspec.Raw = msgspec.Raw(b"")
    cusor: msgspec.Raw = msgspec.Raw(b"")


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder(_Entry[_Project[_Token]]).decode
_decode_loosely = msgspec.json.Decoder(list[_Entry[msgspec.Raw]]).decode
_decode_project = msgspec.json.Decoder(_Project[msgspec.Raw]).decode
_decode_token = msgspec.json.Decoder(_Token).decode


def _body(targets: Sequence[Target], key: str, limit: int, cursor: bytes | None) -> bytes:
    asked = {key: address_list(targets), "limit": str(limit)}
    return msgspec.json.encode(asked if cursor is None else {**asked, "cursor": msgspec.Raw(cursor)})


def _entries(data: msgspec.Raw) -> list[Entry]:
    try:
        return [_sound(raw) for raw in _decode_list(data)]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _salvaged(data)


def _sound(raw: msgspec.Raw) -> Entry:
    entry = _decode(raw)
    return replace(_entry(entry, partial(_rows, entry.approval_projects), 0), told=bytes(raw))


def _salvaged(data: msgspec.Raw) -> list[Entry]:
    """The entries of data in which something has a wrong type, with all rows that are sound."""
    try:
        loose = _decode_loosely(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError("the data are not a list of entries with a list of projects each") from error
    entries = []
    for entry in loose:
        projects, broken = salvage(entry.approval_projects, _decode_project)
        sound: list[Row] = []
        for project in projects:
            tokens, bad = salvage(project.tokens, _decode_token)
            sound += _project_rows(project, tokens)
            broken += bad
        entries.append(_entry(entry, partial(iter, sound), broken))
    return entries


def _entry(entry: _Entry[T], listed: Callable[[], Iterable[Row]], broken: int) -> Entry:
    return Entry(
        chain=canonical_chain(entry.chain_index),
        listed=listed,
        cursor=page_cursor(entry.cursor, entry.cusor),
        empty=not entry.approval_projects,
        broken=broken,
    )


def _rows(projects: Iterable[_Project[_Token]]) -> Iterator[Row]:
    for project in projects:
        yield from _project_rows(project, project.tokens)


def _project_rows(project: _Project[T], tokens: Iterable[_Token]) -> Iterator[Row]:
    # The table, the example and the successor each call the spender something else.
    spenders = (project.approval_address, project.approve_address, project.spender_address)
    for token in tokens:
        yield Row(token.token_address, token.symbol, spenders, project.project_name, token.approval_num, token.status)


V5 = Wire(
    path="/api/v5/wallet/security/approvals",
    project=True,
    page_size=100,
    packs=True,
    # The documents do not say which chains it tells of; it answers that itself. Only these have allowances as ERC-20
    # defines them: TRC-20 is its copy.
    families=frozenset({Family.EVM, Family.TRON}),
    body=_body,
    entries=_entries,
)
