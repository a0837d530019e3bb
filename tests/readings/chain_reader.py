"""The chain itself as a source, over a real node and a real store."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import aiohttp
from truth import Held, Right

from scanner.domain.approvals import Approval, Snapshot, Target, Underway, Unmoved
from scanner.domain.chains import find_chain
from scanner.evm.failover import Manner
from scanner.evm.nodes import Nodes
from scanner.sources import NOTHING_KNOWN
from scanner.sources.evm import EvmSource, Terms
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store
from scanner.store.nodes import StoredMemory

__all__ = ["ETHEREUM", "chain_reader", "held", "last_of", "of", "one", "targets_of"]

ETHEREUM = find_chain("ethereum")


def machine() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def chain_reader(
    store: Store,
    *urls: str,
    patience: float | None = None,
    tries: float = 20.0,
    now: Callable[[], datetime] = machine,
    **terms: int | bool,
) -> AsyncIterator[EvmSource]:
    """Ethereum through these nodes, which are tried for so many seconds. Whenever they look, a moment has passed."""
    clock = count(time.time(), 0.03)
    async with aiohttp.ClientSession() as session:
        nodes = Nodes(
            session,
            ETHEREUM,
            urls,
            memory=StoredMemory(store),
            manner=Manner(timeout=5.0, patience=tries),
            now=lambda: next(clock),
        )
        source = EvmSource(
            {"1": nodes},
            StoredIndex(store),
            cost=nodes.cost,
            now=now,
            terms={"1": Terms(**terms)},  # type: ignore[arg-type]  # - its fields
            patience=patience,
        )
        try:
            yield source
        finally:
            await source.close()


def targets_of(owners: Sequence[str]) -> list[Target]:
    return [Target("1", owner) for owner in owners]


async def last_of(
    source: EvmSource, owners: Sequence[str], known: Mapping[Target, str] = NOTHING_KNOWN
) -> dict[str, Snapshot | Unmoved]:
    """What is read of each owner in the end."""
    found: dict[str, Snapshot | Unmoved] = {}
    async for reading in source.read(targets_of(owners), known):
        if not isinstance(reading, Underway):
            assert reading.target.owner not in found
            found[reading.target.owner] = reading
    return found


async def one(source: EvmSource, owner: str) -> Snapshot:
    """A whole reading of one owner."""
    reading = (await last_of(source, [owner]))[owner]
    assert isinstance(reading, Snapshot)
    return reading


def of(snapshot: Snapshot, token: str) -> list[Approval]:
    """What is in force of one token: every owner of these worlds has other rights without an event, too."""
    return [approval for approval in snapshot.approvals.values() if approval.token.address == token]


def held(*snapshots: Snapshot) -> dict[Right, Held]:
    """What is in force by these readings, in the oracle's words."""
    return {
        Right(each.owner, each.kind.value, each.token.address, each.spender.address, each.token_id, each.via): Held(
            None if each.allowance.in_words else each.allowance.raw,
            None if each.expires_at is None else int(each.expires_at.timestamp()),
        )
        for snapshot in snapshots
        for each in snapshot.approvals.values()
        if not each.expired(snapshot.read_at)
    }
