"""When to stop asking: a source that fails for one target after another for its own reason is left alone."""

from dataclasses import replace

from scanner.errors import Reason, Trouble

__all__ = ["STRIKES", "Breaker"]

STRIKES = 5
"""Targets in a row that fail for the same reason of the whole source before the rest is not asked."""


class Breaker:
    """Counts targets that failed for the same reason of the whole source; anything else starts the count again."""

    def __init__(self) -> None:
        self._trouble: Trouble | None = None
        self._strikes = 0
        self._open = False

    @property
    def open(self) -> bool:
        """Whether the source is to be left alone until a probe succeeds."""
        return self._open

    def note(self, trouble: Trouble | None) -> None:
        """How one more target ended. While it is open one answer closes it, and one more failure keeps it open."""
        if trouble is None or not trouble.whole_source:
            self._trouble, self._strikes, self._open = None, 0, False
            return
        same = self._trouble is not None and self._trouble.reason is trouble.reason
        self._strikes = self._strikes + 1 if same else 1
        self._trouble = trouble
        self._open = self._open or self._strikes >= STRIKES

    def not_asked(self) -> Trouble:
        """What is said of the targets that are not asked: why, in the words of the last failure."""
        why = self._trouble or Trouble(Reason.UNAVAILABLE, "the source is not available")
        return replace(
            why, reason=Reason.NOT_ASKED, message=f"not asked, for others failed: {why.message}", retry=False
        )
