"""Two processes that use one key on one store share its budget."""

import asyncio
from functools import partial

from scanner.okx.pacing import Pace, eased, reserve, slowed
from scanner.store.budgets import StoredLedger
from scanner.store.engine import Store


async def test_slots_are_handed_out_once_to_all_who_share_the_store(store: Store) -> None:
    other = await Store.open(f"sqlite:///{store.path}")
    ledgers = [StoredLedger(store), StoredLedger(other)] * 10
    take = partial(reserve, now=1000.0, floor=1.0, latest=2000.0)
    grants = await asyncio.gather(*(ledger.apply("key", take) for ledger in ledgers))
    assert sorted(grant.first for grant in grants) == [1000.0 + slot for slot in range(20)]
    await other.close()


async def test_a_key_that_is_slowed_down_is_slow_for_everybody_and_after_a_restart(store: Store) -> None:
    await StoredLedger(store).apply(
        "key", lambda pace: (slowed(pace, sent_at=1000.0, now=1000.0, floor=1.0, pause=5.0), None)
    )
    path = store.path
    await store.close()
    again = await Store.open(f"sqlite:///{path}")
    grant = await StoredLedger(again).apply("key", partial(reserve, now=1001.0, floor=1.0, latest=2000.0))
    assert (grant.first, grant.interval) == (1005.0, 1.6)
    await StoredLedger(again).apply("key", lambda pace: (eased(pace, now=1010.0, floor=1.0), None))

    def look(pace: Pace | None) -> tuple[Pace, float]:
        assert pace is not None
        return pace, pace.interval

    assert await StoredLedger(again).apply("key", look) < 1.6
    assert (await StoredLedger(again).apply("another", partial(reserve, now=1.0, floor=1.0, latest=9.0))).first == 1.0
    await again.close()
