"""A scenario as a value: a world, what happens to it step by step, and the configuration that it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from scanner.cli.scenarios.expected import Expectation
from scanner.config import Config
from scanner.config import read as read_config
from scanner.errors import Place
from scanner.places import Data, Document
from scanner.policy.rules import Pack
from scanner.sandbox import Credentials, World

__all__ = ["CHANNEL", "PASSED_ON", "Fault", "Scenario", "Step", "mapping"]

PASSED_ON = ("rules", "alerting", "balances")
"""The sections that mean what they mean in a configuration."""

CHANNEL = "messages to "
"""What stands in front of a channel's name where its messages are expected or found."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong during a step: with so many requests, or with all of them (None)."""

    name: str
    endpoint: str
    times: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: so much time passes, the world moves on, something may fail, a scan, and what is expected of it."""

    title: str
    place: Place
    after: timedelta
    faults: tuple[Fault, ...]
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: a world, steps, and the rules that judge them."""

    title: str
    file: Path
    world: World
    steps: tuple[Step, ...]
    pack: Pack = field(repr=False)
    document: Document = field(repr=False)

    def config(self, sandbox: str, port: int, folder: Path) -> Config:
        """Its configuration: the API is the sandbox, channels post to `port` on loopback, the rest lies in `folder`.

        Raises ConfigError with every problem.
        """
        given = self.document.data if isinstance(self.document.data, dict) else {}
        channels = mapping(given.get("channels"))
        hooks = {f"CHANNEL_{index}": f"json://127.0.0.1:{port}/{name}" for index, name in enumerate(channels)}
        made: dict[str, Data] = {key: given[key] for key in PASSED_ON if key in given}
        made["source"] = {"okx": {**_OKX, "base_url": sandbox}}
        made["store"] = {"url": f"sqlite:///{folder / 'scenario.db'}"}
        made["wallets"] = [
            {
                "address": owner.address,
                "label": owner.label,
                "chains": list(owner.chains),
                "tags": mapping(given.get("tags")).get(owner.label) or [],
            }
            for owner in self.world.owners
            if owner.chains
        ]
        made["channels"] = {
            name: {"url": {"env": f"CHANNEL_{index}"}, "min_severity": least}
            for index, (name, least) in enumerate(channels.items())
        }
        made["lists"] = {
            "sandbox": {"from": f"{sandbox}/lists/exploited.csv", "label": "exploited", "refresh": "1s"},
            **{name: self._list(name, data, folder) for name, data in mapping(given.get("lists")).items()},
        }
        return read_config(replace(self.document, data=made, problems=()), self.file, {**_SECRETS, **hooks})

    def _list(self, name: str, data: Data, folder: Path) -> Data:
        """A list as the configuration knows it; one that names the world's spenders is written down for that."""
        if not isinstance(data, dict) or "spenders" not in data:
            return data
        chains = sorted({token.chain for token in self.world.tokens.values()}, key=int)
        named = [str(one) for one in _listed(data["spenders"])]
        spenders = [spender for name, spender in self.world.spenders.items() if name in named]
        rows = [f"{spender.address},{chain}\n" for spender in spenders for chain in chains]
        path = folder / f"{name}.csv"
        path.write_text("".join(["address,chain\n", *rows]), encoding="utf-8")
        return {**{key: value for key, value in data.items() if key != "spenders"}, "from": str(path)}


_KEYS = Credentials()
_SECRETS = {"KEY": _KEYS.key, "SECRET": _KEYS.secret, "PASSPHRASE": _KEYS.passphrase, "PROJECT": _KEYS.project}
_OKX: Mapping[str, Data] = {
    "requests_per_second": "10000",
    "timeout": "5s",
    **{name.lower(): {"env": name} for name in _SECRETS},
}


def mapping(data: Data) -> dict[str, Data]:
    """The data as a mapping; an empty one where it is none."""
    return data if isinstance(data, dict) else {}


def _listed(data: Data) -> list[Data]:
    return data if isinstance(data, list) else []
