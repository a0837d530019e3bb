"""Commands forked from a process that has imported everything already.

Each is a process like any other, with its own number, streams, folder, environment, signals and end. What a test waits
for is the command, and not half a second each time for Python to import the libraries, make ready what they make ready
once, and take its memory apart at the end.
"""

import asyncio
import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

__all__ = ["Forked"]

IMPORTED = (
    *("alembic.command", "aiosqlite", "pydantic.dataclasses", "pydantic.type_adapter", "rich.progress"),
    *(f"scanner.{name}" for name in ("cli.commands", "cli.logs", "cli.progress", "cli.rescan", "formats")),
)


class Forked:
    """A command under way, with what these tests use of asyncio's Process."""

    def __init__(
        self,
        pid: int,
        ending: asyncio.StreamReader,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self._ended = asyncio.ensure_future(_code(ending))

    @classmethod
    async def begin(
        cls, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], stdin: int, out: int, err: int
    ) -> "Forked":
        """Begin a command. A stream is a descriptor; or else DEVNULL, to read from, and PIPE, to write to."""
        asked = json.dumps([list(arguments), str(folder), dict(environ)]).encode()
        ending, told = await _pipe()
        out_reader, theirs_out = await _pipe() if out == PIPE else (None, os.dup(out))
        err_reader, theirs_err = await _pipe() if err == PIPE else (None, os.dup(err))
        theirs_in = os.open(os.devnull, os.O_RDONLY) if stdin == DEVNULL else os.dup(stdin)
        theirs = [theirs_in, theirs_out, theirs_err, told]
        socket.send_fds(_server(), [asked], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        return cls(int(await ending.readline()), ending, out_reader, err_reader)

    @property
    def returncode(self) -> int | None:
        """The exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for the end. Returns the `returncode`."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for the end. Returns what it wrote to its pipes since they were last read."""
        out, err, _ = await asyncio.gather(_rest(self.stdout), _rest(self.stderr), self.wait())
        return out, err


async def _pipe() -> tuple[asyncio.StreamReader, int]:
    """A pipe: its reader, and the descriptor to write to."""
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
    )
    return reader, writing


async def _code(ending: asyncio.StreamReader) -> int:
    return int(await ending.read())


async def _rest(reader: asyncio.StreamReader | None) -> bytes:
    return b"" if reader is None else await reader.read()


@cache
def _server() -> socket.socket:
    """Where to ask the process that forks, which runs until this one ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        forking = subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    atexit.register(forking.wait)
    atexit.register(ours.close)
    return ours


def _serve(asked: socket.socket) -> None:
    """Begin the commands that are asked for, until nobody can ask any more.

    Every command has a keeper, which tells its number and then how it ended. It leaves through here, by SystemExit.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for keepers
    while True:
        said, descriptors, _, _ = socket.recv_fds(asked, 2**16, 4)
        if not said:
            return
        if os.fork() == 0:
            asked.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            arguments, folder, environ = json.loads(said)
            _keep(arguments, folder, environ, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(arguments: list[str], folder: str, environ: dict[str, str], descriptors: list[int]) -> None:
    *streams, told = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _command(arguments, folder, environ, streams)
    for stream in streams:
        os.close(stream)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _command(arguments: list[str], folder: str, environ: dict[str, str], streams: list[int]) -> None:
    from scanner.cli import main

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    try:
        main(arguments)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end(end.code or 0)


def _end(code: int) -> NoReturn:
    """End as the interpreter does, but for taking every object apart: that takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]  # - it waits for threads; there is no public name for that
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    import apprise

    from scanner.config import read
    from scanner.packs import load_pack
    from scanner.places import read_yaml

    for name in IMPORTED:
        import_module(name)
    apprise.Apprise.instantiate("json://localhost")  # which loads all plugins
    load_pack(read(read_yaml("wallets: []", ""), Path("config.yaml"), {}), datetime.now(UTC))
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        _serve(asking)
