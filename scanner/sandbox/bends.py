"""Answers bent out of shape: each bend takes a sound answer and gives one that no document describes.

Those that change rows work on approvals of both versions and on balances: what holds the rows of an entry is
`approvalProjects`, `dataList`, `approvalList`, or `tokenAssets`.
"""

from collections.abc import Callable
from typing import TypeAlias

from scanner.sandbox.pages import Asked, Json, write_cursor

__all__ = [
    "Bend",
    "amounts",
    "beheaded",
    "chains",
    "cycling",
    "emptied",
    "endless",
    "entries",
    "envelope",
    "instead",
    "littered",
    "rows",
    "slipped",
    "tokens",
]

Bend: TypeAlias = Callable[[Json, Asked], Json]
"""From a sound answer, which is the bend's own to change, and what was asked, to an unsound answer."""

_HOLDERS = ("approvalProjects", "dataList", "approvalList", "tokenAssets")
_AMOUNTS = frozenset(
    [
        "balance",
        "rawBalance",
        "bal",
        "frozenBal",
        "availBal",
        "available",
        "hold",
        "freeze",
        "frozenAmount",
        "availableAmount",
        "totalAmount",
    ]
)
_STRANGER = f"0x{'de' * 20}"


def instead(value: Json) -> Bend:
    """Something else altogether."""
    return lambda answer, asked: value


def envelope(**fields: Json) -> Bend:
    """Replace fields of the envelope; `...` leaves one out."""
    return lambda answer, asked: _replaced(answer, fields)


def entries(**fields: Json) -> Bend:
    """Replace fields of every entry of `data`; `...` leaves one out."""
    return _each_entry(lambda entry: _replaced(entry, fields))


def chains(value: Json) -> Bend:
    """Replace the chainIndex where it stands: in every entry, or in every row of the successor's."""

    def change(entry: dict[str, Json]) -> dict[str, Json]:
        if "chainIndex" in entry:
            return _replaced(entry, {"chainIndex": value})
        return {**entry, _holder(entry): [_replaced(row, {"chainIndex": value}) for row in entry[_holder(entry)]]}

    return _each_entry(change)


def rows(value: Json) -> Bend:
    """Replace what holds the rows of every entry."""
    return _each_entry(lambda entry: {**entry, _holder(entry): value})


def tokens(**fields: Json) -> Bend:
    """Replace fields of the first approval, or token, of every entry; `...` leaves one out."""
    return _each_entry(lambda entry: {**entry, _holder(entry): _first_row(entry, fields)})


def amounts(value: Json) -> Bend:
    """Replace every amount of what is held, wherever it stands."""

    def change(part: Json) -> Json:
        if isinstance(part, list):
            return [change(item) for item in part]
        if isinstance(part, dict):
            return {name: value if name in _AMOUNTS else change(item) for name, item in part.items()}
        return part

    return lambda answer, asked: change(answer)


def beheaded(answer: Json, asked: Asked) -> Json:
    """The first row of every entry is left out."""
    return _each_entry(lambda entry: {**entry, _holder(entry): entry[_holder(entry)][1:]})(answer, asked)


def emptied(answer: Json, asked: Asked) -> Json:
    """A list of which only the names of the columns are left."""
    return str(answer).partition("\n")[0] + "\n"


def littered(answer: Json, asked: Asked) -> Json:
    """A list with rows that say nothing after those that do."""
    return f"{answer}0x12,,too short,exploited,\n,,nobody,exploited,\n{_STRANGER},nowhere,no chain,exploited,\n"


def slipped(answer: dict[str, Json], asked: Asked) -> Json:
    """The list got shorter at its head since the last page: the row that moved up over the border is not shown."""
    for entry in answer["data"]:
        found = entry[_holder(entry)]
        if found and "tokens" in found[0] and len(found[0]["tokens"]) > 1:
            del found[0]["tokens"][0]
        elif found:
            del found[0]
    return answer


def cycling(answer: dict[str, Json], asked: Asked) -> Json:
    """The pages that begin at 1 and at 2 lead to each other, for ever."""
    cursor = write_cursor(2 if asked.offset == 1 else 1, asked.form)
    return _each_entry(lambda entry: {**entry, **_cursor(entry, cursor)})(answer, asked)


def endless(answer: dict[str, Json], asked: Asked) -> Json:
    """Every page names a next one, and has a row more that nobody has seen before."""
    row = {
        "tokenAddress": _STRANGER,
        "symbol": "MORE",
        "approvalNum": "1",
        "status": "1",
        "approvalAddress": f"0x{asked.offset:040x}",
        "remainAmount": "1",
        "allowance": "1",
    }
    cursor = write_cursor(asked.offset + asked.size, asked.form)
    another = {**row, "projectName": "", "tokens": [row]}
    return _each_entry(
        lambda entry: {**entry, **_cursor(entry, cursor), _holder(entry): [*entry[_holder(entry)], another]}
    )(answer, asked)


def _each_entry(change: Callable[[dict[str, Json]], dict[str, Json]]) -> Bend:
    def bend(answer: dict[str, Json], asked: Asked) -> Json:
        empty = {"cursor": "", "chainIndex": asked.entries[0][0], "approvalProjects": []}
        return {**answer, "data": [change(entry) for entry in answer["data"] or [empty]]}

    return bend


def _cursor(entry: dict[str, Json], cursor: Json) -> dict[str, Json]:
    return {"cusor" if "cusor" in entry else "cursor": cursor}


def _holder(entry: dict[str, Json]) -> str:
    return next(name for name in _HOLDERS if name in entry)


def _first_row(entry: dict[str, Json], fields: dict[str, Json]) -> list[Json]:
    """The rows of an entry, the first of them changed; an entry without an approval is given one."""
    holder = _holder(entry)
    invented = {"projectName": "", "approvalAddress": _STRANGER, "tokenAddress": _STRANGER, "tokens": [{}]}
    found = entry[holder] or ([] if holder == "tokenAssets" else [invented])
    if not found:
        return []
    first, *others = found
    if "tokens" in first:
        return [{**first, "tokens": [_replaced(first["tokens"][0], fields), *first["tokens"][1:]]}, *others]
    return [_replaced(first, fields), *others]


def _replaced(before: dict[str, Json], fields: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in {**before, **fields}.items() if value is not ...}
