"""Two sources are compared when that is due; that they disagree is told once, and once that they agree again."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from watched import START, UNAVAILABLE, WALLETS, Watched, approvals, watched

from scanner.domain.approvals import Approval, End, Kind, Snapshot, Target, Underway, Unmoved, gather
from scanner.domain.chains import Chain
from scanner.domain.conditions import ConditionKind
from scanner.domain.cost import Cost
from scanner.domain.observations import agreement
from scanner.domain.reconciliation import Agreement
from scanner.jobs import Step
from scanner.reconcile import Reconciler, Reconciling
from scanner.sources import NOTHING_KNOWN
from scanner.sources.evm_witness import Witness
from scanner.store import agreements
from scanner.store.chain import StoredIndex

WEEK = timedelta(days=7)
TARGET = WALLETS[0]


@dataclass
class Scripted:
    """A far side: what it shows of a target at each reading, the last one for ever."""

    shows: list[Sequence[Approval]]
    kinds: frozenset[Kind] = frozenset({Kind.ERC20})
    end: End = End.COMPLETE
    pages: int = 1
    readings: int = 0
    name: str = "scripted"
    cost: Cost = field(default_factory=Cost)

    def covers(self, chain: Chain) -> frozenset[Kind]:
        return self.kinds

    async def read(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved | Underway]:
        assert known is NOTHING_KNOWN, "whatever was read before says nothing here"
        for target in targets:
            yield Underway("1", 5, 10)
            rows = [one for one in self.shows[min(self.readings, len(self.shows) - 1)] if one.owner == target.owner]
            self.readings += 1
            trouble = None if self.end is End.COMPLETE else UNAVAILABLE
            yield Snapshot(target, gather(rows), self.end, self.kinds, "scripted", START, self.pages, trouble)


def reconciler(watch: Watched, evm: Scripted, okx: Scripted) -> Reconciler:
    """Nobody is asked about single approvals: the chain's readings name no block."""
    return Reconciler(evm, okx, Witness({}, StoredIndex(watch.store)), lambda: watch.at)


ONE = approvals(TARGET, 1)


async def test_it_compares_when_that_is_due_and_sooner_where_something_was_unread(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        evm, okx = Scripted([ONE]), Scripted([ONE])
        regular = Reconciling(watch.store, reconciler(watch, evm, okx), [TARGET], WEEK)

        async def readings_after(wait: timedelta) -> int:
            watch.at += wait
            await regular.when_due()
            return evm.readings

        assert await readings_after(timedelta()) == 1
        assert await readings_after(WEEK - timedelta(seconds=1)) == 1
        assert await readings_after(timedelta(seconds=1)) == 2
        assert await readings_after(-3 * WEEK) == 3, "the clock was set back"
        okx.end = End.INCOMPLETE
        assert await readings_after(WEEK) == 4
        assert await readings_after(timedelta(minutes=59)) == 4
        assert await readings_after(timedelta(minutes=1)) == 5


@pytest.mark.parametrize("every", [None, WEEK])
async def test_without_a_wish_or_a_second_source_nothing_is_compared(tmp_path: Path, every: timedelta | None) -> None:
    async with watched(tmp_path) as watch:
        evm = Scripted([ONE])
        both = reconciler(watch, evm, Scripted([ONE])) if every is None else None
        await Reconciling(watch.store, both, [TARGET], every).when_due()
        assert (evm.readings, await watch.store.read(agreements.last)) == (0, None)


async def test_a_disagreement_is_told_once_and_over_when_they_agree(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        watch.plan = lambda plan: replace(plan, reconciles=True)
        evm, okx = Scripted([ONE]), Scripted([[], ONE])
        regular = Reconciling(watch.store, reconciler(watch, evm, okx), [TARGET], WEEK)

        async def after(end: End) -> tuple[bool, int]:
            """Whether it is wrong then, and how many messages were written of that."""
            watch.at += WEEK
            okx.end = end
            await regular.when_due()
            await watch.look()
            told = [title for channel, _, title in await watch.told() if channel == "mail" and "disagree" in title]
            return ConditionKind.SOURCES_DISAGREE in await watch.open(), len(told)

        await watch.look()
        assert ConditionKind.SOURCES_DISAGREE not in await watch.open(), "nothing was compared yet"
        assert await after(End.COMPLETE) == (True, 1)
        assert await after(End.INCOMPLETE) == (True, 1), "from what was not read nothing follows"
        assert await after(End.COMPLETE) == (False, 2)


async def test_where_nothing_is_to_be_compared_any_more_it_is_over(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        await watch.store.write(lambda connection: agreements.keep(connection, Agreement(START, 1, 0, 1, "TKN")))
        watch.plan = lambda plan: replace(plan, reconciles=True)
        await watch.look()
        assert ConditionKind.SOURCES_DISAGREE in await watch.open()
        watch.plan = lambda plan: plan
        await watch.look()
        assert ConditionKind.SOURCES_DISAGREE not in await watch.open()


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (None, None),
        (Agreement(START, 3, 0, 0), False),
        (Agreement(START, 3, 1, 0), None),
        (Agreement(START, 3, 1, 2, "TKN of 0x1 to 0x2, only in the API"), True),
    ],
)
def test_it_is_wrong_where_they_differ_and_right_only_when_all_was_read(
    found: Agreement | None, wrong: bool | None
) -> None:
    seen = agreement(found)
    assert seen.wrong is wrong
    if wrong:
        assert seen.detail == (
            "2 differences in 3 targets, compared 2026-11-20 08:00 UTC. The first: TKN of 0x1 to 0x2, only in the API."
        )


async def test_a_list_of_pages_is_read_again_before_anything_is_said_to_be_missing(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        okx = Scripted([[], ONE], pages=2)
        found = await reconciler(watch, Scripted([ONE]), okx).reconcile([TARGET])
        assert (okx.readings, found.differences, found.targets[0].equal) == (2, 0, 1)
        single = Scripted([[], ONE])
        assert (await reconciler(watch, Scripted([ONE]), single).reconcile([TARGET])).differences == 1
        assert single.readings == 1


async def test_who_waits_hears_of_each_target_that_both_have_read(tmp_path: Path) -> None:
    heard: list[Step | Underway] = []

    async def told(step: Step | Underway) -> None:
        heard.append(step)

    async with watched(tmp_path) as watch:
        await reconciler(watch, Scripted([ONE]), Scripted([ONE])).reconcile(WALLETS, told)
    steps = [step for step in heard if isinstance(step, Step)]
    assert sorted(step.target.owner for step in steps) == sorted(target.owner for target in WALLETS)
    assert [(step.done, step.total) for step in steps] == [(number, 4) for number in range(1, 5)]
    assert len(heard) - len(steps) == 8
