"""What is not seen any more: told as revoked when that is proven, and not before."""

from datetime import timedelta
from pathlib import Path

import pytest
from scanning import (
    TEN_MINUTES,
    Clock,
    all_rows,
    house,
    kinds,
    open_rules,
    opened,
    reading,
    row,
    rows,
    shown,
    story,
    watching,
)

from scanner.domain.approvals import Target
from scanner.domain.report import Report
from scanner.sandbox import UINT256_MAX, EndStyle, Fault, Quirks, Row, Sandbox, World
from scanner.sandbox.pages import Asked
from scanner.store.budgets import StoredLedger

PAGES = {"quirks": Quirks(largest_page=5)}


class Moving(Sandbox):
    """A sandbox whose world moves on while it is being read: a day before each of these requests."""

    def __init__(self, world: World, *before: int, size: int = 5) -> None:
        super().__init__(world, quirks=Quirks(largest_page=size))
        self.before = before

    def strike(self, asked: Asked) -> Fault | None:
        if self.answered + 1 in self.before:
            self.advance()
        return super().strike(asked)


def gone(report: Report) -> list[str]:
    """The tokens of the approvals that a scan called revoked."""
    return [one.token.symbol or "" for one in report.changes if one.kind == "revoked" and one.token]


def without(listed: list[Row], *numbers: int) -> list[Row]:
    return [one for one in listed if one.token.symbol not in {f"TKN{number}" for number in numbers}]


async def scans(sandbox: Sandbox, folder: Path, times: int) -> list[Report]:
    """So many scans of the sandbox's one wallet."""
    async with opened(folder / "store.db") as store, reading(sandbox, StoredLedger(store)) as source:
        ours = house(store, source)
        return [await ours.scan([Target(*next(iter(sandbox.truth())))]) for _ in range(times)]


@pytest.mark.parametrize("after_page", [1, 2])
@pytest.mark.parametrize("revoked", [1, 3, 5])
async def test_a_row_that_slips_between_two_pages_is_not_revoked_and_the_one_that_went_is(
    after_page: int, revoked: int, tmp_path: Path
) -> None:
    listed = rows(15)
    sandbox = Moving(story(listed, without(listed, revoked)), 3 + after_page + 1)
    first, slipping, after = await scans(sandbox, tmp_path, 3)
    assert kinds(first) == ["baseline"] * 15
    assert (slipping.changes, slipping.scan.complete) == ((), True)
    assert slipping.scan.requests == 6, "it was read twice"
    assert gone(after) == [f"TKN{revoked}"]
    assert kinds(after) == ["revoked"]


@pytest.mark.parametrize("size", [3, 4, 5, 7])
async def test_whichever_row_slips_none_is_revoked(size: int, tmp_path: Path) -> None:
    """The list is cut at its head again and again, so that another row stands at a border each time."""
    listed = rows(14)
    days = [listed[cut:] for cut in range(5)]
    pages = -(-len(listed) // size)
    sandbox = Moving(story(*days), size=size)
    told: set[str] = set()
    async with opened(tmp_path / "store.db") as store, reading(sandbox, StoredLedger(store)) as source:
        ours = house(store, source)
        targets = [Target(*next(iter(sandbox.truth())))]
        await ours.scan(targets)
        for day in range(1, len(days)):
            sandbox.before = (sandbox.answered + min(2 + day % 2, pages),)
            report = await ours.scan(targets)
            assert sandbox.day == day
            told |= set(gone(report))
            assert told <= {one.token.symbol for one in listed[:day]}, "only what really went"
        told |= set(gone(await ours.scan(targets)))
        assert told == {one.token.symbol for one in listed[:4]}


@pytest.mark.parametrize(
    ("requests", "lost"),
    [((5,), 0), ((6,), 0), ((5, 6), 0), ((5, 9), 0), ((5, 8), 1), ((5, 6, 8, 9), 2)],
    ids=["page 2", "page 3", "both", "another at each look", "the same at each look", "the same two"],
)
async def test_only_what_both_looks_lack_is_gone(requests: tuple[int, ...], lost: int, tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(15)), sandbox=PAGES) as watch:
        first = await watch.scan()
        for request in requests:
            watch.sandbox.fail("row-slips", request=request)
        report = await watch.scan()
        assert (kinds(report), report.scan.complete) == (["revoked"] * lost, True)
        assert len(report.approvals) == 15 - lost
        again = await watch.scan()
        assert kinds(again) == ["restored"] * lost
        assert shown(again) == shown(first)


async def test_a_second_look_that_fails_proves_nothing(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(15), rows(14)), sandbox=PAGES) as watch:
        first = await watch.scan()
        watch.sandbox.advance()
        watch.sandbox.fail("half-body", request=watch.sandbox.answered + 5)
        report = await watch.scan()
        assert (report.scan.complete, report.changes, shown(report)) == (False, (), shown(first))
        assert gone(await watch.scan()) == ["TKN15"]


async def test_one_page_is_believed_without_a_second_look(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(9), rows(8))) as watch:
        await watch.scan()
        watch.sandbox.advance()
        report = await watch.scan()
        assert (gone(report), report.scan.requests) == (["TKN9"], 1)


@pytest.mark.parametrize(
    ("left", "mass"),
    [(rows(0), True), (rows(5), True), (rows(6), False), (rows(11), False), (rows(4, first=9), True)],
    ids=["none", "less than half", "half", "all but one", "others"],
)
async def test_a_mass_absence_is_said_and_nothing_is_told(left: list[Row], mass: bool, tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(12, raw=UINT256_MAX), [*left])) as watch:
        first = await watch.scan()
        watch.sandbox.advance()
        report = await watch.scan()
        (target,) = report.scan.targets
        assert target.complete is not mass
        if mass:
            assert target.reason == "mass-absence"
            assert f"{12 - len(left)} of 12 known approvals suddenly gone" in (target.error or "")
            assert "revoked" not in kinds(report)
            assert {one.id for one in report.approvals} == {one.id for one in first.approvals}
            assert target.read_at == first.scan.targets[0].read_at
            assert not any(one.state == "resolved" for one in report.alerts)
        else:
            assert len(gone(report)) == 12 - len(left)


async def test_a_mass_absence_is_believed_when_it_is_confirmed_later(tmp_path: Path) -> None:
    clock = Clock()
    everything = rows(12, raw=UINT256_MAX)
    async with watching(tmp_path, story(everything, []), clock=clock) as watch:
        first = await watch.scan()
        watch.sandbox.advance()
        for _ in range(3):
            doubted = await watch.scan()
            assert (doubted.scan.complete, doubted.changes) == (False, ())
            assert (doubted.approvals, doubted.alerts) == (first.approvals, first.alerts)
            clock.ahead += TEN_MINUTES / 4
        clock.ahead += TEN_MINUTES / 4
        report = await watch.scan()
        assert (report.scan.complete, kinds(report), report.approvals) == (True, ["revoked"] * 12, ())
        assert open_rules(report) == []
        assert {one.id for one in report.alerts} == {one.id for one in first.alerts}
        assert {one.state for one in report.alerts} == {"resolved"}
        sent = [one for one in (await all_rows(watch.store))["notices"] if one["send"]]
        told = {
            what: {(one["alert_id"], one["channel"]) for one in sent if one["what"] == what}
            for what in ("opened", "resolved")
        }
        assert told["resolved"] == told["opened"] != set(), "who was told of the beginning is told of the end"
        quiet = await watch.scan()
        assert (quiet.scan.complete, quiet.changes, quiet.alerts) == (True, (), ())


async def test_without_a_wait_the_next_scan_confirms(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(12), []), confirm_after=timedelta()) as watch:
        await watch.scan()
        watch.sandbox.advance()
        assert not (await watch.scan()).scan.complete
        report = await watch.scan()
        assert (report.scan.complete, kinds(report)) == (True, ["revoked"] * 12)


async def test_what_comes_back_before_it_was_believed_gone_was_never_away(tmp_path: Path) -> None:
    clock = Clock()
    listed = rows(12, raw=UINT256_MAX)
    async with watching(tmp_path, story(listed, [], listed[:9], listed), clock=clock) as watch:
        first = await watch.scan()
        told = []
        for _ in range(2):
            watch.sandbox.advance()
            clock.ahead += TEN_MINUTES
            told += gone(await watch.scan())
        assert sorted(told) == ["TKN10", "TKN11", "TKN12"], "each approval by itself"
        watch.sandbox.advance()
        report = await watch.scan()
        assert kinds(report) == ["restored"] * 3
        assert shown(report) == shown(first)
        assert len((await all_rows(watch.store))["alerts"]) > len(first.alerts), "the three are alerts anew"


@pytest.mark.parametrize("end", [EndStyle.EMPTY_PAGE, EndStyle.SAME, EndStyle.NO_DATA])
async def test_behind_an_unproven_end_a_row_is_gone_when_it_is_confirmed_later(end: EndStyle, tmp_path: Path) -> None:
    clock, quirks = Clock(), Quirks(end=end, largest_page=5)
    async with watching(tmp_path, story(rows(12), rows(11)), sandbox={"quirks": quirks}, clock=clock) as watch:
        assert (await watch.scan()).scan.complete
        assert (await watch.scan()).scan.complete, "it holds everything that was known"
        watch.sandbox.advance()
        for _ in range(2):
            doubted = await watch.scan()
            assert (doubted.scan.targets[0].reason, doubted.changes) == ("unproven-end", ())
        clock.ahead += TEN_MINUTES
        report = await watch.scan()
        assert (report.scan.complete, gone(report)) == (True, ["TKN12"])


async def test_an_empty_answer_is_a_mass_absence_and_not_an_empty_wallet(tmp_path: Path) -> None:
    async with watching(tmp_path, story([row(1, UINT256_MAX)])) as watch:
        first = await watch.scan()
        watch.sandbox.fail("data-empty")
        report = await watch.scan()
        assert (report.scan.targets[0].reason, report.approvals) == ("mass-absence", first.approvals)
        assert (await watch.scan()).scan.complete


async def test_an_allowance_of_0_is_told_at_once_and_resolves_when_the_reading_is_whole(tmp_path: Path) -> None:
    before = [row(1, UINT256_MAX), *rows(7, first=2)]
    after = [row(1, 0), *rows(7, first=2)]
    async with watching(tmp_path, story(before, after), sandbox=PAGES) as watch:
        first = await watch.scan()
        watch.sandbox.advance()
        watch.sandbox.fail("half-body", page="later", times=None)
        report = await watch.scan()
        assert (kinds(report), report.scan.complete) == (["revoked"], False)
        assert open_rules(report) == open_rules(first), "what cannot be read whole resolves nothing"
        watch.sandbox.heal()
        whole = await watch.scan()
        assert (whole.changes, whole.scan.complete, open_rules(whole)) == ((), True, [])
        assert [one.reason for one in whole.alerts] == ["the approval is gone"]


async def test_a_lowered_allowance_is_told_at_once_and_resolves_when_the_reading_is_whole(tmp_path: Path) -> None:
    before, after = [row(1, UINT256_MAX), *rows(7, first=2)], rows(8)
    async with watching(tmp_path, story(before, after), sandbox=PAGES) as watch:
        first = await watch.scan()
        watch.sandbox.advance()
        watch.sandbox.fail("half-body", page="later", times=None)
        report = await watch.scan()
        assert (kinds(report), report.scan.complete) == (["decreased"], False)
        assert open_rules(report) == open_rules(first)
        watch.sandbox.heal()
        whole = await watch.scan()
        assert (whole.changes, open_rules(whole)) == ((), [])
        assert [one.reason for one in whole.alerts] == ["the rule no longer holds"]
