"""What a configuration says of accounts at exchanges: where each is, and where its read-only key comes from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeAlias, TypeVar

from scanner.config.patterns import NAME, SECRET, words
from scanner.config.secrets import Secret, secret
from scanner.config.urls import api_url
from scanner.config.written import Written, WrittenIn, WrongError, name, one_of
from scanner.errors import ConfigError, Problem
from scanner.places import Path

__all__ = ["AccountConfig", "ExchangesConfig", "OkxAccountConfig", "XtAccountConfig", "read_credentials"]

AccountName: TypeAlias = Annotated[str, Written(name, NAME)]
AccountSecret: TypeAlias = Annotated[Secret, WrittenIn(secret, SECRET)]
BaseUrl: TypeAlias = Annotated[str, Written(api_url)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxAccountConfig:
    """A funding account at OKX.

    `api`: v3 is the interface of before 2021. `base_url`: None for the interface's own. `key`, `secret`, `passphrase`:
    the credentials; a read-only key is enough.
    """

    api: Annotated[str, Written(one_of(("v5", "v3")), words(("v5", "v3")))] = "v5"
    base_url: BaseUrl | None = None
    key: AccountSecret
    secret: AccountSecret
    passphrase: AccountSecret

    @property
    def credentials(self) -> Mapping[str, Secret]:
        """The secrets that a request needs, by their keys here."""
        return {"key": self.key, "secret": self.secret, "passphrase": self.passphrase}


@dataclass(frozen=True, slots=True, kw_only=True)
class XtAccountConfig:
    """An account at XT.com.

    `api`: v4 is the newer interface. `base_url`: None for the interface's own. `key`, `secret`: the credentials; a
    read-only key is enough.
    """

    api: Annotated[str, Written(one_of(("v1", "v4")), words(("v1", "v4")))] = "v1"
    base_url: BaseUrl | None = None
    key: AccountSecret
    secret: AccountSecret

    @property
    def credentials(self) -> Mapping[str, Secret]:
        """The secrets that a request needs, by their keys here."""
        return {"key": self.key, "secret": self.secret}


AccountConfig: TypeAlias = OkxAccountConfig | XtAccountConfig

A = TypeVar("A", OkxAccountConfig, XtAccountConfig)


def read_credentials(account: AccountConfig) -> dict[str, str]:
    """The account's secrets, by their keys. Raises ConfigError with a problem for each that cannot be used."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for key, promise in account.credentials.items():
        try:
            texts[key] = promise.read()
        except ConfigError as error:
            problems += error.problems
            continue
        if not texts[key].isascii():
            hint = "look at how it was pasted or exported"
            wrong = WrongError("this cannot stand in an HTTP header: it is not ASCII", code="bad-secret", hint=hint)
            problems.append(promise.problem(wrong))
    if problems:
        raise ConfigError(problems)
    return texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangesConfig:
    """Accounts at exchanges, by the names that the user gives them. They are read by `holdings` alone."""

    okx: Mapping[AccountName, OkxAccountConfig] = field(default_factory=dict)
    xt: Mapping[AccountName, XtAccountConfig] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[str, str, AccountConfig]]:
        """Every account: the exchange, the user's name for the account, and where it is."""
        yield from (("okx", name, account) for name, account in self.okx.items())
        yield from (("xt", name, account) for name, account in self.xt.items())

    def missing_secrets(self) -> list[Problem]:
        """A problem for each secret that cannot be used now."""
        found: list[Problem] = []
        for _, _, account in self:
            try:
                read_credentials(account)
            except ConfigError as error:
                found += error.problems
        return found

    def placed(self, tell: Callable[[Secret, Path], Secret]) -> "ExchangesConfig":
        """The same accounts, with every secret told which key asked for it."""
        return ExchangesConfig(okx=_placed("okx", self.okx, tell), xt=_placed("xt", self.xt, tell))


def _placed(exchange: str, accounts: Mapping[str, A], tell: Callable[[Secret, Path], Secret]) -> Mapping[str, A]:
    def told(name: str, account: A) -> A:
        secrets: dict[str, Any] = {
            key: tell(promise, ("exchanges", exchange, name, key)) for key, promise in account.credentials.items()
        }
        return replace(account, **secrets)

    return {name: told(name, account) for name, account in accounts.items()}
