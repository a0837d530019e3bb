"""constraints.txt pins all that the project and its tools are made of, and not where it comes from."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line.strip() and not line.lstrip().startswith("#")
]
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def declared() -> list[Requirement]:
    """What pyproject.toml asks for: to run, to develop and to build."""
    project = PROJECT["project"]
    texts = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    return [Requirement(text) for text in texts]


def needed(requirements: list[Requirement]) -> set[str]:
    """The names of all distributions that these requirements bring into this environment, directly or not."""
    waiting = [(requirement.name, extra) for requirement in requirements for extra in ("", *requirement.extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        key = (canonicalize_name(name), extra)
        if key in seen:
            continue
        seen.add(key)
        try:
            texts = requires(name) or []
        except PackageNotFoundError as error:
            message = f"{name} is not installed; `make test` installs what the tests need"
            raise AssertionError(message) from error
        for below in map(Requirement, texts):
            if below.marker is None or below.marker.evaluate({"extra": extra}):
                waiting += [(below.name, inner) for inner in ("", *below.extras)]
    return {name for name, _ in seen}


def test_every_line_is_a_plain_pin() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)] == []


def test_no_index_and_no_path_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"https?:|file:|index-url|find-links|--hash| @ ", text)


def test_every_declared_dependency_is_pinned_within_its_range() -> None:
    outside = [
        str(requirement)
        for requirement in declared()
        if not requirement.specifier.contains(PINS.get(canonicalize_name(requirement.name), "0"))
    ]
    assert outside == []


def test_what_the_dependencies_bring_along_is_pinned_too() -> None:
    assert sorted(needed(declared()) - PINS.keys()) == []


def test_nothing_is_pinned_twice() -> None:
    assert len(PINS) == len(LINES)
