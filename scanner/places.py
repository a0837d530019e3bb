"""YAML as people write it: text, with the place of every key and value.

YAML 1.1 reads an unquoted `0xabc…` as a number and `no` as false. Here a scalar is always the text that was
written, and whoever knows the expected type converts it. What YAML would accept silently and a person did not mean
(a key written twice, a tag, a merge) is a problem with its place.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from scanner.errors import Place, Problem

__all__ = ["Data", "Document", "Path", "read_yaml"]

Data: TypeAlias = "dict[str, Data] | list[Data] | str | None"
Path: TypeAlias = tuple[str | int, ...]

DEEPEST = 50
DEEPEST_TAKEN = 300
"""Levels of nesting that are taken apart at all: what lies deeper than `DEEPEST` is refused with its place."""

MOST = 500_000
"""Parts of one document that are read: aliases of aliases can make billions of a few lines."""

_ODD = re.compile(
    r"""[\t\x85\u2028\u2029\ufeff?]
    |:\s+(?:\#[^\n]*\s+)*[,\]}]  # nothing at all, inside brackets
    |[|>][-+0-9]*\#  # no comment, though it looks like one
    |(?:^|[\n\r:,\[{-]|&[\w-]+)\s*!(?:\s|$|[^\s!]+!)  # a tag, but hardly one""",
    re.VERBOSE,
)
"""What the library reads, or places, in Python otherwise than in C: the answer is the same with and without C."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says: `data` of dicts, lists, texts and None, and where each part of it stands."""

    file: str
    data: Data
    lines: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value (or, with `key`, the key) at a path stands; the nearest parent's place if it is missing."""
        for length in range(len(path), -1, -1):
            for table in (self.keys, self.values) if key else (self.values, self.keys):
                if (mark := table.get(path[:length])) is not None:
                    return self.at(*mark)
            key = True
        return Place(self.file)

    def at(self, line: int, column: int) -> Place:
        """The place at a line and column, both from 1."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Place(self.file, line, column, text)


def read_yaml(text: str, file: str) -> Document:
    """Read one YAML document. Never raises: what is wrong stands in `problems`, what is right in `data`."""
    lines = tuple(text.splitlines())
    document = Document(file, None, lines)
    try:
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = document.at(mark.line + 1, mark.column + 1) if mark else Place(file)
        return Document(file, None, lines, (_not_yaml(place, error),))
    except yaml.reader.ReaderError as error:
        before = f"{text[: error.position]}.".splitlines()
        place = document.at(len(before), len(before[-1]))
        said = f"this is not YAML: the character {chr(error.character)!r} is not allowed"
        return Document(file, None, lines, (Problem(place, said, "yaml-syntax"),))
    except (ValueError, OverflowError):
        said = "this is not YAML: a \\U escape beyond the last character"
        return Document(file, None, lines, (Problem(Place(file), said, "yaml-syntax"),))
    except RecursionError:
        return Document(file, None, lines, (Problem(Place(file), "nested too deeply", "yaml-depth"),))
    if node is None:
        return document
    reader = _Reader(document)
    data = reader.read(node, (), frozenset())
    return Document(file, data, lines, tuple(reader.problems), document.values, document.keys)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # - one of two, chosen when it runs
    """The library's loader in C, ten times as fast, where it is there. It would nest until its stack is full."""

    depth = 0

    def descend_resolver(self, *_: object) -> None:
        """A part of a part is begun."""
        self.depth += 1
        if self.depth > DEEPEST_TAKEN:
            raise RecursionError

    def ascend_resolver(self) -> None:
        """A part has ended."""
        self.depth -= 1


def _composed(text: str) -> yaml.Node | None:
    """The document as nodes. What C does not take is read again in Python, which says more of what is wrong."""
    if not _ODD.search(text):
        with suppress(yaml.YAMLError, ValueError):
            node = yaml.compose(text, Loader=_Loader)
            if not isinstance(node, yaml.ScalarNode):  # nothing at all is placed behind the end of the text
                return node
    return yaml.compose(text, Loader=yaml.SafeLoader)


class _Reader:
    """Turns nodes into data, and notes places and problems on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.left = MOST

    def read(self, node: yaml.Node, path: Path, above: frozenset[int]) -> Data:
        self.left -= 1
        if self.left <= 0:
            if self.left == 0:
                self._refuse(node, f"more than {MOST} parts", "yaml-size")
            return None
        self.document.values[path] = _mark(node)
        if id(node) in above:
            self._refuse(node, "an alias that contains itself", "yaml-alias")
            return None
        if len(path) > DEEPEST:
            self._refuse(node, "nested too deeply", "yaml-depth")
            return None
        if isinstance(node, yaml.ScalarNode):
            if _SURROGATE.search(node.value):
                self._refuse(node, "an escape stands for half a character", "yaml-escape")
                return None
            return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)
        inside = above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index), inside) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path, inside))
        self._refuse(node, f"{node.tag} is not supported", "yaml-tag")
        return None

    def _pairs(self, node: yaml.MappingNode, path: Path, inside: frozenset[int]) -> Iterator[tuple[str, Data]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, "a key has to be plain text", "yaml-key")
                continue
            key = str(key_node.value)
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._refuse(key_node, "merge keys (<<) are not supported", "yaml-merge")
                continue
            if key in seen:
                self._refuse(key_node, f"{key!r} stands here twice; first on line {seen[key]}", "duplicate-key")
                continue
            seen[key] = key_node.start_mark.line + 1
            self.document.keys[(*path, key)] = _mark(key_node)
            yield key, self.read(value_node, (*path, key), inside)

    def _refuse(self, node: yaml.Node, message: str, code: str) -> None:
        self.problems.append(Problem(self.document.at(*_mark(node)), message, code))


def _not_yaml(place: Place, error: yaml.MarkedYAMLError) -> Problem:
    if error.problem and error.problem.startswith("found undefined alias"):
        # The name is not repeated: it is most often a password that begins with an asterisk.
        return Problem(place, "a text that begins with * needs quotes", "yaml-syntax")
    said = " ".join(part for part in (error.context, error.problem) if part)
    return Problem(place, f"this is not YAML: {said}", "yaml-syntax")


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
