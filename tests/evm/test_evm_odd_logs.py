"""Logs as some nodes write them: in upper case, numbered anew for each transaction, cut off without a word."""

from typing import Any

import pytest
from aiohttp import web
from far_node import Entry, FarNode, log, nodes_of, places, read, word

MANY = [log(100 + number // 40, number % 40, 1) for number in range(2_500)]


def shouted(entry: Entry) -> Entry:
    def upper(value: Any) -> Any:
        if isinstance(value, list):
            return [upper(each) for each in value]
        return "0x" + value[2:].upper() if isinstance(value, str) else value

    return {name: upper(value) for name, value in entry.items()}


@pytest.mark.parametrize("name", ["address", "topics", "data", "blockHash", "transactionHash"])
async def test_hex_in_upper_case_is_the_same_hex(name: str) -> None:
    quiet = log(7, 0, 1) | {
        "address": "0x" + "ab" * 20,
        "topics": [word(1), "0x" + "cd" * 32],
        "data": "0x" + "ef" * 32,
    }
    far = FarNode(logs=[quiet | {name: shouted(quiet)[name]}])
    async with nodes_of(far) as nodes:
        _, logs, trouble = await read(nodes, 0, 100)
    assert trouble is None
    [found] = logs
    assert (found.address, list(found.topics), found.data) == (quiet["address"], quiet["topics"], quiet["data"])
    assert (found.block_hash, found.transaction_hash) == (quiet["blockHash"], quiet["transactionHash"])


async def test_logs_that_are_numbered_anew_in_each_transaction_are_all_there() -> None:
    told = [log(7, number, 1) | {"logIndex": "0x0"} for number in range(3)]
    async with nodes_of(FarNode(logs=[*told, log(8, 0, 1), *told])) as nodes:
        _, logs, trouble = await read(nodes, 0, 100)
    assert trouble is None
    assert [one.transaction_hash for one in logs] == [*(one["transactionHash"] for one in told), word(8000)]


@pytest.mark.parametrize("most", [1_000, 2_000])
async def test_a_round_number_of_logs_may_not_be_all_of_them(most: int) -> None:
    def cut(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if asked[0]["method"] != "eth_getLogs":
            return None
        answers = [node.answer(entry) for entry in asked]
        for answer in answers:
            if isinstance(answer["result"], list):
                answer["result"] = answer["result"][:most]
        return web.json_response(answers if len(answers) > 1 else answers[0])

    far = FarNode(head=400, logs=MANY, meddle=cut)
    async with nodes_of(far) as nodes:
        _, logs, trouble = await read(nodes, 0, 400)
    assert trouble is None
    assert places(logs) == places_of(MANY)


async def test_a_round_number_of_logs_of_one_block_is_believed() -> None:
    whole = [log(7, number, 1) for number in range(1_000)]
    async with nodes_of(FarNode(logs=whole)) as nodes:
        _, logs, trouble = await read(nodes, 0, 100)
    assert trouble is None
    assert len(logs) == 1_000


async def test_who_takes_no_batches_and_lags_behind_its_own_head_hides_nothing() -> None:
    """One URL, several nodes: each request meets another one, and the one that is asked for logs lags."""
    near = [log(number, 0, 1) for number in range(20, 121, 5)]
    lag = [15]

    def balanced(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if len(asked) > 1:
            return web.json_response({"id": None, "error": {"code": -32600, "message": "no batches"}})
        if asked[0]["method"] != "eth_getLogs":
            return None
        head, node.head = node.head, node.head - lag[0]
        answer = node.answer(asked[0])
        node.head = head
        return web.json_response(answer)

    far = FarNode(head=120, logs=near, meddle=balanced)
    async with nodes_of(far) as nodes:
        stretches, logs, trouble = await read(nodes, 0, 120)
        assert (stretches[-1].last, places(logs)) == (105, [(number, 0) for number in range(20, 106, 5)])
        assert trouble is not None
        assert "unknown block" in trouble.message
        lag[0] = 0
        _, logs, trouble = await read(nodes, 106, 120)
    assert trouble is None
    assert places(logs) == [(110, 0), (115, 0), (120, 0)]


@pytest.mark.parametrize("told", [1_790_000_000, -1, 2**70, 0.5, "0xzz", "yesterday", None, True, {"at": 5}])
async def test_a_time_in_any_form_makes_no_log_unreadable(told: Any) -> None:
    async with nodes_of(FarNode(logs=[log(7, 0, 1) | {"blockTimestamp": told}])) as nodes:
        _, logs, trouble = await read(nodes, 0, 100)
    assert trouble is None
    assert places(logs) == [(7, 0)]


async def test_one_block_is_read_whole_where_a_batch_is_handed_on_in_parts() -> None:
    """One URL, several nodes: each part of a batch meets another one, and the one that is asked for logs lags."""
    lag = [1]

    def balanced(node: FarNode, asked: list[Entry]) -> web.Response:
        answers = []
        for entry in asked:
            head = node.head
            node.head -= lag[0] if entry["method"] == "eth_getLogs" else 0
            answers.append(node.answer(entry))
            node.head = head
            if "blockHash" in str(entry) and lag[0]:
                answers[-1] = {"id": entry["id"], "error": {"code": -32000, "message": "unknown block"}}
        return web.json_response(answers if len(answers) > 1 else answers[0])

    far = FarNode(head=120, logs=[log(120, 0, 1)], meddle=balanced)
    async with nodes_of(far) as nodes:
        await nodes.head()
        _, logs, trouble = await read(nodes, 120, 120)
        assert (logs, trouble is None) == ([], False)
        lag[0] = 0
        _, logs, trouble = await read(nodes, 120, 120)
    assert (places(logs), trouble) == ([(120, 0)], None)


@pytest.mark.parametrize("code", [-32602, -32601, -32000])
async def test_a_node_that_takes_no_hash_for_logs_is_asked_by_number(code: int) -> None:
    def older(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if not any("blockHash" in str(entry) for entry in asked):
            return None
        told = [{"id": entry["id"], "error": {"code": code, "message": "invalid params"}} for entry in asked]
        return web.json_response(told if len(told) > 1 else told[0])

    far = FarNode(head=120, logs=[log(120, 0, 1)], meddle=older)
    async with nodes_of(far, patience=1.0) as nodes:
        await nodes.head()
        _, logs, trouble = await read(nodes, 120, 120)
    assert (places(logs), trouble) == ([(120, 0)], None)


def places_of(entries: list[Entry]) -> list[tuple[int, int]]:
    return [(int(one["blockNumber"], 16), int(one["logIndex"], 16)) for one in entries]
