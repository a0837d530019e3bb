"""Approvals as OKX tells them: packed where an answer can be attributed, page by page alone everywhere else."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import structlog

from scanner.domain.approvals import Kind, Snapshot, Target, Unmoved
from scanner.domain.chains import Chain, by_index
from scanner.domain.cost import Cost
from scanner.errors import Reason, Trouble, broke_off
from scanner.okx.breaker import Breaker
from scanner.okx.client import Effort, OkxClient, Request
from scanner.okx.shapes import MalformedError
from scanner.sources import NOTHING_KNOWN
from scanner.sources.okx_packs import packs
from scanner.sources.okx_reading import Reading
from scanner.sources.okx_v5 import V5
from scanner.sources.okx_v6 import V6
from scanner.sources.okx_wire import Entry

__all__ = ["OkxSource"]

log = structlog.get_logger()

AHEAD = 100
"""Readings that may wait to be taken before no more is asked for: who takes them may be slower than the far side."""

_WIRES = {"v5": V5, "v6": V6}

_NOT_COVERED = Trouble(
    Reason.NOT_COVERED, "OKX tells of no approvals on this chain", "Take the chain out of the wallet's chains"
)


class OkxSource:
    """The approvals API. What it learns of the service (dead, or a chain that it does not know) outlives a reading.

    `api` is "v5", the documented interface, or "v6", its successor; `path`, `page_size` and `address_key` (the name of
    the list of addresses in a request) replace the interface's own.
    """

    name = "okx"

    def __init__(
        self,
        client: OkxClient,
        *,
        api: str = "v5",
        path: str | None = None,
        page_size: int | None = None,
        address_key: str = "addressList",
    ) -> None:
        self.cost = Cost()
        self.client = client
        self.breaker = Breaker()
        self.unknown_chains: set[str] = set()
        self._wire = _WIRES[api]
        self._path = path or self._wire.path
        self._page_size = page_size or self._wire.page_size
        self._address_key = address_key

    @property
    def packs(self) -> bool:
        """Whether several targets may share a request at all."""
        return self._wire.packs

    def covers(self, chain: Chain) -> frozenset[Kind]:
        """ERC-20 allowances, on chains of the families that the interface tells of."""
        return frozenset({Kind.ERC20}) if chain.family in self._wire.families else frozenset()

    async def read(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved]:
        """Read each target once; a snapshot is handed on as soon as it is there. Closing it stops what is in flight.

        Raises UnknownChainError for a target on a chain outside of the table, and nothing else.
        """
        unique = tuple(dict.fromkeys(targets))
        round_ = _Round(self, unique, known)
        try:
            round_.start()
            for _ in unique:
                yield await round_.next()
        finally:
            await round_.stop()

    def count(self, effort: Effort) -> None:
        """Add to the cost what one reading took."""
        self.cost.requests += effort.requests
        self.cost.retries += effort.retries
        self.cost.waited += effort.waited

    async def ask(self, targets: Sequence[Target], cursor: bytes | None, effort: Effort) -> list[Entry] | Trouble:
        """One page for one target, or the first page for several."""
        body = self._wire.body(targets, self._address_key, self._page_size, cursor)
        data = await self.client.call(Request("POST", self._path, body, project=self._wire.project), effort)
        if isinstance(data, Trouble):
            return data
        try:
            return self._wire.entries(data)
        except (MalformedError, RecursionError) as error:
            return Trouble(Reason.PROTOCOL, f"OKX's answer makes no sense: {error}")


@dataclass(frozen=True, slots=True, order=True)
class _Job:
    """Targets to ask for together, or one alone. What was asked in vain in a pack comes before what was not asked."""

    rank: int
    number: int
    targets: tuple[Target, ...] = field(compare=False)
    patience: float = field(compare=False)


class _Round:
    """One call of `OkxSource.read`: what is still due, and the workers that ask for it."""

    def __init__(self, source: OkxSource, targets: Sequence[Target], known: Mapping[Target, str]) -> None:
        self._results: asyncio.Queue[Snapshot | Unmoved] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._source = source
        self._due = {target: Reading(target, by_index(target.chain), known.get(target)) for target in targets}
        self._jobs: asyncio.PriorityQueue[_Job] = asyncio.PriorityQueue()
        self._numbers = count()
        self._workers: list[asyncio.Task[None]] = []
        self._packing = source.packs
        self._probing = source.breaker.open

    def start(self) -> None:
        """Begin with everything; where the source was found dead, with one target that shows whether it still is."""
        for reading in tuple(self._due.values()):
            if not self._source.covers(reading.chain):
                reading.fail(_NOT_COVERED)
                self._deliver(self._due.pop(reading.target))
        if self._probing:
            self._enqueue(tuple(self._due)[:1])
        else:
            self._plan()
        width = min(self._source.client.width, len(self._due))
        self._workers = [asyncio.create_task(self._work()) for _ in range(width)]

    async def next(self) -> Snapshot | Unmoved:
        """What was read next. Where much of it waited, it goes on being read once there is room again."""
        result = await self._results.get()
        if self._results.qsize() < AHEAD:
            self._room.set()
        return result

    async def stop(self) -> None:
        """Cancel what is in flight and wait for it."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def _plan(self) -> None:
        """Ask for everything that is due, in the order in which it was asked for, as far as packs allow that."""
        fit = [target for target in self._due if self._packing and target.chain not in self._source.unknown_chains]
        alone = self._due.keys() - set(fit)
        place = {target: number for number, target in enumerate(self._due)}
        jobs = [*packs(fit), *((target,) for target in alone)]
        for job in sorted(jobs, key=lambda job: min(place[target] for target in job)):
            self._enqueue(job)

    def _enqueue(self, targets: tuple[Target, ...], *, rank: int = 1, patience: float | None = None) -> None:
        patience = self._source.client.settings.patience if patience is None else patience
        self._jobs.put_nowait(_Job(rank, next(self._numbers), targets, patience))

    async def _work(self) -> None:
        while True:
            await self._room.wait()
            job = await self._jobs.get()
            effort = Effort(job.patience, begun=job.rank == 0)
            try:
                await self._do(job, effort)
            except Exception as error:  # the edge of the loop: one target's failure stays its own
                log.exception("reading.broke_off", targets=len(job.targets))
                for reading in self._still_due(job.targets):
                    reading.fail(broke_off("the reading", error))
                    self._hand_on(reading)
            finally:
                self._source.count(effort)

    async def _do(self, job: _Job, effort: Effort) -> None:
        due = self._still_due(job.targets)
        fit = [reading for reading in due if self._packing and reading.target.chain not in self._source.unknown_chains]
        if len(due) == 1:
            await self._alone(due[0], effort)
        elif len(fit) > 1:
            await self._together(fit, effort)
            self._ask_alone((reading for reading in due if reading not in fit), job.patience)
        else:
            self._ask_alone(due, job.patience)

    async def _alone(self, reading: Reading, effort: Effort) -> None:
        """Read one target to its end."""
        target, cursor = reading.target, None
        reading.began_at = self._now()
        while reading.end is None:
            answer = await self._source.ask((target,), cursor, effort)
            if isinstance(answer, Trouble):
                reading.fail(answer)
                if answer.reason is Reason.NOT_COVERED:
                    # One such chain makes a whole pack fail: from now on it is asked for alone.
                    self._source.unknown_chains.add(target.chain)
            else:
                cursor = reading.take(answer)
        self._hand_on(reading)

    async def _together(self, readings: Sequence[Reading], effort: Effort) -> None:
        """Read those targets whose list one page holds, and leave the others to be asked alone, from the start.

        A pack has half of a target's patience: the other half is for asking alone, since it may be the pack itself,
        or one target in it, that the far side fails on.
        """
        targets = [reading.target for reading in readings]
        half = effort.patience = effort.patience / 2
        for reading in readings:
            reading.began_at = self._now()
        answer = await self._source.ask(targets, None, effort)
        if isinstance(answer, Trouble) and answer.reason is Reason.RATE_LIMITED:
            effort.patience += half
            answer = await self._source.ask(targets, None, effort)
        if isinstance(answer, Trouble):
            self._share(answer, readings, half + effort.patience)
            return
        entries = _by_chain(answer, {target.chain for target in targets})
        self._ask_alone((reading for reading in readings if not self._settled(reading, entries)), None)

    def _settled(self, reading: Reading, entries: Mapping[str, list[Entry]]) -> bool:
        """Whether a packed answer holds all of a target's list: one entry for its chain, and that one ends cleanly."""
        trial = Reading(reading.target, reading.chain, reading.known)
        trial.began_at = reading.began_at
        mine = entries.get(reading.target.chain, [])
        if len(mine) != 1 or trial.take(mine) is not None or not trial.sound:
            return False
        self._hand_on(trial)
        return True

    def _share(self, trouble: Trouble, readings: Sequence[Reading], patience: float) -> None:
        """What a pack's failure means for its targets: the same failure, or that each is asked for alone."""
        if trouble.whole_source and (not trouble.retry or trouble.reason is Reason.RATE_LIMITED):
            for reading in readings:
                reading.fail(trouble)
                self._hand_on(reading)
            return
        if trouble.reason in (Reason.BAD_REQUEST, Reason.PROTOCOL):
            self._packing = False
        self._ask_alone(readings, patience)

    def _ask_alone(self, readings: Iterable[Reading], patience: float | None) -> None:
        for reading in readings:
            self._enqueue((reading.target,), rank=0, patience=patience)

    def _still_due(self, targets: Sequence[Target]) -> list[Reading]:
        return [self._due[target] for target in targets if target in self._due]

    def _hand_on(self, reading: Reading) -> None:
        """A target is done: hand it on, and stop or begin asking for the others as its outcome says."""
        if self._due.pop(reading.target, None) is None:
            return
        self._source.breaker.note(self._deliver(reading))
        if self._source.breaker.open:
            self._give_up()
        elif self._probing:
            self._probing = False
            self._plan()

    def _give_up(self) -> None:
        """Hand on all that is due as not asked, with the rows of those that had begun, and stop the workers."""
        trouble = self._source.breaker.not_asked()
        for reading in self._due.values():
            reading.fail(trouble)
            self._deliver(reading)
        self._due.clear()
        for worker in self._workers:
            worker.cancel()

    def _deliver(self, reading: Reading) -> Trouble | None:
        """Hand on what was read; returns what is wrong with it."""
        if reading.unmoved:
            self._put(Unmoved(reading.target, self._source.name, self._now()))
            return None
        snapshot = reading.snapshot(self._source.covers(reading.chain), self._source.name, self._now())
        self._put(snapshot)
        return snapshot.trouble

    def _put(self, result: Snapshot | Unmoved) -> None:
        self._results.put_nowait(result)
        if self._results.qsize() >= AHEAD:
            self._room.clear()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._source.client.now(), UTC)


def _by_chain(entries: Sequence[Entry], asked: Set[str]) -> dict[str, list[Entry]]:
    """The entries of a packed answer by their chain; none at all where one is of no chain that was asked for."""
    if any(entry.chain not in asked for entry in entries):
        return {}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.chain or "", []).append(entry)
    return found
