"""What the service manager is shown, and what the log says of a store in trouble."""

import socket
from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from scanner.errors import StoreError
from scanner.status import Status
from scanner.systemd import ServiceManager


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
