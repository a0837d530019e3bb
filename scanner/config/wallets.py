"""The wallets that are watched: from the configuration itself, and by the thousand from a CSV file."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated

from scanner.config.patterns import CHAIN, TEXT
from scanner.config.written import Written, WrongError, did_you_mean, plain_text
from scanner.domain.addresses import BadAddressError, normal_address
from scanner.domain.approvals import Target
from scanner.domain.chains import Chain, UnknownChainError, find_chain
from scanner.errors import Place, Problem
from scanner.places import Path as Route

__all__ = ["COLUMNS", "Roster", "WalletConfig"]

COLUMNS = ("address", "label", "chains", "tags")
"""The columns of a wallets file; `address` and `chains` are needed."""

_HEADER_HINT = f"its first line names the columns: {','.join(COLUMNS)}"
_GAPS = re.compile(r"[\s;|]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    """A wallet to watch.

    `address`: in its stored form. `chains`: chainIndexes; in the file names, aliases or chainIndexes, at least one.
    `label`: the user's name for it, default none. `tags`: words that rules can ask for, default none.
    """

    address: Annotated[str, Written(str)]
    chains: tuple[Annotated[str, Written(str, CHAIN)], ...]
    label: Annotated[str, Written(plain_text, TEXT)] | None = None
    tags: tuple[Annotated[str, Written(plain_text, TEXT)], ...] = ()


class Roster:
    """Wallets as they are found, each checked, with every problem at its place.

    What is sound of a wallet is kept in any case; the caller decides what a problem means. The same owner on the same
    chain twice is a problem that names the first place.
    """

    def __init__(self) -> None:
        self.wallets: list[WalletConfig] = []
        self.problems: list[Problem] = []
        self._first: dict[tuple[str, str], Place] = {}

    @property
    def targets(self) -> tuple[Target, ...]:
        """One target for each wallet and chain, in the order of the file."""
        return tuple(
            Target(chain, wallet.address, wallet.label, wallet.tags)
            for wallet in self.wallets
            for chain in wallet.chains
        )

    def add(
        self,
        address: str,
        chains: Sequence[str],
        place: Callable[[Route], Place],
        label: str | None = None,
        tags: tuple[str, ...] = (),
    ) -> bool:
        """Check a wallet and keep what is sound of it. `place` tells where a part of it stands.

        Returns whether all of it was understood; a wallet that stands here twice was.
        """
        problems: list[Problem] = []
        known = list(self._chains(chains, place, problems))
        owner = self._owner(address, [chain for chain, _ in known], place, problems)
        understood = not problems
        if owner is not None and (fresh := tuple(self._fresh(owner, known, problems))):
            self.wallets.append(WalletConfig(address=owner, chains=fresh, label=label, tags=tags))
        self.problems += problems
        return understood

    def _fresh(self, owner: str, chains: Sequence[tuple[Chain, Place]], problems: list[Problem]) -> Iterator[str]:
        """The chains on which the owner does not stand yet."""
        for chain, at in chains:
            first = self._first.setdefault((chain.index, owner), at)
            if first is at:
                yield chain.index
            else:
                said = f"{owner} on {chain.name} stands here again; first at {first}"
                problems.append(Problem(at, said, "duplicate-wallet"))

    def _chains(
        self, chains: Sequence[str], place: Callable[[Route], Place], problems: list[Problem]
    ) -> Iterator[tuple[Chain, Place]]:
        if not chains:
            hint = "name at least one, as in ethereum or 56"
            problems.append(Problem(place(("chains",)), "the wallet names no chain", "missing-key", hint))
        for number, text in enumerate(chains):
            at = place(("chains", number))
            try:
                yield find_chain(text), at
            except UnknownChainError as error:
                problems.append(Problem(at, str(error), "unknown-chain"))

    def _owner(
        self, address: str, chains: Sequence[Chain], place: Callable[[Route], Place], problems: list[Problem]
    ) -> str | None:
        """The address in its stored form, where it fits every chain. Without a known chain, 0x says enough to check."""
        likely = chains or ([find_chain("ethereum")] if address.startswith("0x") else [])
        try:
            return [normal_address(address, chain) for chain in likely][-1] if likely else None
        except BadAddressError as error:
            hint = "copy it again from the wallet" if "checksum" in str(error) else ""
            problems.append(Problem(place(("address",)), str(error), "bad-address", hint))
            return None

    def read_file(self, path: Path) -> bool:
        """Add the wallets of a CSV file. Whether it can be believed: readable, not empty, and every row understood."""
        start = Place(str(path))
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            said = f"the wallets file cannot be read: {(error.strerror or str(error)).lower()}"
            self.problems.append(Problem(start, said, "wallets-file", "its wallets stay as they were last known"))
            return False
        except ValueError:
            self.problems.append(Problem(start, "the wallets file is not UTF-8 text", "wallets-file"))
            return False
        rows = _rows(text, str(path))
        try:
            header = next(rows, None)
            if header is None:
                self.problems.append(Problem(start, "the wallets file is empty", "wallets-file", _HEADER_HINT))
                return False
            columns, flaws = _columns(header)
            self.problems += flaws
            if flaws:
                return False
            believed = [self._add_row(row, columns) for row in rows]
        except csv.Error as error:
            self.problems.append(Problem(start, f"the wallets file is not CSV: {error}", "wallets-file"))
            return False
        if not believed:
            self.problems.append(Problem(start, "the wallets file lists no wallet", "wallets-file"))
        return bool(believed) and all(believed)

    def _add_row(self, row: "_Row", columns: tuple[str, ...]) -> bool:
        """Add one row. Whether it was understood."""
        if len(row.cells) > len(columns):
            said = f"the row has {len(row.cells)} cells, the header {len(columns)}"
            self.problems.append(Problem(row.place(len(columns)), said, "wallets-file", "quote a text with a comma"))
            return False
        cells = dict.fromkeys(COLUMNS, "") | dict(zip(columns, row.cells, strict=False))
        place = _places(row, columns)
        words = {"label": [cells["label"].strip()], "tags": _GAPS.split(cells["tags"])}
        for column, texts in words.items():
            try:
                words[column] = [plain_text(text) for text in texts if text]
            except WrongError as error:
                self.problems.append(Problem(place((column,)), error.message, error.code, error.hint))
                return False
        chains = [chain for chain in _GAPS.split(cells["chains"]) if chain]
        label = next(iter(words["label"]), None)
        return self.add(cells["address"].strip(), chains, place, label, tuple(words["tags"]))


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a CSV file, and where each of its cells begins."""

    file: str
    line: int
    cells: tuple[str, ...]
    columns: tuple[int, ...]

    def place(self, number: int) -> Place:
        """Where a cell begins; the row's own place where it has no such cell."""
        return Place(self.file, self.line, self.columns[number] if number < len(self.columns) else 1)


def _rows(text: str, file: str) -> Iterator[_Row]:
    lines = list(StringIO(text, newline=""))
    reader = csv.reader(lines, skipinitialspace=True)
    line = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            first = lines[line - 1] if line <= len(lines) else ""
            yield _Row(file, line, tuple(cells), tuple(_starts(first, cells)))
        line = reader.line_num + 1


def _starts(line: str, cells: Sequence[str]) -> Iterator[int]:
    """Where each cell begins in its line, from 1; with quotation marks inside, near enough."""
    position = 0
    for cell in cells:
        found = max(line.find(cell, position), position)
        yield found + 1
        position = max(line.find(",", found + len(cell)) + 1, position)


def _columns(header: _Row) -> tuple[tuple[str, ...], list[Problem]]:
    names = tuple(cell.strip().casefold() for cell in header.cells)
    problems = []
    if not set(names) & set(COLUMNS):
        return names, [Problem(header.place(0), "the wallets file has no header", "wallets-file", _HEADER_HINT)]
    for number, name in enumerate(names):
        at = header.place(number)
        if name not in COLUMNS:
            problems.append(Problem(at, f"unknown column {name!r}", "unknown-key", did_you_mean(name, COLUMNS)))
        elif name in names[:number]:
            problems.append(Problem(at, f"the column {name!r} stands here twice", "duplicate-key"))
    missing = [name for name in ("address", "chains") if name not in names]
    problems += [Problem(header.place(0), f"there is no column {name!r}", "missing-key") for name in missing]
    return names, problems


def _places(row: _Row, columns: tuple[str, ...]) -> Callable[[Route], Place]:
    return lambda route: row.place(columns.index(str(route[0])))
