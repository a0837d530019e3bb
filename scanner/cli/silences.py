"""`alerts silence`, `alerts silences`, `alerts unsilence`: what a person hides, until when, and why.

Only the store is written: a daemon beside it takes notice by itself.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, now, put, run_to_end, show, stored
from scanner.cli.naming import Author, Comment, alert_named, author_or_user, close_to
from scanner.cli.options import Form, FormName, Level, address, chain_index, moment, one_of, parser
from scanner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.domain.silences import Silence
    from scanner.formats.documents import SilenceEntry, Silences
    from scanner.store.silences import Kept

__all__ = ["silence", "silence_entry", "silences", "unsilence"]


def span(text: str) -> timedelta:
    """How long: 90m, 12h, 7d."""
    from scanner.config.written import duration

    found = duration()(text)
    if not isinstance(found, timedelta) or not found:
        raise ValueError("a silence has to last: 12h, 7d")
    return found


def silence(
    context: typer.Context,
    alert_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One alert, as in AW-0123456789.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="Alerts of this rule.")] = None,
    spender: Annotated[
        str | None, typer.Option("--spender", metavar="ADDRESS", parser=parser(address), help="About this spender.")
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="ADDRESS", parser=parser(address), help="About this token.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="ADDRESS", parser=parser(address), help="About this wallet.")
    ] = None,
    chain: Annotated[
        str | None, typer.Option("--chain", metavar="CHAIN", parser=parser(chain_index), help="On this chain.")
    ] = None,
    severity: Annotated[
        list[Level] | None,
        typer.Option(
            "--severity",
            metavar="SEVERITY",
            parser=one_of(Level),
            help="Of this severity; may be given several times. Critical ones are hidden only if they are named.",
        ),
    ] = None,
    lasting: Annotated[
        timedelta | None, typer.Option("--for", metavar="TIME", parser=parser(span), help="How long, as in 12h or 7d.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", metavar="TIME", parser=parser(moment), help="2026-12-01 or 2026-12-01T08:00:00Z."),
    ] = None,
    comment: Comment = None,
    author: Author = None,
    future: Annotated[bool, typer.Option("--future", help="Alerts that open later, too.")] = False,
    form: Form = FormName.TABLE,
) -> None:
    """Hide alerts for a time: those that match everything given, as they are now.

    An alert is told again when its allowance or its severity rises above what it is now, and when the time is over.
    That an alert ended is told all the same.
    """
    at = now()
    ends_at = _end(at, lasting, until)
    if comment is None:
        raise UsageError("A silence needs a reason", 'Add --comment "…": others will ask')
    given = {"rule": rule, "spender": spender, "token": token, "owner": owner, "chain": chain}
    by = author_or_user(author)

    async def run() -> None:
        async with stored(configuration(context)) as store:
            if alert_id is not None:
                given["alert"] = (await store.read(lambda connection: alert_named(connection, alert_id))).alert.id
            made = _silence(given, severity or (), by, comment, at, ends_at, future=future)
            document = await store.write(lambda connection: _make(connection, made))
        show(document, form)

    run_to_end(run())


def silences(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    form: Form = FormName.TABLE,
) -> None:
    """List the silences that last, the newest first, and what each hides."""

    async def run() -> None:
        async with stored(configuration(context)) as store:
            document = await store.read(lambda connection: _listed(connection, every=every))
        show(document, form)

    run_to_end(run())


def unsilence(
    context: typer.Context,
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="As in S-01234567; case does not matter.")],
    author: Author = None,
) -> None:
    """End a silence before its time. What it hid and still is open is told."""
    by = author_or_user(author)

    async def run() -> str:
        async with stored(configuration(context)) as store:
            return await store.write(lambda connection: _end_early(connection, silence_id, by))

    put(run_to_end(run()) + "\n")


def _end(at: datetime, lasting: timedelta | None, until: datetime | None) -> datetime:
    if (lasting is None) == (until is None):
        raise UsageError("A silence needs one end", "Say --for 7d, or --until 2026-12-01")
    ends_at = until if lasting is None else (at + lasting).replace(microsecond=0)
    if ends_at is None or ends_at <= at:
        raise UsageError("The end of the silence lies in the past", "Say --for 7d, or a time that is to come")
    return ends_at


def _silence(
    given: "Mapping[str, str | None]",
    severity: "Collection[Level]",
    author: str,
    comment: str,
    at: datetime,
    ends_at: datetime,
    *,
    future: bool,
) -> "Silence":
    from scanner.domain.alerts import Severity
    from scanner.domain.silences import Matchers, Silence, silence_id

    try:
        matchers = Matchers(**given, severity=frozenset(map(Severity, severity)))
    except ValueError as error:
        hint = "Name an alert, or --rule, --spender, --token, --owner, --chain, --severity"
        raise UsageError("A silence has to say what it is about", hint) from error
    return Silence(silence_id(matchers, author, at), matchers, future, author, comment, at, ends_at)


async def _make(connection: "AsyncConnection", silence: "Silence") -> "Silences":
    from scanner.store.deliveries import recall
    from scanner.store.silences import Covered, Kept, make

    found = await make(connection, silence)
    if not found.hidden and not silence.future:
        if found.critical:
            named = ", ".join(found.critical)
            raise UsageError(f"Only critical alerts fit ({named})", "Add --severity critical if they are meant")
        raise UsageError("No open alert fits", "Look again: approval-watch alerts list; or add --future")
    await recall(connection, found.hidden)
    kept = Kept(silence, tuple(Covered(alert, cover) for alert, cover in found.hidden.items()))
    return await _document(connection, [kept], found.critical)


async def _listed(connection: "AsyncConnection", *, every: bool) -> "Silences":
    from scanner.store.silences import listing

    return await _document(connection, await listing(connection, now(), every=every))


async def _document(
    connection: "AsyncConnection", kept: "Sequence[Kept]", still_told: "Sequence[str]" = ()
) -> "Silences":
    from scanner.domain.alerts import AlertState
    from scanner.domain.report import AlertEntry
    from scanner.formats.documents import Silences
    from scanner.store.alerts import listing
    from scanner.store.surroundings import entries

    named = {covered.alert for one in kept for covered in one.covered} | set(still_told)
    every = await listing(connection, states=tuple(AlertState)) if named else []
    told = [one for one in every if one.alert.id in named]
    about = {one.held.approval.id: one for one in told}
    return Silences(
        silences=tuple(silence_entry(one) for one in kept),
        alerts=tuple(AlertEntry.of(one.alert) for one in told),
        approvals=await entries(connection, [(one.held, one.target) for one in about.values()]),
        still_told=tuple(still_told),
    )


def silence_entry(kept: "Kept") -> "SilenceEntry":
    """A silence as it is printed."""
    from scanner.domain.report import rfc3339
    from scanner.formats.documents import CoverEntry, SilenceEntry

    silence = kept.silence
    return SilenceEntry(
        id=silence.id,
        matchers=silence.matchers.given,
        future=silence.future,
        author=silence.author,
        comment=silence.comment,
        created_at=rfc3339(silence.created_at),
        ends_at=rfc3339(silence.ends_at),
        ended_at=None if silence.ended_at is None else rfc3339(silence.ended_at),
        reason=silence.end_reason or None,
        covers=tuple(
            CoverEntry(
                alert=covered.alert,
                severity=covered.cover.severity.value,
                raw=None if covered.cover.magnitude is None else str(covered.cover.magnitude),
                unlimited=covered.cover.unlimited,
                ended_at=None if covered.cover.ended_at is None else rfc3339(covered.cover.ended_at),
                reason=covered.cover.end_reason or None,
            )
            for covered in kept.covered
        ),
    )


async def _end_early(connection: "AsyncConnection", silence_id: str, author: str) -> str:
    from scanner.domain.silences import Lifted
    from scanner.store import alerts
    from scanner.store.silences import end, find, hiding, listing

    at = now()
    kept = await find(connection, silence_id)
    if kept is None:
        known = [one.silence.id for one in await listing(connection, at, every=True)]
        raise UsageError(
            f"There is no silence {silence_id}", close_to(silence_id.upper(), known, "alerts silences --all")
        )
    silence = kept.silence
    if (why := silence.over(at)) is not None:
        return f"{silence.id} is over already: {why}"
    covered = {one.alert for one in kept.covered}
    about = [told.alert for told in await alerts.listing(connection) if told.alert.id in covered]
    hidden = await hiding(connection, about, at)
    await end(connection, silence.id, Lifted.taken_back(author), at)
    free = hidden.keys() - await hiding(connection, about, at)  # another silence may still hide some
    return f"{silence.id} is over. No longer hidden: {', '.join(sorted(free)) or 'nothing'}"
