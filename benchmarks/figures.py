"""A figure: what was measured, what it was held against, and whether it is as good as it is meant to be."""

import resource
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

__all__ = ["Figure", "Goal", "Sizes", "Spent", "against", "median", "spend", "spend_on", "spend_outside"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. Each figure names the size that it was measured at."""

    owners: int
    approvals: int
    chain_owners: int
    runs: int
    stored_owners: int
    judged: int
    judged_by_floor: int
    paced_seconds: float
    rounds: int
    messages: int
    starts: int


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure is meant to be: at most, or else at least, the limit."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is that good."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: `value` in `unit`, compared with `floor` in words.

    `goal` is None where a figure only tells. `parts` are what it was made of: seconds, bytes, counts, by their names.
    """

    name: str
    floor: str
    value: float
    unit: str
    goal: Goal | None = None
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.goal.met(self.value)

    def kept(self) -> dict[str, object]:
        """The figure as JSON has it."""
        return asdict(self) | {"met": self.met}


@dataclass(frozen=True, slots=True)
class Spent:
    """What some work took: seconds on the wall, and seconds of this process's CPU time."""

    wall: float
    cpu: float


def spend(work: Callable[[], object]) -> Spent:
    """Do the work, and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


async def spend_on(work: Callable[[], Awaitable[object]]) -> Spent:
    """Do the work, and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def spend_outside(work: Callable[[], object]) -> Spent:
    """Let child processes do the work and end, and say what they took."""
    wall, cpu = time.perf_counter(), _children()
    work()
    return Spent(time.perf_counter() - wall, _children() - cpu)


def median(taken: Sequence[Spent]) -> Spent:
    """The middle of several runs, on the wall and of the CPU each by itself."""
    return Spent(statistics.median(one.wall for one in taken), statistics.median(one.cpu for one in taken))


def against(
    name: str, taken: Sequence[Spent], floor: str, floors: Sequence[Spent], limit: float | None = None
) -> Figure:
    """How many times the floor something takes, as medians on the wall; the ratio of CPU times stands in its parts."""
    mine, bare = median(taken), median(floors)
    return Figure(
        name,
        floor,
        mine.wall / bare.wall,
        "×",
        None if limit is None else Goal(limit),
        {
            "seconds": mine.wall,
            "floor_seconds": bare.wall,
            "cpu_seconds": mine.cpu,
            "floor_cpu_seconds": bare.cpu,
            "cpu_ratio": mine.cpu / bare.cpu,
        },
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
