"""Several readers of balances as one: what each of them knows of a target is told together, once."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from scanner.context import Balances
from scanner.domain.approvals import Target
from scanner.domain.chains import by_index
from scanner.domain.holdings import BalanceReading, Wanted, together
from scanner.streams import mixed

__all__ = ["read_balances"]


async def read_balances(readers: Sequence[Balances], wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading]:
    """Read what each target's owner holds: exactly one reading for each target, when all have told what they know.

    Of amounts each reader knows better than those before it. Where prices are not wanted, the last one that covers a
    chain is asked alone; where none does, the first one says so.
    """
    asked: dict[Target, Sequence[int]] = {}
    partly: set[Target] = set()
    for one in wanted:
        able = _able(readers, one)
        asked[one.target] = able if one.prices else able[-1:]
        if len(asked[one.target]) < len(able):
            partly.add(one.target)
    streams = [
        _placed(place, reader, [one for one in wanted if place in asked[one.target]])
        for place, reader in enumerate(readers)
    ]
    told: dict[Target, dict[int, BalanceReading]] = {target: {} for target in asked}
    async with aclosing(mixed(streams)) as readings:
        async for place, reading in readings:
            said = told[reading.target]
            said[place] = reading
            if len(said) == len(asked[reading.target]):
                all_of_it = together([said[each] for each in asked[reading.target]])
                yield replace(all_of_it, whole=reading.target not in partly)


def _able(readers: Sequence[Balances], wanted: Wanted) -> Sequence[int]:
    """The places of those that cover a target's chain, or of the first."""
    chain = by_index(wanted.target.chain)
    return [place for place, reader in enumerate(readers) if reader.covers(chain)] or [0]


async def _placed(place: int, reader: Balances, wanted: Sequence[Wanted]) -> AsyncGenerator[tuple[int, BalanceReading]]:
    """What one reader tells, with its place among all."""
    async with aclosing(reader.read(wanted)) as readings:
        async for reading in readings:
            yield place, reading
