"""Chains that are read themselves: their settings, and what they make needless."""

from datetime import timedelta
from pathlib import Path

import pytest

from scanner.config import Config, load
from scanner.errors import ConfigError

OWNER = "0x1111111111111111111111111111111111111111"
NODE = "https://node.example"


def loaded(folder: Path, source: str, *chains: str, environ: dict[str, str] | None = None) -> Config:
    wallets = f"wallets: [{{address: '{OWNER}', chains: [{', '.join(chains)}]}}]" if chains else ""
    (folder / "config.yaml").write_text(f"source: {source}\n{wallets}\n")
    return load(folder / "config.yaml", environ or {})


@pytest.mark.parametrize(
    ("source", "chains", "needed"),
    [
        (f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}}}", ("ethereum",), False),
        (f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}}}", ("ethereum", "base"), True),
        (f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}, prefer: [okx, evm]}}", ("ethereum",), True),
        (f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}, prefer: [evm]}}", ("ethereum", "base"), False),
        (f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}}}", (), False),
        ("{}", ("ethereum",), True),
        ("{}", (), True),
    ],
)  # fmt: skip # - a row each
def test_the_apis_credentials_are_needed_only_where_it_has_to_tell_of_something(
    tmp_path: Path, source: str, chains: tuple[str, ...], needed: bool
) -> None:
    config = loaded(tmp_path, source, *chains)
    assert config.needs_okx is needed
    assert bool(config.missing_secrets()) is needed


def test_who_has_no_account_is_told_once_how_to_do_without(tmp_path: Path) -> None:
    hints = [problem.hint for problem in loaded(tmp_path, "{}", "ethereum").missing_secrets()]
    assert [("source.evm names a node" in hint, hint.startswith("set it: export OKX_")) for hint in hints] == [
        (True, True),
        *[(False, True)] * 3,
    ]


def test_nodes_that_nobody_prefers_are_not_there(tmp_path: Path) -> None:
    config = loaded(tmp_path, f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}, prefer: [okx]}}", "ethereum")
    assert config.nodes == {}


def test_what_is_not_said_of_a_chain_has_its_default(tmp_path: Path) -> None:
    nodes = loaded(tmp_path, f"{{evm: {{eth: {{rpc: ['{NODE}']}}}}}}").nodes["1"]
    assert (nodes.confirmations, nodes.await_final, nodes.from_block) == (12, False, 0)
    assert nodes.poll == timedelta(seconds=1)
    assert nodes.read_urls() == [NODE]


def test_a_nodes_secret_is_told_with_the_setting_that_asks_for_it(tmp_path: Path) -> None:
    config = loaded(tmp_path, f"{{evm: {{eth: {{rpc: ['{NODE}', {{env: MY_NODE}}]}}}}}}", "ethereum")
    [problem] = config.missing_secrets()
    assert (problem.code, f"{problem.place.line}:{problem.place.column}") == ("missing-secret", "1:52")
    assert problem.message.startswith("source.evm.eth.rpc[1]: the environment variable MY_NODE is not set")


def test_a_secret_that_is_no_nodes_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for text in ("http://node.example/secret-key-123456", "secret-key-123456", "ftp://h/secret-key-123456"):
        config = loaded(tmp_path, "{evm: {eth: {rpc: [{env: MY_NODE}]}}}", "ethereum", environ={"MY_NODE": text})
        [problem] = config.missing_secrets()
        assert problem.code == "bad-url"
        assert "secret-key" not in str(problem)
        with pytest.raises(ConfigError):
            config.nodes["1"].read_urls()


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:8545", "http://localhost:8545", "ws://[::1]:8546", "http://10.0.0.7:8545/", "http://geth:8545"),
        *("ws://erigon.lan:8546", "https://node.example/rpc", "wss://node.example"),
    ],
)  # fmt: skip # - as many to a line as fit
def test_a_node_next_door_needs_no_encryption(tmp_path: Path, url: str) -> None:
    rpc = f"['{url}', 'https://another.example']"
    config = loaded(tmp_path, f"{{evm: {{eth: {{rpc: {rpc}}}}}}}")
    assert config.nodes["1"].read_urls() == [url, "https://another.example"]


@pytest.mark.parametrize(
    ("rpc", "code", "place", "said"),
    [
        ("['wss://node.example']", "missing-key", "1:28", "rpc[0]: a WebSocket tells new blocks alone"),
        ("['wss://node.example', {env: WS}]", "missing-key", "1:28", "rpc[0]: a WebSocket tells new blocks alone"),
        ("['https://node.example/k', 'https://NODE.example/k/']", "conflict", "1:54", "rpc[1]: the same node as"),
        ("[{env: KEYED}, 'wss://node.example', {env: KEYED}]", "conflict", "1:64", "rpc[2]: the same node as"),
    ],
)
def test_nodes_that_are_no_use_together_are_a_problem_with_its_place(
    tmp_path: Path, rpc: str, code: str, place: str, said: str
) -> None:
    environ = {"WS": "wss://other.example", "KEYED": "https://node.example/secret-key-123456"}
    config = loaded(tmp_path, f"{{evm: {{eth: {{rpc: {rpc}}}}}}}", "ethereum", environ=environ)
    [problem] = config.missing_secrets()
    assert (problem.code, f"{problem.place.line}:{problem.place.column}") == (code, place)
    assert problem.message.startswith(f"source.evm.eth.{said}")
    assert "secret-key" not in str(problem)


def test_a_node_and_its_websocket_are_two(tmp_path: Path) -> None:
    rpc = "['https://node.example/k', 'wss://node.example/k', 'https://node.example/K']"
    assert loaded(tmp_path, f"{{evm: {{eth: {{rpc: {rpc}}}}}}}", "ethereum").missing_secrets() == []
