"""The wheel carries everything that the program needs, also when it is built from the source archive."""

import configparser
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(project: Path, target: str, into: Path) -> Path:
    """Build one archive (`wheel` or `sdist`) of a project with the build backend itself, which needs no network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = into.iterdir()
    return archive


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def files(folder: str) -> set[str]:
    """What the checkout holds below a folder, relative to that folder, without what running it leaves behind."""
    return {
        path.relative_to(ROOT / folder).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    place = tmp_path_factory.mktemp("unpacked")
    archive = build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", place], check=True)
    (inside,) = place.iterdir()
    return inside


def test_the_wheel_holds_the_package_and_the_default_rules_and_nothing_else(wheel: Path) -> None:
    package = {f"scanner/{name}" for name in files("scanner")}
    rules = {f"scanner/default_rules/{name}" for name in files("rules")}
    assert contents(wheel) == package | rules


def test_the_wheel_has_the_licence_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        named = {name.split(".dist-info/")[1]: name for name in archive.namelist() if ".dist-info/" in name}
        assert "licenses/LICENSE" in named
        entries = configparser.ConfigParser()
        entries.read_string(archive.read(named["entry_points.txt"]).decode())
    assert dict(entries["console_scripts"]) == {"approval-watch": "scanner.cli:main"}


def test_a_wheel_from_the_source_archive_is_the_same(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    assert contents(build(unpacked, "wheel", tmp_path)) == contents(wheel)


def test_the_source_archive_can_be_set_up_and_tested_like_the_checkout(unpacked: Path) -> None:
    there = {path.name for path in unpacked.iterdir()}
    assert {"Makefile", "constraints.txt", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"} <= there
    assert {"tests", "rules", "docs", "systemd", ".ci"} <= there


def test_the_source_archive_leaves_a_configuration_of_ones_own_out(tmp_path: Path, unpacked: Path) -> None:
    (unpacked / "config.yaml").write_text("channels: {ops: {url: 'tgram://secret'}}\n")
    (unpacked / "wallets.csv").write_text("address\n")
    try:
        with tarfile.open(build(unpacked, "sdist", tmp_path)) as archive:
            names = {Path(name).name for name in archive.getnames()}
    finally:
        (unpacked / "config.yaml").unlink()
        (unpacked / "wallets.csv").unlink()
    assert names.isdisjoint({"config.yaml", "wallets.csv"})
