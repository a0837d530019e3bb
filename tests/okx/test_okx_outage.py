import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from far_side import (
    EVM,
    Asked,
    entry,
    error,
    far_side,
    ok,
    one_page_each,
    owner,
    project,
    read_all,
    rows,
    seen,
    source_of,
)

from scanner.domain.approvals import End, Target
from scanner.errors import Reason
from scanner.okx.client import MOST_IN_FLIGHT


async def test_a_refused_key_stops_at_once_and_says_why() -> None:
    targets = [Target("1", owner(n)) for n in range(200)]
    async with (
        far_side(lambda _: error("50111", "Invalid OK-ACCESS-KEY")) as far,
        source_of(far.url) as source,
    ):
        found = await read_all(source, targets)
    assert len(far.asked) <= 5 + MOST_IN_FLIGHT  # what was on its way when the fifth was refused
    reasons = Counter(snapshot.trouble.reason for snapshot in found.values() if snapshot.trouble)
    assert set(reasons) == {Reason.REFUSED_KEY, Reason.NOT_ASKED}
    assert reasons[Reason.REFUSED_KEY] == 5
    for snapshot in found.values():
        assert "source.okx.key" in str(snapshot.trouble)
        assert "50111" in str(snapshot.trouble)


async def test_a_dead_source_is_probed_with_one_target_and_reopened_when_it_answers() -> None:
    dead = True

    def script(asked: Asked) -> dict[str, Any]:
        return error("50111") if dead else one_page_each(asked)

    targets = [Target("1", owner(n)) for n in range(30)]
    async with far_side(script) as far, source_of(far.url) as source:
        await read_all(source, targets)
        before = source.cost.requests
        found = await read_all(source, targets)
        assert source.cost.requests == before + 1
        assert sum(s.trouble.reason is Reason.NOT_ASKED for s in found.values() if s.trouble) == 29
        dead = False
        found = await read_all(source, targets)
        assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}


async def test_failures_for_different_reasons_do_not_stop_the_round() -> None:
    targets = [Target("1", owner(n)) for n in range(40)]

    def script(asked: Asked) -> Any:
        return error("50111") if asked.number % 4 else error("80001")

    async with far_side(script) as far, source_of(far.url, requests_per_second=200) as source:
        found = await read_all(source, targets)
    assert not any(s.trouble.reason is Reason.NOT_ASKED for s in found.values() if s.trouble)


async def test_failures_that_are_not_in_a_row_do_not_stop_the_round() -> None:
    targets = [Target("1", owner(n)) for n in range(40)]

    def script(asked: Asked) -> Any:
        return error("50111") if int(asked.addresses[0][1][-1], 16) % 2 else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url, requests_per_second=200) as source:
        found = await read_all(source, targets)
    assert sum(snapshot.end is End.COMPLETE for snapshot in found.values()) == 20


@pytest.mark.parametrize("chains", [1, 20])
async def test_a_far_side_that_hangs_ends_a_thousand_targets_soon(chains: int) -> None:
    async def hang(asked: Asked) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    # Three seconds here stand for a minute at the default rate and timeout.
    targets = [Target(chain, owner(n)) for n in range(1000 // chains) for chain in EVM[:chains]]
    began = time.monotonic()
    async with (
        far_side(hang) as far,
        source_of(far.url, requests_per_second=20, timeout=1, patience=1) as source,
    ):
        found = await read_all(source, targets)
        assert time.monotonic() - began < 3.0
    assert len(found) == 1000
    assert all(snapshot.end is End.INCOMPLETE for snapshot in found.values())


@pytest.mark.soak
@pytest.mark.timeout(120)
@pytest.mark.parametrize("chains", [1, 3, 20])
@pytest.mark.parametrize("dead", ["refuses", "hangs", "fails"])
async def test_a_dead_far_side_ends_a_thousand_targets_within_a_minute(dead: str, chains: int) -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(100 if dead == "hangs" else 0)
        return web.json_response(error("50001"))

    targets = [Target(chain, owner(n)) for n in range(1000 // chains) for chain in EVM[:chains]]
    began = time.monotonic()
    async with far_side(script) as far:
        url = "http://127.0.0.1:1" if dead == "refuses" else far.url
        async with source_of(url, requests_per_second=1, timeout=20) as source:
            found = await read_all(source, targets)
            assert time.monotonic() - began < 60
    assert {snapshot.end for snapshot in found.values()} == {End.INCOMPLETE}


async def test_rows_that_were_seen_survive_when_the_source_is_given_up() -> None:
    slow = Target("1", owner(99))

    async def script(asked: Asked) -> web.Response:
        if asked.addresses[0][1] != slow.owner:
            await asyncio.sleep(0.05)
            return web.json_response(error("50111"))
        if asked.cursor is None:
            return web.json_response(ok(entry("1", project(9, 1), cursor="1")))
        await asyncio.sleep(30)
        return web.Response()

    async with far_side(script) as far, source_of(far.url) as source:
        found = await read_all(source, [slow, *(Target("1", owner(n)) for n in range(10))])
    assert (found[slow].end, seen(found[slow])) == (End.INCOMPLETE, rows(1))
