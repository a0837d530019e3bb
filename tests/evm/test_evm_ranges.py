"""Logs of long ranges, from nodes that bear only short ones, or fail on the way."""

import pytest
from aiohttp import web
from far_node import Clock, Entry, FarNode, block, log, nodes_of, places, read, wanted

from scanner.errors import Reason, Trouble
from scanner.evm.learned import ShortMemory, fingerprint
from scanner.evm.ranges import in_order
from scanner.evm.values import Call, Filter, Stretch

HISTORY = [log(number, 0, 1) for number in range(0, 400, 7)] + [log(number, 1, 2) for number in range(3, 400, 31)]
TRUTH = sorted((int(one["blockNumber"], 16), int(one["logIndex"], 16)) for one in HISTORY)


def within(first: int, last: int) -> list[tuple[int, int]]:
    return [place for place in TRUTH if first <= place[0] <= last]


async def test_all_logs_of_a_range_come_in_order() -> None:
    far = FarNode(head=400, logs=HISTORY[::-1])
    async with nodes_of(far) as nodes:
        _, logs, trouble = await read(nodes, 10, 390)
    assert trouble is None
    assert places(logs) == within(10, 390)


async def test_an_empty_range_asks_for_nothing() -> None:
    far = FarNode()
    async with nodes_of(far) as nodes:
        assert await read(nodes, 10, 9) == ([], [], None)
    assert far.requests == []


async def test_every_filter_is_asked_and_what_two_of_them_match_comes_once() -> None:
    far = FarNode(head=400, logs=HISTORY)
    async with nodes_of(far) as nodes:
        _, logs, _ = await read(nodes, 0, 400, wanted(1), wanted(2), wanted(1, 2))
    assert places(logs) == TRUTH


async def test_a_filter_of_any_topic_is_null() -> None:
    far = FarNode(head=400, logs=HISTORY)
    async with nodes_of(far) as nodes:
        _, logs, _ = await read(nodes, 0, 400, Filter((None,)))
    assert places(logs) == TRUTH


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": -32005, "message": "query returned more than 10000 results"},
        {"code": -32602, "message": "block range is too wide"},
        {"code": -32000, "message": "exceeds the range allowed for your plan"},
        {"code": -32600, "message": "Log response size exceeded."},
        {"code": -32614, "message": "eth_getLogs is limited to a 10,000 range"},
        {"code": -32000, "message": "limited to 0 - 25 blocks"},
        {"code": -32603, "message": "something that nobody ever read"},
        {"code": 35},
    ],
)
async def test_whatever_may_be_about_size_makes_ranges_smaller(refusal: Entry) -> None:
    far = FarNode(head=400, logs=HISTORY, most_blocks=25, refusal=refusal)
    async with nodes_of(far) as nodes:
        _, logs, trouble = await read(nodes, 0, 400)
    assert trouble is None
    assert places(logs) == TRUTH


@pytest.mark.parametrize("text", ["", '{"jsonrpc":"2.0","id":1,"result":[{"addr'])
async def test_a_node_that_breaks_down_under_wide_ranges_is_asked_for_smaller_ones(text: str) -> None:
    def overwhelmed(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if asked[0]["method"] != "eth_getLogs" or node.ranges[-1][1] - node.ranges[-1][0] < 25:
            return None
        return web.Response(status=200 if text else 502, text=text)

    async with nodes_of(FarNode(head=400, logs=HISTORY, meddle=overwhelmed)) as nodes:
        _, logs, trouble = await read(nodes, 0, 400)
    assert trouble is None
    assert places(logs) == TRUTH


async def test_what_is_next_is_read_however_much_waits_for_it() -> None:
    async def slow_at_first(first: int, last: int) -> Stretch | Trouble:
        return Stretch(first, first if first < 10 else last, ())

    found = [one async for one in in_order(slow_at_first, 0, 500, size=lambda: 10, width=2)]
    assert [one.first for one in found if isinstance(one, Stretch)] == [*range(10), *range(10, 501, 10)]


async def test_ranges_are_halved_down_to_a_single_block() -> None:
    far = FarNode(head=40, logs=[log(20, index, 1) for index in range(3)], most_logs=2)
    far.logs += [log(21, index, 1) for index in range(2)]
    async with nodes_of(far, patience=1.0) as nodes:
        stretches, logs, trouble = await read(nodes, 0, 40)
    assert stretches[-1].last == 19
    assert logs == []
    assert trouble is not None
    assert trouble.reason is Reason.NODE_FAILED
    assert "logs from block 20 on" in trouble.message


async def test_a_failure_that_was_not_about_size_teaches_nothing_about_it() -> None:
    def failing(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if all(entry["method"] != "eth_getLogs" for entry in asked):
            return None
        answers = [{"id": entry["id"], "error": {"code": -32000, "message": "oh no"}} for entry in asked]
        return web.json_response(answers if len(asked) > 1 else answers[0])

    far, memory = FarNode(head=400, meddle=failing), ShortMemory()
    async with nodes_of(far, memory=memory, patience=1.0) as nodes:
        _, _, trouble = await read(nodes, 0, 300)
    assert trouble is not None
    assert memory.known[fingerprint(far.url)].blocks.now == 10_000


async def test_a_suggested_range_is_taken() -> None:
    far = FarNode(head=400, logs=HISTORY, most_blocks=40)
    far.refusal = {"code": -32602, "message": "this block range should work: [0x0, 0x27]"}
    async with nodes_of(far) as nodes:
        _, logs, _ = await read(nodes, 0, 400)
    assert places(logs) == TRUTH
    refused = [last - first + 1 for first, last in far.ranges if last - first + 1 > 40]
    assert refused[0] > 40
    assert set(refused[1:]) <= {80}  # it is tried once whether twice as many will do


async def test_what_an_endpoint_bears_is_remembered_and_never_its_url() -> None:
    memory = ShortMemory()
    far = FarNode(head=400, logs=HISTORY, most_blocks=25)
    async with nodes_of(far, memory=memory) as nodes:
        await read(nodes, 0, 400)
    [(key, learned)] = memory.known.items()
    assert 12 < learned.blocks.now <= 25
    assert key not in far.url
    assert far.url not in key
    again = FarNode(head=400, logs=HISTORY, most_blocks=25)
    async with nodes_of(again, memory=memory) as nodes:
        memory.known[fingerprint(again.url)] = learned
        _, logs, _ = await read(nodes, 0, 400)
    assert places(logs) == TRUTH
    assert all(last - first < 25 for first, last in again.ranges)


async def test_an_answer_that_is_too_large_is_asked_for_in_smaller_ones() -> None:
    big = {**log(0, 0, 1), "data": "0x" + "00" * 150_000}
    logs = [{**big, "blockNumber": hex(n), "blockHash": log(n, 0, 1)["blockHash"]} for n in range(60)]
    far = FarNode(head=400, logs=logs)
    async with nodes_of(far) as nodes:
        _, found, trouble = await read(nodes, 0, 300)
    assert trouble is None
    assert [number for number, _ in places(found)] == list(range(60))


async def test_ranges_whose_logs_are_too_large_are_made_shorter_and_batches_stay() -> None:
    many = [{**log(number, 0, 1), "data": "0x" + "00" * 400_000} for number in range(91, 101)]
    far = FarNode(head=100, logs=many)
    async with nodes_of(far) as nodes:
        _, logs, trouble = await read(nodes, 0, 100)
        asked = len(far.requests)
        await nodes.call([Call(f"0x{number:040x}", "0x00") for number in range(20)], block(100))
    assert trouble is None
    assert places(logs) == [(number, 0) for number in range(91, 101)]
    assert asked < 20
    assert [len(request) for request in far.requests[asked:]] == [20]


async def test_an_empty_answer_of_a_node_that_has_not_come_so_far_is_not_the_truth() -> None:
    late = FarNode(head=380, told=400, logs=HISTORY)  # it says 400, and answers for 380
    good = FarNode(head=400, logs=HISTORY)
    async with nodes_of(late, good) as nodes:
        _, logs, trouble = await read(nodes, 0, 400)
    assert trouble is None
    assert places(logs) == TRUTH


async def test_a_node_that_comes_so_far_in_time_is_waited_for() -> None:
    far = FarNode(head=380, logs=HISTORY)

    class Growing(Clock):
        async def sleep(self, seconds: float) -> None:
            far.head += 5
            await super().sleep(seconds)

    async with nodes_of(far, clock=Growing()) as nodes:
        _, logs, trouble = await read(nodes, 0, 400)
    assert trouble is None
    assert places(logs) == TRUTH


async def test_a_chain_that_is_not_so_long_is_a_trouble_and_what_was_read_is_kept() -> None:
    far = FarNode(head=380, logs=HISTORY, most_blocks=50)
    async with nodes_of(far) as nodes:
        stretches, logs, trouble = await read(nodes, 0, 400)
    assert trouble is not None
    assert "380" in trouble.message or "has no block" in trouble.message
    assert places(logs) == within(0, stretches[-1].last)
    assert stretches[-1].last > 300


@pytest.mark.parametrize(
    "wrong",
    [
        {"removed": True},
        {"blockNumber": hex(399)},
        {"blockNumber": None},
        {"blockNumber": "many"},
        {"topics": None},
    ],
)
async def test_logs_that_make_no_sense_are_refused(wrong: Entry) -> None:
    bad = FarNode(head=400, logs=HISTORY)

    def meddle(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if asked[0]["method"] != "eth_getLogs":
            return None
        answers = [node.answer(entry) for entry in asked]
        answers[0]["result"][-1] = {**answers[0]["result"][-1], **wrong}
        return web.json_response(answers if len(asked) > 1 else answers[0])

    bad.meddle = meddle
    good = FarNode(head=400, logs=HISTORY)
    async with nodes_of(bad, good) as nodes:
        _, logs, trouble = await read(nodes, 0, 300)
    assert trouble is None
    assert places(logs) == within(0, 300)
    async with nodes_of(bad) as nodes:
        _, logs, trouble = await read(nodes, 0, 300)
    assert logs == []
    assert trouble is not None
    assert trouble.reason is Reason.PROTOCOL


async def test_logs_of_two_blocks_with_one_number_are_never_mixed() -> None:
    far = FarNode(head=400, logs=[log(400, 0, 1, fork=1), log(400, 1, 2, fork=1)])  # the seal is of fork 0
    async with nodes_of(far) as nodes:
        _, logs, trouble = await read(nodes, 390, 400)
    assert logs == []
    assert trouble is not None


async def test_null_for_logs_is_not_an_empty_list() -> None:
    def meddle(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if asked[0]["method"] != "eth_getLogs":
            return None
        answers = [{"id": entry["id"], "result": None} for entry in asked]
        return web.json_response(answers if len(asked) > 1 else answers[0])

    async with nodes_of(FarNode(meddle=meddle)) as nodes:
        stretches, _, trouble = await read(nodes, 0, 20)
    assert stretches == []
    assert trouble is not None


async def test_few_requests_are_in_flight_and_stretches_are_handed_on_as_they_come() -> None:
    far = FarNode(head=4000, logs=[log(number, 0, 1) for number in range(0, 4000, 10)], most_blocks=20)
    memory = ShortMemory()
    async with nodes_of(far, memory=memory) as nodes:
        stretches = nodes.logs([wanted(1)], 0, 4000)
        async for stretch in stretches:
            assert stretch.last < 100  # type: ignore[union-attr]  # - nothing fails here
            break
        asked = len(far.requests)
        await stretches.aclose()
    assert asked < 60
