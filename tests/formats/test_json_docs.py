"""docs/json.md tells of every key and every word of the JSON, and of no other."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from printed import DOCUMENTS

from reference.documents import COMMANDS
from scanner.cli import commands
from scanner.domain.alerts import AlertState, Severity
from scanner.domain.approvals import Kind, Status
from scanner.domain.assets import Apart
from scanner.domain.changes import ChangeKind
from scanner.domain.inventory import Holdings
from scanner.domain.report import Report
from scanner.errors import Reason
from scanner.formats.documents import Document, Lists

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
ROWS = [row.split(" | ") for row in re.findall(r"(?m)^\| (.+) \|$", PAGE)]

BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def words(start: str) -> set[str]:
    """The values that a row of the page names behind the one that starts it."""
    (values,) = [cells[-1] for cells in ROWS if cells[0].startswith(start)]
    return set(re.findall(r"`([^`]+)`", values))


@pytest.mark.parametrize(("block", "document"), list(zip(BLOCKS, (Report, Holdings, Lists), strict=True)))
def test_each_example_is_a_document_and_shows_every_key(block: str, document: type[Report | Holdings | Lists]) -> None:
    assert json.loads(msgspec.json.encode(msgspec.json.decode(block, type=document))) == json.loads(block)


@pytest.mark.parametrize(
    ("start", "known"),
    [
        ("an approval's `kind`", Kind),
        ("its `status`", Status),
        ("an alert's `state`", AlertState),
        ("its `severity`", Severity),
        ("a target's `reason`", Reason),
        ("an asset's `apart`", Apart),
    ],
)
def test_the_page_names_every_word(start: str, known: type[StrEnum]) -> None:
    assert words(start) == set(known)


def test_the_page_names_every_kind_of_change() -> None:
    _, _, table = PAGE.partition("| a change's `kind` | when |\n")
    rows = table.partition("\n\n")[0].splitlines()
    assert {word for row in rows for word in re.findall(r"`([^`]+)`", row.split(" | ")[0])} == set(ChangeKind)


def test_every_document_has_an_example_and_is_told_with_the_command_that_prints_it() -> None:
    known = {document.__name__ for document in get_args(Document)}
    assert known == {type(document).__name__ for document in DOCUMENTS.values()} == COMMANDS.keys()
    assert {command.split()[0] for command in COMMANDS.values()} <= {*commands.COMMANDS}
