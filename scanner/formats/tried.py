"""What the table format shows of tests: each that failed, with its place and the difference, and what they come to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.domain.plain import counted
from scanner.formats.documents import TrialEntry, Trials
from scanner.formats.grids import GOOD, LOUD, Part, hanging, line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["totals_of", "trials_told"]


def trials_told(document: Trials) -> Iterator["RenderableType"]:
    """The tests that failed, then all of them in a line."""
    failed = [entry for entry in document.tests if not entry.passed]
    if failed:
        yield hanging((Part("FAIL", LOUD), _failed(entry)) for entry in failed)
        yield line()
    yield line(Part(totals_of(document), LOUD if failed else GOOD))


def _failed(entry: TrialEntry) -> Iterator["Text"]:
    yield line(Part(f"{entry.file}:{entry.line}", "bold"), Part(f"  {entry.subject}: {entry.title}"))
    for said in entry.expected:
        yield line(Part(f"- {said}", "red"))
    for said in entry.found:
        yield line(Part(f"+ {said}", GOOD))
    for said in entry.facts:
        yield line(Part(f"because {said}", "dim"))


def totals_of(document: Trials) -> str:
    """How many there were, of how much, and how they went, in a sentence."""
    rules = len({entry.subject for entry in document.tests if entry.kind == "rule"})
    tried = sum(entry.kind == "rule" for entry in document.tests)
    played = len({(entry.file, entry.subject) for entry in document.tests if entry.kind == "scenario"})
    steps = len(document.tests) - tried
    parts = [f"{counted(tried, 'test')} of {counted(rules, 'rule')}"] if tried else []
    parts += [f"{counted(steps, 'step')} of {counted(played, 'scenario')}"] if steps else []
    how = f"{document.failed} failed" if document.failed else "all passed"
    return f"{' and '.join(parts) or 'no tests'}: {how}, in {document.seconds:.1f} s"
