"""What is measured: each subject by its name, in the order of the table."""

from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType

from benchmarks import chain, delivery, growth, memory, pacing, queries, rules, scans, start
from benchmarks.figures import Figure, Sizes

__all__ = ["SUBJECTS"]

SUBJECTS = MappingProxyType[str, Callable[[Sizes], Awaitable[Sequence[Figure]]]](
    {
        "scans": scans.figures,
        "chain": chain.figures,
        "rules": rules.figures,
        "pacing": pacing.figures,
        "start": start.figures,
        "queries": queries.figures,
        "growth": growth.figures,
        "delivery": delivery.figures,
        "memory": memory.figures,
    }
)
