"""What providers' words mean, and what endpoints are called."""

import pytest

from scanner.evm.faults import What, judged
from scanner.evm.names import named, redacted


@pytest.mark.parametrize(
    ("code", "words", "suggested"),
    [
        (-32005, "query returned more than 10000 results", None),
        (-32005, "query returned more than 10000 results. Try with this block range [0x10, 0x1f].", 16),
        (-32602, "Log response size exceeded. Use up to a 2K block range. This should work: [0x0, 0x1f]", 32),
        (-32600, "you can make eth_getLogs requests with up to a 10 block range", 10),
        (-32602, "up to a 10,000 block range", 10_000),
        (-32602, "requests with up to a 2K block range", 2_000),
        (-32000, "limited to 0 - 25 blocks", 25),
        (-32614, "eth_getLogs is limited to a 10,000 range", 10_000),
        (-32000, "exceed maximum block range: 5000", 5_000),
        (-32000, "requested range too large, max: 1000", 1_000),
        (35, "ranges over 10000 blocks are not supported on freetier", 10_000),
        (-32000, "block range is too wide", None),
        (-32005, "limit exceeded", None),
        (-32002, "request timed out", None),
        (None, "exceeds the range", None),
    ],
)
def test_words_about_the_size_of_a_query_for_logs(code: int | None, words: str, suggested: int | None) -> None:
    fault = judged("eth_getLogs", code, words)
    assert (fault.what, fault.suggested) == (What.RANGE, suggested)


@pytest.mark.parametrize(
    ("method", "code", "words", "what"),
    [
        ("eth_getLogs", -32005, "daily request count exceeded, request rate limited", What.LIMITED),
        ("eth_call", 429, "Your app has exceeded its compute units per second capacity", What.LIMITED),
        ("eth_call", -32005, "limit exceeded", What.LIMITED),
        ("eth_getLogs", -32000, "block range extends beyond current head block", What.BEHIND),
        ("eth_getLogs", -32000, "One of the blocks specified in filter cannot be found.", What.BEHIND),
        ("eth_call", -32000, "header not found", What.BEHIND),
        ("eth_call", -32000, "unknown block", What.BEHIND),
        ("eth_call", -32000, "hash abc is not currently canonical", What.BEHIND),
        ("eth_call", -32000, "missing trie node 81f2 (path ) state 0x12 is not available, not found", What.PRUNED),
        ("eth_call", -32000, "state not available", What.PRUNED),
        ("eth_getLogs", 4444, "pruned history unavailable", What.PRUNED),
        ("eth_call", 3, "execution reverted: missing trie node, rate limit", What.REVERTED),
        ("eth_call", -32000, "invalid opcode: INVALID", What.REVERTED),
        ("eth_call", -32000, "execution aborted (timeout = 5s)", What.UNAVAILABLE),
        ("eth_call", -32000, "intrinsic gas too low: have 2000000, want 2150000", What.STARVED),
        ("eth_call", 3, "execution reverted: intrinsic gas too low", What.REVERTED),
        ("eth_call", -32000, "the request took too long", What.REJECTED),
        ("eth_call", -32000, "the result is too long", What.RANGE),
        ("eth_call", -32600, "batch too large", What.BATCH),
        ("eth_call", -32600, "request entity too large", What.RANGE),
        ("eth_call", -32000, "response size exceeded 10MB", What.RANGE),
        ("eth_call", -32000, "call data exceeds the maximum length", What.RANGE),
        ("eth_getLogs", -32601, "the method eth_getLogs does not exist/is not available", What.UNSUPPORTED),
        ("eth_blockNumber", -32000, "Unauthorized: you must authenticate with an API key", What.REFUSED),
        ("eth_getLogs", -32000, "execution reverted", What.REJECTED),
        ("eth_call", -32000, "the moon is full", What.REJECTED),
    ],
)
def test_words_about_other_things(method: str, code: int, words: str, what: What) -> None:
    assert judged(method, code, words).what is what


def test_words_from_outside_are_dead_text() -> None:
    assert "<b>" not in judged("eth_call", 1, "<b>@everyone https://evil.example").said


def test_endpoints_are_called_by_their_hosts_and_counted_where_they_share_one() -> None:
    urls = ["https://eth.example/v3/key1", "https://rpc.example:8545", "wss://eth.example/ws/key1", "http://[::1]:8545"]
    assert named(urls) == ["eth.example (1)", "rpc.example:8545", "eth.example (2)", "::1:8545"]


def test_a_key_in_a_host_is_no_name() -> None:
    assert named(["https://1ae2f3b4c5d6e7f8a9b0c1d2.eth.example"]) == ["….eth.example"]


def test_every_part_of_a_url_that_may_be_a_key_is_taken_out_of_words() -> None:
    url = "https://somebody:s3cr3t-word@0a1b2c3d4e5f6a7b8c9d0e1f.eth.example/v3/pathkey1?token=querykey1&x=%41key12"
    words = f"{url} somebody s3cr3t-word 0a1b2c3d4e5f6a7b8c9d0e1f pathkey1 querykey1 Akey12 %41key12"
    told = redacted(words, url)
    for part in ("somebody", "s3cr3t", "0a1b2c", "pathkey", "querykey", "key12"):
        assert part not in told
    assert "eth.example" in told
