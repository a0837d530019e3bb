"""The line that `systemctl status` shows: what is watched, what is wrong with the watch, and what a round costs."""

from collections.abc import Iterable

import structlog

from scanner.domain.approvals import Underway
from scanner.domain.chains import by_index
from scanner.domain.plain import counted, lasting
from scanner.errors import StoreError
from scanner.systemd import ServiceManager
from scanner.watchdog import Outlook

__all__ = ["Status"]

log = structlog.get_logger()


class Status:
    """Keeps the service manager's line true, and tells it only what has changed."""

    def __init__(self, manager: ServiceManager) -> None:
        self._manager = manager
        self._watched = ""
        self._cost = ""
        self._wrong = ""
        self._past = ""
        self._store = ""
        self._shown = ""

    def ready(self, targets: int) -> None:
        """The daemon works by a configuration with so many targets."""
        self._watched, self._wrong, self._store, self._past = f"watching {counted(targets, 'target')}", "", "", ""
        self._shown = self._watched
        self._manager.ready(self._watched)

    def show(self, outlook: Outlook, underway: Iterable[Underway] = ()) -> None:
        """What the last round cost, what is wrong with the watch, and which past is being read, now."""
        if (lap := outlook.lap) is not None:
            self._cost = f"; the last round took {lasting(lap.took)} and {counted(lap.requests, 'request')}"
        self._wrong = "".join(f"; {condition.title}" for condition in outlook.open)
        self._past = "".join(
            f"; the past of {by_index(one.chain).title} is read up to block {one.done:,} of {one.total:,}"
            for one in underway
        )
        self._tell()

    def store_failed(self, error: StoreError) -> None:
        """Nothing can be written, so no channel can be told through the outbox: the log and the manager are, once."""
        if not self._store:
            log.error("store.failing", problem=error.message, hint=error.hint)
        self._store = f"; {error.message}"
        self._tell()

    def store_works(self) -> None:
        """The store can be written, or can be again."""
        if self._store:
            self._store = ""
            log.info("store.recovered")
            self._tell()

    def _tell(self) -> None:
        line = f"{self._watched}{self._wrong}{self._store}{self._past}{self._cost}"
        if line != self._shown:
            self._shown = line
            self._manager.status(line)
