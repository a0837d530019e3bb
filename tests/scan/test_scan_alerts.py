"""What scans do to alerts: the digest of first readings, other wallets' rules, and what nobody watches any more."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from scanning import CHANNELS, House, Watch, address, house, open_rules, outcome, row, rows, story, watching
from sqlalchemy import select

from scanner.domain.approvals import Target, Underway
from scanner.domain.report import Report
from scanner.errors import StoreError
from scanner.jobs import Job, Step
from scanner.policy.loading import default_rules, load
from scanner.policy.rules import Pack
from scanner.sandbox import UINT256_MAX, Quirks
from scanner.store import tables


async def owed(watch: Watch, scan: Report | None = None) -> list[Mapping[str, object]]:
    """The notices that are to be sent, of one scan if it is given."""
    query = select(tables.notices).where(tables.notices.c.send).order_by(tables.notices.c.seq)
    found = (await watch.store.read(lambda connection: connection.execute(query))).mappings()
    return [dict(one) for one in found if scan is None or one["scan_id"] == scan.scan.id]


async def alerts(watch: Watch) -> dict[tuple[str, str], tuple[str, str]]:
    """Every alert's state and reason, by rule and the token of its approval."""
    query = select(tables.alerts, tables.approvals.c.symbol, tables.approvals.c.owner).join(
        tables.approvals, tables.approvals.c.id == tables.alerts.c.approval_id
    )
    found = (await watch.store.read(lambda connection: connection.execute(query))).mappings()
    return {(one["rule"], f"{one['symbol']} {one['owner'][-2:]}"): (one["state"], one["reason"]) for one in found}


def loud(report: Report) -> set[str]:
    """The alerts that somebody is to be told of."""
    return {one.id for one in report.alerts if one.severity != "informational"}


def of(report: Report, target: Target) -> set[str]:
    """The approvals of a target."""
    return {one.id for one in report.approvals if one.owner == target.owner}


def owner(number: int) -> str:
    return address(0xA0 + number)


def pack(folder: Path, text: str, *, disable: tuple[str, ...] = ()) -> Pack:
    """The default rules and one's own."""
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(text)
    return load([default_rules(), folder], disable)


def under(watch: Watch, rules: Pack) -> House:
    """The same store and source under other rules."""
    return house(watch.store, watch.source, pack=rules)


async def test_all_alerts_of_a_first_scan_are_owed_in_one_digest_at_its_end(tmp_path: Path) -> None:
    listed = [one for number in range(3) for one in rows(4, raw=UINT256_MAX, owner=owner(number), spender=number)]
    async with watching(tmp_path, story(listed), sandbox={"quirks": Quirks(largest_page=2)}) as watch:
        report = await watch.scan()
        found = await owed(watch)
        assert {one["alert_id"] for one in found} == {
            one.id for one in report.alerts if one.severity != "informational"
        }
        assert {one["channel"] for one in found} == set(CHANNELS)
        assert all(one["digest"] for one in found)
        assert {one["scan_id"] for one in found} == {report.scan.id}
        assert len({one["due_at"] for one in found}) == 1
        assert None not in {one["due_at"] for one in found}


async def test_an_alert_that_opens_later_is_owed_by_itself_and_soon(tmp_path: Path) -> None:
    old, danger = rows(3, raw=UINT256_MAX), row(50, UINT256_MAX)
    async with watching(tmp_path, story(old, [*old, danger])) as watch:
        await watch.scan()
        watch.sandbox.advance()
        report = await watch.scan()
        found = await owed(watch, report)
        assert {one["alert_id"] for one in found} == set(report.raised)
        assert {one["channel"] for one in found} == set(CHANNELS)
        assert not any(one["digest"] for one in found)
        assert None not in {one["due_at"] for one in found}


async def test_a_wallet_that_comes_later_has_a_digest_of_its_own(tmp_path: Path) -> None:
    listed = [*rows(2, raw=UINT256_MAX, owner=owner(1)), *rows(2, raw=UINT256_MAX, owner=owner(2))]
    async with watching(tmp_path, story(listed)) as watch:
        first, second = watch.targets
        await watch.scan(first)
        report = await watch.scan(first, second)
        found = await owed(watch, report)
        assert len(found) == 4
        assert all(one["digest"] for one in found)
        assert {one["alert_id"] for one in found} == set(report.raised)


async def test_who_was_not_told_of_a_beginning_is_not_told_of_its_end(tmp_path: Path) -> None:
    """A new limited approval is of low severity, which only one of the channels wants."""
    async with watching(tmp_path, story(rows(3), [*rows(3), row(9)], rows(3))) as watch:
        told: list[list[object]] = []
        for day in range(3):
            watch.sandbox.day = day
            report = await watch.scan()
            told.append([(one["channel"], one["what"]) for one in await owed(watch, report)])
        assert told == [[], [("log", "opened")], [("log", "resolved")]]


async def test_a_spender_in_several_wallets_is_an_alert_in_each_of_them(tmp_path: Path) -> None:
    """The rule counts over all wallets: it opens and resolves where nothing was read."""
    both = [row(1, owner=owner(1)), row(1, owner=owner(2))]
    third = [*rows(2, owner=owner(3), first=7, spender=3), row(1, owner=owner(3))]
    rule = "spender-in-several-wallets"
    async with watching(tmp_path, story([*both, *third], [*both, *third[:2]])) as watch:
        first, second, last = watch.targets
        for scanned in (first, second):
            assert open_rules(await watch.scan(scanned)) == []
        await watch.scan(last)
        in_each = {(rule, f"TKN1 a{number}") for number in (1, 2, 3)}
        assert {name: state for name, (state, _) in (await alerts(watch)).items()} == dict.fromkeys(in_each, "open")
        watch.sandbox.advance()
        await watch.scan(last)
        assert await alerts(watch) == {
            (rule, "TKN1 a1"): ("resolved", "the rule no longer holds"),
            (rule, "TKN1 a2"): ("resolved", "the rule no longer holds"),
            (rule, "TKN1 a3"): ("resolved", "the approval is gone"),
        }


async def test_what_a_scan_moved_that_broke_off_is_judged_by_the_next(tmp_path: Path) -> None:
    """Rules that count over all wallets are judged at a scan's end, which this one does not live to see."""
    listed = [row(1, owner=owner(number)) for number in (1, 2, 3)]
    async with watching(tmp_path, story(listed)) as watch:

        async def break_off(step: Step | Underway) -> None:
            if isinstance(step, Step) and step.done == step.total:
                raise StoreError("the disk is full")

        job = Job(watch.targets, frozenset(watch.targets), "test")
        with pytest.raises(StoreError):
            await watch.house.scanner.scan(job, break_off)
        assert await alerts(watch) == {}
        rehearsed = await watch.scan(dry_run=True)
        report = await watch.scan()
        assert report.changes == ()
        assert {rule for rule, _ in open_rules(report)} == {"spender-in-several-wallets"}
        assert len(report.raised) == 3
        assert outcome(rehearsed) == outcome(report)
        assert (await watch.scan()).raised == ()


async def test_a_removed_wallet_closes_its_alerts_in_words_that_do_not_say_safe(tmp_path: Path) -> None:
    listed = [*rows(2, raw=UINT256_MAX, owner=owner(1)), *rows(2, raw=UINT256_MAX, owner=owner(2), spender=2)]
    async with watching(tmp_path, story(listed)) as watch:
        first = await watch.scan()
        kept, dropped = watch.targets
        await watch.house.judge.tidy(watch.store, {kept, dropped}, certain=True)
        assert open_rules(await watch.scan(dropped, dry_run=True)) != []
        await watch.house.judge.tidy(watch.store, {kept}, certain=False)
        assert {state for state, _ in (await alerts(watch)).values()} == {"open"}, "an unreadable file removes nobody"

        await watch.house.judge.tidy(watch.store, {kept}, certain=True)
        found = await alerts(watch)
        assert {state for (_, token), (state, _) in found.items() if token.endswith("a1")} == {"open"}
        ended = {value for (_, token), value in found.items() if token.endswith("a2")}
        assert ended == {("resolved", "no longer watched: the wallet is no longer in the configuration")}
        told = [one for one in await owed(watch) if one["what"] == "unwatched"]
        assert {one["channel"] for one in told} == set(CHANNELS)
        theirs = {one.id for one in first.alerts if one.approval in of(first, dropped)}
        assert {one["alert_id"] for one in told} == loud(first) & theirs

        back = await watch.scan()
        assert (back.changes, open_rules(back)) == ((), open_rules(first)), "it is watched again"


async def test_a_deleted_or_disabled_rule_closes_its_alerts_and_a_broken_one_none(tmp_path: Path) -> None:
    own = "rules: [{id: mine, title: Mine, severity: high, when: 'true'}]"
    async with watching(tmp_path, story([row(1, UINT256_MAX)]), pack=pack(tmp_path / "rules", own)) as watch:
        report = await watch.scan()
        assert {rule for rule, _ in open_rules(report)} == {"mine", "unlimited-to-stranger"}
        targets = frozenset(watch.targets)

        broken = pack(tmp_path / "rules", "rules: [{id: mine, title: Mine, severity: high, when: 'nonsense('}]")
        assert broken.problems
        await under(watch, broken).judge.tidy(watch.store, targets, certain=True)
        assert {state for state, _ in (await alerts(watch)).values()} == {"open"}
        told = await under(watch, broken).scan(watch.targets)
        assert {rule for rule, _ in open_rules(told)} == {"mine", "unlimited-to-stranger"}
        assert any("own.yaml:1" in problem for problem in told.scan.broken_rules)

        gone = pack(tmp_path / "rules", "rules: []", disable=("unlimited-to-stranger",))
        await under(watch, gone).judge.tidy(watch.store, targets, certain=True)
        assert set((await alerts(watch)).values()) == {
            ("resolved", "no longer watched: its rule was removed or disabled")
        }


@pytest.mark.parametrize(
    ("edited", "state", "severity"),
    [
        ("{id: mine, title: Mine, severity: high, when: allowance.unlimited}", "open", "high"),
        ("{id: mine, title: Mine, severity: critical, when: 'true'}", "open", "critical"),
        ("{id: mine, title: Mine, severity: low, when: 'true'}", "open", "low"),
        ("{id: mine, title: Mine, severity: high, when: '!allowance.unlimited'}", "resolved", "high"),
        ("{id: mine, title: Mine, severity: high, when: exposure.usd > 1}", "open", "high"),
    ],
    ids=["still holds", "worse", "milder", "fails", "undecided"],
)
async def test_an_edited_rule_is_judged_again_without_a_request(
    edited: str, state: str, severity: str, tmp_path: Path
) -> None:
    old = pack(tmp_path / "rules", "rules: [{id: mine, title: Mine, severity: high, when: 'true'}]")
    async with watching(tmp_path, story([row(1, UINT256_MAX)]), pack=old) as watch:
        report = await watch.scan()
        asked = len(watch.sandbox.requests)
        fresh = under(watch, pack(tmp_path / "rules", f"rules: [{edited}]"))
        await fresh.judge.again(watch.store)
        await fresh.judge.again(watch.store)
        assert len(watch.sandbox.requests) == asked
        query = select(tables.alerts).where(tables.alerts.c.rule == "mine")
        (found,) = (await watch.store.read(lambda connection: connection.execute(query))).mappings()
        assert (found["state"], found["severity"]) == (state, severity)
        assert found["id"] in {one.id for one in report.alerts}


async def test_a_new_rule_speaks_of_what_is_stored_at_once(tmp_path: Path) -> None:
    async with watching(tmp_path, story(rows(2))) as watch:
        await watch.scan()
        added = under(watch, pack(tmp_path / "rules", "rules: [{id: mine, title: M, severity: high, when: 'true'}]"))
        await added.judge.again(watch.store)
        found = await owed(watch)
        assert [(one["channel"], one["digest"]) for one in found] == [("ops", False), ("log", False)] * 2
        assert None not in {one["due_at"] for one in found}


async def test_an_event_is_told_once_for_each_time_it_happens(tmp_path: Path) -> None:
    days = [[row(1, raw), *rows(2, first=5)] for raw in (5, 6, 7, 7)]
    async with watching(tmp_path, story(*days)) as watch:
        raised = []
        for day in range(4):
            watch.sandbox.day = day
            report = await watch.scan()
            raised.append([one.rule for one in report.alerts if one.id in report.raised])
        assert raised == [[], ["allowance-increased"], ["allowance-increased"], []]
        assert [one.rule for one in report.alerts if one.state == "open"] == ["allowance-increased"] * 2


async def test_what_goes_takes_its_alerts_with_it(tmp_path: Path) -> None:
    days = [rows(3), [*rows(3), row(9, 5)], [*rows(3), row(9, UINT256_MAX)], rows(3)]
    async with watching(tmp_path, story(*days)) as watch:
        for day in range(4):
            watch.sandbox.day = day
            report = await watch.scan()
        assert {(one.rule, one.state, one.reason) for one in report.alerts} == {
            ("new-approval", "resolved", "the approval is gone"),
            ("limited-turned-unlimited", "resolved", "the approval is gone"),
            ("unlimited-to-stranger", "resolved", "the approval is gone"),
        }


async def test_a_counting_rule_that_is_new_is_judged_by_the_next_scan_of_a_command(tmp_path: Path) -> None:
    """Beside no daemon nothing else would judge what did not move."""
    counting = "rules: [{id: mine, title: M, severity: high, when: 'spender.approvals >= 2'}]"
    async with watching(tmp_path, story(rows(2, spender=1))) as watch:
        await watch.scan()
        added = under(watch, pack(tmp_path / "rules", counting))
        job = Job(watch.targets, frozenset(watch.targets), "command")
        report = await added.scanner.scan(job)
        assert [one.rule for one in report.alerts if one.id in report.raised] == ["mine", "mine"]
        assert report.changes == ()


async def test_what_only_an_incomplete_reading_has_shown_resolves_nothing_when_it_is_judged_again(
    tmp_path: Path,
) -> None:
    days = ([row(1, UINT256_MAX), *rows(4, first=2)], [row(1, 5), *rows(4, first=2)])
    async with watching(tmp_path, story(*days), sandbox={"quirks": Quirks(largest_page=2)}) as watch:
        [alert] = (await watch.scan()).alerts
        watch.sandbox.day = 1
        watch.sandbox.fail("code-51000", page="later", times=None)
        assert [change.kind for change in (await watch.scan()).changes] == ["decreased"]
        await house(watch.store, watch.source).judge.again(watch.store)
        watch.sandbox.heal()
        assert [(one.id, one.state) for one in (await watch.scan()).alerts] == [(alert.id, "resolved")]
