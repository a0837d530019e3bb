"""A real node on loopback for the tests of the chain: anvil, from the npm packages that package.json names.

It starts in some 60 ms, mines nothing by itself, takes transactions of anybody without a signature, and costs no gas.
"""

import http.client
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any
from urllib.parse import urlsplit

__all__ = ["BINARY", "PACKAGES", "Node", "RpcError", "Sent", "missing", "running"]

PACKAGES = Path(__file__).with_name("node_modules")
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
BINARY = PACKAGES / f"@foundry-rs/anvil-{sys.platform}-{MACHINES.get(platform.machine(), '')}" / "bin" / "anvil"

ACCOUNTS = 20
"""How many addresses the node has keys of, from its well-known mnemonic."""

FLAGS = (
    *("--no-mining", "--order", "fifo", "--auto-impersonate"),
    *("--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-block-gas-limit"),
    *("--accounts", str(ACCOUNTS), "--preserve-historical-states"),
)
GAS = hex(30_000_000)
CHUNK = 250
"""Requests in one batch."""


def missing() -> str | None:
    """Why there is no node here, in words; None where there is one."""
    wanted = json.loads(PACKAGES.with_name("package.json").read_text())["devDependencies"]
    there = BINARY.is_file() and all((PACKAGES / name / "package.json").is_file() for name in wanted)
    return None if there else "no node of a chain: `npm install` in tests/chain fetches it, as `make test` does"


class RpcError(Exception):
    """The node refused a request; `data` is what a reverted call gave back, where it was one."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.data = error.get("data")


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction to be sent: to nobody where it deploys a contract."""

    sender: str
    to: str | None
    data: str = "0x"
    value: int = 0


@dataclass(slots=True)
class Node:
    """JSON-RPC over one kept connection, as plain as can be: it shares nothing with the client under test."""

    url: str
    nonces: dict[str, int] = field(default_factory=dict)
    link: http.client.HTTPConnection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    @property
    def websocket(self) -> str:
        """The same node's address for subscriptions."""
        return self.url.replace("http://", "ws://")

    def answers(self, requests: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """What the node says to many requests, in their order: a result, or an `RpcError` in its place."""
        bodies = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(requests)
        ]
        found: dict[int, Any] = {}
        for start in range(0, len(bodies), CHUNK):
            for answer in self._post(bodies[start : start + CHUNK]):
                found[answer["id"]] = RpcError(answer["error"]) if "error" in answer else answer["result"]
        return [found[number] for number in range(len(bodies))]

    def ask(self, method: str, *params: Any) -> Any:
        """What the node says to one request; raises `RpcError` where it refuses."""
        [answer] = self.answers([(method, params)])
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def call(self, to: str, data: str, block: int | str = "latest") -> str | None:
        """What a contract gives back, as hex with 0x; None where it reverts."""
        return self.calls([(to, data)], block)[0]

    def calls(self, calls: Iterable[tuple[str, str]], block: int | str = "latest") -> list[str | None]:
        """What contracts give back at one block, as hex with 0x; None where one reverts."""
        at = hex(block) if isinstance(block, int) else block
        answers = self.answers([("eth_call", ({"to": to, "data": data, "gas": GAS}, at)) for to, data in calls])
        return [None if isinstance(answer, RpcError) else answer for answer in answers]

    def mine(self, sent: Iterable[Sent] = (), *, at: int | None = None, failing: bool = False) -> list[dict[str, Any]]:
        """One block with these transactions in their order; returns their receipts.

        `at` is the block's time in seconds; otherwise as much has passed since the block before as really has.
        Every transaction must succeed, unless `failing` ones are meant to be there.
        """
        waiting = list(sent)
        hashes = [self.ask("eth_sendTransaction", self._written(one)) for one in waiting]  # a batch has no order
        if at is not None:
            self.ask("evm_setNextBlockTimestamp", at)
        self.ask("evm_mine")
        receipts: list[dict[str, Any]] = self.ask("eth_getBlockReceipts", "latest")
        assert [receipt["transactionHash"] for receipt in receipts] == hashes, "not all were taken, or not in order"
        for one, receipt in zip(waiting, receipts, strict=True):
            if receipt["status"] != "0x1" and not failing:
                raise AssertionError(f"a transaction of the world did not succeed: {one}: {receipt}")
        return receipts

    def deploy(self, sender: str, *codes: str) -> list[str]:
        """The addresses at which these init codes (hex with 0x, arguments included) now stand, in one block."""
        receipts = self.mine(Sent(sender, None, code) for code in codes)
        return [str(receipt["contractAddress"]).lower() for receipt in receipts]

    @property
    def head(self) -> int:
        """The newest block's number."""
        return int(self.ask("eth_blockNumber"), 16)

    def time(self, block: int | str = "latest") -> int:
        """A block's time in seconds."""
        at = hex(block) if isinstance(block, int) else block
        return int(self.ask("eth_getBlockByNumber", at, False)["timestamp"], 16)

    @property
    def accounts(self) -> list[str]:
        """The addresses that the node can sign for, lower case."""
        return [str(address).lower() for address in self.ask("eth_accounts")]

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens to the chain inside is taken back at the end."""
        before, nonces = self.ask("evm_snapshot"), dict(self.nonces)
        try:
            yield
        finally:
            assert self.ask("evm_revert", before) is True
            self.nonces = nonces

    def _written(self, sent: Sent) -> dict[str, str]:
        if sent.sender not in self.nonces:
            self.nonces[sent.sender] = int(self.ask("eth_getTransactionCount", sent.sender, "latest"), 16)
        nonce = self.nonces[sent.sender]
        self.nonces[sent.sender] += 1
        where = {} if sent.to is None else {"to": sent.to}
        written = {"from": sent.sender, "data": sent.data, "value": hex(sent.value), "nonce": hex(nonce)}
        return written | where | {"gas": GAS, "gasPrice": "0x0"}

    def _post(self, body: object) -> Any:
        self.link.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(self.link.getresponse().read())


@contextmanager
def running(*, chain_id: int = 1, timestamp: int | None = None, more: Sequence[str] = ()) -> Iterator[Node]:
    """A fresh node on a free port. Its first block's time is two days ago, so that a world can have a past."""
    began = int(time.time()) - 172_800 if timestamp is None else timestamp
    flags = [*FLAGS, "--port", "0", "--chain-id", str(chain_id), "--timestamp", str(began), *more]
    # Of old blocks it keeps the states on disk, gigabytes of a crowd, and leaves them there when it is killed.
    with TemporaryDirectory(ignore_cleanup_errors=True) as states:
        flags += ["--cache-path", states]
        # It tells so much later on that a pipe would fill, and nobody reads it.
        with TemporaryFile() as told, subprocess.Popen([BINARY, *flags], stdout=told, stderr=told) as process:
            try:
                with closing((node := Node(_url(process, told.fileno()))).link):
                    yield node
            finally:
                process.kill()


def _url(process: subprocess.Popen[bytes], told: int) -> str:
    """Where it listens, as it says itself."""
    while process.poll() is None:
        if found := re.search(rb"Listening on (\S+)\n", os.pread(told, 65_536, 0)):
            return f"http://{found[1].decode()}"
        time.sleep(0.005)
    raise RuntimeError(f"the node did not start:\n{os.pread(told, 65_536, 0).decode()}")
