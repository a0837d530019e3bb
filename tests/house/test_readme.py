"""The README is true: its commands, its configuration, its targets, its exit codes, its output."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.cli import exits
from scanner.cli.commands import COMMANDS, command
from scanner.config import load
from scanner.errors import ApprovalWatchError, ConfigError, UsageError

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ROWS = [row for row in README.splitlines() if row.startswith("| `")]


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, those of groups too."""
    for name in COMMANDS:
        found = command(name)
        within = getattr(found, "commands", None)
        yield from ((f"{name} {sub}", each) for sub, each in within.items()) if within else [(name, found)]


NAMED = dict(commands())


def told_of(name: str) -> str:
    """What the README's table writes of a command in code, up to the next one."""
    found: list[str] = [
        code for row in ROWS for code in re.findall(r"`([^`]+)`", row) if re.match(rf"{name}(?= |$)", code)
    ]
    assert len(found) == 1, f"{name} stands there {len(found)} times"
    return found[0]


@pytest.mark.parametrize("name", NAMED)
def test_every_command_stands_there_with_all_that_it_takes(name: str) -> None:
    told = told_of(name)
    for taken in NAMED[name].params:
        names = (
            [*taken.opts, *taken.secondary_opts]
            if taken.param_type_name == "option"
            else [taken.metavar or taken.name.upper()]
        )
        assert taken.name == "help" or any(one.strip("[]. ") in told for one in names), f"{name} {names}"


@pytest.mark.parametrize("name", NAMED)
def test_no_command_is_said_to_take_what_it_does_not(name: str) -> None:
    taken = {option for one in NAMED[name].params for option in (*one.opts, *one.secondary_opts)}
    assert set(re.findall(r"--[a-z-]+", told_of(name))) <= taken


def test_what_is_said_in_front_of_a_command_is_there() -> None:
    done = subprocess.run([sys.executable, "-m", "scanner", "--help"], capture_output=True, text=True, check=True)
    for option in set(re.findall(r"(?m)^  (--[a-z]+)", done.stdout)):
        assert f"`{option}" in README


def test_the_exit_codes_are_the_programs() -> None:
    told = {int(code) for code in re.findall(r"(?m)^\| (\d) \|", README)}
    raised = {error.exit_code for error in (ApprovalWatchError, ConfigError, UsageError)}
    assert told == {0, exits.INCOMPLETE, exits.FOUND} | raised


@pytest.mark.parametrize("number", range(len(re.findall("```yaml", README))))
def test_every_configuration_loads(number: int, tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[number]
    (tmp_path / "config.yaml").write_text(text)
    assert load(tmp_path / "config.yaml", {}).targets


def test_every_target_can_be_made() -> None:
    known = set(re.findall(r"(?m)^([a-z]+):.*##", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"(?m)^(?:\$ )?make ([a-z]+)", README)) <= known


def test_every_link_leads_somewhere() -> None:
    pages = {page: page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
    links = [(page, link) for page, text in pages.items() for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text)]
    assert [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_variables_are_the_programs() -> None:
    source = "".join(path.read_text() for path in (ROOT / "scanner").rglob("*.py"))
    table = README.partition("| environment variable |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines() for name in re.findall(r"`([A-Z_]+)`", row.split(" | ")[0])}
    unknown = {name for name in told if not re.search(rf"\b{name}\b", source)}
    assert unknown == {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}, "these are read by libraries"


def test_the_output_is_that_of_the_demo() -> None:
    """But for what differs each time: ids and times."""
    environ = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    demo = subprocess.run(
        [sys.executable, "-m", "scanner", "demo"], env=environ, capture_output=True, text=True, check=True
    )
    sample = README.partition("$ make demo\n")[2].partition("```")[0]
    real = {_lasting(line) for line in demo.stdout.splitlines()}
    assert [line for line in sample.splitlines() if line.strip() != "…" and _lasting(line) not in real] == []


def _lasting(line: str) -> str:
    return re.sub(r"AW-[0-9A-F]+|\b[0-9a-f]{16}\b|\d{4}-\d\d-\d\d \d\d:\d\d UTC", "?", line).rstrip()
