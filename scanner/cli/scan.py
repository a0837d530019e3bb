"""`scan`: read now, record, alert, deliver, and show what is in force."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.options import Chains, FailOn, Form, FormName, Level, Output, Wallets

if TYPE_CHECKING:
    from scanner.cli.rescan import Rescan
    from scanner.config import Config
    from scanner.domain.approvals import Target
    from scanner.domain.report import Report

__all__ = ["scan"]

INCOMPLETE = 3
FOUND = 4


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
    targets = _scope(config, wallet or (), chain or ())
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


def _scope(config: "Config", wallets: Sequence[str], chains: Sequence[str]) -> "list[Target]":
    """The targets that are meant: configured ones, and others that were named by wallet.

    A wallet that the configuration does not know is read on the named chains, else on every chain it knows of.
    """
    from scanner.domain.approvals import Target
    from scanner.errors import UsageError

    configured = {target: target for target in config.targets}
    if not wallets:
        found = [target for target in configured if not chains or target.chain in chains]
        if chains and not found and configured:
            raise UsageError("No wallet of the configuration is on that chain", "Name one: --wallet ADDRESS")
        return found
    found = []
    for wallet in wallets:
        mine = [target for target in configured if target.owner == wallet]
        where = chains or [target.chain for target in mine or configured] or ["1"]
        found += [configured.get(target, target) for target in (Target(index, wallet) for index in where)]
    return list(dict.fromkeys(_fitting(found)))


def _fitting(targets: "Iterable[Target]") -> "Iterable[Target]":
    """Leave out chains whose addresses have another form. Raises UsageError where an owner then has none left."""
    from scanner.domain.addresses import BadAddressError, normal_address
    from scanner.domain.chains import by_index
    from scanner.errors import UsageError

    owners: dict[str, bool] = {}
    for target in targets:
        try:
            normal_address(target.owner, by_index(target.chain))
        except BadAddressError:
            owners.setdefault(target.owner, False)
        else:
            owners[target.owner] = True
            yield target
    for owner, fits in owners.items():
        if not fits:
            raise UsageError(f"{owner} fits none of the chains", "Name one that it is on: --chain CHAIN")


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
