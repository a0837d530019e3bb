"""What the formats show of why a rule says what it says: its values, its operands, and what would change them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from scanner.domain.explanation import ConditionEntry, Explanation, OperandEntry, WayEntry
from scanner.formats.documents import ExceptionEntry, Explained, Look, SilenceEntry
from scanner.formats.grids import GOOD, LOUD, Part, hanging, line
from scanner.formats.pieces import alerts_told, heading, mark
from scanner.formats.words import ago, sentences

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = [
    "about_of",
    "decision_told",
    "exempt",
    "explained_told",
    "hidden_by",
    "judged",
    "operands",
    "operands_told",
    "said_of",
    "values",
    "ways",
]

_STYLES = {"holds": LOUD, "fails": GOOD, "undecided": "yellow", "lingers": "yellow"}
_JOINS = {"all": "all of", "any": "any of", "not": "not", "choice": "if, then, else"}


def explained_told(look: Look, document: Explained) -> Iterator["RenderableType"]:
    """The verdict first, then what came of it, and the decision in full."""
    explanation = document.explanation
    name = Part(f" {explanation.title}  ", "bold")
    yield line(mark(explanation.severity), name, Part(f"{explanation.rule}  "), judged(explanation))
    yield line(Part(sentences([document.approval])[document.approval.id]))
    yield line()
    for said in (*explanation.said, *document.notes):
        yield line(Part(said))
    if document.excepted is not None:
        yield line(Part(exempt(document.excepted), "yellow"))
    if document.alerts:
        yield heading("Alerts of this rule on it")
        yield alerts_told(look, document.alerts, {}, silenced=document.silenced)
    for silence in document.silences:
        yield line(Part(hidden_by(silence, document), "yellow"), Part(f" ({ago(silence.ends_at, look.now)})", "dim"))
    yield from decision_told(explanation)


def judged(explanation: Explanation) -> Part:
    """The judgement in one or two words."""
    return Part(explanation.judgement, _STYLES.get(explanation.judgement, "dim"))


def decision_told(explanation: Explanation) -> Iterator["RenderableType"]:
    """The values that the rule read, and each of its conditions with what it would take to change it."""
    if explanation.values:
        yield heading("What it read")
        yield hanging((Part(field, "dim"), [line(Part(said))]) for field, said in values(explanation))
    yield from operands_told(explanation, ways=True)


def operands_told(explanation: Explanation, *, ways: bool = False) -> Iterator["RenderableType"]:
    """Each condition with what its operands came to, and with `ways` what it would take to change it."""
    for condition in explanation.conditions:
        yield heading(condition.name)
        yield from (_operand(*row) for row in _tree(condition.tree))
        if ways and condition.ways:
            yield hanging(_way(way) for way in condition.ways)


def _operand(operand: OperandEntry, depth: int) -> "Text":
    about = Part(f"  ({about_of(operand)})" if about_of(operand) else "", "dim")
    outcome = Part(f"{operand.outcome:<11}", _STYLES.get(operand.outcome, ""))
    return line(outcome, Part(f"{'  ' * depth}{said_of(operand)}"), about)


def said_of(operand: OperandEntry) -> str:
    """An operand's own words; of one that is made of others how it is made, since they follow."""
    return operand.text if _is_simple(operand) else _JOINS[operand.join]


def about_of(operand: OperandEntry) -> str:
    """The values behind a test, or behind one that is turned round."""
    return operand.operands[0].about if _is_simple(operand) and operand.operands else operand.about


def _is_simple(operand: OperandEntry) -> bool:
    """Whether it is one test, or one that is turned round: that is as plain on one line."""
    return not operand.operands or (operand.join == "not" and not operand.operands[0].operands)


def _tree(operand: OperandEntry, depth: int = 0) -> Iterator[tuple[OperandEntry, int]]:
    """An operand and those below it, each with how deep it stands, as far as a person needs them."""
    yield operand, depth
    if not _is_simple(operand):
        for below in operand.operands:
            yield from _tree(below, depth + 1)


def _way(way: WayEntry) -> tuple[Part, Iterable["Text"]]:
    label = {"holds": "would hold:", "fails": "would fail:"}[way.outcome]
    first, *others = way.flips
    return Part(label, "bold"), [line(Part(first.words)), *(line(Part("and "), Part(one.words)) for one in others)]


def values(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Each field that was read, and its value; of one that is not known when it is not."""
    for entry in explanation.values:
        yield entry.field, entry.value if entry.unknown is None else f"{entry.value}, as it is {entry.unknown}"


def operands(explanation: Explanation) -> Iterator[tuple[ConditionEntry, OperandEntry, int]]:
    """Every operand of every condition, and how deep it stands."""
    for condition in explanation.conditions:
        for operand, depth in _tree(condition.tree):
            yield condition, operand, depth


def ways(explanation: Explanation) -> Iterator[Sequence[str]]:
    """Each way to another outcome: the condition, the outcome, and what it takes."""
    for condition in explanation.conditions:
        for way in condition.ways:
            yield condition.name, way.outcome, " AND ".join(flip.words for flip in way.flips)


def exempt(entry: ExceptionEntry) -> str:
    """What an exception says, until when, and where it stands."""
    until = "" if entry.until is None else f", until {entry.until}"
    return f"Excepted by {' and '.join(entry.names)}{until}: {entry.reason} ({entry.place})"


def hidden_by(silence: SilenceEntry, document: Explained) -> str:
    """What a silence does to the rule's alerts, until when, and why."""
    mine = [alert for alert, by in document.silenced.items() if by == silence.id]
    does = f"hides {', '.join(mine)}" if mine else "would hide what opens"
    return f"{silence.id} {does} until {silence.ends_at}, by {silence.author}: {silence.comment}"
