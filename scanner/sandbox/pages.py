"""Pages of approvals: a day and a request in, the answer's `data` out, in any reading of the documents. Pure."""

import base64
import binascii
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scanner.sandbox.quirks import (
    AmountForm,
    CursorForm,
    EndStyle,
    LimitCounts,
    Packing,
    Quirks,
    SpenderField,
    SymbolForm,
)
from scanner.sandbox.worlds import UINT256_MAX, Day, Key, Row

__all__ = ["Asked", "Cursor", "Json", "approvals", "next_cursor", "read_cursor", "write_cursor"]

Json: TypeAlias = Any
"""A value as it goes over the wire."""

Cursor: TypeAlias = "str | int | None"
"""A cursor as it stands in a request or an answer."""

_ICON = "https://icons.invalid/{}.png"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a well-formed request asks for: whose approvals, how many at a time, and from where on (0 is the start).

    `size` is how many a page really has. `cursor` is the one that came, None for a first page; `form` how cursors are
    written in this dialect. What has no pages is one page without a limit.
    """

    entries: tuple[Key, ...] = ()
    limit: int | None = None
    size: int = 1
    form: CursorForm = CursorForm.TEXT
    cursor: Cursor = None
    offset: int = 0

    @property
    def page(self) -> int:
        """The number of the page, from 1, for a client that asks for the same size every time."""
        return 1 + -(-self.offset // self.size)


def write_cursor(offset: int, form: CursorForm) -> Cursor:
    """The cursor of the page that begins at an offset."""
    match form:
        case CursorForm.TEXT:
            return str(offset)
        case CursorForm.NUMBER:
            return offset
        case CursorForm.OPAQUE:
            return base64.urlsafe_b64encode(f"from:{offset}".encode()).decode()


def read_cursor(cursor: object, form: CursorForm) -> int:
    """The offset that a cursor stands for. Raises ValueError where it is of another type, or was never given out."""
    if form is CursorForm.NUMBER:
        if type(cursor) is not int or cursor < 0:
            raise ValueError("cursor has to be the number that the last page gave")
        return cursor
    if not isinstance(cursor, str):
        raise ValueError("cursor has to be the text that the last page gave")
    text = cursor
    if form is CursorForm.OPAQUE:
        try:
            text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii").removeprefix("from:")
        except (binascii.Error, UnicodeDecodeError):
            text = ""
    if not (text.isascii() and text.isdigit()) or write_cursor(int(text[:9]), form) != cursor:
        raise ValueError("cursor has to be one that a page gave")
    return int(text)


def next_cursor(key: str, asked: Asked, reached: int, total: int, end: EndStyle) -> dict[str, Json]:
    """The cursor of a page that ends at `reached` of `total` items: under a key, or nothing at all."""
    if reached < total:
        return {key: write_cursor(reached, asked.form)}
    match end:
        case EndStyle.MISSING:
            return {}
        case EndStyle.NULL:
            return {key: None}
        case EndStyle.EMPTY:
            return {key: ""}
        case EndStyle.ZERO:
            return {key: "0"}
        case EndStyle.ZERO_NUMBER:
            return {key: 0}
        case EndStyle.SAME if asked.cursor is not None:
            return {key: asked.cursor}
        case EndStyle.SAME | EndStyle.EMPTY_PAGE | EndStyle.NO_DATA:
            return {key: write_cursor(reached, asked.form)}


def approvals(day: Day, asked: Asked, quirks: Quirks, seed: int = 0) -> list[Json]:
    """The `data` of a v5 answer: an entry for each address asked for, as the quirks have it.

    `seed` decides the order within a page where that is shuffled.
    """
    order = random.Random(seed)  # noqa: S311 - an order of rows, not a secret
    reached = asked.offset + asked.size
    data = []
    for chain, rows in _groups(day, asked.entries, quirks.packing):
        items = _items(rows, quirks.limit_counts)
        beyond = asked.offset > 0 and asked.offset >= len(items)
        if beyond and quirks.end is EndStyle.NO_DATA:
            continue
        first = asked.offset if beyond else max(0, asked.offset - quirks.overlap)
        shown = [_project(rows, quirks) for rows in _by_spender(row for item in items[first:reached] for row in item)]
        if quirks.shuffled:
            for project in shown:
                order.shuffle(project["tokens"])
            order.shuffle(shown)
        cursor = next_cursor(quirks.cursor_key, asked, reached, len(items), quirks.end)
        index: str | int = int(chain) if quirks.chain_as_number else chain
        data.append({**cursor, "chainIndex": index, "approvalProjects": shown})
    return data


def _groups(day: Day, entries: Sequence[Key], packing: Packing) -> list[tuple[str, tuple[Row, ...]]]:
    """The rows of each entry of the answer, with its chain."""
    found = [(chain, day.of(chain, owner)) for chain, owner in entries]
    if len(found) == 1:
        return found
    match packing:
        case Packing.EACH:
            return found
        case Packing.REVERSED:
            return found[::-1]
        case Packing.MISSING:
            return found[:-1]
        case Packing.TWICE:
            return [found[0], *found]
        case Packing.PER_CHAIN:
            merged: dict[str, tuple[Row, ...]] = {}
            for chain, rows in found:
                merged[chain] = merged.get(chain, ()) + rows
            return list(merged.items())


def _items(rows: Iterable[Row], counted: LimitCounts) -> list[tuple[Row, ...]]:
    """The rows in the portions that `limit` counts."""
    return [(row,) for row in rows] if counted is LimitCounts.ROWS else _by_spender(rows)


def _by_spender(rows: Iterable[Row]) -> list[tuple[Row, ...]]:
    """The rows of each spender, in the order in which the spenders come up."""
    found: dict[object, list[Row]] = {}
    for row in rows:
        found.setdefault(row.spender, []).append(row)
    return [tuple(together) for together in found.values()]


def _project(rows: tuple[Row, ...], quirks: Quirks) -> dict[str, Json]:
    spender = rows[0].spender
    return {
        "projectIcon": _ICON.format(spender.address),
        "projectName": spender.name,
        **_spender(spender.address, quirks.spender),
        "tokens": [_token(row, quirks) for row in rows],
    }


def _spender(address: str, named: SpenderField) -> dict[str, Json]:
    match named:
        case SpenderField.ALL:
            return {"approvalAddress": address, "approveAddress": address, "spenderAddress": address}
        case SpenderField.DIFFERENT:
            return {"approvalAddress": address, "approveAddress": f"0x{'f' * 40}"}
        case SpenderField.NONE:
            return {}
        case field:
            return {field.value: address}


def _token(row: Row, quirks: Quirks) -> dict[str, Json]:
    return {
        "approvalNum": _amount(row.raw, quirks.amount),
        "imageUrl": _ICON.format(row.token.address),
        **_symbol(row.token.symbol, quirks.symbol),
        "status": row.status.value,
        "tokenAddress": row.token.address,
    }


def _symbol(symbol: str, form: SymbolForm) -> dict[str, Json]:
    match form:
        case SymbolForm.TEXT:
            return {"symbol": symbol}
        case SymbolForm.LIST:
            return {"symbol": [symbol]}
        case SymbolForm.NULL:
            return {"symbol": None}
        case SymbolForm.MISSING:
            return {}


def _amount(raw: int, form: AmountForm) -> Json:
    match form:
        case AmountForm.NUMBER:
            return raw
        case AmountForm.GARBAGE:
            return "rather a lot"
        case AmountForm.WORD if raw == UINT256_MAX:
            return "unlimited"
        case AmountForm.MINUS_ONE if raw == UINT256_MAX:
            return "-1"
        case _:
            return str(raw)
