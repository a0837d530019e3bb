"""`scan`: read now, record, alert, deliver, and show what is in force."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.exits import FOUND, INCOMPLETE
from scanner.cli.options import Chains, FailOn, Form, FormName, Level, Output, Wallets
from scanner.cli.scope import scope

if TYPE_CHECKING:
    from scanner.cli.rescan import Rescan
    from scanner.config import Config
    from scanner.domain.approvals import Target
    from scanner.domain.report import Report

__all__ = ["scan"]


def scan(
    context: typer.Context,
    wallet: Wallets = None,
    chain: Chains = None,
    format_: Form = FormName.TABLE,
    output: Output = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and judge, but record and send nothing.")] = False,
    fail_on: FailOn = None,
) -> None:
    """Scan now: read, record, alert, deliver, and show what is in force.

    A wallet that the configuration does not know is read like a dry run. Beside a daemon the daemon does it.
    Exit codes: 0 done, 3 something could not be read, 4 --fail-on.
    """
    from scanner.cli.console import configuration, run_to_end, show, tell, tell_problems
    from scanner.cli.logs import set_up_logs
    from scanner.errors import ConfigError

    config = configuration(context)
    set_up_logs(config.log, brief=True)
    targets = scope(config, wallet or (), chain or ())
    if not targets:
        raise ConfigError(config.missing_wallets())
    tell_problems(config.warnings, warning=True)
    done = run_to_end(_scan(config, targets, dry_run=dry_run))
    show(done.report, format_, output)
    for line in _remarks(done, tabular=format_ is FormName.TABLE):
        tell(line)
    code = _exit_code(done.report, fail_on)
    if code:
        raise typer.Exit(code)


async def _scan(config: "Config", targets: "Sequence[Target]", *, dry_run: bool) -> "Rescan":
    from scanner.app import open_store
    from scanner.cli.progress import Progress
    from scanner.cli.rescan import Follower, rescan

    async with open_store(config) as store:
        with Progress() as progress:
            follower = Follower(progress.step, progress.count)
            return await rescan(config, store, targets, dry_run=dry_run, follower=follower)


def _remarks(done: "Rescan", *, tabular: bool) -> Iterable[str]:
    """What is to be said beside the data; a table says some of it itself."""
    scan = done.report.scan
    if not tabular:
        for problem in scan.broken_rules:
            yield f"a rule is not in force as it was meant: {problem}"
        if scan.dry_run:
            yield "dry run: nothing was recorded, nothing was sent"
    for channel, waiting in done.left.items():
        yield f"channel {channel}: {waiting} waiting; they stay in the outbox, and the next scan or a daemon sends them"


def _exit_code(report: "Report", fail_on: Level | None) -> int:
    """4 beats 3. An event counts only in the scan that raised it."""
    from scanner.domain.alerts import Severity

    if fail_on is not None:
        least = Severity(fail_on.value)
        for alert in report.alerts:
            counts = alert.state == "open" and (not alert.event or alert.id in report.raised)
            if counts and Severity(alert.severity).reaches(least):
                return FOUND
    return 0 if report.scan.complete else INCOMPLETE
