"""Nothing moved, nothing told, nothing grown; a dry run says what would have been and leaves no trace."""

from dataclasses import replace
from pathlib import Path

from scanning import address, all_rows, counted, kinds, open_rules, outcome, row, rows, shown, story, watching
from sqlalchemy import text

from scanner.domain.approvals import Target
from scanner.sandbox import UINT256_MAX, Quirks, Row, big_world
from scanner.store.engine import Store
from scanner.store.tables import budgets

STRANGER = Target("1", address(0xB0B))
PAGES = {"quirks": Quirks(largest_page=10)}


async def size(store: Store) -> int:
    """Bytes of the store."""
    pages = await store.read(lambda connection: connection.scalar(text("PRAGMA page_count")))
    return 4096 * int(pages)


async def test_where_nothing_moved_there_is_no_change_no_notice_and_one_line_a_target(tmp_path: Path) -> None:
    async with watching(tmp_path, big_world(3, 25, chains=("1", "56")), sandbox=PAGES) as watch:
        first = await watch.scan()
        assert (len(first.approvals), kinds(first)) == (150, ["baseline"] * 150)
        before = await counted(watch.store)
        rounds = 5
        for _ in range(rounds):
            report = await watch.scan()
            assert (report.changes, report.raised, report.scan.complete) == ((), (), True)
            assert open_rules(report) == open_rules(first)
            assert [one.state for one in report.alerts] == ["open"] * len(first.alerts)
        after = await counted(watch.store)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {"scans": rounds, "scan_targets": rounds * len(watch.targets)}


async def test_quiet_scans_grow_the_file_by_a_few_bytes_a_target(tmp_path: Path) -> None:
    async with watching(tmp_path, big_world(20, 3)) as watch:
        await watch.scan()
        before = await size(watch.store)
        for _ in range(10):
            await watch.scan()
        lines = 10 * (len(watch.targets) + 1)
        assert await size(watch.store) - before < lines * 200


def before_and_after() -> tuple[list[Row], list[Row]]:
    """A day, and one on which something of every sort has happened."""
    old = [
        *rows(12),
        row(20, UINT256_MAX),
        row(21, 100),
        row(22, 100),
        row(23, UINT256_MAX, owner=address(0xA2), chain="56"),
    ]
    new = [
        *rows(11),
        row(20, UINT256_MAX),
        row(21, 200),
        row(22, 50),
        row(30, UINT256_MAX, spender=7),
        row(24, UINT256_MAX, owner=address(0xA2), chain="56"),
        row(23, UINT256_MAX, owner=address(0xA2), chain="56"),
    ]
    return old, new


async def test_a_dry_run_leaves_no_trace_and_says_what_the_scan_after_it_says(tmp_path: Path) -> None:
    old, new = before_and_after()
    async with watching(tmp_path, story(old, new, new), sandbox=PAGES) as watch:
        for day in range(3):
            watch.sandbox.day = day
            kept = await all_rows(watch.store, budgets)
            rehearsed = await watch.scan(dry_run=True)
            assert await all_rows(watch.store, budgets) == kept
            recorded = await watch.scan()
            assert outcome(rehearsed) == outcome(recorded)
            assert (rehearsed.scan.dry_run, recorded.scan.dry_run) == (True, False)
            assert rehearsed.scan.requests == recorded.scan.requests > 0
            told = {0: ["baseline"] * 16, 1: ["decreased", "increased", "new", "new", "revoked"], 2: []}
            assert kinds(recorded) == told[day]


async def test_a_dry_run_of_a_broken_far_side_leaves_no_trace_either(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(25)), sandbox=PAGES) as watch:
        for _ in range(2):
            watch.sandbox.fail("half-body", page="later", times=None)
            kept = await all_rows(watch.store, budgets)
            rehearsed = await watch.scan(dry_run=True)
            assert await all_rows(watch.store, budgets) == kept
            recorded = await watch.scan()
            assert outcome(rehearsed) == outcome(recorded)
            assert not recorded.scan.complete
            watch.sandbox.heal()
            await watch.scan()


async def test_a_wallet_that_is_not_configured_is_read_beside_the_others_and_not_recorded(tmp_path: Path) -> None:
    mine, theirs = rows(3), rows(4, first=50, owner=STRANGER.owner, raw=UINT256_MAX)
    async with watching(tmp_path, story(mine + theirs, mine[1:] + theirs)) as watch:
        configured = [target for target in watch.targets if target != STRANGER]
        for day, told in ((0, ["baseline"] * 3), (1, ["revoked"])):
            watch.sandbox.day = day
            report = await watch.scan(*configured, STRANGER, recorded=configured)
            assert shown(report) == watch.truth()
            assert kinds(report) == sorted([*told, *["baseline"] * 4]), "what is not recorded is new each time"
            assert {one.owner for one in report.scan.targets} == {one.owner for one in watch.targets}
            assert len([one for one in report.alerts if one.rule == "unlimited-to-stranger"]) == 4
            assert not report.scan.dry_run
            for table, stored in (await all_rows(watch.store)).items():
                assert not any(STRANGER.owner in one.values() for one in stored), table
            assert (await counted(watch.store))["approvals"] == 3


async def test_a_wallet_alone_that_is_not_configured_leaves_no_scan_behind(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(3))) as watch:
        report = await watch.scan(recorded=())
        assert (len(report.approvals), kinds(report)) == (3, ["baseline"] * 3)
        assert {name for name, count in (await counted(watch.store)).items() if count} == {"budgets"}


async def test_a_target_is_shown_under_the_label_that_it_has_now(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(1))) as watch:
        for label in ("treasury", "old treasury"):
            (target,) = watch.targets
            report = await watch.scan(replace(target, label=label))
            assert [one.label for one in report.scan.targets] == [label]
            assert [one.owner_label for one in report.approvals] == [label]
