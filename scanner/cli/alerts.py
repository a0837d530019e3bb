"""`alerts`: what is open, the whole story of one, and what a person has to say about it.

From the store and into the store; no network, no secret.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, now, put, run_to_end, show, stored
from scanner.cli.naming import AlertId, Author, Comment, alert_named, author_or_user
from scanner.cli.options import Form, FormName, Level, Severity, Wallets, group
from scanner.cli.rules_explain import decisions
from scanner.cli.silences import silence, silences, unsilence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.domain.telling import Telling
    from scanner.formats.documents import Alerts, Story
    from scanner.policy.rules import Rule

__all__ = ["alerts"]

alerts = group("List alerts, tell the whole story of one, acknowledge it, or silence some for a time.")


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
    alert_id: AlertId,
    form: Form = FormName.TABLE,
) -> None:
    """Tell the whole story of one alert.

    Its rule and what decided, the approval, each step of its life, who was told and why, each attempt to send, and what
    the rule says now.
    """

    from scanner.packs import load_pack

    config = configuration(context)
    rules = {rule.id: rule for rule in load_pack(config, now()).rules}

    async def run() -> None:
        async with stored(config) as store:
            document = await store.read(lambda connection: _story(connection, alert_id, rules))
        show(document, form)

    run_to_end(run())


@alerts.command("ack")
def acknowledge(context: typer.Context, alert_id: AlertId, comment: Comment = None, author: Author = None) -> None:
    """Say that an alert is known: it is not repeated until it grows worse.

    An alert that tells of something that happened is over with that.
    """
    by = author_or_user(author)

    async def run() -> str:
        config = configuration(context)
        async with stored(config) as store:
            return await store.write(lambda c: _acknowledge(c, alert_id, by, comment or "", config.telling))

    put(run_to_end(run()) + "\n")


alerts.command("silence")(silence)
alerts.command("silences")(silences)
alerts.command("unsilence")(unsilence)


async def _acknowledge(
    connection: "AsyncConnection", alert_id: str, author: str, comment: str, telling: "Telling"
) -> str:
    from scanner.domain.alerts import AlertState
    from scanner.domain.report import rfc3339
    from scanner.store.acknowledgements import Acknowledged, acknowledged, record

    told = await alert_named(connection, alert_id)
    after = await record(connection, told.alert, Acknowledged(author, now(), comment), telling)
    if after is not None and after.state is AlertState.RESOLVED:
        return f"{after.id} told of something that happened; it is closed"
    if after is not None:
        return f"{after.id} is acknowledged; it is told again when it grows worse"
    known = await acknowledged(connection, told.alert.id)
    said = "" if known is None else f"; {known.by} acknowledged it at {rfc3339(known.at.replace(microsecond=0))}"
    return f"{told.alert.id} is {told.alert.state} already{said}"


async def _listed(
    connection: "AsyncConnection", severity: Level | None, wallets: "Collection[str]", *, every: bool
) -> "Alerts":
    from scanner.domain.alerts import AlertState
    from scanner.domain.alerts import Severity as Grade
    from scanner.domain.report import AlertEntry
    from scanner.formats.documents import Alerts
    from scanner.store.alerts import listing
    from scanner.store.silences import hiding
    from scanner.store.surroundings import entries

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
        approvals=await entries(connection, [(told.held, told.target) for told in about.values()]),
        silenced=await hiding(connection, [told.alert for told in found], now()),
    )


async def _story(connection: "AsyncConnection", alert_id: str, rules: "Mapping[str, Rule]") -> "Story":
    from scanner.domain.report import AlertEntry
    from scanner.formats.documents import Story
    from scanner.store.alerts import story
    from scanner.store.surroundings import entries

    told = await alert_named(connection, alert_id)
    kept = await story(connection, told.alert.id)
    [approval] = await entries(connection, [(told.held, told.target)])
    then, current = await decisions(connection, rules.get(told.alert.rule), told.alert)
    return Story(
        alert=AlertEntry.of(told.alert),
        approval=approval,
        why=told.why,
        fix=told.fix,
        facts=told.alert.values or {},
        steps=kept.steps,
        notices=kept.notices,
        attempts=kept.attempts,
        episodes=kept.episodes,
        then=then,
        now=current,
    )
