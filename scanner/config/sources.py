"""Where approvals come from: the API and its credentials, and the chains that are read themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Annotated, TypeAlias

from scanner.config.patterns import CHAIN, DURATION, NAME, RHYTHM, SECRET, SECRET_OR_URL, TRUTH, between, words
from scanner.config.secrets import Origin, Secret, secret, secret_or_node_url, unreadable
from scanner.config.urls import api_url, node_of, node_url, request_path
from scanner.config.written import Written, WrittenIn, WrongError, duration, name, number, one_of, rhythm, truth, whole
from scanner.domain.approvals import Target
from scanner.domain.chains import Family, UnknownChainError, find_chain
from scanner.errors import ConfigError, Problem

__all__ = ["EvmConfig", "OkxConfig", "SourceConfig"]

Name: TypeAlias = Annotated[str, Written(name, NAME)]
YesNo: TypeAlias = Annotated[bool, Written(truth, TRUTH)]
SecretRef: TypeAlias = Annotated[Secret, WrittenIn(secret, SECRET)]
Duration: TypeAlias = Annotated[timedelta, Written(duration(), DURATION)]
Timeout: TypeAlias = Annotated[
    timedelta, Written(duration(timedelta(milliseconds=100), timedelta(minutes=10)), DURATION)
]

APIS = ("v5", "v6")
SOURCES = ("evm", "okx")

_NO_ACCOUNT = "EVM chains take no account where source.evm names a node of theirs"

HIGHEST = 10**12
"""Beyond any block's number."""


def _evm_chain(text: str) -> str:
    """The chainIndex of a chain that JSON-RPC can read."""
    try:
        chain = find_chain(text)
    except UnknownChainError as error:
        raise WrongError(str(error), code="unknown-chain") from error
    if chain.family is not Family.EVM:
        raise WrongError(f"{chain.title} is not an EVM chain", code="unknown-chain")
    return chain.index


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxConfig:
    """The approvals API.

    `base_url`: scheme and host. `key`, `secret`, `passphrase`, `project`: the credentials, by default from the
    environment; `project` is not used with `api: v6`. `requests_per_second`: for the key, whoever uses it on this
    store. `timeout`: for one request. `api`: which of the provider's two interfaces. `approvals_path`: another path
    for the approvals endpoint, None for the interface's own. `address_key`: what the list of addresses is called in a
    request.
    """

    base_url: Annotated[str, Written(api_url)] = "https://web3.okx.com"
    key: SecretRef = field(default_factory=lambda: Secret(Origin.ENV, "OKX_API_KEY"))
    secret: SecretRef = field(default_factory=lambda: Secret(Origin.ENV, "OKX_SECRET_KEY"))
    passphrase: SecretRef = field(default_factory=lambda: Secret(Origin.ENV, "OKX_API_PASSPHRASE"))
    project: SecretRef = field(default_factory=lambda: Secret(Origin.ENV, "OKX_PROJECT_ID"))
    requests_per_second: Annotated[float, Written(number(0.01, 10_000), between(0.01, 10_000))] = 1.0
    timeout: Timeout = timedelta(seconds=20)
    api: Annotated[str, Written(one_of(APIS), words(APIS))] = "v5"
    approvals_path: Annotated[str, Written(request_path)] | None = None
    address_key: Name = "addressList"

    @property
    def credentials(self) -> tuple[Secret, ...]:
        """The secrets that a request needs."""
        return (self.key, self.secret, self.passphrase) + ((self.project,) if self.api == "v5" else ())

    def missing_secrets(self) -> list[Problem]:
        """A problem for each credential that cannot be read now; the first says how to do without them."""
        found = unreadable(secret.read for secret in self.credentials)
        if found:
            found[0] = replace(found[0], hint="; ".join(filter(None, (found[0].hint, _NO_ACCOUNT))))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmConfig:
    """How one chain is read itself.

    `rpc`: JSON-RPC nodes, `http(s)://` or `ws(s)://`; where one fails or lags, another one is asked.
    `confirmations`: how many blocks have to follow until a block is final. `await_final`: whether only what is final is
    read. `poll`: how often new blocks are asked for where no node announces them. `from_block`: the first block that
    can speak of the wallets.
    """

    rpc: tuple[Annotated[Secret, WrittenIn(secret_or_node_url, SECRET_OR_URL)], ...]
    confirmations: Annotated[int, Written(whole(0, 100_000), between(0, 100_000))] = 12
    await_final: YesNo = False
    poll: Timeout = timedelta(seconds=1)
    from_block: Annotated[int, Written(whole(0, HIGHEST), between(0, HIGHEST))] = 0

    def read_urls(self) -> list[str]:
        """The nodes' URLs. Raises ConfigError for all that `missing_urls` tells of."""
        if problems := self.missing_urls():
            raise ConfigError(problems)
        return [url.read() for url in self.rpc]

    def missing_urls(self) -> list[Problem]:
        """A problem for each node that cannot be read now or stands there twice, and one where none takes requests."""
        if problems := unreadable(partial(_read_url, url) for url in self.rpc):
            return problems
        first: dict[str, Secret] = {}
        found = []
        for url in self.rpc:
            before = first.setdefault(node_of(url.read()), url)
            if before is not url:
                error = WrongError(f"the same node as {before.setting}", code="conflict", hint="keep one of them")
                found.append(url.problem(error))
        if all(node.startswith("ws") for node in first):
            said = "a WebSocket tells new blocks alone, and no other node is named"
            hint = "name one that begins with https:// or http:// as well"
            found.append(self.rpc[0].problem(WrongError(said, code="missing-key", hint=hint)))
        return found


def _read_url(url: Secret) -> str:
    text = url.read()
    try:
        return node_url(text)
    except WrongError as error:
        raise ConfigError([url.problem(error)]) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """Where approvals come from.

    `okx`: the API. `evm`: chainIndex to nodes, for chains that are read themselves. `prefer`: a target is read by the
    first of these that covers its chain. `confirm_absence_after`: how much later another complete reading has to
    confirm a mass absence; 0 means the next scan. `reconcile`: how often the daemon holds the API against the chains,
    None for never.
    """

    okx: OkxConfig = field(default_factory=OkxConfig)
    evm: Mapping[Annotated[str, Written(_evm_chain, CHAIN)], EvmConfig] = field(default_factory=dict)
    prefer: tuple[Annotated[str, Written(one_of(SOURCES), words(SOURCES))], ...] = SOURCES
    confirm_absence_after: Duration = timedelta(minutes=10)
    reconcile: Annotated[timedelta | None, Written(rhythm, RHYTHM)] = None

    def read_by(self, target: Target) -> str | None:
        """The source that reads a target, if any covers its chain. What the API covers, it says itself."""
        for source in self.prefer:
            if source == "okx" or target.chain in self.evm:
                return source
        return None
