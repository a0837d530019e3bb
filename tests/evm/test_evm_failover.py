"""Who is asked when: endpoints that fail, lag, serve another chain, or limit who asks."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import aiohttp
import pytest
from aiohttp import web
from far_node import ETHEREUM, Clock, Entry, FarNode, block, log, nodes_of, places, read, serving

from scanner.errors import Reason, Trouble
from scanner.evm.failover import Patience
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block

Answering = Callable[[list[Entry]], web.StreamResponse | None]


def error(asked: list[Entry], code: int, words: str) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": asked[0]["id"], "error": {"code": code, "message": words}})


def only(*, times: int, answering: Answering) -> Callable[[FarNode, list[Entry]], web.StreamResponse | None]:
    """Answers so for the first requests, and as it should after them."""

    def meddle(node: FarNode, asked: list[Entry]) -> web.StreamResponse | None:
        return answering(asked) if len(node.requests) <= times else None

    return meddle


FAULTS: dict[str, Answering] = {
    "503": lambda asked: web.Response(status=503),
    "500 with words": lambda asked: web.json_response({"error": {"message": "internal error"}}, status=500),
    "429": lambda asked: web.Response(status=429),
    "429 with a time": lambda asked: web.Response(status=429, headers={"retry-after": "3"}),
    "429 in words": lambda asked: error(asked, -32005, "daily request count exceeded, request rate limited"),
    "html": lambda asked: web.Response(text="<html>", content_type="text/html"),
    "empty": lambda asked: web.Response(),
    "cut": lambda asked: web.Response(text='{"jsonrpc":"2.0","id":1,"resu', content_type="application/json"),
    "wrong id": lambda asked: web.json_response({"id": 12345, "result": "0x1"}),
    "no result": lambda asked: web.json_response({"id": asked[0]["id"]}),
    "a list of texts": lambda asked: web.json_response(["hello"]),
    "a number": lambda asked: web.json_response(7),
    "missing answers": lambda asked: web.json_response([{"id": asked[0]["id"], "result": "0x1"}]),
    "twice": lambda asked: web.json_response([{"id": asked[0]["id"], "result": "0x1"}] * 2),
    "null header": lambda asked: web.json_response([{"id": one["id"], "result": None} for one in asked]),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_fails_once_is_asked_again(fault: str) -> None:
    far = FarNode(head=77, meddle=only(times=1, answering=FAULTS[fault]))
    async with nodes_of(far) as nodes:
        head = await nodes.head()
        assert isinstance(head, Block)
        assert head == block(77)
        assert nodes.cost.requests == len(far.requests) > 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_fails_always_ends_in_a_trouble_within_the_patience(fault: str) -> None:
    far, clock = FarNode(meddle=only(times=10**6, answering=FAULTS[fault])), Clock()
    async with nodes_of(far, clock=clock) as nodes:
        began = clock.time
        head = await nodes.head()
    assert isinstance(head, Trouble)
    assert head.whole_source
    assert head.retry
    assert "the newest block of Ethereum could not be read: 127.0.0.1:" in head.message
    assert "source.evm.ethereum.rpc" in head.hint
    assert clock.time - began <= 20
    assert len(far.requests) < 50


@pytest.mark.parametrize("fault", FAULTS)
async def test_another_endpoint_is_asked_at_once(fault: str) -> None:
    bad, clock = FarNode(meddle=only(times=10**6, answering=FAULTS[fault])), Clock()
    async with nodes_of(bad, FarNode(head=99), clock=clock) as nodes:
        assert await nodes.head() == block(99)
        asked = len(bad.requests)
        for _ in range(20):
            assert await nodes.block(50) == block(50)
    assert clock.slept == []
    assert len(bad.requests) == asked  # it rests


@pytest.mark.parametrize(("status", "reason"), [(401, Reason.REFUSED_KEY), (403, Reason.REFUSED_KEY)])
async def test_a_refused_key_is_named_and_not_tried_again_and_again(status: int, reason: Reason) -> None:
    far = FarNode(meddle=lambda *_: web.Response(status=status))
    async with nodes_of(far) as nodes:
        head = await nodes.head()
    assert isinstance(head, Trouble)
    assert (head.reason, head.retry) == (reason, False)
    assert len(far.requests) == 1


async def test_a_status_says_more_than_words_that_nobody_knows() -> None:
    far = FarNode(meddle=lambda *_: web.json_response({"error": {"code": 1, "message": "nope"}}, status=401))
    async with nodes_of(far) as nodes:
        head = await nodes.head()
    assert isinstance(head, Trouble)
    assert head.reason is Reason.REFUSED_KEY


async def test_a_refusal_in_words_is_a_refused_key() -> None:
    far = FarNode(meddle=lambda _, asked: error(asked, -32600, "Must be authenticated!"))
    async with nodes_of(far) as nodes:
        head = await nodes.head()
    assert isinstance(head, Trouble)
    assert head.reason is Reason.REFUSED_KEY


async def test_the_far_sides_wish_is_honoured() -> None:
    clock = Clock()
    limited = only(times=1, answering=lambda _: web.Response(status=429, headers={"retry-after": "7"}))
    async with nodes_of(FarNode(meddle=limited), clock=clock) as nodes:
        assert isinstance(await nodes.head(), Block)
        assert 7 <= nodes.cost.waited < 7.1
    assert clock.slept[0] == pytest.approx(7)


async def test_who_asks_too_fast_is_slowed_down() -> None:
    clock = Clock()
    seen: list[float] = []

    def meddle(node: FarNode, asked: list[Entry]) -> web.Response | None:
        seen.append(clock.time)
        return web.Response(status=429) if len(node.requests) in (2, 5) else None

    async with nodes_of(FarNode(meddle=meddle), clock=clock) as nodes:
        for _ in range(12):
            assert await nodes.block(5) == block(5)
    assert min(after - before for before, after in pairwise(seen[6:])) == pytest.approx(0.02)


async def test_a_connection_that_is_closed_is_made_again() -> None:
    def dropping(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if len(node.requests) == 1:
            raise ConnectionResetError
        return None

    async with nodes_of(FarNode(meddle=dropping)) as nodes:
        assert isinstance(await nodes.head(), Block)


async def test_nobody_listens() -> None:
    far = FarNode()
    async with nodes_of(far):
        pass
    async with nodes_of(urls=[far.url], patience=1.0) as nodes:
        head = await nodes.head()
    assert isinstance(head, Trouble)
    assert head.reason is Reason.UNAVAILABLE
    assert "no connection to" in head.message


async def test_a_node_that_hangs_is_given_up_in_time_and_another_one_asked() -> None:
    async def hanging(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    slow = FarNode()
    slow.handle = hanging  # type: ignore[method-assign]  # - a far side of its own
    async with nodes_of(slow, FarNode(), timeout=0.1) as nodes:
        assert isinstance(await nodes.head(), Block)
    async with nodes_of(slow, timeout=0.1, patience=0.5) as nodes:
        head = await nodes.head()
    assert isinstance(head, Trouble)
    assert "did not answer in time" in head.message


async def test_a_node_of_another_chain_is_told_at_the_start_and_never_used() -> None:
    other = FarNode(chain_id=56, head=10**6)
    async with nodes_of(other, FarNode(head=99)) as nodes:
        [trouble] = await nodes.check()
        assert trouble.reason is Reason.BAD_REQUEST
        assert "serves the chain 56, not Ethereum (1)" in trouble.message
        asked = len(other.requests)
        assert await nodes.head() == block(99)
        assert isinstance(await nodes.block(7), Block)
        assert len(other.requests) == asked
    async with nodes_of(other) as nodes:
        head = await nodes.head()
        assert isinstance(head, Trouble)
        assert not head.retry
        assert set(other.asked) == {"eth_chainId"}


async def test_all_is_well_at_the_start() -> None:
    async with nodes_of(FarNode(), FarNode()) as nodes:
        assert await nodes.check() == []
        assert nodes.chain is ETHEREUM


async def test_no_endpoint_for_requests_is_told() -> None:
    async with nodes_of(urls=[]) as nodes:
        [trouble] = await nodes.check()
        assert trouble.reason is Reason.BAD_REQUEST
        assert isinstance(await nodes.head(), Trouble)


async def test_a_node_that_is_swapped_for_one_of_another_chain_is_found_out() -> None:
    far, clock = FarNode(head=1000, logs=[log(5, 0, 1)]), Clock()
    async with nodes_of(far, clock=clock) as nodes:
        assert places((await read(nodes, 0, 9))[1]) == [(5, 0)]
        far.chain_id, far.logs = 56, []
        clock.time += 31
        stretches, _, trouble = await read(nodes, 0, 9)
    assert stretches == []
    assert trouble is not None
    assert "serves the chain 56" in trouble.message


async def test_what_comes_back_after_a_failure_has_to_prove_its_chain() -> None:
    def swapping(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if len(node.requests) == 3:
            node.chain_id = 56
            return web.Response(status=503)
        return None

    async with nodes_of(FarNode(meddle=swapping)) as nodes:
        assert isinstance(await nodes.head(), Block)
        assert isinstance(await nodes.block(5), Trouble)


async def test_requests_that_fail_together_are_one_failure_and_one_probe() -> None:
    far = FarNode(head=1000, most_blocks=10)
    asked: list[int] = []

    class Counting(Clock):
        async def sleep(self, seconds: float) -> None:
            asked.append(len(far.requests))
            await super().sleep(seconds)

    clock = Counting()
    async with nodes_of(far, clock=clock) as nodes:
        await read(nodes, 0, 100)
        far.requests.clear()
        clock.time += 31
        far.meddle = only(times=1, answering=lambda _: web.Response(status=503))
        _, _, trouble = await read(nodes, 0, 100)
    assert trouble is None
    assert asked[0] == 1
    assert clock.slept == [pytest.approx(0.0075, abs=1e-6)] * len(clock.slept)


async def test_who_waits_for_a_probe_that_fails_does_not_probe_again() -> None:
    far, clock = FarNode(head=1000, most_blocks=10), Clock()
    async with nodes_of(far, clock=clock, patience=0.0) as nodes:
        await read(nodes, 0, 100)
        far.requests.clear()
        clock.time += 31
        far.meddle = lambda *_: web.Response(status=503)
        _, _, trouble = await read(nodes, 0, 100)
    assert trouble is not None
    assert len(far.requests) == 1


async def test_a_failure_long_ago_does_not_lengthen_the_next_rest() -> None:
    clock = Clock()
    far = FarNode(meddle=lambda node, _: web.Response(status=503) if len(node.requests) % 5 == 2 else None)
    async with nodes_of(far, clock=clock) as nodes:
        for _ in range(20):
            assert await nodes.block(5) == block(5)
    assert len(clock.slept) > 3
    assert clock.slept == [pytest.approx(0.0075, abs=1e-6)] * len(clock.slept)


async def test_after_a_failure_a_request_has_what_is_left_of_the_patience() -> None:
    async def failing(request: web.Request) -> web.StreamResponse:
        far.requests.append([])
        await asyncio.sleep(30 * (len(far.requests) > 1))
        return web.Response(status=503)

    far = FarNode()
    far.handle = failing  # type: ignore[method-assign]  # - a far side of its own
    async with asyncio.timeout(3), nodes_of(far, timeout=10.0, patience=0.15) as nodes:
        assert isinstance(await nodes.head(), Trouble)
    assert len(far.requests) == 2


async def test_a_header_that_should_be_there_is_waited_for() -> None:
    async with nodes_of(FarNode(head=90, told=100)) as nodes:
        await nodes.head()
        found = await nodes.block(95)
    assert isinstance(found, Trouble)


async def test_the_newest_head_of_all_is_told() -> None:
    async with nodes_of(FarNode(head=90), FarNode(head=93)) as nodes:
        assert await nodes.head() == block(93)


async def test_an_endpoint_that_lags_is_the_last_choice() -> None:
    late, good, clock = FarNode(head=50), FarNode(head=93), Clock()
    async with nodes_of(late, good, clock=clock) as nodes:
        assert await nodes.head() == block(93)
        asked = len(late.requests)
        assert places((await read(nodes, 60, 70))[1]) == []
        assert await nodes.block(20) == block(20)
        assert len(late.requests) == asked
        late.head = 93
        clock.time += 20
        await nodes.head()
        asked = len(good.requests)
        assert await nodes.block(21) == block(21)
        assert len(good.requests) == asked


async def test_a_block_that_is_not_there_is_none_only_if_every_endpoint_says_so() -> None:
    short, failing = FarNode(head=50), FarNode(meddle=lambda *_: web.Response(status=503))
    async with nodes_of(short, FarNode(head=52)) as nodes:
        assert await nodes.block(60) is None
        assert await nodes.block(52) == block(52)
    async with nodes_of(short, failing, patience=1.0) as nodes:
        assert isinstance(await nodes.block(60), Trouble)


async def test_a_header_of_another_block_is_refused() -> None:
    def meddle(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if len(asked) > 1:
            return None
        return web.json_response({"id": asked[0]["id"], "result": node.header(8)})

    async with nodes_of(FarNode(meddle=meddle), patience=1.0) as nodes:
        found = await nodes.block(9)
    assert isinstance(found, Trouble)
    assert found.reason is Reason.PROTOCOL


async def test_a_key_in_the_url_is_never_told() -> None:
    key = "b0e5c7a1d2f34e8f9a6b7c8d9e0f1a2b"

    def leaking(node: FarNode, asked: list[Entry]) -> web.Response:
        return error(asked, -32600, f"project {key} is over its plan, see /v3/{key}?apikey={key}")

    far = FarNode(meddle=leaking)
    async with serving(far), aiohttp.ClientSession() as session:
        nodes = Nodes(session, ETHEREUM, [f"{far.url}v3/{key}"])
        [trouble] = await nodes.check()
        assert "is over its plan" in trouble.message
        assert key not in str(trouble)
    urls = [f"http://user:{key}@127.0.0.1:1/{key}", f"http://127.0.0.1:1/?apikey={key}"]
    async with nodes_of(urls=urls, patience=1.0) as nodes:
        told = [str(one) for one in (*await nodes.check(), await nodes.head())]
    assert all(key not in one for one in told)
    assert "127.0.0.1:1 (1)" in told[0]
    assert "127.0.0.1:1 (2)" in told[1]


def test_a_patience_counts_from_the_request_that_failed_first_until_something_is_got() -> None:
    patience = Patience(20.0)
    patience.failed(100.0, 105.0)
    patience.failed(106.0, 111.0)
    assert patience.left(100.0) == 120.0
    assert patience.left(121.0) == 123.5, "whoever begins to ask later has a little of it all the same"
    patience.renewed()
    patience.failed(200.0, 219.0)
    assert patience.left(200.0) == 224.0, "a request that hung leaves a quarter to others"


async def test_the_final_block_is_found_below_the_newest_and_never_replaced_by_it() -> None:
    async with nodes_of(FarNode(head=50)) as nodes:
        assert await nodes.below(block(50), 12) == block(38)
        first = await nodes.below(block(5), 12)
        assert isinstance(first, Block)
        assert first.number == 0
        assert await nodes.below(block(80), 0) == block(80)
        shorter = await nodes.below(block(80), 12)
    assert isinstance(shorter, Trouble)
    assert "shorter than block 68" in shorter.message
