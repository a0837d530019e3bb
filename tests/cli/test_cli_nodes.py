"""What `doctor` says of the nodes of chains that are read themselves."""

from pathlib import Path

from aiohttp import web
from far_node import Entry, FarNode, serving
from world import World

from scanner.cli.doctor import Health, Sign
from scanner.cli.node_health import nodes_of
from scanner.config import load


def without_logs(node: FarNode, asked: list[Entry]) -> web.Response | None:
    refused = [{"code": -32601, "message": "the method eth_getLogs is not available"}]
    if asked[0]["method"] != "eth_getLogs":
        return None
    return web.json_response([{"jsonrpc": "2.0", "id": one["id"], "error": refused[0]} for one in asked])


async def signs(folder: Path, *urls: str) -> list[Sign]:
    (folder / "config.yaml").write_text(f"source: {{evm: {{ethereum: {{rpc: {list(urls)}}}}}}}")
    return [sign async for sign in nodes_of(load(folder / "config.yaml", {}))]


async def test_a_node_that_is_well_tells_its_newest_block_and_its_age(tmp_path: Path, world: World) -> None:
    height = world.arrive()
    by_http, by_socket = await signs(tmp_path, world.node.url, world.node.websocket)
    name = world.node.url.removeprefix("http://")
    assert (by_http.part, by_http.health) == (f"node {name} (1) of ethereum", Health.GOOD)
    assert by_http.said.startswith(f"block {height}, ")
    assert by_http.said.endswith("; state and logs can be read")
    assert (by_socket.health, by_socket.said) == (Health.GOOD, "it announces new blocks")


async def test_a_chain_without_multicall_is_said_to_be_read_one_call_at_a_time(tmp_path: Path, world: World) -> None:
    world.node.ask("anvil_setCode", "0xca11bde05977b3631167028862be2a173976ca11", "0x")
    world.arrive()
    [sign] = await signs(tmp_path, world.node.url)
    assert (sign.health, "there is no Multicall3" in sign.said) == (Health.GOOD, True)


async def test_each_node_that_is_not_well_is_named_with_what_to_do(tmp_path: Path) -> None:
    stuck, slow, other, deaf = FarNode(), FarNode(head=80), FarNode(chain_id=5), FarNode(meddle=without_logs)
    async with serving(stuck, slow, other, deaf):
        found = await signs(tmp_path, stuck.url, slow.url, other.url, deaf.url, deaf.url.replace("http", "ws"))
    assert [sign.health for sign in found] == [Health.WORRYING, Health.WORRYING, *[Health.BROKEN] * 2, Health.GOOD]
    for sign, words in zip(
        found,
        (
            "does it still follow the chain?",
            "it is 20 blocks behind",
            "serves the chain 5, not Ethereum",
            "eth_getLogs is not available",
            "announces",
        ),
        strict=True,
    ):
        assert words in sign.said
    assert "source.evm.ethereum.rpc" in found[2].hint


async def test_a_node_whose_url_is_a_secret_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("source: {evm: {ethereum: {rpc: [{env: NOT_THERE}]}}}")
    [sign] = [sign async for sign in nodes_of(load(tmp_path / "config.yaml", {}))]
    assert (sign.part, sign.health) == ("node", Health.BROKEN)
    assert "NOT_THERE is not set" in sign.said
