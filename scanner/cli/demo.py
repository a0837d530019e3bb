"""`demo`: the main job on the bundled sandbox, with no account, no key and no configuration.

Everything but the far side is real: the configuration is a file, the store a database, and the messages travel to a
webhook on loopback, where they are shown as a channel would receive them.
"""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.domain.report import Report
    from scanner.sandbox import Sandbox
    from scanner.store.engine import Store

__all__ = ["demo"]

SHOWN = 6
"""How many approvals of a day are shown; the others are counted."""

USED = frozenset({"Uniswap", "1inch", "Aave", "Aerodrome", "PancakeSwap", "SushiSwap", "Lantern Bridge"})
"""The services that the story's company says it uses."""

CONFIGURATION = """\
source:
  okx:
    base_url: {sandbox}
    requests_per_second: 100
    key: {{env: DEMO_KEY}}
    secret: {{env: DEMO_SECRET}}
    passphrase: {{env: DEMO_PASSPHRASE}}
    project: {{env: DEMO_PROJECT}}
  confirm_absence_after: 10s
wallets:
{wallets}
schedule: {{every: 10s}}
store: {{url: "sqlite:///demo.db"}}
lists:
  ours: {{from: ours.csv, label: known}}
  exploits: {{from: "{sandbox}/lists/exploited.csv", label: exploited, refresh: 10s}}
channels:
  demo: {{url: "json://127.0.0.1:{port}/demo", min_severity: low}}
alerting: {{group_wait: 1s}}
log: {{level: warning}}
"""


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Go on: keep the sandbox and a daemon running, for trying things out.")
    ] = False,
) -> None:
    """Show the main job on the bundled sandbox: no account, no key, no configuration."""
    with TemporaryDirectory(prefix="approval-watch-demo-") as folder:
        asyncio.run(_demo(Path(folder), serve=serve))


async def _demo(folder: Path, *, serve: bool) -> None:
    from scanner.app import open_store
    from scanner.cli.logs import set_up_logs
    from scanner.cli.webhook import webhook
    from scanner.sandbox import Sandbox, bundled_world

    played = Sandbox(bundled_world())
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with played.serve() as server, webhook(lambda _, message: received.put_nowait(message)) as port:
        config = _configure(folder, played, server.url, port)
        set_up_logs(config.log)
        async with open_store(config) as store:
            _say(f"{played.world.title}: a company's wallets in the bundled sandbox, scanned once a day.")
            _say("What stands in a frame is a message, as a channel is sent it.")
            for day, story in enumerate(played.world.days):
                if day:
                    played.advance()
                _say(f"\n━━ Day {day + 1}: {story.title} ".ljust(79, "━"))
                await _day(config, store, received)
            if serve:
                await _serve(config, store, server.url, received)
    if not serve:
        _say("That was a sandbox. For your own wallets: cp config.example.yaml config.yaml, and see README.md")


def _configure(folder: Path, played: "Sandbox", url: str, port: int) -> "Config":
    """Write the demo's configuration, and load it as any other."""
    from scanner.config import load

    wallets = [
        f"  - {{address: {owner.address}, label: {owner.label}, chains: [{', '.join(owner.chains)}]}}"
        for owner in played.world.owners
    ]
    known = played.credentials
    environ = {
        "DEMO_KEY": known.key,
        "DEMO_SECRET": known.secret,
        "DEMO_PASSPHRASE": known.passphrase,
        "DEMO_PROJECT": known.project,
    }
    (folder / "ours.csv").write_text(_ours(played), encoding="utf-8")
    file = folder / "config.yaml"
    file.write_text(CONFIGURATION.format(sandbox=url, wallets="\n".join(wallets), port=port), encoding="utf-8")
    return load(file, {**os.environ, **environ})


def _ours(played: "Sandbox") -> str:
    """The company's own list: the services that it uses."""
    day = played.world.days[0]
    used = {row.spender.address: row.spender.name for rows in day.rows.values() for row in rows}
    return "".join(["address,name\n", *(f"{address},{name}\n" for address, name in used.items() if name in USED)])


async def _day(config: "Config", store: "Store", received: asyncio.Queue[dict[str, Any]]) -> None:
    """One scan, what it found, and what the channel was sent."""
    import sys

    from scanner.app import open_works
    from scanner.cli.console import look_of, put
    from scanner.formats import FORMATS
    from scanner.jobs import Job
    from scanner.store.workers import worker_name

    works = await open_works(config, store, worker=worker_name())
    try:
        job = Job(config.targets, frozenset(config.targets), "command", at_once=True)
        await works.lists.refresh()
        report = await works.scanner.scan(job)
        await works.deliverer.drain(timedelta(seconds=5))
    finally:
        await works.close()
    part = _worst(report)
    put(FORMATS["table"](part, look_of(sys.stdout)))
    if (more := len(report.approvals) - len(part.approvals)) > 0:
        _say(f"… and {more} more approvals, with {len(report.alerts) - len(part.alerts)} more alerts")
    while not received.empty():
        _show_message(received.get_nowait())


def _worst(report: "Report") -> "Report":
    """The report with a few of its approvals: first those whose alerts moved, then the worst; and with their alerts."""
    from scanner.formats.words import by_approval, worst_first

    moved = {alert.approval for alert in report.alerts if alert.id in report.raised}
    ordered = worst_first(report.approvals, by_approval(report.alerts))
    shown = sorted(ordered, key=lambda approval: approval.id not in moved)[:SHOWN]
    told = {approval.id for approval in shown}
    alerts = [alert for alert in report.alerts if alert.approval in told or alert.resolved_at is not None]
    return replace(report, approvals=tuple(shown), alerts=tuple(alerts))


async def _serve(config: "Config", store: "Store", url: str, received: asyncio.Queue[dict[str, Any]]) -> None:
    """Go on as a daemon, and show each message as it comes."""
    from scanner.app import daemon

    _say(f"The sandbox stays at {url}, and a daemon scans it every 10 seconds. Ctrl-C ends both.")
    _say(f"In another terminal: approval-watch --config {config.file} approvals")

    async def listen() -> None:
        while True:
            _show_message(await received.get())

    listening = asyncio.create_task(listen())
    try:
        await daemon(store, lambda: config).run()
    finally:
        listening.cancel()


def _show_message(message: dict[str, Any]) -> None:
    lines = [str(message.get("title", "")), "", *str(message.get("message", "")).splitlines()]
    _say("\n".join(["  ┌ message", *(f"  │ {line}" for line in lines), "  └"]))


def _say(text: str) -> None:
    from scanner.cli.console import put

    put(f"{text}\n")
