"""Reads one rule as it was written: part by part, and everything that is wrong with it, each with its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from scanner.domain.alerts import Severity
from scanner.domain.changes import ChangeKind
from scanner.errors import Place, Problem, closest
from scanner.places import Data, Document
from scanner.places import Path as Steps
from scanner.policy.carets import place_in
from scanner.policy.engine import Condition, compile_condition
from scanner.policy.exceptions import read_allowed
from scanner.policy.keys import GRADE_KEYS, RULE_KEYS, TEST_KEYS, Key
from scanner.policy.params import NO_PARAMS, Params, WrongPart, names_in, read_params
from scanner.policy.reach import flaws
from scanner.policy.rules import Expectation, Grade, IfUnknown, Rule, Trial
from scanner.policy.trials import NotAValueError, given_facts, parse_given

__all__ = ["Entry"]

_GRADE_EXAMPLE = 'such as [{severity: critical, when: "exposure.usd > 1000"}]'

_Word = TypeVar("_Word", bound=StrEnum)
_Part = TypeVar("_Part")


class Entry:
    """One rule as it was written: reads it part by part, and notes everything that is wrong with it."""

    def __init__(self, document: Document, steps: Steps, data: dict[str, Data], ids: dict[str, Place]) -> None:
        self.document = document
        self.steps = steps
        self.data = data
        self.ids = ids
        self.params: Params = NO_PARAMS
        self.broken: frozenset[str] = frozenset()
        self.read: set[str] = set()
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def rule(self) -> Rule | None:
        """The rule, or None where something is wrong with it."""
        self.unknown_keys((), self.data, RULE_KEYS)
        name = self.name()
        self.missing_keys((), self.data, RULE_KEYS, name or "this rule")
        title = self.text(("title",), self.data).strip()
        severity = self.word(("severity",), self.data["severity"], Severity) if "severity" in self.data else None
        if_unknown = (
            self.word(("if_unknown",), self.data["if_unknown"], IfUnknown)
            if "if_unknown" in self.data
            else IfUnknown.IGNORE
        )
        on = self.kinds()
        self.params, self.broken = self.part("params", read_params, (self.params, self.broken))
        exceptions = self.part("exceptions", read_allowed, None)
        condition, until = self.condition(("when",), self.data), self.condition(("until",), self.data)
        grades = self.grades(severity)
        for key in ("until", "grades"):
            if key in self.data and "on" in self.data:
                hint = "leave out `on`, or this: what happened does not stop having happened"
                self.wrong((key,), f"`{key}` is only for rules on states", "state-only", hint)
        self.unused_params()
        why, fix = self.advice("why", "one sentence on the danger"), self.advice("fix", "one sentence on what to do")
        noise = self.text(("noise",), self.data).strip()
        tests = self.tests(on, [severity, *(grade.severity for grade in grades)] if severity else [])
        if self.problems or not (name and title and severity and condition and if_unknown):
            return None
        rule = Rule(
            id=name,
            title=title,
            severity=severity,
            condition=condition,
            place=self.place(()),
            on=frozenset(on),
            why=why,
            fix=fix,
            noise=noise,
            if_unknown=if_unknown,
            tests=tests,
            until=until,
            grades=grades,
            params=self.params,
            exceptions=exceptions,
        )
        if not tests:
            hint = "say of which approvals it has to alert, and of which not"
            self.warnings.append(Problem(rule.place, f"{name} has no `tests`", "no-tests", hint))
        for flaw in flaws(rule, on):
            problem = Problem(self.place(flaw.steps), flaw.message, flaw.code, flaw.hint)
            (self.warnings if flaw.harmless else self.problems).append(problem)
        return None if self.problems else rule

    def name(self) -> str:
        """The rule's id, noted as taken; "" where there is none that can be used."""
        name = self.text(("id",), self.data).strip()
        if not name:
            return ""
        if not all(part.isalnum() and part.isascii() for part in name.split("-")):
            self.wrong(("id",), f"{name!r} is not an id", "bad-id", "letters, digits and single hyphens")
        place = self.document.place((*self.steps, "id"))
        first = self.ids.setdefault(name, place)
        if first is not place:
            hint = "give it another id; to replace a default rule, also put that one into `rules.disable`"
            self.wrong(("id",), f"the id {name!r} is taken by the rule at {first}", "duplicate-id", hint)
        return name

    def condition(self, steps: Steps, data: dict[str, Data]) -> Condition | None:
        """The condition under the last of these steps; None where there is none, or something is wrong with it."""
        text = self.text(steps, data)
        if not text:
            return None
        self.read |= names_in(text)
        if names_in(text) & self.broken:  # what reads them is not wrong for that
            return None
        compiled = compile_condition(text, self.params)
        if not isinstance(compiled, Condition):
            whole = (*self.steps, *steps)
            self.problems.extend(
                Problem(place_in(self.document, whole, text, f.line, f.column), f.message, f.code, f.hint)
                for f in compiled
            )
            return None
        of_change = [name for name in compiled.reads if name.startswith("change.")]
        if of_change and "on" not in self.data:
            hint = "say with `on` which changes the rule is about, such as `on: [new, increased]`"
            self.wrong(steps, f"{of_change[0]} is known only to rules on changes", "needs-on", hint)
        return compiled

    def part(self, key: str, read: Callable[[Data], tuple[_Part, list[WrongPart]]], absent: _Part) -> _Part:
        """What stands below a key of the rule, with everything that is wrong in it noted."""
        if key not in self.data:
            return absent
        found, wrong = read(self.data[key])
        for steps, message, code, hint in wrong:
            self.wrong((key, *steps), message, code, hint)
        return found

    def unused_params(self) -> None:
        """Note the params that no condition reads: a threshold that does nothing."""
        for name in self.params:
            if name not in self.read:
                hint = f"write `params.{name}` in a condition, or take it out"
                self.wrong(("params", name), f"no condition reads the param {name!r}", "unused-param", hint)

    def grades(self, severity: Severity | None) -> tuple[Grade, ...]:
        """What is worse than `severity`, the rule's own, each worse than the one before it."""
        if "grades" not in self.data:
            return ()
        data = self.data["grades"]
        if not isinstance(data, list) or not data:
            self.wrong(("grades",), "`grades` is a list", "rule-shape", _GRADE_EXAMPLE)
            return ()
        found = []
        for index, item in enumerate(data):
            if (grade := self.grade(("grades", index), item)) is None:
                continue
            if severity and severity.reaches(grade.severity):
                said = f"`{grade.severity}` is not worse than `{severity}`"
                hint = "a grade is worse than the rule's own severity, and than the grade before it"
                self.wrong(("grades", index, "severity"), said, "grade-order", hint)
            severity = grade.severity
            found.append(grade)
        return tuple(found)

    def grade(self, steps: Steps, data: Data) -> Grade | None:
        if not isinstance(data, dict):
            self.wrong(steps, "a grade is a mapping", "rule-shape", _GRADE_EXAMPLE)
            return None
        self.unknown_keys(steps, data, GRADE_KEYS)
        self.missing_keys(steps, data, GRADE_KEYS, "this grade")
        severity = self.word((*steps, "severity"), data["severity"], Severity) if "severity" in data else None
        condition, until = (self.condition((*steps, key), data) for key in ("when", "until"))
        return Grade(severity, condition, until) if severity and condition else None

    def kinds(self) -> list[ChangeKind]:
        """The kinds of change in `on`, in the order they were written."""
        if "on" not in self.data:
            return []
        data = self.data["on"]
        if not isinstance(data, list) or not data:
            self.wrong(("on",), "`on` is a list of kinds of change", "rule-shape", "such as [new, increased]")
            return []
        kinds = [self.word(("on", index), item, ChangeKind) for index, item in enumerate(data)]
        return [kind for kind in kinds if kind is not None]

    def advice(self, key: str, wanted: str) -> str:
        """`why` or `fix`: a rule works without, but its messages are poorer."""
        if self.data.get(key) is not None:
            return self.text((key,), self.data).strip()
        said = f"{self.data.get('id') or 'this rule'} has no `{key}`"
        self.warnings.append(Problem(self.place(()), said, f"no-{key}", wanted))
        return ""

    def tests(self, on: Sequence[ChangeKind], severities: Sequence[Severity]) -> tuple[Trial, ...]:
        """The rule's own tests. `severities` are those that its alerts can have."""
        data = self.data.get("tests")
        if data is None:
            return ()
        if not isinstance(data, list):
            self.wrong(("tests",), "`tests` is a list", "rule-shape")
            return ()
        trials = (self.test(("tests", index), item, on, severities) for index, item in enumerate(data))
        return tuple(trial for trial in trials if trial is not None)

    def test(self, steps: Steps, data: Data, on: Sequence[ChangeKind], severities: Sequence[Severity]) -> Trial | None:
        if not isinstance(data, dict):
            self.wrong(steps, "a test is a mapping", "rule-shape", "with `name`, `given` and `expect`")
            return None
        self.unknown_keys(steps, data, TEST_KEYS)
        self.missing_keys(steps, data, TEST_KEYS, "this test")
        expect = self.word((*steps, "expect"), data["expect"], Expectation) if "expect" in data else None
        name, given = data.get("name"), data.get("given", {})
        if "name" in data and not isinstance(name, str):
            self.wrong((*steps, "name"), "`name` is a text", "rule-shape")
        if not isinstance(given, dict):
            self.wrong((*steps, "given"), "`given` is a mapping of fields to values", "rule-shape")
            return None
        facts = given_facts(self.given((*steps, "given"), given), on)
        severity = self.degree((*steps, "severity"), data["severity"], severities) if "severity" in data else None
        if severity and expect is Expectation.QUIET:
            self.wrong((*steps, "severity"), "what is quiet has no severity", "test-value")
        before = self.opened((*steps, "open"), data["open"], severities) if "open" in data else None
        if not (expect and isinstance(name, str)):
            return None
        return Trial(name, facts, expect, self.place(steps), severity, before)

    def degree(self, steps: Steps, data: Data, severities: Sequence[Severity]) -> Severity | None:
        """A severity that the rule's alerts can have."""
        severity = self.word(steps, data, Severity)
        if severity and severities and severity not in severities:
            hint = "it is one of " + ", ".join(severities)
            self.wrong(steps, f"an alert of this rule is never `{severity}`", "test-value", hint)
        return severity

    def opened(self, steps: Steps, data: Data, severities: Sequence[Severity]) -> Severity | None:
        """How bad the alert is that a test has open already: `true` means as bad as the rule says of itself."""
        if "on" in self.data:
            hint = "each change has an alert of its own"
            self.wrong(steps, "`open` is only for tests of rules on states", "state-only", hint)
            return None
        if data == "true":
            return severities[0] if severities else None
        return self.degree(steps, data, severities)

    def given(self, steps: Steps, given: dict[str, Data]) -> Iterator[tuple[str, object]]:
        for key, value in given.items():
            try:
                yield key, parse_given(key, value)
            except NotAValueError as error:
                self.wrong((*steps, key), str(error), "test-value", error.hint)

    def text(self, steps: Steps, data: dict[str, Data]) -> str:
        """The text under the last of these steps, which has to be one once its key is there; "" where it is not."""
        key = str(steps[-1])
        value = data.get(key, "")
        if key not in data or (isinstance(value, str) and value.strip()):
            return str(value)
        self.wrong(steps, f"`{key}` is empty" if not value else f"`{key}` is a text", "rule-shape")
        return ""

    def word(self, steps: Steps, value: Data, words: type[_Word]) -> _Word | None:
        """A value of a closed set; None, and noted, where it is none of them."""
        try:
            return words(str(value))
        except ValueError:
            key = next(step for step in reversed(steps) if isinstance(step, str))
            hint = closest(str(value), words) or "it is one of " + ", ".join(words)
            said = f"`{key}` is empty" if value is None else f"`{key}` cannot be {value!r}"
            self.wrong(steps, said, "bad-word", hint)
            return None

    def unknown_keys(self, steps: Steps, data: dict[str, Data], allowed: Mapping[str, Key]) -> None:
        for key in data:
            if key not in allowed:
                place = self.document.place((*self.steps, *steps, key), key=True)
                hint = closest(key, allowed) or "it is one of " + ", ".join(allowed)
                self.problems.append(Problem(place, f"unknown key {key!r}", "unknown-key", hint))

    def missing_keys(self, steps: Steps, data: dict[str, Data], keys: Mapping[str, Key], what: str) -> None:
        for key in keys:
            if keys[key].needed and key not in data:
                self.wrong(steps, f"{what} has no `{key}`", "missing-key")

    def place(self, steps: Steps) -> Place:
        return self.document.place((*self.steps, *steps))

    def wrong(self, steps: Steps, message: str, code: str, hint: str = "") -> None:
        self.problems.append(Problem(self.place(steps), message, code, hint))
