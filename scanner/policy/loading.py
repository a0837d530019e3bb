"""Reads rule files: everything that is wrong in all of them at once, each with its place.

One broken rule never stops the others: it is left out, and the pack says so.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from scanner.errors import Place, Problem, closest
from scanner.places import Data, Document, read_yaml
from scanner.places import Path as Steps
from scanner.policy.entries import Entry
from scanner.policy.rules import Pack, Rule

__all__ = ["default_rules", "load"]

_SUFFIXES = {".yaml", ".yml"}


def default_rules() -> Path:
    """Where the default pack lies: the checkout's `rules/`, or what the wheel carries."""
    package = Path(__file__).parent.parent
    # An editable install may leave an old copy beside the installed packages: the checkout's own comes first.
    checkout = package.parent / "rules"
    return checkout if (package.parent / "pyproject.toml").is_file() else package / "default_rules"


def load(dirs: Sequence[Path], disable: Collection[str] = (), beside: Sequence[Path] = ()) -> Pack:
    """All rules of the YAML files in these directories, in order of directory, file name and place.

    A path may also be that of one file. The rules in `disable` are left out. Of two rules with the same id the first
    stays; the ids of those that lie `beside` are taken, and nothing else is said of them. Never raises.
    """
    reader = _Reader()
    files = reader.files(dirs)
    taken = _Reader()
    for path in taken.files(beside):
        if path not in files:
            taken.read_file(path)
    reader.ids = taken.ids
    for path in files:
        reader.read_file(path)
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

    def files(self, paths: Iterable[Path]) -> list[Path]:
        """The rule files that are these paths or lie in them, each once."""
        found = (file for path in paths for file in self.within(path.resolve()))
        return list(dict.fromkeys(found))

    def within(self, path: Path) -> list[Path]:
        if path.is_file():
            return [path]
        try:
            return sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES and not p.name.startswith("."))
        except OSError as error:
            hint = "check `rules.dirs` in the configuration"
            said = f"the rules directory cannot be read: {error.strerror}"
            self.wrong(Place(str(path)), said, "rules-unreadable", hint)
            return []

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
        entries = [Entry(document, steps, data, self.ids) for steps, data in self.entries(document)]
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
        rules = data.get("rules")
        if rules is None:
            return
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
