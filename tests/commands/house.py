"""A house to run the real command in: a folder with a configuration, the sandbox as far side, a webhook as channel."""

import asyncio
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from blank import blank
from forked import Forked

from scanner.sandbox import Credentials, Sandbox, World, read_world

__all__ = [
    "COMMAND",
    "GUEST",
    "OPS",
    "STORY",
    "TREASURY",
    "Daemon",
    "Done",
    "House",
    "closed_port",
    "house",
    "until",
    "wallets",
    "without_escapes",
]

COMMAND = Path(sys.executable).with_name("approval-watch")
TREASURY = "0x71ea5000000000000000000000000000000a11ce"
OPS = "0x09500000000000000000000000000000000b0b01"
STRANGER = "0x0dd0de90000000000000000000000000000bad01"
GUEST = "0x9e57000000000000000000000000000000000001"

STORY = read_world(
    f"""
title: Four days of two wallets
tokens:
  usdt: {{chain: ethereum, address: "0xc011a1000000000000000000000000000000d701", symbol: USDT, decimals: 6}}
  usdc: {{chain: ethereum, address: "0xc011a1000000000000000000000000000000d705", symbol: USDC, decimals: 6}}
spenders:
  uniswap: {{address: "0x5be0de90000000000000000000000000000a5e01", name: Uniswap}}
  stranger: {{address: "{STRANGER}"}}
owners: {{treasury: "{TREASURY}", ops: "{OPS}", guest: "{GUEST}"}}
days:
  - title: As it was
    happens:
      - {{approve: uniswap, by: treasury, token: usdt, amount: 2500}}
      - {{approve: uniswap, by: ops, token: usdc, amount: 100}}
      - {{approve: stranger, by: guest, token: usdt, amount: max}}
  - title: Somebody was in a hurry
    happens:
      - {{approve: stranger, by: treasury, token: usdt, amount: max}}
  - title: More than before
    happens:
      - {{raise: uniswap, by: ops, token: usdc, amount: 900}}
  - title: It is gone
    happens:
      - {{revoke: stranger, by: treasury, token: usdt}}
""",
    "story.yaml",
)
"""On the second day a state alert opens (high), on the third comes an event (medium), on the fourth one resolves."""


@dataclass(slots=True)
class Webhook:
    """A channel's far side: what it was sent, and how it answers; not at all what comes while it `hangs`.

    The `wish` says in how many seconds it wants to be asked again.
    """

    port: int = 0
    status: int = 200
    wish: str = "0"
    hangs: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bodies(self) -> list[str]:
        return [str(message["message"]) for message in self.messages]

    def url(self, path: str = "") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"


@asynccontextmanager
async def _webhook() -> AsyncIterator[Webhook]:
    hook = Webhook()

    async def take(request: web.Request) -> web.Response:
        hook.messages.append(await request.json())
        if hook.hangs:
            await asyncio.Event().wait()
        return web.Response(status=hook.status, headers={"Retry-After": hook.wish})

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hook.port = runner.addresses[0][1]
        yield hook
    finally:
        await runner.cleanup()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port of loopback at which nobody listens, kept from others meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        assert self.out, self.err
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


@dataclass(slots=True)
class Daemon:
    """`approval-watch run` as a process. What it tells the service manager is read from a socket."""

    process: Process | Forked
    log: Path
    manager: socket.socket
    told: list[str] = field(default_factory=list)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's events of a name so far."""
        written, _, _ = self.log.read_text().rpartition("\n")
        lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    async def tells(self, line: str, within: float = 30.0) -> None:
        """Wait until the manager is told a line, whatever the last round took; one wait uses a line up."""
        async with asyncio.timeout(within):
            while line not in (told := [one.partition("; the last round took")[0] for one in self.told]):
                datagram = await asyncio.get_running_loop().sock_recv(self.manager, 4096)
                self.told += datagram.decode().splitlines()
        self.told = self.told[told.index(line) + 1 :]

    async def says(self, event: str, count: int = 1, within: float = 30.0) -> dict[str, Any]:
        """Wait until the log has so many events of a name; the last of them."""

        def said() -> bool:
            return len(self.events(event)) >= count

        await until(lambda: said() or self.process.returncode is not None, within, self.log.read_text)
        assert said(), f"it ended: {self.log.read_text()}"
        return self.events(event)[-1]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, within: float = 10.0) -> int:
        """The exit code, which has to come within the time."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self, within: float = 10.0) -> int:
        self.send(signal.SIGTERM)
        return await self.ended(within)

    async def die(self) -> None:
        self.send(signal.SIGKILL)
        await self.process.wait()


@dataclass(slots=True)
class House:
    """Where commands run. `settings` become the configuration at each `write`; `environ` is all that they see.

    Commands that are `installed` run as a person runs them; the others are the same, without the time to import.
    """

    folder: Path
    sandbox: Sandbox
    hook: Webhook
    settings: dict[str, Any]
    environ: dict[str, str]
    installed: bool = False

    @property
    def store(self) -> Path:
        return self.folder / "approval-watch.db"

    @property
    def shell(self) -> dict[str, str]:
        """An environment without any secret of the service."""
        return {name: value for name, value in self.environ.items() if not name.startswith("OKX_")}

    def write(self, **changed: Any) -> None:
        """Write the configuration, with changed sections (None leaves one out)."""
        self.settings = {name: value for name, value in {**self.settings, **changed}.items() if value is not None}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.settings, sort_keys=False))

    @asynccontextmanager
    async def begun(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: int = DEVNULL,
        out: int = PIPE,
        err: int = PIPE,
    ) -> AsyncIterator[Process | Forked]:
        """A command under way, killed at the end if it still runs."""
        env = self.environ if env is None else env
        process: Process | Forked
        if self.installed:
            process = await asyncio.create_subprocess_exec(
                COMMAND, *arguments, cwd=self.folder, env=env, stdin=stdin, stdout=out, stderr=err
            )
        else:
            process = await Forked.begin(arguments, self.folder, env, stdin, out, err)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def run(self, *arguments: str, env: Mapping[str, str] | None = None, within: float = 40.0) -> Done:
        """Run one command to its end."""
        async with self.begun(*arguments, env=env) as process, asyncio.timeout(within):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def on_a_terminal(self, *arguments: str, **environ: str) -> tuple[int | None, str]:
        """Run one command on a terminal: its exit code, and all that the terminal was sent."""
        ours, theirs = pty.openpty()
        shown = bytearray()

        def collect() -> None:
            with suppress(OSError):  # that is how a terminal says that its other end is closed
                while part := os.read(ours, 65_536):
                    shown.extend(part)

        env = {**self.environ, "TERM": "xterm-256color", **environ}
        async with self.begun(*arguments, env=env, stdin=theirs, out=theirs, err=theirs) as process:
            os.close(theirs)
            await asyncio.to_thread(collect)
            os.close(ours)
            return await process.wait(), shown.decode()

    async def scan(self, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        """Scan, with JSON for an answer."""
        return await self.run("scan", "--format", "json", *arguments, env=env)

    @asynccontextmanager
    async def daemon(self, **environ: str) -> AsyncIterator[Daemon]:
        """Run the daemon, and kill it at the end if it still lives."""
        log = self.folder / f"daemon-{len(list(self.folder.glob('daemon-*.log')))}.log"
        with _notify_socket(self.folder) as (manager, address), log.open("wb") as written:
            env = {**self.environ, "NOTIFY_SOCKET": address, **environ}
            async with self.begun("run", env=env, out=written.fileno(), err=written.fileno()) as process:
                yield Daemon(process, log, manager)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the store holds, read beside everybody else."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def change(self, statement: str) -> None:
        """Do to the store what no command of this test does."""
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute(statement)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the store holds, but the budgets of keys."""
        names = [row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: self.rows(f"SELECT * FROM {name}") for name in sorted(names) if name != "budgets"}

    def everything(self) -> bytes:
        """All bytes of all files in the folder: the store with its journal, logs, and whatever else was written."""
        return b"".join(file.read_bytes() for file in sorted(self.folder.rglob("*")) if file.is_file())


@contextmanager
def _notify_socket(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    address = folder / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        manager.bind(str(address))
        yield manager, str(address)


def wallets(world: World, *labels: str) -> list[dict[str, Any]]:
    """A section of the configuration: some owners of a world, or all of them."""
    return [
        {"address": owner.address, "label": owner.label, "chains": list(owner.chains)}
        for owner in world.owners
        if not labels or owner.label in labels
    ]


@asynccontextmanager
async def house(
    folder: Path,
    world: World = STORY,
    *,
    watched: Sequence[str] = ("treasury", "ops"),
    credentials: Credentials | None = None,
    ahead: timedelta = timedelta(),
    installed: bool = False,
    **settings: Any,
) -> AsyncIterator[House]:
    """A house in a folder, with a far side that knows a world and a configuration that watches some of its owners.

    The far side's clock is `ahead`; `installed` commands start as a person's do, and make their store themselves;
    `settings` replace sections of the configuration.
    """
    sandbox = Sandbox(world, credentials=credentials, now=lambda: datetime.now(UTC) + ahead)
    async with sandbox.serve() as server, _webhook() as hook:
        known = sandbox.credentials
        made = House(
            folder,
            sandbox,
            hook,
            {
                "source": {"okx": {"base_url": server.url, "requests_per_second": 1000}, "confirm_absence_after": "0s"},
                "wallets": wallets(world, *watched),
                "schedule": {"every": "1h"},
                "channels": {"ops": {"url": hook.url()}},
                "alerting": {"group_wait": "0s", "group_interval": "0s"},
            },
            {
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(folder),
                "OKX_API_KEY": known.key,
                "OKX_SECRET_KEY": known.secret,
                "OKX_API_PASSPHRASE": known.passphrase,
                "OKX_PROJECT_ID": known.project,
            },
            installed,
        )
        made.write(**settings)
        if not installed:
            await blank(made.store)
        yield made


def without_escapes(shown: str) -> str:
    """What a terminal shows, without how it is told to."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


async def until(holds: Callable[[], bool], within: float = 30.0, seen: Callable[[], object] = lambda: "") -> None:
    """Wait until something holds. Fails, with what is `seen`, where it does not come to that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(0.02)
    assert holds(), f"not within {within:g} seconds: {seen()}"
