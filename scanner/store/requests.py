"""Scans that a command asks of the daemon, through the store: asked, followed, answered, fetched."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store.tables import requests

__all__ = ["Asked", "answer", "ask", "claim", "follow", "give_up", "progress", "waits", "withdraw"]

KEPT = timedelta(hours=1)
"""How long an answer that nobody fetched is kept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what was asked (`scope` is a list of [chainIndex, owner]), how far it is, and the answer.

    `state` is asked, running, done or failed. `report` is the JSON of a report, `error` why there is none.
    """

    id: str
    scope: tuple[tuple[str, str], ...]
    dry_run: bool
    state: str
    done: int = 0
    total: int = 0
    report: str | None = None
    error: str | None = None


async def ask(connection: AsyncConnection, asked: Asked, at: datetime) -> None:
    """Put a request where the daemon finds it."""
    await connection.execute(
        requests.insert().values(
            id=asked.id,
            asked_at=at,
            scope=[list(pair) for pair in asked.scope],
            dry_run=asked.dry_run,
            state="asked",
            total=len(asked.scope),
        )
    )


async def waits(connection: AsyncConnection) -> bool:
    """Whether a request waits for the daemon."""
    return await connection.scalar(select(requests.c.id).where(requests.c.state == "asked").limit(1)) is not None


async def claim(connection: AsyncConnection, at: datetime) -> Asked | None:
    """Take the oldest request that waits; forget answers that nobody fetched."""
    await connection.execute(delete(requests).where(requests.c.asked_at < at - KEPT))
    waiting = select(requests).where(requests.c.state == "asked").order_by(requests.c.asked_at).limit(1)
    row = (await connection.execute(waiting)).mappings().first()
    if row is None:
        return None
    await connection.execute(update(requests).where(requests.c.id == row["id"]).values(state="running"))
    return Asked(row["id"], _scope(row["scope"]), row["dry_run"], "running", total=row["total"])


async def progress(connection: AsyncConnection, request_id: str, done: int, total: int) -> None:
    """Note how many targets are done."""
    await connection.execute(update(requests).where(requests.c.id == request_id).values(done=done, total=total))


async def answer(connection: AsyncConnection, request_id: str, *, report: str | None, error: str | None) -> None:
    """Leave the answer: a report, or why there is none."""
    state = "failed" if report is None else "done"
    await connection.execute(
        update(requests).where(requests.c.id == request_id).values(state=state, report=report, error=error)
    )


async def follow(connection: AsyncConnection, request_id: str) -> Asked | None:
    """How far a request is; None when it is no more."""
    row = (await connection.execute(select(requests).where(requests.c.id == request_id))).mappings().first()
    if row is None:
        return None
    return Asked(
        id=row["id"],
        scope=_scope(row["scope"]),
        dry_run=row["dry_run"],
        state=row["state"],
        done=row["done"],
        total=row["total"],
        report=row["report"],
        error=row["error"],
    )


async def withdraw(connection: AsyncConnection, request_id: str) -> None:
    """Take a request away: its answer was fetched, or nobody waits for it any more."""
    await connection.execute(delete(requests).where(requests.c.id == request_id))


async def give_up(connection: AsyncConnection, why: str) -> None:
    """Fail what a daemon that is gone left running, so that nobody waits for it."""
    await connection.execute(update(requests).where(requests.c.state == "running").values(state="failed", error=why))


def _scope(pairs: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((chain, owner) for chain, owner in pairs)
