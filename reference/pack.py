"""docs/pack.md: every rule of the default pack."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from scanner.domain.changes import ChangeKind
from scanner.policy.engine import Condition
from scanner.policy.loading import default_rules, load
from scanner.policy.params import written
from scanner.policy.rules import Expectation, IfUnknown, Rule

__all__ = ["pack_page"]

_INTRO = """\
# The default rules

Every rule of the default pack, by family. This page is made from the rules by `make docs`; [Rules](rules.md) tells how
severity follows money, and how to change a rule without editing it.
"""

_OUTCOMES = {
    Expectation.ALERT: "It alerts on",
    Expectation.QUIET: "It is quiet on",
    Expectation.UNDECIDED: "It cannot decide",
}


def pack_page() -> str:
    """The whole page: a table of all rules, the worst first, and a section for each file."""
    pack = load([default_rules()])
    return "\n".join([_INTRO, *_index(pack.rules), *_families(pack.rules)])


def _index(rules: Iterable[Rule]) -> Iterator[str]:
    yield "| rule | severity | title | about |\n|---|---|---|---|"
    for rule in sorted(rules, key=lambda rule: (-rule.severity.rank, rule.id)):
        yield f"| [`{rule.id}`](#{rule.id}) | {_severity(rule)} | {rule.title} | {_about(rule)} |"
    yield ""


def _families(rules: Iterable[Rule]) -> Iterator[str]:
    """The rules of each file, in its order, below what the file says of itself."""
    for file, family in groupby(rules, key=lambda rule: rule.place.file):
        path = Path(file)
        yield f"## {path.stem.capitalize()}\n"
        yield from (f"{line.removeprefix('#').strip()}" for line in _comment(path))
        yield ""
        for rule in family:
            yield from _rule(rule)


def _comment(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            return
        yield line


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}\n"
    yield f"**{rule.title}.** {_severity(rule).capitalize()}; {_about(rule)}.\n"
    yield from _condition("It alerts when", rule.condition)
    yield from _condition("It is over when", rule.until)
    for grade in rule.grades:
        yield from _condition(f"It is {grade.severity} when", grade.condition)
        yield from _condition(f"It is {grade.severity} no longer when", grade.until)
    if rule.if_unknown is IfUnknown.ALERT:
        yield "It alerts, too, where that cannot be decided.\n"
    if rule.params:
        yield "| param | default |\n|---|---|"
        yield from (f"| `{name}` | {written(value)} |" for name, value in rule.params.items())
        yield ""
    yield f"- Danger: {rule.why}"
    yield f"- Remedy: {rule.fix}"
    if rule.noise:
        yield f"- False alarms: {rule.noise}"
    for outcome, said in _OUTCOMES.items():
        if names := [trial.name for trial in rule.tests if trial.expect is outcome]:
            yield f"- {said}: {'; '.join(names)}."
    yield ""


def _condition(said: str, condition: Condition | None) -> Iterator[str]:
    if condition is not None:
        yield f"{said}\n\n```\n{condition.text.strip()}\n```\n"


def _severity(rule: Rule) -> str:
    return " to ".join((rule.severity, *rule.severities[1:][-1:]))


def _about(rule: Rule) -> str:
    return f"on {', '.join(kind for kind in ChangeKind if kind in rule.on)}" if rule.on else "a state"
