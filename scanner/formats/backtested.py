"""How a table and a page show what a backtest found."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scanner.domain.plain import counted
from scanner.formats.backtests import Backtest, DifferenceEntry, EpisodeEntry, RuleBacktest
from scanner.formats.grids import GOOD, LOUD, Part, hanging, line
from scanner.formats.words import sentences

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["backtest_told", "difference_rows", "rule_rows", "span_of", "totals_told"]

_STYLES = {"new": LOUD, "gone": GOOD, "changed": "yellow"}


def backtest_told(document: Backtest) -> Iterator["RenderableType"]:
    """Each rule with its counts, each alert that differs, and a line that counts."""
    yield line(Part(span_of(document), "bold"))
    for rule in _moving(document):
        yield hanging([(Part(""), _rule(rule))])
    about = sentences(document.approvals)
    if document.differences:
        yield line()
        yield hanging((Part(one.kind, _STYLES[one.kind]), _difference(one, about)) for one in document.differences)
    yield line()
    for said in totals_told(document):
        yield line(Part(said, "bold"))


def span_of(document: Backtest) -> str:
    """What was lived through, in words."""
    return (
        f"From {document.since} to {document.until}: {counted(document.scans, 'scan')}, "
        f"{counted(document.lived, 'approval')} lived through"
    )


def totals_told(document: Backtest) -> Iterator[str]:
    """How the alerts and messages differ altogether."""
    kinds = [one.kind for one in document.differences]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _STYLES if kind in kinds) or "no difference"
    before, after = (sum(getattr(rule, name) for rule in document.rules) for name in ("alerts", "alerts_would"))
    yield f"Alerts: {before} were, {after} would be: {told}"
    for channel in sorted({*document.messages, *document.messages_would}):
        were, would = document.messages.get(channel, 0), document.messages_would.get(channel, 0)
        yield f"Messages to {channel}: {were} were, about {would} would be"


def rule_rows(document: Backtest) -> Iterator[Sequence[str]]:
    """A row of texts for each rule that told anything, or would have."""
    for rule in _moving(document):
        numbers = (
            rule.alerts,
            rule.alerts_would,
            rule.new,
            rule.gone,
            rule.changed,
            rule.messages,
            rule.messages_would,
        )
        yield (rule.rule, rule.title, *map(str, numbers))


def difference_rows(document: Backtest) -> Iterator[Sequence[str]]:
    """A row of texts for each alert that differs: how, the rule, the approval, what was, what would be."""
    about = sentences(document.approvals)
    for one in document.differences:
        yield one.kind, one.rule, about.get(one.approval, one.approval), _episode(one.was), _episode(one.would)


def _moving(document: Backtest) -> list[RuleBacktest]:
    return [
        rule for rule in document.rules if rule.alerts or rule.alerts_would or rule.new or rule.gone or rule.changed
    ]


def _rule(rule: RuleBacktest) -> Iterator["Text"]:
    yield line(Part(rule.rule, "bold"), Part(f"  {rule.title}"))
    differ = ", ".join(f"{getattr(rule, kind)} {kind}" for kind in _STYLES if getattr(rule, kind))
    yield line(
        Part(f"{rule.alerts} → {counted(rule.alerts_would, 'alert')}"),
        Part(f" ({differ})" if differ else "", "yellow"),
        Part(f", {rule.messages} → about {counted(rule.messages_would, 'message')}", "dim"),
    )


def _difference(one: DifferenceEntry, about: dict[str, str]) -> Iterator["Text"]:
    yield line(Part(one.rule, "bold"), Part(f"  {about.get(one.approval, one.approval)}"))
    if one.was is not None:
        yield line(Part(f"was {_episode(one.was)}", "dim"))
    if one.would is not None:
        yield line(Part(f"would be {_episode(one.would)}"))


def _episode(one: EpisodeEntry | None) -> str:
    if one is None:
        return ""
    named = "" if one.alert is None else f" ({one.alert})"
    end = "still open" if one.resolved_at is None else f"until {one.resolved_at}"
    return f"{one.severity} from {one.opened_at}, {end}{named}"
