"""`rules backtest`: what rules would have told of the stored history. From the store: no network, no secret."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.console import configuration, now, run_to_end, show, stored, tell_forgotten, tell_problems
from scanner.cli.options import Form, FormName, moment, parser
from scanner.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from scanner.backtest import Outcome
    from scanner.config import Config
    from scanner.domain.backtest import Difference, Episode
    from scanner.formats.backtests import Backtest, DifferenceEntry, EpisodeEntry
    from scanner.policy.rules import Pack

__all__ = ["backtest"]

Since = Annotated[
    datetime,
    typer.Option("--since", metavar="TIME", parser=parser(moment), help="From then on; times as in 2026-11-20 or 7d."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", metavar="TIME", parser=parser(moment), help="Up to then, instead of now."),
]
Candidates = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        exists=True,
        help="These rules instead of your own. One that has the id of a default rule takes its place.",
    ),
]


def backtest(
    context: typer.Context,
    since: Since,
    until: Until = None,
    rules: Candidates = None,
    form: Form = FormName.TABLE,
) -> None:
    """Tell what rules would have told of the stored history, and how that differs from what was told.

    Nothing is recorded and nothing is sent.
    """
    from scanner.backtest import backtest as live_through

    config = configuration(context)
    end = now() if until is None else until
    if end <= since:
        raise UsageError("--until is not after --since", "Name a stretch of time, such as --since 30d")
    pack = _pack(config, rules)

    async def run() -> None:
        async with stored(config) as store:
            outcome = await store.read(lambda c: live_through(c, pack, config.telling, since, end))
            await tell_forgotten(store, since)
        show(_document(outcome), form)

    run_to_end(run())


def _pack(config: "Config", candidates: Path | None) -> "Pack":
    """The rules that are in force, or that would be with the candidates. Raises ConfigError for what is not sound."""
    from scanner.packs import candidate_pack, load_pack

    pack = load_pack(config, now()) if candidates is None else candidate_pack(config, candidates, now())
    tell_problems(pack.warnings, warning=True)
    if pack.problems:
        raise ConfigError(pack.problems)
    return pack


def _document(outcome: "Outcome") -> "Backtest":
    from collections import Counter

    from scanner.domain.backtest import DifferenceKind
    from scanner.domain.changes import Held
    from scanner.domain.report import ApprovalEntry, rfc3339
    from scanner.formats.backtests import Backtest, RuleBacktest

    def held(last: datetime, approval_id: str) -> ApprovalEntry:
        approval, target = outcome.about[approval_id]
        return ApprovalEntry.of(Held(approval, first_seen=last, since=last, changed_at=last), target.label)

    kinds = Counter((one.rule, one.kind) for one in outcome.differences)
    return Backtest(
        since=rfc3339(outcome.since),
        until=rfc3339(outcome.until),
        lived=outcome.approvals,
        scans=outcome.scans,
        rules=tuple(
            RuleBacktest(
                rule=one.rule,
                title=one.title,
                alerts=one.was,
                alerts_would=one.would,
                new=kinds[one.rule, DifferenceKind.NEW],
                gone=kinds[one.rule, DifferenceKind.GONE],
                changed=kinds[one.rule, DifferenceKind.CHANGED],
                messages=one.messages_were,
                messages_would=one.messages_would_be,
            )
            for one in outcome.rules
        ),
        differences=tuple(_difference(one) for one in outcome.differences),
        approvals=tuple(held(outcome.until, id_) for id_ in outcome.about),
        messages=dict(outcome.messages_were),
        messages_would=dict(outcome.messages_would_be),
    )


def _difference(one: "Difference") -> "DifferenceEntry":
    from scanner.formats.backtests import DifferenceEntry

    return DifferenceEntry(
        kind=one.kind.value,
        rule=one.about.rule,
        title=one.about.title,
        approval=one.about.approval,
        event=one.about.change is not None,
        was=_episode(one.was),
        would=_episode(one.would),
    )


def _episode(one: "Episode | None") -> "EpisodeEntry | None":
    from scanner.domain.report import rfc3339
    from scanner.formats.backtests import EpisodeEntry

    if one is None:
        return None
    ended = None if one.ended_at is None else rfc3339(one.ended_at)
    return EpisodeEntry(one.severity.value, rfc3339(one.opened_at), ended, one.alert)
