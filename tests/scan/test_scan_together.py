"""Scans at the same time on one store: nothing is lost, nothing is told twice, nothing newer is undone."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from scanning import (
    WALLET,
    Clock,
    Scripted,
    address,
    all_rows,
    house,
    in_words,
    kinds,
    open_rules,
    opened,
    reading,
    row,
    rows,
    shown,
    story,
)

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, gather
from scanner.sandbox import UINT256_MAX, Quirks, Row, Sandbox
from scanner.store.budgets import StoredLedger

OWNERS = [address(0xA0 + number) for number in range(6)]
TARGET = Target("1", WALLET)


def day(number: int) -> list[Row]:
    """On every day each wallet has something new and dangerous, something raised, and something gone."""
    found: list[Row] = []
    for place, owner in enumerate(OWNERS):
        found += [
            row(1, 5 + number, owner=owner, spender=place),
            *rows(5, first=2, owner=owner, spender=place),
            row(100 + number, UINT256_MAX, owner=owner, spender=place),
        ]
    return found


async def test_two_scans_at_once_tell_every_change_and_open_every_alert_once(tmp_path: Path) -> None:
    sandbox = Sandbox(story(*(day(number) for number in range(5))), quirks=Quirks(largest_page=3))
    path = tmp_path / "store.db"
    async with opened(path) as one, opened(path) as other, opened(path) as third:
        async with reading(sandbox, StoredLedger(one)) as source, reading(sandbox, StoredLedger(other)) as again:
            houses = [house(one, source), house(other, again)]
            targets = [Target(*key) for key in sandbox.truth()]
            for number in range(5):
                sandbox.day = number
                reports = await asyncio.gather(*(each.scan(targets) for each in houses))
                told = Counter(change.kind for report in reports for change in report.changes)
                happened = {"baseline": 42} if number == 0 else {"new": 6, "increased": 6, "revoked": 6}
                assert told == happened
                assert all(report.scan.complete for report in reports)
                opened_now = [alert for report in reports for alert in report.raised]
                assert len(opened_now) == len(set(opened_now))
                quiet = await houses[0].scan(targets)
                assert (shown(quiet), quiet.changes, quiet.raised) == (in_words(day(number)), (), ())
        stored = await all_rows(third)
        assert await third.check() == []
    lives = Counter((one["rule"], one["approval_id"], one["change_id"]) for one in stored["alerts"])
    assert set(lives.values()) == {1}
    assert len({one["id"] for one in stored["changes"]}) == len(stored["changes"])


def approval(number: int, raw: int) -> Approval:
    return Approval("1", WALLET, Token(address(number), "TKN"), Spender(address(0x59E), "Project"), Allowance(raw))


def snapshot(held: Sequence[Approval], clock: Clock, end: End = End.COMPLETE) -> Snapshot:
    return Snapshot(TARGET, gather(held), end, frozenset({Kind.ERC20}), "scripted", clock.now())


@pytest.mark.parametrize("reader", ["the same", "another"])
async def test_a_slow_reading_does_not_undo_what_a_newer_one_recorded(reader: str, tmp_path: Path) -> None:
    clock = Clock()
    before = [approval(1, 5), approval(2, UINT256_MAX), *(approval(number, 7) for number in range(3, 9))]
    after = [approval(1, UINT256_MAX), *before[2:], approval(50, UINT256_MAX)]
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Target) -> Snapshot:
        old = snapshot(before, clock)
        began.set()
        await go_on.wait()
        return old

    async def at_once(_: Target) -> Snapshot:
        return snapshot(before if not began.is_set() else after, clock)

    path = tmp_path / "store.db"
    async with opened(path) as store, opened(path) as other:
        quick = house(store, Scripted(at_once), clock=clock)
        slow = house(store if reader == "the same" else other, Scripted(slowly), clock=clock)
        await quick.scan([TARGET])
        waiting = asyncio.create_task(slow.scan([TARGET]))
        await began.wait()
        newer = await quick.scan([TARGET])
        assert kinds(newer) == ["increased", "new", "revoked"]
        go_on.set()
        late = await waiting
        assert (late.changes, late.raised) == ((), ())
        assert shown(late) == shown(newer)
        assert open_rules(late) == open_rules(newer)
        last = await quick.scan([TARGET])
        assert (last.changes, last.raised, shown(last)) == ((), (), shown(newer))


async def test_a_slow_reading_still_tells_what_nobody_else_saw(tmp_path: Path) -> None:
    clock = Clock()
    began, go_on = asyncio.Event(), asyncio.Event()
    base = [approval(number, 7) for number in range(4)]

    async def slowly(_: Target) -> Snapshot:
        began.set()
        await go_on.wait()
        return snapshot([*base[:3], approval(9, UINT256_MAX)], clock)

    async def broken(_: Target) -> Snapshot:
        return snapshot(base[:2], clock, End.INCOMPLETE if began.is_set() else End.COMPLETE)

    async with opened(tmp_path / "store.db") as store:
        first = house(store, Scripted(lambda _: _now(snapshot(base, clock))), clock=clock)
        await first.scan([TARGET])
        waiting = asyncio.create_task(house(store, Scripted(slowly), clock=clock).scan([TARGET]))
        await began.wait()
        assert (await house(store, Scripted(broken), clock=clock).scan([TARGET])).changes == ()
        go_on.set()
        late = await waiting
        assert kinds(late) == ["new"], "what it lacks is for a reading to say that nobody overtook"
        assert [one.rule for one in late.alerts] == ["unlimited-to-stranger"]
        assert kinds(await house(store, Scripted(slowly), clock=clock).scan([TARGET])) == ["revoked"]


async def _now(told: Snapshot) -> Snapshot:
    return told
