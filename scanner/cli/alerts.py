"""`alerts`: what is open, and the whole story of one. From the store; no network, no secret."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, run_to_end, show, stored
from scanner.cli.options import Form, FormName, Level, Severity, Wallets, group
from scanner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.domain.report import ApprovalEntry
    from scanner.formats.documents import Alerts, Story
    from scanner.store.alerts import Told

__all__ = ["alerts"]

alerts = group("List alerts, or tell the whole story of one.")


@alerts.command("list")
def list_alerts(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="The resolved ones, too.")] = False,
    severity: Severity = None,
    wallet: Wallets = None,
    form: Form = FormName.TABLE,
) -> None:
    """List the alerts that are not resolved, the worst and newest first."""

    async def run() -> None:
        async with stored(configuration(context)) as store:
            document = await store.read(lambda connection: _listed(connection, severity, wallet or (), every=every))
        show(document, form)

    run_to_end(run())


@alerts.command("show")
def show_alert(
    context: typer.Context,
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="As in AW-0123456789; case does not matter.")],
    form: Form = FormName.TABLE,
) -> None:
    """Tell the whole story of one alert.

    Its rule and what decided, the approval, each step of its life, who was told and why, each attempt to send.
    """

    async def run() -> None:
        async with stored(configuration(context)) as store:
            document = await store.read(lambda connection: _story(connection, alert_id))
        if document is None:
            raise UsageError(f"There is no alert {alert_id}", "See them all: approval-watch alerts list --all")
        show(document, form)

    run_to_end(run())


async def _listed(
    connection: "AsyncConnection", severity: Level | None, wallets: "Collection[str]", *, every: bool
) -> "Alerts":
    from scanner.domain.alerts import AlertState
    from scanner.domain.alerts import Severity as Grade
    from scanner.domain.report import AlertEntry
    from scanner.formats.documents import Alerts
    from scanner.store.alerts import listing

    states = tuple(AlertState) if every else (AlertState.OPEN, AlertState.ACKNOWLEDGED)
    least = Grade(severity or Grade.INFORMATIONAL)
    found = [
        told
        for told in await listing(connection, states=states)
        if told.alert.severity.reaches(least) and (not wallets or told.target.owner in wallets)
    ]
    about = {told.held.approval.id: told for told in found}
    return Alerts(
        alerts=tuple(AlertEntry.of(told.alert) for told in found),
        approvals=tuple(_approval(told) for told in about.values()),
    )


async def _story(connection: "AsyncConnection", alert_id: str) -> "Story | None":
    from scanner.domain.report import AlertEntry
    from scanner.formats.documents import Story
    from scanner.store.alerts import find_alert, story

    told = await find_alert(connection, alert_id)
    if told is None:
        return None
    kept = await story(connection, told.alert.id)
    return Story(
        alert=AlertEntry.of(told.alert),
        approval=_approval(told),
        why=told.why,
        fix=told.fix,
        facts=told.alert.values or {},
        steps=kept.steps,
        notices=kept.notices,
        attempts=kept.attempts,
    )


def _approval(told: "Told") -> "ApprovalEntry":
    from scanner.domain.report import ApprovalEntry

    return ApprovalEntry.of(told.held, told.target.label)
