"""What the service manager is told: ready, reloading, alive, stopping. Without one, nothing.

The protocol is one datagram of `KEY=value` lines to the socket named in $NOTIFY_SOCKET (sd_notify(3)).
"""

import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta

__all__ = ["ServiceManager"]


class ServiceManager:
    """The one that started this process, if it wants to be told. `environ` is the process's environment."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit = environ.get("WATCHDOG_USEC", "") if mine else ""
        self.ping_every = timedelta(microseconds=int(limit) // 2) if limit.isdigit() and int(limit) else None

    def ready(self, status: str) -> None:
        """Start-up or reloading is done. `status` is one line for `systemctl status`."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._tell(f"STATUS={status}")

    def alive(self) -> None:
        """Scans and deliveries make progress."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.setblocking(False)  # one that has no time to read must not hold up the watch either
            try:
                manager.connect(address)
                manager.sendall("\n".join(lines).encode())
            except OSError:
                return  # a manager that cannot be told must not stop the watch
