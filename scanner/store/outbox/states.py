"""Where a message is in the outbox."""

__all__ = ["EVERY", "GIVEN_UP", "SENT", "VOID", "WAITING"]

WAITING = "waiting"
SENT = "sent"
GIVEN_UP = "given-up"
VOID = "void"
"""It was composed again, and nothing was left of it to tell. It is kept for its attempts."""

EVERY = (WAITING, SENT, GIVEN_UP, VOID)
