"""What a configuration says: one frozen value for each section, with its defaults.

A field's annotation carries the reader of its text. Durations are `timedelta`, paths are absolute, secrets are read
when they are needed. `docs/configuration.md` tells the same to users; a test holds the two against each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias

from scanner.config.exchanges import ExchangesConfig
from scanner.config.patterns import DURATION, NAME, OFF, RHYTHM, SECRET_OR_URL, either, words
from scanner.config.rules import RulesConfig
from scanner.config.secrets import Secret, secret_or_open_url, secret_or_web_url, unreadable
from scanner.config.sources import EvmConfig, SourceConfig
from scanner.config.urls import check_channel_url, list_source, sqlite_url, web_url
from scanner.config.wallets import WalletConfig
from scanner.config.written import (
    Written,
    WrittenIn,
    WrongError,
    crontab,
    duration,
    file_path,
    name,
    number,
    one_of,
    rhythm,
)
from scanner.domain.alerts import Severity
from scanner.domain.approvals import Target
from scanner.domain.telling import REPEAT, STORM, Digest, GroupBy, Storm, Telling
from scanner.errors import ConfigError, Place, Problem
from scanner.places import Path as Route

__all__ = [
    "AlertingConfig",
    "BalancesConfig",
    "ChannelConfig",
    "Config",
    "HeartbeatConfig",
    "ListConfig",
    "LogConfig",
    "RulesConfig",
    "ScheduleConfig",
    "Sections",
    "StoreConfig",
    "WalletConfig",
]

Name: TypeAlias = Annotated[str, Written(name, NAME)]
Duration: TypeAlias = Annotated[timedelta, Written(duration(), DURATION)]
Wait: TypeAlias = Annotated[timedelta, Written(duration(timedelta(seconds=1)), DURATION)]
Timeout: TypeAlias = Annotated[
    timedelta, Written(duration(timedelta(milliseconds=100), timedelta(minutes=10)), DURATION)
]
Grade: TypeAlias = Annotated[Severity, Written(lambda text: Severity(one_of(Severity)(text)), words(Severity))]

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "json", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """When the daemon scans.

    `every`: how long from scan to scan. `cron`: the times of scans, as a crontab line; it counts where it is given.
    """

    every: Wait = timedelta(minutes=15)
    cron: Annotated[str, Written(crontab)] | None = None


_OFF_OR_DURATION = either(OFF, DURATION)


def _every(text: str) -> timedelta | None:
    return None if text == "off" else duration(timedelta(minutes=1))(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesConfig:
    """How often balances are read. `every`: of each wallet, None for never.

    They are also read where an approval changed, and by every scan that a command asks for.
    """

    every: Annotated[timedelta | None, Written(_every, _OFF_OR_DURATION)] = timedelta(hours=1)


def _keep(text: str) -> timedelta | None:
    return None if text == "off" else duration(timedelta(days=7))(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Where everything is kept, and for how long.

    `url`: of SQLite, with an absolute path once loaded; by default `approval-watch.db` in $STATE_DIRECTORY where that
    is set, else beside the configuration file. `keep`: how long what is over is remembered, None for ever.
    """

    url: Annotated[str, WrittenIn(sqlite_url)] = ""
    keep: Annotated[timedelta | None, Written(_keep, _OFF_OR_DURATION)] = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListConfig:
    """A list of addresses: who is who among spenders and tokens.

    `from_`: a path, or an https:// URL. `label`: what its entries are called. `refresh`: how often a URL is read again;
    a look at local files costs next to nothing, so that is done every minute.
    """

    from_: Annotated[str | Path, WrittenIn(list_source)]
    label: Name
    refresh: Wait = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelConfig:
    """Who is told. `url`: an apprise URL. `min_severity`: the least severity that is sent."""

    url: Annotated[Secret, WrittenIn(secret_or_open_url, SECRET_OR_URL)]
    min_severity: Grade = Severity.MEDIUM

    def read_url(self) -> str:
        """The URL itself. Raises ConfigError where it cannot be read, or would send a password unencrypted."""
        text = self.url.read()
        try:
            check_channel_url(text)
        except WrongError as error:
            raise ConfigError([self.url.problem(error)]) from error
        return text


_OFF_OR_CAP = either(OFF, {"type": "string", "pattern": "^[0-9.]+/"})


def _storm(text: str) -> Storm | None:
    if text == "off":
        return None
    messages, slash, per = text.partition("/")
    if not slash:
        raise WrongError(f"{text!r} is not a cap", code="bad-value", hint="messages/duration, as in 60/10m, or off")
    return Storm(int(number(1, 1_000_000)(messages)), duration(timedelta(seconds=1))(per))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingConfig:
    """How alerts become messages.

    `group_by`: what alerts have in common to share a message. `group_wait`: how long a first alert waits for others to
    share its message. `group_interval`: the least time between two messages of a group. `repeat`: severity to how often
    an open alert is told again. `digest`: a regular summary of what is not repeated. `storm`: the cap on messages of a
    channel, None for no cap. `give_up_after`: how long a message that is not critical is tried. `stale_after`: how long
    a wallet may be without a complete reading, None for three times the schedule's interval, an hour at least. `drill`:
    how often a test message goes through every channel, None for never.
    """

    group_by: tuple[Annotated[GroupBy, Written(lambda text: GroupBy(one_of(GroupBy)(text)), words(GroupBy))], ...] = (
        GroupBy.SPENDER,
    )
    group_wait: Duration = timedelta(seconds=10)
    group_interval: Duration = timedelta(minutes=5)
    repeat: Mapping[Grade, Wait] = field(default_factory=lambda: REPEAT)
    digest: Annotated[Digest, Written(lambda text: Digest(one_of(Digest)(text)), words(Digest))] = Digest.WEEKLY
    storm: Annotated[Storm | None, Written(_storm, _OFF_OR_CAP)] = STORM
    give_up_after: Wait = timedelta(days=3)
    stale_after: Wait | None = None
    drill: Annotated[timedelta | None, Written(rhythm, RHYTHM)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """A dead-man's switch elsewhere. `url`: what is pinged, None for no switch. `timeout`: for one ping."""

    url: Annotated[Secret, WrittenIn(secret_or_web_url, SECRET_OR_URL)] | None = None
    timeout: Timeout = timedelta(seconds=10)

    def read_url(self) -> str | None:
        """The URL itself, where there is one. Raises ConfigError where it cannot be read, or is not encrypted."""
        if self.url is None:
            return None
        try:
            return web_url(self.url.read())
        except WrongError as error:
            raise ConfigError([self.url.problem(error)]) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is logged.

    `level`: from which one on. `format`: how; `auto` is JSON lines unless on a terminal.
    """

    level: Annotated[str, Written(one_of(LOG_LEVELS), words(LOG_LEVELS))] = "info"
    format: Annotated[str, Written(one_of(LOG_FORMATS), words(LOG_FORMATS))] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """All that a configuration file may say. `wallets_file`: a CSV file with more wallets."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # holds for every section below, too

    source: SourceConfig = field(default_factory=SourceConfig)
    wallets: tuple[WalletConfig, ...] = ()
    wallets_file: Annotated[Path, WrittenIn(file_path)] | None = None
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    balances: BalancesConfig = field(default_factory=BalancesConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    rules: RulesConfig = field(default_factory=RulesConfig)
    lists: Mapping[Name, ListConfig] = field(default_factory=dict)
    channels: Mapping[Name, ChannelConfig] = field(default_factory=dict)
    alerting: AlertingConfig = field(default_factory=AlertingConfig)
    heartbeat: HeartbeatConfig = field(default_factory=HeartbeatConfig)
    exchanges: ExchangesConfig = field(default_factory=ExchangesConfig)
    log: LogConfig = field(default_factory=LogConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Sections):
    """A configuration that can be used, and what there is to say about it.

    `file`: where it stands. `targets`: one for each wallet and chain. `wallets_certain`: False where the wallets file
    could not be read, was empty, or had rows that were not understood; a wallet that is missing then was not removed.
    `warnings`: what is wrong with the wallets file. `places`: where each part of `rules` stands, for what only the
    rules can tell of it.
    """

    file: Path
    targets: tuple[Target, ...] = ()
    wallets_certain: bool = True
    warnings: tuple[Problem, ...] = ()
    places: Mapping[Route, Place] = field(default_factory=dict, compare=False, repr=False)

    @property
    def telling(self) -> Telling:
        """Who wants to be told of what, and how."""
        how = self.alerting
        return Telling(
            channels={name: channel.min_severity for name, channel in self.channels.items()},
            group_by=how.group_by,
            group_wait=how.group_wait,
            group_interval=how.group_interval,
            repeat=how.repeat,
            digest=how.digest,
            storm=how.storm,
            give_up_after=how.give_up_after,
            only={
                rule: frozenset(override.channels)
                for rule, override in self.rules.overrides.items()
                if override.channels is not None
            },
        )

    @property
    def nodes(self) -> Mapping[str, EvmConfig]:
        """The chains that are read themselves, by chainIndex."""
        return self.source.evm if "evm" in self.source.prefer else {}

    @property
    def needs_okx(self) -> bool:
        """Whether the API has to tell of something: then its credentials have to be there."""
        if self.source.reconcile is not None:
            return True
        if not self.targets:
            return not self.nodes
        return any(self.source.read_by(target) == "okx" for target in self.targets)

    def place(self, route: Route) -> Place:
        """Where a part of `rules` stands; the file where that is not known."""
        return self.places.get(route, Place(str(self.file)))

    def missing_wallets(self) -> list[Problem]:
        """A problem where there is no wallet to watch."""
        if self.targets:
            return []
        hint = "add one below wallets:, with its address and chains"
        return [Problem(Place(str(self.file)), "there is no wallet to watch", "no-wallets", hint)]

    def missing_nodes(self) -> list[Problem]:
        """A problem where no chain is read itself."""
        if self.nodes:
            return []
        said = "no chain is read itself, which comparing it with the API takes"
        hint = "name a node below source.evm, as in {ethereum: {rpc: [URL]}}, and let source.prefer name evm"
        return [Problem(Place(str(self.file)), said, "no-nodes", hint)]

    def missing_secrets(self) -> list[Problem]:
        """A problem for each secret that is needed and cannot be read now: of the sources, and of the channels."""
        api = self.source.okx.missing_secrets() if self.needs_okx else []
        nodes = [problem for nodes in self.nodes.values() for problem in nodes.missing_urls()]
        return [*api, *nodes, *unreadable(channel.read_url for channel in self.channels.values())]

    def missing_heartbeat(self) -> list[Problem]:
        """A problem where the heartbeat's URL cannot be read now; only the daemon needs it."""
        return unreadable([self.heartbeat.read_url])
