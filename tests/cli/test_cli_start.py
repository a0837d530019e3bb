"""The command itself: what it lists, how quickly it starts, and how it ends when something is wrong."""

import asyncio
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from known_store import CONFIG, fill
from shell import run

from scanner import __version__
from scanner.cli.commands import COMMANDS
from scanner.cli.options import FormName, Level
from scanner.domain.alerts import Severity
from scanner.formats import FORMATS

HEAVY = {"aiohttp", "apprise", "asyncio", "msgspec", "pydantic", "rich", "sqlalchemy", "structlog", "yaml"}


def command(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its own process."""
    known = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(
        [sys.executable, "-m", "scanner", *arguments], cwd=folder, env=known, capture_output=True, text=True
    )


def imported(*arguments: str) -> set[str]:
    """The packages that a command imports until it ends."""
    code = (
        "import sys\n"
        "from scanner.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.split())


def test_the_version_is_told_without_the_command_lines_library(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").out == f"approval-watch {__version__}\n"
    assert run(tmp_path, "--config", "x.yaml", "--version").out == f"approval-watch {__version__}\n"
    assert not imported("--version") & {*HEAVY, "typer", "dataclasses"}


@pytest.mark.parametrize("arguments", [("--help",), ("scan", "--help"), ("approvals", "--help"), ("history", "--help")])
def test_help_imports_nothing_that_it_does_not_need(arguments: tuple[str, ...]) -> None:
    assert not imported(*arguments) & HEAVY


def test_help_lists_every_command_with_one_whole_line(tmp_path: Path) -> None:
    text = run(tmp_path, "--help", COLUMNS="80").out
    for name, (_, said) in COMMANDS.items():
        assert f"\n  {name:<12}  {said}\n" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says_and_has_help(name: str, tmp_path: Path) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    assert hasattr(import_module(f"scanner.cli.{module}"), attribute)
    ended = run(tmp_path, name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: approval-watch {name} ")


def test_the_options_know_every_format_and_every_severity() -> None:
    assert [form.value for form in FormName] == list(FORMATS)
    assert [level.value for level in Level] == [severity.value for severity in Severity]


@pytest.mark.parametrize("arguments", [(), ("apprvals",), ("approvals", "--nothing"), ("approvals", "too much")])
def test_a_wrong_command_line_is_exit_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run(tmp_path, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage: approval-watch" in ended.err


def test_a_mistyped_command_is_guessed(tmp_path: Path) -> None:
    assert "Did you mean 'approvals'?" in run(tmp_path, "apprvals").err


def test_a_store_that_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "approval-watch.db").mkdir()
    ended = run(tmp_path, "history")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"Error: the store {tmp_path / 'approval-watch.db'} cannot be opened. Check that")
    assert ended.err.count("\n") == 1


def test_an_unexpected_error_is_told_in_words_and_with_a_traceback_only_on_demand(tmp_path: Path) -> None:
    # A working folder that is no more: nobody's foresight reaches everything.
    gone = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -m scanner"
    for options, traceback in (("", False), ("--debug", True)):
        ended = subprocess.run(f"{gone} {options} history", shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "Unexpected error: FileNotFoundError" in ended.stderr
        assert "please report it" in ended.stderr
        assert ("Traceback" in ended.stderr) is traceback


def test_a_pipe_and_no_color_mean_plain_text(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    for environ in ({}, {"NO_COLOR": "1"}, {"TERM": "xterm-256color"}):
        ended = command(tmp_path, "approvals", **environ)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "\x1b" not in ended.stdout
        assert "treasury" in ended.stdout


def test_a_pipe_has_one_line_for_each_approval(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    lines = command(tmp_path, "approvals").stdout.split("\n")
    assert [line for line in lines if "“USDT”" in line and "unlimited" in line and "treasury" in line]


def test_a_reader_who_has_seen_enough_ends_nothing_loudly(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-m", "scanner", "approvals"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, b"")


def test_an_output_that_takes_no_more_is_said_in_words(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "scanner", "approvals"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 1
    assert ended.stderr == "Error: the output cannot be written: No space left on device. Send it elsewhere\n"


def test_a_stream_without_a_letter_shows_a_question_mark_for_it(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    ended = command(tmp_path, "approvals", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "?USDT?" in ended.stdout
