"""The command `approval-watch`: what a person types, and every way in which that can end.

This module is imported at every start, so it imports next to nothing itself.
"""

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["NEW_OBJECTS", "main"]

NEW_OBJECTS = 10_000
"""Objects that are made until Python looks for cycles among them; it would after 700. A scan makes many small ones that
stay, and next to no cycles: in reading a chain, looking took a quarter of the time. It uses no more memory like this.
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: the README names them all."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:  # without the 40 ms of the command line's library
        from scanner import __version__

        print(f"approval-watch {__version__}")  # noqa: T201 - data to stdout
        sys.exit(0)
    gc.set_threshold(NEW_OBJECTS)
    try:
        from scanner.cli.commands import run

        sys.exit(run(given))
    except KeyboardInterrupt:
        sys.exit(130)
