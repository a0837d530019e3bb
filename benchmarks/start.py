"""How long a command takes to be there."""

import os
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.figures import Figure, Sizes, Spent, against, spend_outside

__all__ = ["figures"]

FLOOR = "a bare interpreter start"


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """`--version` and `scan --help`, each start beside a bare one."""
    commands = {"--version": 4.0, "scan --help": 8.0}
    found = []
    for command, limit in commands.items():
        taken, floors = [], []
        for _ in range(sizes.starts):
            floors.append(_started("-c", "pass"))
            taken.append(_started("-m", "scanner", *command.split()))
        found.append(against(command, taken, FLOOR, floors, limit))
    return found


def _started(*arguments: str) -> Spent:
    command, environ = [sys.executable, *arguments], {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return spend_outside(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environ))
