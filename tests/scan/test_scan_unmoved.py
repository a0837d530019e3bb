"""A target that reads the same is not judged again, unless its rules, its lists, or time give a reason to."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from scanning import WALLET, address, all_rows, house, kinds, open_rules, opened, row, rows, story, watching
from worlds_of_money import OWNERS, Granted, Stopped, Teller, World

from scanner.domain.approvals import Target
from scanner.domain.lists import Entry, ListState
from scanner.domain.telling import Telling
from scanner.judge import Judge
from scanner.policy.loading import load
from scanner.policy.rules import Pack
from scanner.sandbox import UINT256_MAX
from scanner.store import lists, scans, tables

OLD = "rules:\n  - {id: old, title: Old, severity: high, when: approval.age > days(180), why: Old, fix: Revoke}\n"
ANY = "rules:\n  - {id: any, title: Any, severity: high, when: 'true', why: Any, fix: Revoke}\n"


def pack(folder: Path, text: str) -> Pack:
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(text)
    return load([folder])


async def test_a_quiet_day_leaves_one_line_for_each_target(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(120, raw=UINT256_MAX))) as watch:
        first = await watch.scan()
        before = await all_rows(watch.store, tables.budgets)
        again = await watch.scan()
        after = await all_rows(watch.store, tables.budgets)
        assert (again.changes, again.raised) == ((), ())
        assert open_rules(again) == open_rules(first)
        assert again.scan.undecided == first.scan.undecided
        assert again.scan.targets[0].approvals == 120
        grown = {name: len(after[name]) - len(before[name]) for name in after if after[name] != before[name]}
        assert grown == {"scans": 1, "scan_targets": 1, "targets": 0}
        assert [one["read_at"] > two["read_at"] for one, two in zip(after["targets"], before["targets"], strict=True)]


async def test_time_alone_opens_an_alert_when_its_time_has_come(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(3)), pack=pack(tmp_path / "rules", OLD)) as watch:
        for days in (1, 100, 78):
            watch.house.clock.ahead += timedelta(days=days)
            assert (await watch.scan()).raised == ()
        watch.house.clock.ahead += timedelta(days=181)
        assert len((await watch.scan()).raised) == 3
        assert (await watch.scan()).raised == ()


@pytest.mark.parametrize(
    "when",
    [
        "approval.age > duration('90m')",
        "approval.age + approval.age > duration('3h')",
        "approval.age > duration('90m') && spender.owners > 1",
    ],
)
async def test_time_opens_an_alert_however_often_something_else_of_the_wallet_moves(when: str, tmp_path: Path) -> None:
    """That something was judged lately does not put off when the rest is due, whatever rules do with time."""
    text = f"rules:\n  - {{id: aged, title: Aged, severity: high, when: {when}, why: Aged, fix: Revoke}}\n"
    still = [row(1), *rows(2, owner=address(0xB0))]
    days = [[row(2, 10 + number), *still] for number in range(6)]
    async with watching(tmp_path, story(*days), pack=pack(tmp_path / "rules", text)) as watch:
        await watch.scan()
        for _ in days[1:]:
            watch.house.clock.ahead += timedelta(minutes=40)
            watch.sandbox.advance()
            report = await watch.scan()
            assert kinds(report) == ["increased"]
        assert [rule for rule, _ in open_rules(report)] == ["aged"] * 4


async def test_rules_that_were_edited_judge_what_did_not_move(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(3)), pack=Pack(())) as watch:
        assert (await watch.scan()).raised == ()
        edited = Judge(pack(tmp_path / "rules", ANY), telling=Telling(channels={}), now=watch.house.clock.now)
        other = replace(watch.house, judge=edited, scanner=replace(watch.house.scanner, judge=edited))
        assert len((await other.scan(watch.targets)).raised) == 3
        assert (await other.scan(watch.targets)).raised == ()


async def test_what_moves_is_seen_after_any_number_of_quiet_scans(tmp_path: Path) -> None:
    days = [rows(5), rows(5), [*rows(4), *rows(1, 9, raw=UINT256_MAX)]]
    async with watching(tmp_path, story(*days)) as watch:
        await watch.scan()
        watch.sandbox.advance()
        assert kinds(await watch.scan()) == []
        watch.sandbox.advance()
        assert kinds(await watch.scan()) == ["new", "revoked"]
        assert kinds(await watch.scan()) == []


async def test_a_wallet_that_comes_back_is_judged_by_what_lists_say_now(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(1))) as watch:
        await watch.scan()
        await watch.house.judge.tidy(watch.store, [Target("1", address(0xF))], certain=True)
        state = ListState(name="bad", label="exploited", origin="bad.csv", as_of=watch.house.clock.now())
        entry = Entry(address(0x59E2D001), ("exploited",))
        await watch.store.write(lambda c: lists.keep(c, state, [entry], at=watch.house.clock.now()))
        await watch.house.judge.touched(watch.store)
        assert [one.rule for one in (await watch.scan()).alerts if one.state == "open"] == ["exploited-spender"]
        assert watch.targets == [Target("1", WALLET)]


async def test_a_wallet_with_another_name_or_other_tags_is_judged_by_them(tmp_path: Path) -> None:
    cold = """rules:
      - {id: cold, title: Cold, severity: high, when: '"cold" in owner.tags', why: Cold, fix: Revoke}
      - {id: named, title: Named, severity: high, when: 'owner.label == "vault"', why: Named, fix: Revoke}
    """
    async with watching(tmp_path, story(rows(1)), pack=pack(tmp_path / "rules", cold)) as watch:
        [plain] = watch.targets
        assert (await watch.scan()).raised == ()
        for changed, rule in ((replace(plain, tags=("cold",)), "cold"), (replace(plain, label="vault"), "named")):
            assert [name for name, _ in open_rules(await watch.scan(changed))] == [rule]
            assert (await watch.scan(changed)).raised == ()


async def test_a_wallet_that_comes_back_counts_among_the_others_at_once(tmp_path: Path) -> None:
    several = "rules:\n  - {id: several, title: T, severity: high, when: spender.owners > 1, why: Two, fix: Revoke}\n"
    world = story([row(1), row(1, owner=address(0xB))])
    async with watching(tmp_path, world, pack=pack(tmp_path / "rules", several)) as watch:
        mine, other = watch.targets
        judge, store = watch.house.judge, watch.store
        assert len(open_rules(await watch.scan())) == 2
        await judge.tidy(store, [mine], certain=True)
        await judge.again(store)
        assert open_rules(await watch.scan(mine)) == []
        await judge.tidy(store, [mine, other], certain=True)
        await judge.again(store)
        assert len(open_rules(await watch.scan())) == 2
        assert (await watch.scan()).raised == ()


async def test_a_wallet_with_other_tags_is_judged_by_them_also_where_others_count(tmp_path: Path) -> None:
    cold = """rules:
      - {id: cold, title: Cold, severity: high, when: '"cold" in owner.tags && spender.owners > 1', why: Cold, fix: Go}
    """
    world = story([row(1), row(1, owner=address(0xB))])
    async with watching(tmp_path, world, pack=pack(tmp_path / "rules", cold)) as watch:
        mine, other = watch.targets
        assert (await watch.scan()).raised == ()
        renamed = await watch.scan(replace(mine, tags=("cold",)), other)
        assert [name for name, _ in open_rules(renamed)] == ["cold"]
        assert open_rules(await watch.scan(mine, other)) == []


async def test_what_could_not_be_decided_is_counted_of_all_that_is_so_and_of_what_happened_once(tmp_path: Path) -> None:
    worth = """rules:
      - {id: worth, title: Worth, severity: high, when: exposure.usd > 1, why: It is, fix: Go}
      - {id: more, title: More, severity: high, on: [increased], when: exposure.usd > 1, why: It is, fix: Go}
    """
    world = story([row(1, 5), row(2, 5)], [row(1, 9), row(2, 5)])
    async with watching(tmp_path, world, pack=pack(tmp_path / "rules", worth)) as watch:
        assert (await watch.scan()).scan.undecided == 2
        watch.sandbox.advance()
        assert (await watch.scan()).scan.undecided == 3
        assert (await watch.scan()).scan.undecided == 2


async def test_a_rule_that_could_decide_of_what_did_not_move_is_not_said_to_decide_nothing(tmp_path: Path) -> None:
    wide = "rules:\n  - {id: wide, title: Wide, severity: low, when: allowance.unlimited, why: Wide, fix: Revoke}\n"
    world, clock, target = World(), Stopped(), Target("1", OWNERS[0])
    world.granted = {(OWNERS[0], 1, 1): Granted(5), (OWNERS[0], 2, 1): Granted("1e9")}
    async with opened(tmp_path / "store.db") as store:
        home = house(store, Teller(world, clock), clock=clock, pack=pack(tmp_path / "rules", wide))
        for symbol in ("TKN", "NEW"):
            world.granted[OWNERS[0], 2, 1] = Granted("1e9", symbol=symbol)
            clock.at += timedelta(minutes=1)
            assert (await home.scan([target])).scan.undecided == 1
            assert await store.read(scans.undecided_rules) == set()


async def test_a_name_that_moves_is_held_against_all_wallets_though_it_is_no_change(tmp_path: Path) -> None:
    shared = """rules:
      - {id: fake, title: Fake, severity: high, when: spender.owners > 1 && token.symbol == "USDT", why: It is, fix: Go}
    """
    before = [row(1, owner=owner) for owner in (WALLET, address(0xB0))]
    after = [replace(before[0], token=replace(before[0].token, symbol="USDT")), before[1]]
    async with watching(tmp_path, story(before, after), pack=pack(tmp_path / "rules", shared)) as watch:
        assert (await watch.scan()).raised == ()
        watch.sandbox.advance()
        report = await watch.scan()
        assert kinds(report) == []
        assert [name for name, _ in open_rules(report)] == ["fake"]


async def test_what_other_rules_made_of_a_list_is_judged_again_by_those_that_come_back(tmp_path: Path) -> None:
    """A command with rules of its own looks at the lists; the daemon never hears that they say something else."""
    listed = """rules:
      - {id: listed, title: Listed, severity: high, when: '"bad" in spender.labels', why: Bad, fix: Revoke}
    """
    async with watching(tmp_path, story(rows(1)), pack=pack(tmp_path / "rules", listed)) as watch:
        assert (await watch.scan()).raised == ()
        other = Judge(Pack(()), telling=Telling(channels={}), now=watch.house.clock.now)
        state = ListState(name="bad", label="bad", origin="bad.csv")
        entry = Entry(address(0x59E2D001), ("bad",))
        await watch.store.write(lambda c: lists.keep(c, state, [entry], at=watch.house.clock.now()))
        assert await other.touched(watch.store) == 1
        assert [name for name, _ in open_rules(await watch.scan())] == ["listed"]
