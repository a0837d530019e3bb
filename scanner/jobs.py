"""What is asked of a scan, and what it tells on its way."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scanner.domain.approvals import Target, Underway
from scanner.errors import Trouble

__all__ = ["Job", "Step", "Told"]


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a scan. Targets that are not to be `recorded` are read, judged, and leave no trace.

    `at_once` says that what it raises is not to wait for more to be told with it, `urgent` that it does not even wait
    for the scan's end. `brief` asks for a report of the scan alone: the daemon's own scans have no reader for every
    approval. `weighs` says whether balances are read, and `money_moved` that what the owners hold has moved: it is read
    although it is not due, but not its prices.
    """

    targets: Sequence[Target]
    recorded: Collection[Target]
    asked_by: str
    dry_run: bool = False
    at_once: bool = False
    urgent: bool = False
    brief: bool = False
    weighs: bool = True
    money_moved: bool = False

    def keeps(self, target: Target) -> bool:
        """Whether what is read of a target is written down."""
        return not self.dry_run and target in self.recorded


@dataclass(frozen=True, slots=True)
class Step:
    """One target is done: how it went, and how far the scan is."""

    target: Target
    complete: bool
    trouble: Trouble | None
    done: int
    total: int


Told: TypeAlias = Callable[[Step | Underway], Awaitable[None]]
"""Who is told of each target that is done, and of how far the past of a chain is read that targets wait for."""
