"""Runs a command as a person does: arguments in, an exit code and two streams out."""

import logging
import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import structlog

from scanner.cli import main

__all__ = ["SECRETS", "Ended", "run"]

SECRETS = dict.fromkeys(("OKX_API_KEY", "OKX_SECRET_KEY", "OKX_API_PASSPHRASE", "OKX_PROJECT_ID"), "given")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. The words are the text of both streams without the places where lines break."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())


@contextmanager
def _logs_put_back() -> Iterator[None]:
    """A command sets up logs as its process needs them; tests that follow in this one listen, too."""
    known, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        structlog.configure(**known)
        root.handlers[:] = handlers
        root.setLevel(level)


def run(folder: Path, *arguments: str, **environ: str) -> Ended:
    """Run a command in a folder, with nothing of this machine's environment but its PATH."""
    out, err = StringIO(), StringIO()
    known = {"PATH": os.environ["PATH"], "COLUMNS": "160", **SECRETS, **environ}
    with (
        _logs_put_back(),
        chdir(folder),
        patch.dict(os.environ, known, clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
    return Ended(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
