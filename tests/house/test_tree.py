"""What the tree of sources promises to whoever reads it."""

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("scanner", "tests", "benchmarks", "reference")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts)
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

# The reason stands behind the ignore, after the codes and a dash.
IGNORE = re.compile(r"(?:noqa|type:\s*ignore|pragma:\s*no cover|fmt:\s*(?:off|skip))\S*")
WITH_REASON = re.compile(
    r"(?:noqa:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*"
    r"|type:\s*ignore\[[a-z-]+(?:,\s*[a-z-]+)*\]"
    r"|pragma:\s*no cover"
    r"|fmt:\s*(?:off|skip))\s+(?:#\s+)?-\s+\w"
)


def unreasoned(source: str) -> list[str]:
    """The comments that switch a check off without saying why."""
    comments = (
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )
    return [
        comment
        for comment in comments
        if IGNORE.match(comment.lstrip("# ")) and not WITH_REASON.match(comment.lstrip("# "))
    ]


def test_no_name_is_vague() -> None:
    named = [path for path in (ROOT / "scanner").rglob("*") if path.stem in VAGUE]
    assert named == []


def test_no_module_is_longer_than_one_can_hold_in_mind() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in (ROOT / "scanner").rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


@pytest.mark.parametrize(
    "comment", ["# noqa", "# noqa: S104", "# type: ignore", "# type: ignore[misc]", "# pragma: no cover"]
)
def test_an_ignore_without_a_reason_is_noticed(comment: str) -> None:
    assert unreasoned(f"x = 1  {comment}\n") == [comment]


@pytest.mark.parametrize("comment", ["# noqa: S104 - loopback", "# type: ignore[misc, no-any-return]  # - untyped"])
def test_a_reason_is_recognised(comment: str) -> None:
    assert unreasoned(f"x = 1  {comment}\n") == []


def test_every_ignore_says_why() -> None:
    found = {str(path.relative_to(ROOT)): unreasoned(path.read_text()) for path in SOURCES}
    assert {name: comments for name, comments in found.items() if comments} == {}


def test_every_public_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "scanner").rglob("*.py")
        if path.read_text().strip() and not path.read_text().lstrip().startswith(('"""', "'''"))
    ]
    assert silent == []


def test_no_two_test_files_share_a_name() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
