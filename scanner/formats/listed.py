"""What the table format shows of lists: how each stands, and what they say of one address."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanner.domain.plain import counted
from scanner.formats.documents import ListEntry, Lists, Look, SaidEntry
from scanner.formats.grids import LOUD, Part, hanging, line
from scanner.formats.words import ago

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["lists_told", "said_told"]


def lists_told(look: Look, document: Lists) -> Iterator["RenderableType"]:
    """Each list: how old its copy is, how much is in it, whom it touches, and what is wrong with it."""
    for entry in document.lists:
        yield hanging([(Part(entry.name, "bold"), _list(look, entry))])
        yield line()
    yield line(Part(counted(len(document.lists), "list"), "bold"))


def _list(look: Look, entry: ListEntry) -> Iterator["Text"]:
    yield line(Part(entry.label, "bold"), Part(f"  {entry.origin}", "dim"))
    if entry.as_of is None:
        yield line(Part("never read", LOUD))
    else:
        bad = Part(f", {counted(entry.bad, 'bad row')} left out" if entry.bad else "", "yellow")
        size = counted(entry.entries, "entry", "entries")
        yield line(Part(f"{size}, as of {ago(entry.as_of, look.now)}"), bad)
    yield line(Part(f"touches {counted(entry.approvals, 'approval')} in force"))
    if entry.error is not None:
        last = "" if entry.checked_at is None else f"last look {ago(entry.checked_at, look.now)}: "
        kept = "" if entry.as_of is None else "; the last good copy stays in force"
        yield line(Part(f"{last}{entry.error}{kept}", LOUD))
    for example in entry.examples:
        yield line(Part(example, "yellow"))
    if (more := entry.bad - len(entry.examples)) > 0 and entry.examples:
        yield line(Part(f"and {counted(more, 'more bad row')}", "yellow"))


def said_told(said: Iterable[SaidEntry]) -> Iterator["RenderableType"]:
    """What lists say of one address, a line for each list and chain."""
    for entry in said:
        labels = ", ".join(entry.labels) or "no label"
        where = "every chain" if entry.chain is None else entry.chain
        about = "".join(f", {text}" for text in (entry.name, entry.incident) if text)
        style = LOUD if "exploited" in entry.labels else ""
        yield line(Part(f"list {entry.list}: "), Part(labels, style), Part(f" on {where}{about}"))
