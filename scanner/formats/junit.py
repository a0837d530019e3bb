"""Tests as JUnit XML, which build servers read: a suite for each file, a case for each test."""

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from scanner.formats.documents import TrialEntry, Trials

__all__ = ["render"]

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write."""


def render(document: Trials) -> str:
    """The document as JUnit XML. A character that XML cannot hold becomes U+FFFD."""
    root = ElementTree.Element("testsuites", _counts("approval-watch rules test", document.tests))
    for file, entries in groupby(document.tests, key=lambda entry: entry.file):
        _add_suite(root, file, list(entries))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(root: ElementTree.Element, file: str, entries: Sequence[TrialEntry]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", _counts(file, entries))
    for entry in entries:
        named = {"classname": entry.subject, "name": entry.title, "file": file, "line": str(entry.line)}
        case = ElementTree.SubElement(suite, "testcase", _written(named | {"time": f"{entry.seconds:.6f}"}))
        if not entry.passed:
            lines = [f"- {said}" for said in entry.expected] + [f"+ {said}" for said in entry.found]
            lines += [f"because {said}" for said in entry.facts]
            failure = ElementTree.SubElement(case, "failure", _written({"message": lines[0] if lines else "failed"}))
            failure.text = _plain("\n".join([f"{file}:{entry.line}", *lines]))


def _counts(name: str, entries: Sequence[TrialEntry]) -> dict[str, str]:
    return _written(
        {
            "name": name,
            "tests": str(len(entries)),
            "failures": str(sum(not entry.passed for entry in entries)),
            "errors": "0",
            "time": f"{sum(entry.seconds for entry in entries):.6f}",
        }
    )


def _written(attributes: dict[str, str]) -> dict[str, str]:
    return {name: _plain(value) for name, value in attributes.items()}


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
