"""How many requests it takes, and how near to a limit that nobody tells they can be sent."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.far_side import FarSide, far_side, owner
from benchmarks.figures import Figure, Goal, Sizes
from benchmarks.house import SECRETS, configured, opened, wallets_of
from scanner import app, readers
from scanner.config import load
from scanner.domain.approvals import Target
from scanner.domain.chains import CHAINS, Family
from scanner.store.budgets import StoredLedger

__all__ = ["figures"]

LIMIT = 25.0
"""Requests a second that the far side takes, and does not tell."""

CONFIGURED = 50.0
"""Requests a second that the configuration asks for."""

IN_FLIGHT = 8
MANY_CHAINS = 20


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """Requests for one owner on many chains; pacing against a limit that it is not told."""
    async with far_side(sizes.approvals) as far:
        requests = await _requests(far)
        taken, refused = await _paced(far, sizes.paced_seconds)
    limit = f"a far side that takes {LIMIT:g} a second and does not tell; configured: {CONFIGURED:g}"
    parts = {"taken": taken, "refused": refused, "seconds": sizes.paced_seconds}
    return [
        Figure(f"requests for {MANY_CHAINS} chains of one owner", "one at best", requests, "requests", Goal(1)),
        Figure(
            f"adaptive pacing over {sizes.paced_seconds:g} s: share of the limit reached",
            limit,
            100 * taken / (LIMIT * sizes.paced_seconds),
            "%",
            Goal(90, at_least=True),
            parts,
        ),
        Figure("adaptive pacing: share refused", limit, 100 * refused / (taken + refused), "%", Goal(1), parts),
    ]


async def _requests(far: FarSide) -> float:
    """How many requests a scan of one owner on many chains takes."""
    chains = [chain.index for chain in CHAINS if chain.family is Family.EVM][:MANY_CHAINS]
    with configured(far, wallets_of(1, chains), "balances: {every: off}\n") as file:
        async with opened(file) as house:
            return (await house.scan()).scan.requests


async def _paced(far: FarSide, seconds: float) -> tuple[float, float]:
    """How many requests were taken and refused in some seconds of asking as fast as the pacing lets."""
    with configured(far, wallets_of(1), rate=CONFIGURED) as file:
        config = load(file, SECRETS)
        async with (
            app.open_store(config) as store,
            readers.okx_client(config.source.okx, StoredLedger(store)) as client,
        ):
            source = readers.okx_source(config.source.okx, client)
            end = time.monotonic() + seconds

            async def ask() -> None:
                number = 0
                while time.monotonic() < end:
                    async for _ in source.read([Target("1", owner(number))]):
                        number += 1

            await far.told(limit=LIMIT)
            asking = [asyncio.create_task(ask()) for _ in range(IN_FLIGHT)]
            await asyncio.wait(asking, timeout=seconds)
            counted = await far.told()
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
    return counted["taken"], counted["refused"]
