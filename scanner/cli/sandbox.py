"""`sandbox`: only the server that speaks the protocols of the APIs that are read."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from scanner.sandbox import Sandbox, Server

__all__ = ["sandbox"]


def sandbox(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="A port of loopback; 0 takes any.")] = 0,
    world: Annotated[
        Path | None, typer.Option("--world", metavar="FILE", help="A world of your own; else the demo's.")
    ] = None,
) -> None:
    """Run only the sandbox, a server on loopback: approvals, balances, exchanges, a list. Ends with Ctrl-C."""
    from scanner.sandbox import serve_forever

    asyncio.run(serve_forever(world, port, _ready))


def _ready(played: "Sandbox", server: "Server") -> None:
    from scanner.cli.console import put, tell

    known = played.credentials
    put(f"{server.url}\n")
    tell("In the configuration:")
    tell(f"  source: {{okx: {{base_url: {server.url}, requests_per_second: 50}}}}")
    tell("In the environment:")
    tell(f"  export OKX_API_KEY={known.key} OKX_SECRET_KEY={known.secret}")
    tell(f"  export OKX_API_PASSPHRASE={known.passphrase} OKX_PROJECT_ID={known.project}")
    tell(f"A list of who turns out exploited: {server.url}/lists/exploited.csv")
    tell(f"The next day: curl -X POST {server.url}/sandbox/advance")
