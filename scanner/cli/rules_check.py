"""`rules check`: every problem in every rule file at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration_or_none, now, put, show, tell_problems
from scanner.cli.options import FormName, one_of
from scanner.errors import ConfigError, Problem

if TYPE_CHECKING:
    from scanner.formats.flaws import FlawEntry
    from scanner.policy.rules import Pack

__all__ = ["check"]

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", exists=True, help="Folders of rules, or files; else all that would run."),
]
AsData = Annotated[
    FormName | None,
    typer.Option("--format", metavar="F", parser=one_of(FormName), help=f"As data: {', '.join(FormName)}."),
]


def check(context: typer.Context, paths: Paths = None, form: AsData = None) -> None:
    """Check rules: every problem with its file, line and column. Exits with 2 where there is one.

    Warnings do not fail. The rules' own tests are not run. Ids are held against the default pack, too.
    """
    pack = _pack(context, paths or [])
    if form is not None:
        from scanner.formats.flaws import Checked

        found = [*((problem, "problem") for problem in pack.problems), *((one, "warning") for one in pack.warnings)]
        flaws = tuple(_entry(problem, level) for problem, level in sorted(found))
        show(Checked(rules=len(pack.rules), flaws=flaws), form)
        raise typer.Exit(ConfigError.exit_code if pack.problems else 0)
    tell_problems(pack.warnings, warning=True)
    if pack.problems:
        raise ConfigError(pack.problems)
    put(f"{len(pack.rules)} rules, all sound.\n")


def _pack(context: typer.Context, paths: list[Path]) -> "Pack":
    from scanner.packs import load_pack
    from scanner.policy.loading import default_rules, load

    config = configuration_or_none(context)
    if not paths:
        return load_pack(config, now())
    return load(paths, beside=[default_rules()] if config is None or config.rules.default else [])


def _entry(problem: Problem, level: str) -> "FlawEntry":
    from scanner.formats.flaws import FlawEntry

    place = problem.place
    return FlawEntry(
        level=level,
        code=problem.code,
        message=problem.message,
        hint=problem.hint or None,
        file=place.file,
        line=place.line or None,
        column=place.column or None,
        text=place.text or None,
    )
