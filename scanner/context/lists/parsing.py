"""The forms that a list can have: plain addresses, CSV, JSON, and files that each tell of an incident.

The form is seen from the content, not from a name. A row that makes no sense is counted and shown; the rest holds.
"""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, TypeAlias

import msgspec

from scanner.context.lists.fetching import UnreadableListError
from scanner.context.lists.rows import Row, WrongRowError, entry
from scanner.domain.hostile import dead_line
from scanner.domain.lists import Copy, Entry

__all__ = ["parse"]

SHOWN = 10
"""Bad rows that are shown."""

LONGEST_EXAMPLE = 160

_Found: TypeAlias = tuple[str, Row | WrongRowError]
"""Where something stands (`line 3`), and what it says, or why it says nothing."""

_COLUMNS = {"address", "chain", "chain_id", "name", "label", "incident", "risk_factors"}
_ALIASES = {"chainId": "chain_id", "riskFactors": "risk_factors"}
"""Other words for a column, as JSON writes them; in CSV their case does not matter."""

_FOLDED = {alias.lower(): name for alias, name in _ALIASES.items()}


def parse(files: Mapping[str, bytes], label: str) -> Copy:
    """What the files of a list say: one file whose name is "", or the incident files of a folder, by name.

    Raises UnreadableListError where there is nothing in them that has the form of a list.
    """
    entries: dict[Entry, None] = {}
    bad: list[str] = []
    for name, content in files.items():
        for where, found in _rows(name, content):
            try:
                if isinstance(found, WrongRowError):
                    raise found
                entries[entry(found, label)] = None
            except WrongRowError as error:
                bad.append(f"{where}: {dead_line(str(error), LONGEST_EXAMPLE)}")
    return Copy(tuple(entries), len(bad), tuple(bad[:SHOWN]))


def _rows(name: str, content: bytes) -> Iterator[_Found]:
    """The rows of one file. In a folder, a file that is none of a list's forms is one bad row."""
    try:
        text = _text(content)
        # A file of a folder says what it is by its name.
        if name or text.lstrip().startswith(("[", "{")):
            yield from _json(text, f"{name}, " if name else "")
        elif text.lstrip().startswith("<"):
            # An error's or an explorer's page may well have addresses on lines of their own.
            raise UnreadableListError("it is a web page, not a list", "Name the address where the bare list is")
        elif (header := _header(text)) is not None:
            yield from _csv(text, header)
        else:
            yield from _plain(text)
    except UnreadableListError as error:
        if not name:
            raise
        yield name, WrongRowError(error.message)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableListError("it is not UTF-8 text", "Save it again as UTF-8") from error
    if not text.strip():
        raise UnreadableListError("it is empty")
    return text


def _plain(text: str) -> Iterator[_Found]:
    for number, line in enumerate(text.splitlines(), 1):
        if address := line.partition("#")[0].strip():
            yield f"line {number}", Row(address)


def _header(text: str) -> list[str] | None:
    """The columns of a CSV file, as they are called here; None where the text is none."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            try:
                cells = next(csv.reader([line]), [])
            except csv.Error:
                return None
            names = [_FOLDED.get(name := cell.strip().lower(), name) for cell in cells]
            return names if "address" in names else None
    return None


def _csv(text: str, header: list[str]) -> Iterator[_Found]:
    if twice := sorted(name for name in _COLUMNS if header.count(name) > 1):
        raise UnreadableListError(f"two of its columns are called {twice[0]}", "Take one of them out")
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    headed = False
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if "unexpected end" in str(error):
                said = f"a quotation mark before its end, line {reader.line_num}, is never closed"
                raise UnreadableListError(said, "Close it: nobody can tell what it swallows") from error
            yield f"line {reader.line_num}", WrongRowError(str(error))
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        if headed:
            yield f"line {reader.line_num}", _of_cells(header, [cell.strip() for cell in cells])
        headed = True


def _of_cells(header: list[str], cells: list[str]) -> Row | WrongRowError:
    if any(cells[len(header) :]):
        return WrongRowError("there are more cells than columns: a comma inside a cell needs quotation marks")
    named = {name: cell for name, cell in zip(header, cells, strict=False) if name in _COLUMNS}
    return Row(**{"address": None} | named)


def _json(text: str, where: str) -> Iterator[_Found]:
    try:
        data = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnreadableListError(f"it is not JSON: {error}") from error
    if isinstance(data, list):
        for number, item in enumerate(data, 1):
            yield f"{where}item {number}", _of_item(item)
    elif isinstance(data, dict) and isinstance(addresses := data.get("addresses"), list):
        incident = _incident(data)
        for number, item in enumerate(addresses, 1):
            yield f"{where}address {number}", _of_item(item, incident)
    else:
        raise UnreadableListError("it is JSON, but neither an array of addresses nor an incident with its addresses")


def _incident(data: dict[str, Any]) -> str | None:
    name, date = (value if isinstance(value := data.get(key), str) else None for key in ("name", "date"))
    return f"{name} ({date})" if name and date else name or date


def _of_item(item: object, incident: str | None = None) -> Row | WrongRowError:
    if isinstance(item, str):
        return Row(item.strip(), incident=incident)
    if not isinstance(item, dict):
        return WrongRowError("neither a text nor an object")
    try:
        said = {key: _word(key, item.get(key)) for key in _COLUMNS}
        for alias, name in _ALIASES.items():
            said[name] = said[name] or _word(alias, item.get(alias))
        said["incident"] = said["incident"] or incident
    except WrongRowError as error:
        return error
    return Row(**said)


def _word(key: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise WrongRowError(f"its {key} is neither a text nor a whole number")
