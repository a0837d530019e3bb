"""The systemd units are sound, locked down, and agree with each other and with the commands."""

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
DAEMON = "approval-watch.service"
SCAN = "approval-watch-scan.service"
TIMER = "approval-watch-scan.timer"
PROGRAM = "/opt/approval-watch/bin/approval-watch"

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
with_sysusers = pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or os.geteuid() != 0,
    reason="systemd-sysusers is not here, or may not change owners",
)


class Unit(configparser.ConfigParser):
    """A unit file; a key that stands there several times has all of its values, a line each."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        section, seen = "", set[str]()
        for line in (SYSTEMD / name).read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
                self.add_section(section)
            elif "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                again = f"{section}.{key}" in seen
                self.set(section, key, f"{self.get(section, key)}\n{value}" if again else value)
                seen.add(f"{section}.{key}")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def verify(text: str, name: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Let systemd read a unit; the program has to exist, so another one stands in for it."""
    unit = place / name
    unit.write_text(text.replace(PROGRAM, shutil.which("true") or ""))
    return subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(unit)],
        capture_output=True,
        text=True,
    )


@with_systemd
@pytest.mark.parametrize("name", [DAEMON, SCAN, TIMER])
def test_systemd_understands_every_line(name: str, tmp_path: Path) -> None:
    if name == TIMER:
        verify((SYSTEMD / SCAN).read_text(), SCAN, tmp_path)
    done = verify((SYSTEMD / name).read_text(), name, tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@with_systemd
def test_a_misspelt_key_would_be_noticed(tmp_path: Path) -> None:
    text = (SYSTEMD / DAEMON).read_text().replace("ProtectHome=", "ProtectHomes=")
    done = verify(text, DAEMON, tmp_path)
    assert "ProtectHomes" in done.stderr


@with_systemd
@pytest.mark.parametrize("name", [DAEMON, SCAN])
def test_little_of_the_machine_is_exposed(name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(SYSTEMD / name)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1] + done.stderr


def test_both_services_are_locked_down_alike() -> None:
    daemon, scan = dict(Unit(DAEMON)["Service"]), dict(Unit(SCAN)["Service"])
    only_daemon = {
        "NotifyAccess",
        "ExecReload",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
        "WatchdogSec",
    }
    apart = {"Type", "ExecStart", "TimeoutStartSec"}
    assert daemon.keys() - scan.keys() == only_daemon
    assert scan.keys() <= daemon.keys()
    assert {key for key in scan if scan[key] != daemon[key]} == apart


def test_the_daemon_tells_systemd_how_it_is() -> None:
    service = Unit(DAEMON)["Service"]
    assert service["Type"] == "notify"
    assert "WatchdogSec" in service
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_a_configuration_that_cannot_be_used_is_not_tried_again_and_again() -> None:
    service = Unit(DAEMON)["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2")


def test_an_incomplete_scan_is_a_failed_unit() -> None:
    assert "SuccessExitStatus" not in Unit(SCAN)["Service"]


def test_the_install_page_puts_every_file_in_place() -> None:
    page = (SYSTEMD.parent / "docs" / "install.md").read_text()
    assert [path.name for path in SYSTEMD.iterdir() if f"install -m 0644 systemd/{path.name}" not in page] == []


def test_no_unit_holds_a_secret() -> None:
    for name in (DAEMON, SCAN):
        service = Unit(name)["Service"]
        assert service["LoadCredential"] == "secret:/etc/approval-watch/credentials"
        assert service.keys().isdisjoint({"Environment", "EnvironmentFile", "SetCredential"})


@with_sysusers
def test_the_user_and_the_folders_come_into_being(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for tool, kind in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
        flags = ["--create"] if kind == "tmpfiles" else []
        subprocess.run(
            [tool, *flags, f"--root={tmp_path}", SYSTEMD / f"approval-watch.{kind}.conf"],
            check=True,
            capture_output=True,
        )
    _, _, number, _, _, home, shell = (tmp_path / "etc/passwd").read_text().strip().split(":")
    state, secrets = tmp_path / "var/lib/approval-watch", tmp_path / "etc/approval-watch/credentials"
    assert (home, Path(shell).name) == ("/var/lib/approval-watch", "nologin")
    assert (state.stat().st_uid, state.stat().st_mode & 0o777) == (int(number), 0o700)
    assert (secrets.stat().st_uid, secrets.stat().st_mode & 0o777) == (0, 0o700)
