"""Whatever mixture of faults there is: what is read is the chain's truth, without gap or overlap, or it is said."""

import asyncio
import random
from typing import Any

import pytest
from aiohttp import web
from far_node import Entry, FarNode, log, nodes_of, places, read, wanted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEAD = 300
REFUSALS: list[Entry] = [
    {"code": -32005, "message": "query returned more than 10000 results"},
    {"code": -32602, "message": "up to a 10,000 block range"},
    {"code": -32000, "message": "limited to 0 - 25 blocks"},
    {"code": -32603, "message": "internal error"},
]
WAYS = (
    "503",
    "429",
    "cut",
    "html",
    "wrong id",
    "missing",
    "swapped",
    "one error",
    "removed",
    "shifted",
    "null",
    "drop",
)


def history(rng: random.Random) -> list[Entry]:
    found = []
    for number in range(HEAD + 1):
        count = rng.choice((0, 0, 0, 0, 1, 2, 6))
        found += [log(number, index, rng.choice((1, 2, 3))) for index in range(count)]
    return found


def meddling(rng: random.Random, share: float, ways: list[str]) -> Any:
    def meddle(node: FarNode, asked: list[Entry]) -> web.StreamResponse | None:
        if not ways or rng.random() >= share:
            return None
        return spoiled(rng.choice(ways), [node.answer(entry) for entry in asked], rng)

    return meddle


def spoiled(way: str, answers: list[Entry], rng: random.Random) -> web.StreamResponse:  # noqa: C901 - one row each
    body: Any = answers if len(answers) > 1 else answers[0]
    some = rng.choice(answers)
    result = some.get("result")
    if way in ("503", "429"):
        return web.Response(status=int(way))
    if way == "html":
        return web.Response(text="<html>")
    if way == "drop":
        raise ConnectionResetError
    if way == "one error":
        return web.json_response({"id": None, "error": {"code": -32000, "message": "try again"}})
    if way == "wrong id":
        some["id"] += 1000
    if way == "missing":
        return web.json_response(answers[1:])
    if way == "swapped" and len(answers) > 1:
        answers[0]["id"], answers[-1]["id"] = answers[-1]["id"], answers[0]["id"]
    if way == "null":
        some["result"] = None
    if way == "removed" and isinstance(result, list) and result:
        result[0] = {**result[0], "removed": True}
    if way == "shifted" and isinstance(result, list) and result:
        result[0] = {**result[0], "blockNumber": hex(HEAD + 9)}
    response = web.json_response(body)
    if way == "cut":
        text = response.text or ""
        return web.Response(text=text[: rng.randrange(len(text))], content_type="application/json")
    return response


def node(rng: random.Random, logs: list[Entry], draw: Any) -> FarNode:
    head = draw(st.sampled_from((HEAD, HEAD, HEAD - 1, HEAD - 40)))
    return FarNode(
        head=head,
        told=draw(st.sampled_from((head, HEAD))),
        logs=logs,
        most_blocks=draw(st.sampled_from((None, 1, 7, 25, 100))),
        most_logs=draw(st.sampled_from((None, 6, 20))),
        refusal=draw(st.sampled_from(REFUSALS)),
        most_in_batch=draw(st.sampled_from((None, 1, 2))),
        meddle=meddling(rng, draw(st.sampled_from((0.0, 0.05, 0.3, 1.0))), draw(st.lists(st.sampled_from(WAYS)))),
    )


async def reading(draw: Any) -> bool:
    rng = random.Random(draw(st.integers(0, 2**32)))
    logs = history(rng)
    first, last = sorted((draw(st.integers(0, HEAD)), draw(st.integers(0, HEAD))))
    topics = draw(st.sampled_from(((1,), (1, 2), (3,))))
    filters = [wanted(*topics), wanted(2)]
    chains = [node(rng, logs, draw) for _ in range(draw(st.integers(1, 2)))]
    async with nodes_of(*chains) as nodes:
        stretches, found, trouble = await read(nodes, first, last, *filters)
    upto = stretches[-1].last if stretches else first - 1
    names = {f"0x{topic:064x}" for topic in (*topics, 2)}
    truth = [one for one in logs if one["topics"][0] in names and first <= int(one["blockNumber"], 16) <= upto]
    assert places(found) == [(int(one["blockNumber"], 16), int(one["logIndex"], 16)) for one in truth]
    assert [one.transaction_hash for one in found] == [one["transactionHash"] for one in truth]
    assert (upto == last) == (trouble is None)
    return trouble is None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_read_is_the_chains_truth_or_ends_in_a_trouble(data: st.DataObject) -> None:
    asyncio.run(reading(data.draw))


@pytest.mark.soak
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_truth_holds_for_very_many_mixtures(data: st.DataObject) -> None:
    asyncio.run(reading(data.draw))


async def test_a_tenth_of_all_requests_failing_in_every_way_loses_nothing() -> None:
    rng = random.Random(7)
    logs = history(rng)
    far = FarNode(head=HEAD, logs=logs, most_blocks=25, meddle=meddling(rng, 0.1, list(WAYS)))
    async with nodes_of(far) as nodes:
        _, found, trouble = await read(nodes, 0, HEAD, wanted(1, 2, 3))
    assert trouble is None
    assert len(found) == len(logs)
