"""Ten thousand wallets' history of a year is lived through; how long that takes is printed, and decides nothing."""

import time
from pathlib import Path

import pytest
from scanning import CHANNELS, default_pack
from sqlalchemy import func, select
from years import APPROVALS, END, START, year_of

from scanner.backtest import backtest
from scanner.domain.telling import Telling
from scanner.store.tables import balance_moves, changes, token_moves

WALLETS = 10_000


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_year_of_ten_thousand_wallets_is_lived_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = await year_of(tmp_path / "store.db", WALLETS)
    try:
        counts = [
            await store.read(lambda connection, table=table: connection.scalar(select(func.count()).select_from(table)))  # type: ignore[misc]  # - bound at once
            for table in (changes, balance_moves, token_moves)
        ]
        telling, pack = Telling(channels=CHANNELS), default_pack()
        began, busy = time.perf_counter(), time.process_time()
        outcome = await store.read(lambda connection: backtest(connection, pack, telling, START, END))
        took, worked = time.perf_counter() - began, time.process_time() - busy
    finally:
        await store.close()
    with capsys.disabled():
        print(  # noqa: T201 - what was measured is what somebody runs this for
            f"\n{WALLETS} wallets, {outcome.approvals} approvals, {counts[0]} changes, {counts[1]} balances, "
            f"{counts[2]} prices: {took:.1f} s ({worked:.1f} s of processor), {len(outcome.differences)} alerts"
        )
    assert outcome.approvals == WALLETS * APPROVALS
    assert outcome.differences
