"""What reads approvals and balances, made of a configuration: chains through their nodes, and the API."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from scanner.clock import MACHINE, Clock
from scanner.config import Config, OkxConfig
from scanner.context import Balances
from scanner.context.evm_balances import EvmBalances
from scanner.context.okx_balances import OkxBalances
from scanner.domain.chains import by_index
from scanner.domain.cost import Cost
from scanner.errors import ConfigError
from scanner.evm.failover import Manner
from scanner.evm.index import Index
from scanner.evm.learned import Memory
from scanner.evm.names import named
from scanner.evm.nodes import Nodes
from scanner.okx.client import OkxClient, OkxSettings
from scanner.okx.pacing import Ledger
from scanner.okx.signing import Credentials
from scanner.sources import Source
from scanner.sources.evm import EvmSource, Terms
from scanner.sources.evm_witness import Witness
from scanner.sources.okx import OkxSource
from scanner.store.budgets import StoredLedger
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store
from scanner.store.nodes import StoredMemory

__all__ = [
    "Single",
    "Sources",
    "evm_balances",
    "evm_source",
    "okx_balances",
    "okx_client",
    "okx_source",
    "open_nodes",
    "open_sources",
    "single_nodes",
]


@dataclass(frozen=True, slots=True)
class Sources:
    """What reads `approvals`, the preferred one first, and `balances`, who knows amounts best last.

    `chains` is the one among the first that reads chains themselves, `api` the one that asks the API, `witness` who can
    be asked about single approvals, where they are there.
    """

    approvals: Sequence[Source]
    balances: Sequence[Balances]
    chains: EvmSource | None = None
    api: OkxSource | None = None
    witness: Witness | None = None


@asynccontextmanager
async def open_sources(
    config: Config, store: Store, *, clock: Clock = MACHINE, patience: timedelta | None = None
) -> AsyncGenerator[Sources, None]:
    """What reads approvals, in the configured order, and balances.

    The API is there where a target needs it, and where its credentials are at hand: prices are its alone. `patience`
    is how long a reading waits for a chain's past, None for as long as it takes. Raises ConfigError.
    """
    readers: dict[str, Source] = {}
    balances: list[Balances] = []
    chains: EvmSource | None = None
    api: OkxSource | None = None
    witness: Witness | None = None
    async with AsyncExitStack() as stack:
        okx = config.source.okx
        if config.needs_okx or not okx.missing_secrets():
            client = await stack.enter_async_context(okx_client(okx, StoredLedger(store), clock))
            readers["okx"] = api = okx_source(okx, client)
            balances.append(okx_balances(okx, client))
        if config.nodes:
            cost, index = Cost(), StoredIndex(store)
            nodes = await stack.enter_async_context(open_nodes(config, StoredMemory(store), cost=cost, clock=clock))
            readers["evm"] = chains = evm_source(config, nodes, index, cost=cost, clock=clock, patience=patience)
            stack.push_async_callback(chains.close)
            witness = Witness(nodes, index)
            balances.append(evm_balances(config, nodes, index, cost=cost, clock=clock))
        approvals = [readers[name] for name in config.source.prefer if name in readers]
        yield Sources(approvals, () if config.balances.every is None else balances, chains, api, witness)


def evm_source(
    config: Config,
    nodes: Mapping[str, Nodes],
    index: Index,
    *,
    cost: Cost,
    clock: Clock = MACHINE,
    patience: timedelta | None = None,
) -> EvmSource:
    """The chains whose nodes are configured as a source, which the caller closes."""
    terms = {
        chain: Terms(each.confirmations, each.await_final, each.from_block) for chain, each in config.nodes.items()
    }
    seconds = None if patience is None else patience.total_seconds()
    return EvmSource(nodes, index, cost=cost, now=clock.now, terms=terms, patience=seconds)


def evm_balances(
    config: Config, nodes: Mapping[str, Nodes], index: Index, *, cost: Cost, clock: Clock = MACHINE
) -> EvmBalances:
    """What the state of these chains tells of balances, as final as approvals are read there."""
    behind = {chain: each.confirmations for chain, each in config.nodes.items() if each.await_final}
    return EvmBalances(nodes, index, behind=behind, cost=cost, now=clock.now)


@asynccontextmanager
async def open_nodes(
    config: Config, memory: Memory, *, cost: Cost | None = None, clock: Clock = MACHINE
) -> AsyncGenerator[dict[str, Nodes], None]:
    """The configured nodes, by chainIndex. Raises ConfigError where a URL cannot be read."""
    urls = _node_urls(config)
    async with aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield {
            chain: Nodes(
                session,
                by_index(chain),
                urls[chain],
                memory=memory,
                manner=Manner(poll=each.poll.total_seconds()),
                cost=cost,
                now=clock.seconds,
                sleep=clock.sleep,
            )
            for chain, each in config.nodes.items()
        }


@dataclass(frozen=True, slots=True)
class Single:
    """One node of a chain, to be tried alone. `announces`: it only tells new blocks, by WebSocket."""

    name: str
    announces: bool
    nodes: Nodes


@asynccontextmanager
async def single_nodes(config: Config) -> AsyncGenerator[dict[str, list[Single]], None]:
    """Each configured node alone, by chainIndex. Raises like `open_nodes`."""
    hasty = Manner(patience=0.0)
    async with aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield {
            chain: [
                Single(name, url.startswith("ws"), Nodes(session, by_index(chain), [url], manner=hasty))
                for name, url in zip(named(urls), urls, strict=True)
            ]
            for chain, urls in _node_urls(config).items()
        }


def _node_urls(config: Config) -> dict[str, list[str]]:
    if problems := [problem for each in config.nodes.values() for problem in each.missing_urls()]:
        raise ConfigError(problems)
    return {chain: each.read_urls() for chain, each in config.nodes.items()}


@asynccontextmanager
async def okx_client(config: OkxConfig, ledger: Ledger, clock: Clock = MACHINE) -> AsyncGenerator[OkxClient, None]:
    """A client of the approvals API under the configured key. Raises ConfigError where a secret cannot be read."""
    credentials = _credentials(config)
    settings = OkxSettings(
        base_url=config.base_url,
        requests_per_second=config.requests_per_second,
        timeout=config.timeout.total_seconds(),
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield OkxClient(session, credentials, settings, ledger, now=clock.seconds, sleep=clock.sleep)


def okx_source(config: OkxConfig, client: OkxClient) -> OkxSource:
    """The approvals API as a source, in the configured dialect."""
    return OkxSource(client, api=config.api, path=config.approvals_path, address_key=config.address_key)


def okx_balances(config: OkxConfig, client: OkxClient) -> OkxBalances:
    """What tells of balances and prices, in the configured dialect."""
    return OkxBalances(client, api=config.api)


def _credentials(config: OkxConfig) -> Credentials:
    if problems := config.missing_secrets():
        raise ConfigError(problems)
    project = config.project.read() if config.project in config.credentials else None
    return Credentials(config.key.read(), config.secret.read(), config.passphrase.read(), project)
