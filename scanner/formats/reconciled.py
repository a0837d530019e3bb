"""How a table and a page show where two sources differ."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from scanner.domain.addresses import short
from scanner.domain.plain import counted, grouped, units
from scanner.domain.reconciled import VERDICTS, ReconciledEntry, ReconciledTarget, Reconciliation
from scanner.domain.reconciliation import Verdict
from scanner.domain.report import AllowanceEntry
from scanner.formats.grids import GOOD, LOUD, Part, hanging, line
from scanner.formats.words import right, spender, token, wallet

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["reconciled_rows", "reconciled_told", "target_rows", "total_of"]

_STYLES = {Verdict.ONLY_EVM: LOUD, Verdict.ONLY_OKX: "yellow", Verdict.AMOUNTS_DIFFER: "yellow"}


def reconciled_told(document: Reconciliation) -> Iterator["RenderableType"]:
    """What differs, then what may differ at any time, what could not be read, and how much was equal."""
    told = [row for row in document.rows if row.verdict != Verdict.EQUAL]
    told.sort(key=lambda row: not row.differs)
    if told:
        yield hanging((_mark(row), _row(row)) for row in told)
        yield line()
    for target in document.targets:
        for source, error in (("chain", target.evm_error), ("API", target.okx_error)):
            if error is not None:
                said = f"{wallet(target.owner, target.label)} on {target.chain}, by the {source}: "
                yield line(Part(said, LOUD), Part(error))
    yield line(Part(total_of(document), LOUD if document.differences else GOOD if document.complete else "bold"))


def total_of(document: Reconciliation) -> str:
    """What it came to, in a line."""
    counts = {name: sum(getattr(target, name) for target in document.targets) for name in ("equal", "unproven")}
    said = f"{counted(len(document.targets), 'target')}: {counted(document.differences, 'difference')}"
    others = len(document.rows) - document.differences - sum(counts.values())
    said += f", {counts['equal']} equal, {others} to be expected"
    return said + (f", {counts['unproven']} unproven" if counts["unproven"] else "")


def reconciled_rows(document: Reconciliation) -> Iterator[Sequence[str]]:
    """A row of texts for each approval that is not equal."""
    for row in document.rows:
        if row.verdict != Verdict.EQUAL:
            yield (
                "yes" if row.differs else "no",
                VERDICTS[Verdict(row.verdict)],
                row.owner_label or row.owner,
                row.chain,
                row.kind,
                *token(row.token),
                *spender(row.spender),
                _shown(row, row.evm),
                _shown(row, row.okx),
                row.reason or "",
                "" if row.block is None else str(row.block),
            )


def target_rows(targets: Iterable[ReconciledTarget]) -> Iterator[Sequence[str]]:
    """A row of texts for each target."""
    for one in targets:
        counts = (one.equal, one.differences, one.unproven)
        block = "" if one.block is None else str(one.block)
        yield one.label or one.owner, one.chain, block, *map(str, counts), one.evm_error or "", one.okx_error or ""


def _mark(row: ReconciledEntry) -> Part:
    verdict = Verdict(row.verdict)
    return Part(VERDICTS[verdict], _STYLES.get(verdict, "dim") if row.differs else "dim")


def _row(row: ReconciledEntry) -> Iterator["Text"]:
    what, whom = (f"{name} {short(where)}" for name, where in (token(row.token), spender(row.spender)))
    whose = f"{wallet(row.owner, row.owner_label)} on {row.chain}: "
    yield line(Part(whose), Part(f"{what} to {whom}"), Part(f"  {row.kind}", "dim"))
    block = "" if row.block is None else f" (block {row.block:,})"
    amounts = f"chain: {_shown(row, row.evm)}, API: {_shown(row, row.okx)}"
    yield line(Part(amounts), Part(f"; {row.reason or 'why is not known'}{block}", "dim"))


def _shown(row: ReconciledEntry, source: AllowanceEntry | None) -> str:
    """What a source shows: in plain words, and to the last unit where only that tells the two apart."""
    if source is None:
        return "nothing"
    return _exact(source) if row.verdict == Verdict.AMOUNTS_DIFFER else right(source, row.kind, row.token_id)


def _exact(shown: AllowanceEntry) -> str:
    """An amount that makes sense; unlimited in words is no number."""
    if shown.raw is None:
        return "unlimited"
    raw = f"{grouped(shown.raw)} raw"
    if shown.unlimited:
        return f"unlimited, {raw}"
    return raw if shown.amount is None else f"{units(shown.amount)} ({raw})"
