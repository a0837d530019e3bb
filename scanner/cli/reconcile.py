"""`reconcile`: read from the chain and from the API, and say where they differ."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.exits import FOUND, INCOMPLETE
from scanner.cli.options import Chains, Form, FormName, Output, Wallets
from scanner.cli.scope import scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scanner.config import Config
    from scanner.domain.approvals import Target
    from scanner.domain.reconciled import Reconciliation

__all__ = ["reconcile"]


def reconcile(
    context: typer.Context,
    wallet: Wallets = None,
    chain: Chains = None,
    format_: Form = FormName.TABLE,
    output: Output = None,
    fail_on_difference: Annotated[
        bool, typer.Option("--fail-on-difference", help="Exit with 4 if the sources differ.")
    ] = False,
) -> None:
    """Read from the chain and from the API, and say of each approval where they differ.

    Nothing is recorded or alerted. Needs nodes below source.evm and the API's credentials.
    Exit codes: 0 done, 3 something could not be read, 4 --fail-on-difference.
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
    both = _readable(config, targets)
    for line in _left_out(set(targets) - set(both)):
        tell(line)
    document = run_to_end(_reconciled(config, both))
    show(document, format_, output)
    if fail_on_difference and document.differences:
        raise typer.Exit(FOUND)
    if not document.complete:
        raise typer.Exit(INCOMPLETE)


def _readable(config: "Config", targets: "Sequence[Target]") -> "list[Target]":
    """The targets that both sources cover. Raises UsageError where there are none, and says what to configure."""
    from scanner.errors import UsageError

    found = [target for target in targets if target.chain in config.nodes]
    if not found:
        raise UsageError(
            "reconcile holds the API against the chain itself, and no node of these chains is configured",
            "Name one below source.evm, as in {ethereum: {rpc: [URL]}}, and let source.prefer name evm",
        )
    return found


def _left_out(targets: "Iterable[Target]") -> "Iterable[str]":
    from scanner.domain.plain import counted
    from scanner.domain.report import chain_name

    by_chain: dict[str, int] = {}
    for target in targets:
        by_chain[target.chain] = by_chain.get(target.chain, 0) + 1
    for index, count in sorted(by_chain.items()):
        yield f"{counted(count, 'wallet')} on {chain_name(index)} left out: no node of that chain below source.evm"


async def _reconciled(config: "Config", targets: "Sequence[Target]") -> "Reconciliation":
    from scanner.app import open_reconciler, open_store
    from scanner.cli.progress import Progress

    async with open_store(config) as store, open_reconciler(config, store) as reconciler:
        with Progress() as progress:
            return await reconciler.reconcile(targets, progress.step)
