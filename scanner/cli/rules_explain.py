"""`rules explain`: why a rule does or does not speak of an approval, from the store: no network, no secret."""

from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, now, run_to_end, show, stored
from scanner.cli.facts import facts_at
from scanner.cli.naming import close_to
from scanner.cli.options import Form, FormName
from scanner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.domain.alerts import Alert
    from scanner.domain.changes import Change, Held
    from scanner.domain.explanation import Explanation
    from scanner.domain.report import TargetEntry
    from scanner.domain.silences import Silence
    from scanner.formats.documents import ExceptionEntry, Explained, SilenceEntry
    from scanner.policy.fields import Facts
    from scanner.policy.rules import Exemption, Pack, Rule
    from scanner.store.knowledge import Kept

__all__ = ["decisions", "explain", "explained"]


def explain(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, as `rules list` shows it.")],
    approval: Annotated[
        str,
        typer.Option("--approval", metavar="ID", help="As in `alerts show`, or in `approvals --format json`."),
    ],
    form: Form = FormName.TABLE,
) -> None:
    """Say why a rule does or does not speak of an approval, and what it would take to change that.

    From the store, with what is known now of balances, prices and lists.
    """
    from scanner.packs import load_pack

    config = configuration(context)
    pack = load_pack(config, now())
    wanted = _named(pack, rule)

    async def run() -> None:
        async with stored(config) as store:
            document = await store.read(lambda connection: explained(connection, pack, wanted, approval))
        show(document, form)

    run_to_end(run())


def _named(pack: "Pack", name: str) -> "Rule":
    """The rule that a person means. Raises UsageError, which says what comes close."""
    rules = {rule.id: rule for rule in pack.rules}
    if name in rules:
        return rules[name]
    if name in pack.ids:
        raise UsageError(f"The rule {name} is not in force", "It is disabled, or broken: approval-watch rules check")
    raise UsageError(f"There is no rule {name}", close_to(name, rules, "rules list"))


async def _approval_named(connection: "AsyncConnection", approval_id: str) -> "Kept":
    from scanner.store.knowledge import find, known_ids

    kept = await find(connection, approval_id)
    if kept is None:
        known = await known_ids(connection)
        hint = close_to(approval_id.lower(), known, "approvals --format json")
        raise UsageError(f"There is no approval {approval_id}", hint)
    return kept


async def decisions(
    connection: "AsyncConnection", rule: "Rule | None", alert: "Alert"
) -> "tuple[Explanation | None, Explanation | None]":
    """What the rule of an alert made of its approval then, and what it makes of it now; None where nobody can say."""
    from scanner.policy.explaining import explain
    from scanner.policy.remembering import explain_then
    from scanner.store.knowledge import changes_to, find

    if rule is None or (kept := await find(connection, alert.approval)) is None:
        return None, None
    change = next((one for one in await changes_to(connection, alert.approval) if one.id == alert.change), None)
    then = explain_then(rule, alert, None if change is None else change.kind.value)
    known = await facts_at(connection, kept, now(), change)
    return then, explain(rule, known, in_force=kept.held.in_force)


async def explained(connection: "AsyncConnection", pack: "Pack", rule: "Rule", approval_id: str) -> "Explained":
    """What a rule says of a stored approval now, and what came of it. Raises UsageError where there is no such one."""
    from scanner.domain.alerts import AlertState
    from scanner.domain.report import AlertEntry
    from scanner.formats.documents import Explained
    from scanner.policy.exceptions import Exemptions
    from scanner.policy.explaining import explain
    from scanner.store.alerts import of_rule
    from scanner.store.filters import Filter
    from scanner.store.knowledge import changes_to
    from scanner.store.silences import hiding
    from scanner.store.surroundings import entries
    from scanner.store.targets import standing

    kept = await _approval_named(connection, approval_id)
    change = _spoken_of(rule, await changes_to(connection, kept.held.approval.id))
    known = await facts_at(connection, kept, now(), change)
    every = await of_rule(connection, rule.id, kept.held.approval.id)
    alerts = [alert for alert in every if alert.state is not AlertState.RESOLVED]
    hidden = await hiding(connection, alerts, now())
    explanation = explain(rule, known, in_force=kept.held.in_force)
    exemption = Exemptions(pack.exemptions).of(kept.held.approval, now()).get(rule.id)
    target = kept.target
    watched = await standing(connection, Filter(owners=[target.owner], chains=[target.chain]))
    [approval] = await entries(connection, [(kept.held, target)])
    return Explained(
        approval=approval,
        explanation=explanation,
        alerts=tuple(AlertEntry.of(alert) for alert in alerts or every[:1]),
        silenced=hidden,
        silences=await _silences(connection, alerts or [_would_be(rule, kept, explanation.severity)], kept.held),
        excepted=None if exemption is None else _exception(exemption),
        notes=tuple(_notes(rule, kept, known, alerts, watched, excepted=exemption is not None)),
    )


def _spoken_of(rule: "Rule", changes: "Sequence[Change]") -> "Change | None":
    """The change that is asked about: the last one that a rule on changes speaks of, else the last one."""
    if not rule.on or not changes:
        return None
    return next((change for change in reversed(changes) if change.kind in rule.on), changes[-1])


def _exception(exemption: "Exemption") -> "ExceptionEntry":
    from scanner.domain.report import rfc3339
    from scanner.formats.documents import ExceptionEntry

    until = None if exemption.until is None else rfc3339(exemption.until)
    return ExceptionEntry(tuple(sorted(exemption.names)), exemption.reason, until, str(exemption.place))


def _would_be(rule: "Rule", kept: "Kept", severity: str) -> "Alert":
    """The alert that would open, for silences to be held against."""
    from scanner.domain.alerts import Alert, Severity

    return Alert("", rule.id, rule.title, Severity(severity), kept.held.approval.id, now())


async def _silences(
    connection: "AsyncConnection", alerts: "Sequence[Alert]", held: "Held"
) -> "tuple[SilenceEntry, ...]":
    """The silences that hide some alerts, or would hide them if they opened now."""
    from scanner.cli.silences import silence_entry
    from scanner.store.silences import hiding, listing

    by = set((await hiding(connection, alerts, now())).values())
    return tuple(
        silence_entry(kept)
        for kept in await listing(connection, now())
        if kept.silence.id in by or _would_hide(kept.silence, alerts, held)
    )


def _would_hide(silence: "Silence", alerts: "Sequence[Alert]", held: "Held") -> bool:
    from scanner.domain.silences import refuses

    matchers = silence.matchers
    coming = [alert for alert in alerts if not alert.id]
    return silence.future and any(matchers.fit(one, held) and refuses(matchers, one) is None for one in coming)


def _notes(
    rule: "Rule",
    kept: "Kept",
    known: "Facts",
    alerts: "Sequence[Alert]",
    watched: "Sequence[TargetEntry]",
    *,
    excepted: bool,
) -> "Iterator[str]":
    """What else decides what becomes of the verdict."""
    from scanner.policy.explaining import foresee

    if not watched:
        yield "Its wallet is not in the configuration: nothing is judged."
    elif excepted:
        ending = "".join(f" The next reading ends {alert.id}." for alert in alerts)
        yield f"An exception keeps the rule silent about it.{ending}"
    elif rule.on:
        yield "A rule on changes is asked once, when the change is found; the other values are those of now."
    elif kept.held.in_force:
        yield foresee(rule, known, kept.held.approval.id, alerts, now())
    if not kept.proven:
        yield "Only an incomplete reading has shown the approval as it is: that opens alerts, and resolves none."
