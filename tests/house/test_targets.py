"""The entry points that the README and the machines rely on are there."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISED = {"demo", "test", "lint", "bench", "soak", "install", "docs"}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_lists_every_promised_target() -> None:
    listed = {line.split()[1] for line in make("help").stdout.splitlines()}
    assert listed >= PROMISED


@pytest.mark.parametrize("target", sorted(PROMISED))
def test_every_promised_target_can_be_made(target: str) -> None:
    done = make("--dry-run", target)
    assert done.returncode == 0, done.stderr


def test_a_python_that_will_not_do_is_said_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "--file", ROOT / "Makefile", "PYTHON=no-such-python", ".venv/bin/python"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "tried: no-such-python" in done.stderr
    assert "make PYTHON=/path/to/python3" in done.stderr


@pytest.mark.parametrize("name", ["run", "installation"])
def test_the_machines_entry_points_are_sound_scripts(name: str) -> None:
    script = ROOT / ".ci" / name
    assert os.access(script, os.X_OK)
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
