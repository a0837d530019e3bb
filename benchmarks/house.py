"""A house to measure: a configuration, a store in a file, and all that the program makes of them."""

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.far_side import FarSide, owner
from scanner import app
from scanner.config import Config, load
from scanner.daemon import Works
from scanner.domain.report import Report
from scanner.jobs import Job
from scanner.store.engine import Store

__all__ = ["SECRETS", "House", "configured", "opened", "wallets_of"]

SECRETS = {"BENCH": "bench"}
"""The environment that the configurations read."""

CONFIGURATION = """\
source:
  okx:
    base_url: {url}
    requests_per_second: {rate}
    key: {{env: BENCH}}
    secret: {{env: BENCH}}
    passphrase: {{env: BENCH}}
    project: {{env: BENCH}}
wallets_file: wallets.csv
log: {{level: error}}
"""


def wallets_of(owners: int, chains: Sequence[str] = ("ethereum",)) -> str:
    """A wallets file of so many owners."""
    lines = [f"{owner(number)},,{' '.join(chains)}," for number in range(owners)]
    return "\n".join(["address,label,chains,tags", *lines]) + "\n"


@contextmanager
def configured(far: FarSide, wallets: str, more: str = "", rate: float = 10_000) -> Iterator[Path]:
    """The file of a configuration in a folder of its own that goes with it; `more` is written below it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(CONFIGURATION.format(url=far.url, rate=rate) + more, encoding="utf-8")
        (Path(folder) / "wallets.csv").write_text(wallets, encoding="utf-8")
        yield file


@dataclass(frozen=True, slots=True)
class House:
    """What is measured."""

    config: Config
    store: Store
    works: Works

    async def scan(self, asked_by: str = "schedule") -> Report:
        """A scan as the daemon does it by its schedule, or as a `command` asks for it."""
        brief = asked_by == "schedule"
        job = Job(self.config.targets, frozenset(self.config.targets), asked_by, brief=brief)
        report = await self.works.scanner.scan(job)
        assert report.scan.complete, report.scan
        return report


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[House]:
    """The house of a configuration, with its lists looked at."""
    config = load(file, SECRETS)
    async with app.open_store(config) as store:
        works = await app.open_works(config, store, worker="1-bench")
        try:
            await works.lists.refresh()
            yield House(config, store, works)
        finally:
            await works.close()
