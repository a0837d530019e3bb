"""`rules test`: the rules' own tests, and scenarios, as a test runner tells them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.exits import FOUND
from scanner.cli.options import Form, FormName, output_file, parser

if TYPE_CHECKING:
    from scanner.cli.scenarios import Scenario
    from scanner.domain.alerts import Severity
    from scanner.errors import Problem
    from scanner.formats.documents import TrialEntry, Trials
    from scanner.policy.rules import Expectation, Pack
    from scanner.policy.trials import TrialResult

__all__ = ["run_tests"]

SCENARIOS = "scenarios"
"""The folder beside rule files in which scenarios lie."""

SUFFIXES = (".yaml", ".yml")


def run_tests(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", exists=True, help="Rule files, scenarios, or folders of them; else all that would run."
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", parser=parser(output_file), help="Also write JUnit XML to this file."),
    ] = None,
    form: Form = FormName.TABLE,
) -> None:
    """Run the rules' own tests, and the scenarios beside them. Exits with 4 where one fails.

    A file that is broken is told with every problem in it, and nothing is run: exit code 2.
    """
    from scanner.cli.console import run_to_end, show, tell
    from scanner.cli.logs import set_up_logs
    from scanner.config import LogConfig
    from scanner.errors import ConfigError, UsageError

    pack, scenarios, problems = _read(context, paths or [])
    if problems:
        raise ConfigError(problems)
    if paths and not (pack.rules or scenarios):
        raise UsageError("There are neither rules nor scenarios", "Name rule files, scenarios, or folders of them")
    if untested := [rule.id for rule in pack.rules if not rule.tests]:
        tell(f"without a test: {', '.join(untested)}")
    set_up_logs(LogConfig(level="error"))
    began = perf_counter()
    entries = [*_tried(pack), *run_to_end(_played(scenarios))]
    document = _document(entries, perf_counter() - began)
    if junit is not None:
        _write(junit, document)
    show(document, form)
    if document.failed:
        raise typer.Exit(FOUND)


def _read(context: typer.Context, paths: Sequence[Path]) -> "tuple[Pack, list[Scenario], list[Problem]]":
    """The rules and scenarios that are meant, and what is wrong with the files that they stand in."""
    from scanner.cli.console import configuration_or_none
    from scanner.cli.scenarios import is_scenario, read_scenario
    from scanner.errors import ConfigError
    from scanner.packs import rule_folders, written_pack
    from scanner.policy.loading import load

    if paths:
        files = [file for path in paths for file in _files(path)]
        told = [file for file in files if is_scenario(file)]
        pack = load([file for file in files if file not in told])
    else:
        config = configuration_or_none(context)
        told = [file for folder in rule_folders(config) for file in _within(folder / SCENARIOS)]
        pack = written_pack(config)
    scenarios, problems = [], list(pack.problems)
    for file in dict.fromkeys(told):
        try:
            scenarios.append(read_scenario(file))
        except ConfigError as error:
            problems += error.problems
    return pack, scenarios, problems


def _files(path: Path) -> list[Path]:
    """The file at a path, or the files in a folder, with the scenarios that lie beside them."""
    return [*_within(path), *_within(path / SCENARIOS)] if path.is_dir() else [path]


def _within(folder: Path) -> list[Path]:
    """The YAML files right in a folder, by name; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(one for one in folder.iterdir() if one.suffix in SUFFIXES and not one.name.startswith("."))


def _tried(pack: "Pack") -> "Iterable[TrialEntry]":
    from scanner.policy.trials import try_rule

    for rule in pack.rules:
        for trial in rule.tests:
            began = perf_counter()
            yield _entry(try_rule(rule, trial), perf_counter() - began)


def _entry(result: "TrialResult", seconds: float) -> "TrialEntry":
    from scanner.formats.documents import TrialEntry
    from scanner.policy.fields import in_words

    rule, trial = result.rule, result.trial
    read = ", ".join(f"{name} {in_words(trial.given.get(name))}" for name in rule.fields_read)
    return TrialEntry(
        kind="rule",
        subject=rule.id,
        title=trial.name,
        file=trial.place.file,
        line=trial.place.line,
        passed=result.passed,
        seconds=round(seconds, 6),
        expected=() if result.passed else (_said(trial.expect, trial.severity),),
        found=() if result.passed else (_said(result.got, trial.severity and result.severity),),
        facts=() if result.passed or not read else (read,),
    )


def _said(outcome: "Expectation", severity: "Severity | None") -> str:
    return outcome.value if severity is None else f"{outcome.value}, {severity.value}"


async def _played(scenarios: "Sequence[Scenario]") -> "list[TrialEntry]":
    from tempfile import TemporaryDirectory

    from scanner.cli.scenarios import play

    entries: list[TrialEntry] = []
    for scenario in scenarios:
        with TemporaryDirectory(prefix="approval-watch-scenario-") as folder:
            entries += await play(scenario, Path(folder))
    return entries


def _document(entries: "Sequence[TrialEntry]", seconds: float) -> "Trials":
    from scanner.formats.documents import Trials

    passed = sum(entry.passed for entry in entries)
    return Trials(passed=passed, failed=len(entries) - passed, seconds=round(seconds, 3), tests=tuple(entries))


def _write(path: Path, document: "Trials") -> None:
    from scanner.errors import ApprovalWatchError
    from scanner.formats.junit import render

    try:
        path.write_text(render(document), encoding="utf-8")
    except OSError as error:
        raise ApprovalWatchError(f"{path} cannot be written: {error.strerror}", "Name another file") from error
