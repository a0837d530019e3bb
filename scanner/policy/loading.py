"""Reads rule files: everything that is wrong in all of them at once, each with its place.

One broken rule never stops the others: it is left out, and the pack says so.
"""

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from scanner.domain.alerts import Severity
from scanner.domain.changes import ChangeKind
from scanner.errors import Place, Problem, closest
from scanner.places import Data, Document, read_yaml
from scanner.places import Path as Steps
from scanner.policy.carets import place_in
from scanner.policy.engine import Condition, compile_condition
from scanner.policy.rules import Expectation, IfUnknown, Pack, Rule, Trial
from scanner.policy.trials import NotAValueError, given_facts, parse_given

__all__ = ["default_rules", "load"]

_RULE_KEYS = ("id", "title", "severity", "when", "on", "why", "fix", "if_unknown", "tests")
_NEEDED = ("id", "title", "severity", "when")
_TEST_KEYS = ("name", "given", "expect")
_SUFFIXES = {".yaml", ".yml"}

_Word = TypeVar("_Word", bound=StrEnum)


def default_rules() -> Path:
    """Where the default pack lies: the checkout's `rules/`, or what the wheel carries."""
    package = Path(__file__).parent.parent
    # An editable install may leave an old copy beside the installed packages: the checkout's own comes first.
    checkout = package.parent / "rules"
    return checkout if (package.parent / "pyproject.toml").is_file() else package / "default_rules"


def load(dirs: Sequence[Path], disable: Collection[str] = ()) -> Pack:
    """All rules of the YAML files in these directories, in order of directory, file name and place.

    A path may also be that of one file. The rules in `disable` are left out. Of two rules with the same id the first
    stays. Never raises.
    """
    reader = _Reader()
    for path in dict.fromkeys(path.resolve() for path in dirs):
        if path.is_file():
            reader.read_file(path)
        else:
            reader.read_directory(path)
    return Pack(
        rules=tuple(rule for rule in reader.rules if rule.id not in disable),
        problems=tuple(sorted(reader.problems)),
        warnings=tuple(sorted(reader.warnings)),
        ids=frozenset(reader.ids),
    )


class _Reader:
    """Collects rules and problems from file to file."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.ids: dict[str, Place] = {}

    def read_directory(self, directory: Path) -> None:
        try:
            paths = sorted(p for p in directory.iterdir() if p.suffix in _SUFFIXES and not p.name.startswith("."))
        except OSError as error:
            hint = "check `rules.dirs` in the configuration"
            said = f"the rules directory cannot be read: {error.strerror}"
            self.wrong(Place(str(directory)), said, "rules-unreadable", hint)
            return
        for path in paths:
            self.read_file(path)

    def read_file(self, path: Path) -> None:
        try:
            text = path.read_text("utf-8-sig")
        except OSError as error:
            self.wrong(Place(str(path)), f"the rule file cannot be read: {error.strerror}", "rules-unreadable")
            return
        except UnicodeDecodeError as error:
            self.wrong(Place(str(path)), f"the rule file is not UTF-8 (byte {error.start})", "rules-unreadable")
            return
        document = read_yaml(text, str(path))
        self.problems.extend(document.problems)
        entries = [_Entry(document, steps, data, self.ids) for steps, data in self.entries(document)]
        for entry, following in zip_longest(entries, entries[1:]):
            rule = entry.rule()
            self.problems.extend(entry.problems)
            self.warnings.extend(entry.warnings)
            if rule is not None and not _has_problem(rule.place, following.place(()) if following else None, document):
                self.rules.append(rule)

    def entries(self, document: Document) -> Iterator[tuple[Steps, dict[str, Data]]]:
        """The file's rules, each with where it stands; none in an empty file."""
        data = document.data
        if data is None:
            return
        if not isinstance(data, dict):
            self.wrong(document.place(()), "a rule file is a mapping", "rule-shape", "it begins with `rules:`")
            return
        for key in data:
            if key != "rules":
                place = document.place((key,), key=True)
                self.wrong(place, f"unknown key {key!r}", "unknown-key", closest(key, ("rules",)))
        rules = data.get("rules") or []
        if not isinstance(rules, list):
            self.wrong(document.place(("rules",)), "`rules` is a list", "rule-shape")
            return
        for index, entry in enumerate(rules):
            if isinstance(entry, dict):
                yield ("rules", index), entry
            else:
                self.wrong(document.place(("rules", index)), "a rule is a mapping", "rule-shape")

    def wrong(self, place: Place, message: str, code: str, hint: str = "") -> None:
        self.problems.append(Problem(place, message, code, hint))


def _has_problem(start: Place, end: Place | None, document: Document) -> bool:
    """Whether what is wrong with the file as YAML, such as a key that stands twice, is wrong within one rule."""
    return any(
        start.line <= problem.place.line
        and start.column <= problem.place.column
        and (end is None or problem.place.line < end.line)
        for problem in document.problems
    )


class _Entry:
    """One rule as it was written: reads it part by part, and notes everything that is wrong with it."""

    def __init__(self, document: Document, steps: Steps, data: dict[str, Data], ids: dict[str, Place]) -> None:
        self.document = document
        self.steps = steps
        self.data = data
        self.ids = ids
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def rule(self) -> Rule | None:
        """The rule, or None where something is wrong with it."""
        self.unknown_keys((), self.data, _RULE_KEYS)
        name = self.name()
        self.missing_keys((), self.data, _NEEDED, name or "this rule")
        title = self.text("title")
        severity = self.word(("severity",), self.data["severity"], Severity) if "severity" in self.data else None
        if_unknown = (
            self.word(("if_unknown",), self.data["if_unknown"], IfUnknown)
            if "if_unknown" in self.data
            else IfUnknown.IGNORE
        )
        on = self.kinds()
        condition = self.condition()
        why, fix = self.advice("why", "one sentence on the danger"), self.advice("fix", "one sentence on what to do")
        tests = self.tests(on)
        if self.problems or not (name and title and severity and condition and if_unknown):
            return None
        return Rule(name, title, severity, condition, self.place(()), frozenset(on), why, fix, if_unknown, tests)

    def name(self) -> str:
        """The rule's id, noted as taken; "" where there is none that can be used."""
        name = self.text("id")
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

    def condition(self) -> Condition | None:
        text = self.text("when")
        if not text:
            return None
        compiled = compile_condition(text)
        steps = (*self.steps, "when")
        if not isinstance(compiled, Condition):
            self.problems.extend(
                Problem(place_in(self.document, steps, text, f.line, f.column), f.message, f.code, f.hint)
                for f in compiled
            )
            return None
        of_change = [name for name in compiled.reads if name.startswith("change.")]
        if of_change and "on" not in self.data:
            hint = "say with `on` which changes the rule is about, such as `on: [new, increased]`"
            self.wrong(("when",), f"{of_change[0]} is known only to rules on changes", "needs-on", hint)
        return compiled

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
            return self.text(key)
        said = f"{self.data.get('id') or 'this rule'} has no `{key}`"
        self.warnings.append(Problem(self.place(()), said, f"no-{key}", wanted))
        return ""

    def tests(self, on: Sequence[ChangeKind]) -> tuple[Trial, ...]:
        data = self.data.get("tests")
        if data is None:
            return ()
        if not isinstance(data, list):
            self.wrong(("tests",), "`tests` is a list", "rule-shape")
            return ()
        trials = (self.test(("tests", index), item, on) for index, item in enumerate(data))
        return tuple(trial for trial in trials if trial is not None)

    def test(self, steps: Steps, data: Data, on: Sequence[ChangeKind]) -> Trial | None:
        if not isinstance(data, dict):
            self.wrong(steps, "a test is a mapping", "rule-shape", "with `name`, `given` and `expect`")
            return None
        self.unknown_keys(steps, data, _TEST_KEYS)
        self.missing_keys(steps, data, _TEST_KEYS, "this test")
        expect = self.word((*steps, "expect"), data["expect"], Expectation) if "expect" in data else None
        name, given = data.get("name"), data.get("given", {})
        if "name" in data and not isinstance(name, str):
            self.wrong((*steps, "name"), "`name` is a text", "rule-shape")
        if not isinstance(given, dict):
            self.wrong((*steps, "given"), "`given` is a mapping of fields to values", "rule-shape")
            return None
        facts = given_facts(self.given((*steps, "given"), given), on)
        return Trial(name, facts, expect, self.place(steps)) if expect and isinstance(name, str) else None

    def given(self, steps: Steps, given: dict[str, Data]) -> Iterator[tuple[str, object]]:
        for key, value in given.items():
            try:
                yield key, parse_given(key, value)
            except NotAValueError as error:
                self.wrong((*steps, key), str(error), "test-value", error.hint)

    def text(self, key: str) -> str:
        """A text that has to be there once its key is; "" where it is not."""
        if key not in self.data:
            return ""
        value = self.data[key]
        if isinstance(value, str) and value.strip():
            return value if key == "when" else value.strip()
        self.wrong((key,), f"`{key}` is empty" if not value else f"`{key}` is a text", "rule-shape")
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

    def unknown_keys(self, steps: Steps, data: dict[str, Data], allowed: Sequence[str]) -> None:
        for key in data:
            if key not in allowed:
                place = self.document.place((*self.steps, *steps, key), key=True)
                hint = closest(key, allowed) or "it is one of " + ", ".join(allowed)
                self.problems.append(Problem(place, f"unknown key {key!r}", "unknown-key", hint))

    def missing_keys(self, steps: Steps, data: dict[str, Data], needed: Sequence[str], what: str) -> None:
        for key in needed:
            if key not in data:
                self.wrong(steps, f"{what} has no `{key}`", "missing-key")

    def place(self, steps: Steps) -> Place:
        return self.document.place((*self.steps, *steps))

    def wrong(self, steps: Steps, message: str, code: str, hint: str = "") -> None:
        self.problems.append(Problem(self.place(steps), message, code, hint))
