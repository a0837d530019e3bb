"""Questions to the state of one block."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from far_node import Entry, FarNode, block, nodes_of

from scanner.errors import Reason, Trouble
from scanner.evm.endpoint import LARGEST_ANSWER
from scanner.evm.learned import ShortMemory, fingerprint
from scanner.evm.values import Call

TOKEN = f"0x{9:040x}"


def calls(count: int) -> list[Call]:
    return [Call(TOKEN, f"0x{number:08x}") for number in range(count)]


def echo(data: str) -> Any:
    return "0x" + data[2:].rjust(64, "0")


def echoed(count: int) -> list[str]:
    return [f"{number:064x}" for number in range(count)]


async def test_every_call_is_answered_in_order_at_the_blocks_hash() -> None:
    far = FarNode(returns=echo)
    async with nodes_of(far) as nodes:
        assert await nodes.call(calls(230), block(90)) == echoed(230)
        assert await nodes.call([], block(90)) == []
    asked = [entry["params"][1] for request in far.requests for entry in request if entry["method"] == "eth_call"]
    assert asked == [{"blockHash": block(90).hash}] * 230
    assert len(far.requests) < 10


class Together(FarNode):
    """A node that answers no question to the state before three of them stand there."""

    three = asyncio.Barrier(3)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if b"eth_call" in await request.read():
            await asyncio.wait_for(self.three.wait(), 5.0)
        return await super().handle(request)


async def test_large_questions_go_out_beside_each_other_and_not_in_a_row() -> None:
    large = [Call(TOKEN, call.data + "0" * 600_000) for call in calls(3)]
    async with nodes_of(Together(returns=lambda data: echo(data[:10]))) as nodes:
        assert await nodes.call(large, block(90)) == echoed(3)


@pytest.mark.parametrize("most", [1, 3, 10])
async def test_batches_become_as_small_as_they_have_to_be_and_stay_so(most: int) -> None:
    far, memory = FarNode(returns=echo, most_in_batch=most), ShortMemory()
    async with nodes_of(far, memory=memory) as nodes:
        assert await nodes.call(calls(60), block(90)) == echoed(60)
        refused = sum(len(request) > most for request in far.requests)
        assert await nodes.call(calls(60), block(90)) == echoed(60)
        assert sum(len(request) > most for request in far.requests) <= refused + 2  # seldom it is tried again
    assert memory.known[fingerprint(far.url)].batch.now <= most


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: web.Response(status=413),
        lambda asked: web.Response(status=400),
        lambda asked: web.json_response({"error": "batch requests are not supported"}),
        lambda asked: web.json_response({"id": asked[0]["id"], "result": "0x1"}),
        lambda asked: web.json_response(
            [{"id": asked[0]["id"], "error": {"code": -32600, "message": "batch too large"}}]
        ),
        lambda asked: web.json_response({"id": None, "error": {"code": 3, "message": "execution reverted"}}),
        lambda asked: web.Response(status=500),
        lambda asked: web.json_response([]),
    ],
)
async def test_a_node_without_batches_is_asked_one_by_one(answer: Any) -> None:
    far = FarNode(
        returns=echo,
        meddle=lambda _, asked: answer(asked) if len(asked) > 1 and "call" in asked[-1]["method"] else None,
    )
    async with nodes_of(far) as nodes:
        assert await nodes.call(calls(30), block(90)) == echoed(30)


async def test_answers_may_come_in_any_order_and_with_ids_as_texts() -> None:
    def shuffled(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if len(asked) == 1:
            return None
        return web.json_response([{**node.answer(one), "id": str(one["id"])} for one in reversed(asked)])

    async with nodes_of(FarNode(returns=echo, meddle=shuffled)) as nodes:
        assert await nodes.call(calls(30), block(90)) == echoed(30)


async def test_answers_that_a_batch_left_out_are_asked_for_again_and_only_those() -> None:
    def forgetful(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if asked[0]["method"] != "eth_call" or len(asked) < 10:
            return None
        return web.json_response([node.answer(one) for one in asked[5:]])

    far = FarNode(returns=echo, meddle=forgetful)
    async with nodes_of(far) as nodes:
        assert await nodes.call(calls(30), block(90)) == echoed(30)
    asked = [len(request) for request in far.requests if request[0]["method"] == "eth_call"]
    assert asked == [30, 5]


async def test_what_reverts_is_none_and_what_has_no_code_is_nothing() -> None:
    answers = {
        "0x00000000": {"code": 3, "message": "execution reverted: header not found"},
        "0x00000001": {"code": -32000, "message": "out of gas"},
        "0x00000002": {"code": -32015, "message": "VM execution error.", "data": "0x08c379a0"},
        "0x00000003": "0x",
        "0x00000004": "0xAB",
    }
    for most in (None, 1):
        async with nodes_of(FarNode(returns=answers.__getitem__, most_in_batch=most)) as nodes:
            assert await nodes.call(calls(5), block(90)) == [None, None, None, "", "ab"]


async def test_an_answer_that_is_too_large_to_read_spoils_no_other() -> None:
    def bloated(data: str) -> Any:
        return "0x" + "00" * (LARGEST_ANSWER // 2) if data == "0x00000002" else echo(data)

    async with nodes_of(FarNode(returns=bloated)) as nodes:
        assert await nodes.call(calls(4), block(90)) == [echoed(4)[0], echoed(4)[1], None, echoed(4)[3]]


@pytest.mark.parametrize("returned", [None, 7, "hello", "0xzz", "0x123", ["0x"]])
async def test_what_is_no_hex_is_no_answer(returned: Any) -> None:
    async with nodes_of(FarNode(returns=lambda data: returned), patience=1.0) as nodes:
        found = await nodes.call(calls(1), block(90))
    assert isinstance(found, Trouble)
    assert found.reason is Reason.PROTOCOL


@pytest.mark.parametrize(
    "words",
    [
        "missing trie node 81f2 (path ) state 0x12 is not available",
        "state not available",
        "historical state was pruned",
    ],
)
async def test_a_node_that_has_thrown_the_state_away_is_not_asked_for_it_again(words: str) -> None:
    pruned = FarNode(returns=lambda data: {"code": -32000, "message": words})
    async with nodes_of(pruned, FarNode(returns=echo)) as nodes:
        assert await nodes.call(calls(3), block(90)) == echoed(3)
        assert isinstance(await nodes.block(90), type(block(90)))
    async with nodes_of(pruned) as nodes:
        found = await nodes.call(calls(3), block(90))
        assert isinstance(found, Trouble)
        assert found.reason is Reason.NODE_FAILED
        assert "the state at block 90" in found.message
        assert nodes.cost.waited == 0


async def test_a_node_that_does_not_have_the_block_yet_is_waited_for_or_another_is_asked() -> None:
    late = FarNode(head=89, returns=echo)
    async with nodes_of(late, FarNode(returns=echo)) as nodes:
        assert await nodes.call(calls(3), block(90)) == echoed(3)
    async with nodes_of(late) as nodes:
        found = await nodes.call(calls(3), block(90))
        assert isinstance(found, Trouble)
        late.head = 90
        assert await nodes.call(calls(3), block(90)) == echoed(3)


async def test_a_node_without_hashes_is_asked_by_number_and_its_block_compared() -> None:
    far, memory = FarNode(by_hash=False, returns=echo), ShortMemory()
    async with nodes_of(far, memory=memory) as nodes:
        assert await nodes.call(calls(3), block(90)) == echoed(3)
        assert not memory.known[fingerprint(far.url)].by_hash
        before = len(far.requests)
        assert await nodes.call(calls(3), block(90)) == echoed(3)
        assert len(far.requests) == before + 1
        far.fork = 1  # the chain was reorganised: its block 90 is another one
        assert isinstance(await nodes.call(calls(3), block(90)), Trouble)


@pytest.mark.parametrize("code", [-32603, -32601, -32602, -32000, -1])
async def test_whatever_a_node_calls_a_hash_that_it_does_not_take_it_is_asked_by_number(code: int) -> None:
    def refused(data: str, at: Any) -> Any:
        return {"code": code, "message": "internal"} if isinstance(at, dict) else echo(data)

    far, memory = FarNode(), ShortMemory()
    far.meddle = lambda node, asked: _answered(asked, refused, node)
    async with nodes_of(far, memory=memory, patience=1.0) as nodes:
        assert await nodes.call(calls(3), block(90)) == echoed(3)
    assert not memory.known[fingerprint(far.url)].by_hash


async def test_one_failure_in_words_says_nothing_of_hashes() -> None:
    failing = [True]

    def glitch(data: str, at: Any) -> Any:
        bad = failing.pop() if failing else False
        return {"code": -32603, "message": "internal error"} if bad else echo(data)

    far, memory = FarNode(), ShortMemory()
    far.meddle = lambda node, asked: _answered(asked, glitch, node)
    async with nodes_of(far, memory=memory) as nodes:
        assert await nodes.call(calls(3), block(90)) == echoed(3)
    assert fingerprint(far.url) not in memory.known or memory.known[fingerprint(far.url)].by_hash


def _answered(asked: list[Entry], told: Callable[[str, Any], Any], node: FarNode) -> web.Response | None:
    """What a node answers whose calls come to this; it has the blocks that it is asked for."""
    if all(entry["method"] != "eth_call" for entry in asked):
        return None
    answers = []
    for entry in asked:
        answer = node.answer(entry)
        if entry["method"] == "eth_call":
            found = told(entry["params"][0]["data"], entry["params"][1])
            answer = {"id": entry["id"], "error" if isinstance(found, dict) else "result": found}
        answers.append(answer)
    return web.json_response(answers if len(answers) > 1 else answers[0])


async def test_a_block_that_is_no_longer_part_of_the_chain_is_a_trouble() -> None:
    async with nodes_of(FarNode(fork=1, returns=echo), patience=1.0) as nodes:
        assert isinstance(await nodes.call(calls(3), block(90)), Trouble)


async def test_a_second_answer_to_one_request_makes_all_of_them_doubtful() -> None:
    def twice(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if asked[0]["method"] != "eth_call" or len(asked) == 1:
            return None
        return web.json_response([{"id": asked[0]["id"], "result": "0x"}, *(node.answer(one) for one in asked)])

    far = FarNode(returns=echo, meddle=twice)
    async with nodes_of(far) as nodes:
        assert await nodes.call(calls(3), block(90)) == echoed(3)
    assert len(far.requests) > 3


async def test_what_fails_as_a_whole_is_not_asked_for_the_rest() -> None:
    far = FarNode(most_in_batch=1, returns=echo)
    async with nodes_of(far, patience=1.0) as nodes:
        assert await nodes.call(calls(1), block(90)) == echoed(1)
        far.meddle = lambda node, asked: web.Response(status=503)
        far.requests.clear()
        assert isinstance(await nodes.call(calls(40), block(90)), Trouble)
    assert len(far.requests) < 8


async def test_what_was_thrown_away_is_not_asked_for_while_another_one_is_waited_for() -> None:
    pruned = FarNode(returns=lambda data: {"code": -32000, "message": "state not available"})
    async with nodes_of(pruned, FarNode(head=89), patience=3.0) as nodes:
        assert isinstance(await nodes.call(calls(1), block(90)), Trouble)
    assert pruned.asked.count("eth_call") == 1


async def test_an_error_that_nobody_knows_is_not_taken_for_a_revert() -> None:
    strange = FarNode(returns=lambda data: {"code": -32000, "message": "the moon is full"})
    async with nodes_of(strange, patience=1.0) as nodes:
        found = await nodes.call(calls(1), block(90))
    assert isinstance(found, Trouble)
    assert "the moon is full" in found.message


async def test_a_contract_that_burns_all_gas_it_gets_does_not_hang_a_node_that_grants_any() -> None:
    def burning(node: FarNode, asked: list[Entry]) -> web.Response | None:
        burners = [entry for entry in asked if entry["method"] == "eth_call" and entry["params"][0]["data"] == "0x00"]
        unbounded = any(int(entry["params"][0].get("gas", hex(2**63)), 16) > 50_000_000 for entry in burners)
        return web.Response(status=504) if unbounded else None

    def out_of_gas(data: str) -> Any:
        return {"code": -32000, "message": "out of gas"} if data == "0x00" else echo(data)

    far = FarNode(returns=out_of_gas, meddle=burning)
    async with nodes_of(far) as nodes:
        assert await nodes.call([*calls(3), Call(f"0x{9:040x}", "0x00")], block(90)) == [*echoed(3), None]


async def test_too_little_gas_for_a_small_call_is_the_nodes_fault_and_for_a_large_one_a_reason_to_ask_for_less() -> (
    None
):
    starved = {"code": -32000, "message": "intrinsic gas too low: have 20000, want 21000"}
    async with nodes_of(FarNode(returns=lambda data: starved), patience=1.0) as nodes:
        assert await nodes.call([Call(TOKEN, "0x" + "00" * 2_000)], block(90)) == [None]
        assert isinstance(await nodes.call(calls(1), block(90)), Trouble)
