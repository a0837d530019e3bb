"""What anybody can claim in logs costs a question once, and not at each reading; what may be true is asked at once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from chain_reader import chain_reader, of, one
from far_node import Entry, FarNode, serving, word
from far_node import log as some_log

from scanner.domain.approvals import End, Snapshot
from scanner.domain.nominations import PERMIT2
from scanner.evm.abi import word as bare
from scanner.evm.keccak import selector
from scanner.evm.topics import APPROVAL, PERMIT2_APPROVAL, TRANSFER
from scanner.sources.evm import EvmSource
from scanner.store.engine import Store

OWNER, SPENDER, TOKEN = (f"0x{number:040x}" for number in (0xA, 0xB, 7))
ALLOWANCE, PERMITTED = selector("allowance(address,address)"), selector("allowance(address,address,address)")
SPOOFS = 300


def said(block: int, token: str, *topics: str, data: str = word(5)) -> Entry:
    words = [topic if len(topic) == 66 else word(int(topic, 16)) for topic in topics]
    return {**some_log(block, 0, 1), "address": token, "topics": words, "data": data, "logIndex": hex(int(token, 16))}


@dataclass
class Chain:
    """A chain on which contracts allow to spenders what `allowed` says, and deny the rest in their way."""

    allowed: dict[tuple[str, str], int] = field(default_factory=dict)
    permitted: int = 0
    denial: object = word(0)
    at: datetime = datetime(2026, 11, 20, tzinfo=UTC)

    def __post_init__(self) -> None:
        flood = [said(40, f"0x{0x1000 + number:040x}", APPROVAL, OWNER, SPENDER) for number in range(SPOOFS)]
        self.node = FarNode(head=100, logs=flood)
        self.node.meddle = self._note
        self.node.returns = lambda data: "0x"
        self.asked: list[tuple[str, str]] = []

    def _note(self, node: FarNode, entries: list[Entry]) -> None:
        """Answer by the contract that is asked, which the node itself does not look at."""
        calls = [entry["params"][0] for entry in entries if entry["method"] == "eth_call"]
        told = {call["data"] + call["to"]: self._told(call["to"], call["data"]) for call in calls}
        places = iter([told[call["data"] + call["to"]] for call in calls])
        node.returns = lambda data: next(places)

    def _told(self, to: str, data: str) -> object:
        if data.startswith(PERMITTED):
            return word(self.permitted) + bare(2**48 - 1) + bare(0)
        if not data.startswith(ALLOWANCE):
            return "0x"
        asked = to, f"0x{data[-40:]}"
        self.asked.append(asked)
        return word(self.allowed[asked]) if asked in self.allowed else self.denial

    async def read(self, source: EvmSource, blocks: int = 10) -> Snapshot:
        """A reading some blocks later; `asked` are the allowances that it asks for."""
        self.node.head += blocks
        self.asked.clear()
        snapshot = await one(source, OWNER)
        assert snapshot.end is End.COMPLETE
        return snapshot


@pytest.mark.parametrize("denial", [word(0), "0x", {"code": 3, "message": "execution reverted: out of gas"}])
async def test_what_the_state_denied_is_asked_again_when_a_log_speaks_of_it_and_else_within_a_day(
    store: Store, denial: object
) -> None:
    chain = Chain(denial=denial)
    first = f"0x{0x1000:040x}"
    async with serving(chain.node), chain_reader(store, chain.node.url, now=lambda: chain.at) as source:
        assert (await chain.read(source)).approvals == {}
        assert len(chain.asked) == SPOOFS
        assert (await chain.read(source)).approvals == {}
        assert chain.asked == []

        chain.allowed[first, SPENDER] = 5
        chain.node.logs.append(said(125, first, APPROVAL, OWNER, SPENDER))  # the same amount as the spoof before
        assert len(of(await chain.read(source), first)) == 1
        assert chain.asked == [(first, SPENDER)]

        quiet = f"0x{0x1001:040x}"
        chain.allowed[quiet, SPENDER] = 5  # without a word
        assert len((await chain.read(source)).approvals) == 1
        chain.at += timedelta(days=1)
        assert len((await chain.read(source)).approvals) == 2
        assert len(chain.asked) == SPOOFS


async def test_what_is_allowed_to_permit2_without_an_event_is_asked_when_a_token_comes(store: Store) -> None:
    chain = Chain({(TOKEN, PERMIT2): 9})
    async with serving(chain.node), chain_reader(store, chain.node.url, now=lambda: chain.at) as source:
        await chain.read(source)
        chain.node.logs.append(said(115, TOKEN, TRANSFER, SPENDER, OWNER))
        assert len(of(await chain.read(source), TOKEN)) == 1
        assert chain.asked == [(TOKEN, PERMIT2)]


async def test_what_permit2_allows_is_asked_when_the_token_comes_to_allow_it(store: Store) -> None:
    chain = Chain(permitted=5)
    chain.node.logs.append(said(50, PERMIT2, PERMIT2_APPROVAL, OWNER, TOKEN, SPENDER))
    async with serving(chain.node), chain_reader(store, chain.node.url, now=lambda: chain.at) as source:
        assert (await chain.read(source)).approvals == {}
        chain.allowed[TOKEN, PERMIT2] = 9
        chain.node.logs.append(said(115, TOKEN, APPROVAL, OWNER, PERMIT2))
        found = of(await chain.read(source), TOKEN)
    assert sorted((each.kind.value, each.allowance.raw) for each in found) == [("erc20", 9), ("permit2", 5)]
