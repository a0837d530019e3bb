"""Whatever goes wrong at the far side: nothing is called gone, nothing safe, and what was known is still shown."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scanning import IN_NO_HURRY, WALLET, Watch, all_rows, kinds, open_rules, row, rows, shown, story, watching

from scanner.domain.approvals import Target
from scanner.domain.report import Report
from scanner.sandbox import FAULTS, UINT256_MAX, Quirks, World
from scanner.store.tables import alert_events, alerts, approvals, changes, messages, notices

FATAL = sorted(name for name, fault in FAULTS.items() if fault.fatal)
BEARABLE = sorted(name for name, fault in FAULTS.items() if not fault.fatal)
ALIKE = {name for name, fault in FAULTS.items() if fault.code is not None} - {
    "code-50001", "code-50011", "code-81159", "code-81451", "code-50102", "code-50111", "code-51000", "code-81104",
    "code-81106", "code-80001", "code-404",
}  # fmt: skip # - as many to a line as fit
"""Error codes that are handled like one of those that the quick tests try."""

SOAK = pytest.mark.soak
TRIED = [name for name in FATAL if name not in ALIKE]
QUICK = replace(IN_NO_HURRY, timeout=0.25)

PAGES = {"quirks": Quirks(largest_page=5)}
BELIEVED = (approvals, changes, alerts, alert_events, notices, messages)


def one_wallet() -> World:
    """Three pages, of which the first and the last hold something that raises an alert."""
    return story([row(1, UINT256_MAX), *rows(10, first=2), row(12, UINT256_MAX)])


def one_pack() -> World:
    """Wallets that fit into one request together."""
    return story([one for chain in ("1", "56") for one in (row(1, UINT256_MAX, chain=chain), row(2, chain=chain))])


async def believed(watch: Watch) -> dict[str, list[dict[str, Any]]]:
    """All that is stored of approvals, changes, alerts and what is owed about them."""
    found = await all_rows(watch.store)
    return {table.name: found[table.name] for table in BELIEVED}


def says_so(report: Report, good: Report) -> None:
    """The report of a reading that failed: incomplete in words, with the last good state and its age."""
    assert not report.scan.complete
    for target, before in zip(report.scan.targets, good.scan.targets, strict=True):
        assert not target.complete
        assert target.reason
        assert " " in (target.error or ""), "in words"
        assert target.read_at == before.read_at
        assert target.approvals == before.approvals
    assert report.approvals == good.approvals
    assert (report.changes, report.raised) == ((), ())
    assert report.alerts == good.alerts


def is_sound(report: Report, good: Report) -> None:
    assert report.scan.complete
    assert (report.changes, report.raised) == ((), ())
    assert shown(report) == shown(good)
    assert report.alerts == good.alerts


def test_there_are_many_more_faults_than_thirty() -> None:
    assert len(TRIED) > 50


def everywhere() -> Iterator[Any]:
    """Every fault at one of the places where it can strike, and in the soak every fault at all of them."""
    places = {"first": ("first", one_wallet()), "later": ("later", one_wallet()), "packed": ("first", one_pack())}
    for number, (name, (page, world)) in enumerate(places.items()):
        yield pytest.param(TRIED[number :: len(places)], page, world, id=name)
        yield pytest.param(FATAL, page, world, id=f"all-{name}", marks=SOAK)


@pytest.mark.parametrize(("names", "page", "world"), [*everywhere()])
async def test_no_fault_moves_what_is_believed(names: list[str], page: str, world: World, tmp_path: Path) -> None:
    async with watching(tmp_path, world, sandbox=PAGES, settings=QUICK) as watch:
        good = await watch.scan()
        assert good.scan.complete
        assert len(open_rules(good)) >= 2
        stored = await believed(watch)
        for name in names:
            watch.sandbox.fail(name, page=page, times=None)
            report = await watch.scan()
            try:
                says_so(report, good)
                assert await believed(watch) == stored
            except AssertionError as error:
                error.add_note(f"the fault was {name}")
                raise
            watch.sandbox.heal()
        is_sound(await watch.scan(), good)
        assert await believed(watch) == stored


@pytest.mark.parametrize("names", [TRIED[::3], pytest.param(FATAL, marks=SOAK)], ids=["some", "all"])
async def test_a_fault_that_strikes_a_pack_once_costs_at_most_the_reading(names: list[str], tmp_path: Path) -> None:
    async with watching(tmp_path, one_pack(), sandbox=PAGES, settings=QUICK) as watch:
        good = await watch.scan()
        stored = await believed(watch)
        for name in names:
            watch.sandbox.fail(name)
            report = await watch.scan()
            try:
                assert shown(report) == shown(good)
                assert (report.changes, report.alerts) == ((), good.alerts)
                assert all(target.complete or target.error for target in report.scan.targets)
                assert await believed(watch) == stored
            except AssertionError as error:
                error.add_note(f"the fault was {name}")
                raise


BORNE = [
    pytest.param(name, page, marks=[] if number % 2 == place else SOAK)
    for number, name in enumerate(name for name in BEARABLE if name != "row-slips")
    for place, page in enumerate(("first", "later"))
]


@pytest.mark.parametrize(("name", "page"), BORNE)
async def test_what_can_be_borne_neither_revokes_nor_resolves(name: str, page: str, tmp_path: Path) -> None:
    async with watching(tmp_path, one_wallet(), sandbox=PAGES, settings=QUICK) as watch:
        good = await watch.scan()
        watch.sandbox.fail(name, page=page, times=None)
        for _ in range(2):
            report = await watch.scan()
            assert {one.id for one in good.approvals} <= {one.id for one in report.approvals}
            assert "revoked" not in kinds(report)
            assert set(open_rules(good)) <= set(open_rules(report))
            assert not any(one.state == "resolved" for one in report.alerts)
            assert report.scan.complete or report.scan.targets[0].error


async def test_one_target_that_fails_touches_no_other(tmp_path: Path) -> None:
    world = story([row(1, chain=chain) for chain in ("1", "56", "8453", "10")])
    async with watching(tmp_path, world, settings=IN_NO_HURRY) as watch:
        good = await watch.scan()
        watch.sandbox.fail("code-81451", target=("56", WALLET), times=None)
        report = await watch.scan()
        assert shown(report) == watch.truth()
        for before, now in zip(good.scan.targets, report.scan.targets, strict=True):
            assert now.complete is (now.chain_index != "56")
            assert (now.read_at == before.read_at) is (now.chain_index == "56")


@pytest.mark.parametrize("fault", ["half-body", "http-503", "rows-object", "hang", "code-50111", "data-null"])
async def test_danger_on_page_1_is_told_once_although_page_2_fails(fault: str, tmp_path: Path) -> None:
    danger = row(99, UINT256_MAX, spender=66)
    async with watching(tmp_path, story(rows(12), [danger, *rows(12)]), sandbox=PAGES, settings=QUICK) as watch:
        await watch.scan()
        watch.sandbox.advance()
        watch.sandbox.fail(fault, page="later", times=None)
        told = await watch.scan()
        assert not told.scan.complete
        assert [(one.kind, one.token.address if one.token else "") for one in told.changes] == [
            ("new", danger.token.address)
        ]
        (alert,) = [one for one in told.alerts if one.rule == "unlimited-to-stranger"]
        assert (alert.state, alert.approval) == ("open", told.changes[0].approval)
        assert alert.id in told.raised
        stored = await believed(watch)
        owed = [one for one in stored["notices"] if one["alert_id"] == alert.id]
        assert [one["channel"] for one in owed if one["send"] and not one["digest"]] == ["ops", "log"]

        for healed in (False, False, True, True):
            if healed:
                watch.sandbox.heal()
            report = await watch.scan()
            assert (report.changes, report.raised) == ((), ())
            assert report.scan.complete is healed
            assert await believed(watch) == stored
        assert shown(report) == watch.truth()


async def test_a_first_reading_that_fails_shows_what_it_saw_and_ends_as_one_baseline(tmp_path: Path) -> None:
    async with watching(tmp_path, one_wallet(), sandbox=PAGES, settings=QUICK) as watch:
        watch.sandbox.fail("http-500", page="later", times=None)
        begun = await watch.scan()
        assert kinds(begun) == ["baseline"] * 5
        assert (begun.scan.targets[0].read_at, begun.scan.targets[0].approvals) == (None, 5)
        watch.sandbox.heal()
        rest = await watch.scan()
        assert kinds(rest) == ["baseline"] * 7
        assert (shown(rest), rest.scan.complete) == (watch.truth(), True)


async def test_a_far_side_that_never_answered_says_nothing_of_a_wallet(tmp_path: Path) -> None:
    async with watching(tmp_path, one_wallet(), settings=QUICK) as watch:
        watch.sandbox.fail("html", times=None)
        report = await watch.scan()
        (target,) = report.scan.targets
        assert (report.approvals, report.alerts, target.complete, target.read_at) == ((), (), False, None)


async def test_a_chain_that_no_source_covers_is_said_at_every_scan(tmp_path: Path) -> None:
    bitcoin = Target("0", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    async with watching(tmp_path, one_pack()) as watch:
        for _ in range(2):
            report = await watch.scan(*watch.targets, bitcoin)
            assert not report.scan.complete
            (target,) = [one for one in report.scan.targets if one.owner == bitcoin.owner]
            assert (target.complete, target.reason) == (False, "not-covered")
            assert shown(report) == watch.truth()
