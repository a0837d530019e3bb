import asyncio
import time
from typing import Any

from aiohttp import web
from far_side import (
    ALONE,
    Asked,
    far_side,
    ok,
    one_page_each,
    owner,
    read_all,
    source_of,
)

from scanner.domain.approvals import End, Kind, Target
from scanner.domain.chains import by_index
from scanner.errors import Reason, StoreError
from scanner.okx.pacing import MemoryLedger
from scanner.sources.okx import AHEAD


async def test_a_slow_answer_does_not_stop_the_others() -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(0.2)
        return web.json_response(one_page_each(asked))

    began = time.monotonic()
    async with far_side(script) as far, source_of(far.url, requests_per_second=200) as source:
        await read_all(source, [Target("1", owner(n)) for n in range(40)])
    assert time.monotonic() - began < 1.5


async def test_closing_the_reading_cancels_what_is_in_flight() -> None:
    async def script(asked: Asked) -> web.Response:
        if asked.number > 1:
            await asyncio.sleep(30)
        return web.json_response(one_page_each(asked))

    async with far_side(script) as far, source_of(far.url) as source:
        before = asyncio.all_tasks()
        reading = source.read([Target("1", owner(n)) for n in range(20)])
        await anext(reading)
        assert len(asyncio.all_tasks() - before) > 1
        await reading.aclose()
        assert source.cost.requests >= 1
        assert not {task for task in asyncio.all_tasks() - before if "_work" in repr(task.get_coro())}


async def test_what_nobody_takes_is_not_read_without_end() -> None:
    targets = [Target("1", owner(n)) for n in range(3 * AHEAD)]
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        readings = source.read(targets)
        found = [(await anext(readings)).target]
        for _ in range(40):
            asked = len(far.asked)
            await asyncio.sleep(0.05)
            if len(far.asked) == asked:
                break
        assert AHEAD <= asked <= AHEAD + 2 * source.client.width
        found += [reading.target async for reading in readings]
    assert sorted(found, key=targets.index) == targets


async def test_two_readings_at_once_do_not_disturb_each_other() -> None:
    mine, theirs = [Target("1", owner(n)) for n in range(10)], [Target("1", owner(n)) for n in range(5, 15)]
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        one, other = await asyncio.gather(read_all(source, mine), read_all(source, theirs))
    assert {snapshot.end for snapshot in (*one.values(), *other.values())} == {End.COMPLETE}


async def test_a_target_that_is_named_twice_is_read_once() -> None:
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        assert len([snapshot async for snapshot in source.read([ALONE, ALONE])]) == 1
        assert [snapshot async for snapshot in source.read([])] == []


async def test_what_is_not_covered_is_said_without_asking() -> None:
    bitcoin = Target("0", "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh")
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        assert source.covers(by_index("1")) == source.covers(by_index("195")) == frozenset({Kind.ERC20})
        assert source.covers(by_index("0")) == source.covers(by_index("501")) == frozenset()
        found = await read_all(source, [bitcoin, ALONE])
    trouble = found[bitcoin].trouble
    assert trouble is not None
    assert trouble.reason is Reason.NOT_COVERED
    assert found[ALONE].end is End.COMPLETE
    assert len(far.asked) == 1


async def test_base58_addresses_are_sent_as_they_are() -> None:
    tron = Target("195", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t")
    async with far_side(lambda _: ok()) as far, source_of(far.url) as source:
        await read_all(source, [tron])
    assert far.asked[0].addresses == [("195", tron.owner)]


async def test_a_store_that_fails_is_said_in_its_own_words() -> None:
    class Broken(MemoryLedger):
        async def apply(self, key: Any, step: Any) -> Any:
            raise StoreError("the store is locked", "Wait, or look at who holds it")

    async with far_side(one_page_each) as far, source_of(far.url, ledger=Broken()) as source:
        found = await read_all(source, [ALONE])
    assert "the store is locked" in str(found[ALONE].trouble)


async def test_path_key_and_page_size_can_be_set() -> None:
    async with (
        far_side(lambda _: ok()) as far,
        source_of(far.url, path="/api/v5/waas/list", address_key="addresses", page_size=50) as source,
    ):
        await read_all(source, [ALONE])
    [asked] = far.asked
    assert asked.target == "/api/v5/waas/list"
    assert asked.json == {"addresses": [{"chainIndex": "1", "address": owner(1)}], "limit": "50"}
