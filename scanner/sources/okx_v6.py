"""The successor, `api: v6`: undocumented, read as client code has seen it. Flat rows, numbers for cursors, a total."""

from collections.abc import Sequence
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

__all__ = ["V6"]

T = TypeVar("T")


class _Row(msgspec.Struct, rename="camel"):
    """Both forms of a row that were seen, in one."""

    chain_index: Any = None
    token_address: Any = None
    symbol: Any = None
    token_symbol: Any = None
    approval_address: Any = None
    spender_address: Any = None
    protocol_name: Any = None
    remain_amount: Any = None
    allowance: Any = None
    status: Any = None


class _Entry(msgspec.Struct, Generic[T], rename="camel"):
    data_list: list[T] | None = None
    approval_list: list[T] | None = None
    chain_index: Any = None
    cursor: msgspec.Raw = msgspec.Raw(b"")
    cusor: msgspec.Raw = msgspec.Raw(b"")
    total: Any = None


_decode = msgspec.json.Decoder(list[_Entry[_Row]]).decode
_decode_loosely = msgspec.json.Decoder(list[_Entry[msgspec.Raw]]).decode
_decode_row = msgspec.json.Decoder(_Row).decode


def _body(targets: Sequence[Target], key: str, limit: int, cursor: bytes | None) -> bytes:
    asked = {"nested": False, "limit": limit, key: address_list(targets)}
    return msgspec.json.encode(asked if cursor is None else {**asked, "cursor": msgspec.Raw(cursor)})


def _entries(data: msgspec.Raw) -> list[Entry]:
    try:
        told = bytes(data)
        return [replace(part, told=told) for entry in _decode(data) for part in _by_chain(entry, _listed(entry), 0)]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _salvaged(data)


def _salvaged(data: msgspec.Raw) -> list[Entry]:
    try:
        loose = _decode_loosely(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError("the data are not a list of entries with a list of approvals each") from error
    return [part for entry in loose for part in _by_chain(entry, *salvage(_listed(entry), _decode_row))]


def _listed(entry: _Entry[T]) -> list[T]:
    if entry.data_list is None and entry.approval_list is None:
        raise MalformedError("an entry has no list of approvals")
    return [*(entry.data_list or ()), *(entry.approval_list or ())]


def _by_chain(entry: _Entry[Any], rows: Sequence[_Row], broken: int) -> list[Entry]:
    """An entry for each chain that the rows name: the chain stands in the rows here."""
    total = entry.total if isinstance(entry.total, int) and not isinstance(entry.total, bool) else None
    cursor = page_cursor(entry.cursor, entry.cusor)
    chain = canonical_chain(entry.chain_index)
    parts: dict[str | None, list[Row]] = {}
    for row in rows:
        try:
            parts.setdefault(canonical_chain(row.chain_index) or chain, []).append(_neutral(row))
        except MalformedError:
            broken += 1
    empty = not rows and not broken
    return [
        Entry(chain, partial(iter, listed), cursor, empty=empty, broken=broken, total=total)
        for chain, listed in (parts or {chain: []}).items()
    ]


def _neutral(row: _Row) -> Row:
    return Row(
        row.token_address,
        row.symbol if row.symbol is not None else row.token_symbol,
        (row.approval_address, row.spender_address),
        row.protocol_name,
        row.remain_amount if row.remain_amount is not None else row.allowance,
        row.status,
    )


V6 = Wire(
    path="/api/v6/security/approval-mng",
    project=False,
    page_size=20,
    # Its entries name neither chain nor owner, and several addresses share one cursor and one total.
    packs=False,
    families=frozenset({Family.EVM}),
    body=_body,
    entries=_entries,
)
