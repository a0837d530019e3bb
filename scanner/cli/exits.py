"""The exit codes that say what was found. Those of errors are the errors' own (`scanner.errors`)."""

__all__ = ["FOUND", "INCOMPLETE"]

INCOMPLETE = 3
"""Something could not be read; what was read is shown."""

FOUND = 4
"""What the command was to fail on is there: an open alert, a difference, a test that fails."""
