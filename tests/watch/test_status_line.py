"""What the service manager is shown, and what the log says of a store in trouble."""

import socket
from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from scanner.domain.approvals import Underway
from scanner.errors import StoreError
from scanner.status import Status
from scanner.systemd import ServiceManager
from scanner.watchdog import Outlook


def test_trouble_of_the_store_is_logged_once_and_so_is_its_end(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager, capture_logs() as logs:
        manager.bind(str(tmp_path / "notify"))
        status = Status(ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}))
        status.ready(2)
        status.store_works()
        for _ in range(2):
            status.store_failed(StoreError("the disk is full", "Make room"))
        for _ in range(2):
            status.store_works()
        told = [manager.recv(4096).decode().splitlines()[-1] for _ in range(3)]
    assert [line["event"] for line in logs] == ["store.failing", "store.recovered"]
    assert logs[0]["problem"] == "the disk is full"
    well = "STATUS=watching 2 targets"
    assert told == [well, f"{well}; the disk is full", well]


def test_how_far_the_past_of_a_chain_is_read_is_told_while_it_is_read(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "notify"))
        status = Status(ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}))
        status.ready(3)
        status.show(Outlook((), False, 0), [Underway("1", 1_200, 21_000_000)])
        status.show(Outlook((), False, 0))
        told = [manager.recv(4096).decode().splitlines()[-1] for _ in range(3)]
    well = "STATUS=watching 3 targets"
    assert told == [well, f"{well}; the past of Ethereum is read up to block 1,200 of 21,000,000", well]
