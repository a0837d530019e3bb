"""One frozen `Config`, from a file that people write; every problem in it at once, each with its place."""

from scanner.config.exchanges import AccountConfig, ExchangesConfig, read_credentials
from scanner.config.model import (
    AlertingConfig,
    ChannelConfig,
    Config,
    HeartbeatConfig,
    ListConfig,
    LogConfig,
    ScheduleConfig,
    StoreConfig,
)
from scanner.config.reading import find_config, load, load_rules_alone, read
from scanner.config.rules import ExceptionConfig, OverrideConfig, RulesConfig
from scanner.config.secrets import Secret
from scanner.config.sources import EvmConfig, OkxConfig, SourceConfig
from scanner.config.wallets import WalletConfig

__all__ = [
    "AccountConfig",
    "AlertingConfig",
    "ChannelConfig",
    "Config",
    "EvmConfig",
    "ExceptionConfig",
    "ExchangesConfig",
    "HeartbeatConfig",
    "ListConfig",
    "LogConfig",
    "OkxConfig",
    "OverrideConfig",
    "RulesConfig",
    "ScheduleConfig",
    "Secret",
    "SourceConfig",
    "StoreConfig",
    "WalletConfig",
    "find_config",
    "load",
    "load_rules_alone",
    "read",
    "read_credentials",
]
