"""What exceptions and overrides do through whole scans, and who is told of a rule that some channels alone are told."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from scanning import CHANNELS, Clock, House, Watch, address, default_pack, house, open_rules, row, rows, story, watching
from sqlalchemy import select

from scanner.domain.notices import Why
from scanner.domain.report import Report
from scanner.domain.telling import Telling
from scanner.judge import Judge
from scanner.policy.overriding import Override, amended, overridden
from scanner.policy.rules import Exemption, Pack
from scanner.sandbox import UINT256_MAX, World
from scanner.scan import Scanner
from scanner.store import tables
from scanner.store.outbox import review, tell_again

RULE = "unlimited-to-stranger"
SPENDER, TOKEN = address(0x59E2D001), address(0x70CE001)


def excepting(clock: Clock, **names: object) -> Pack:
    """The default pack with one exception."""
    exemption = Exemption(**{"rule": RULE, "reason": "our own", **names})  # type: ignore[arg-type]  # - as named
    pack = amended(default_pack(), [], [exemption], clock.now())
    assert pack.problems == ()
    return pack


def under(watch: Watch, pack: Pack) -> House:
    """The same store, source and clock under another pack."""
    return house(watch.store, watch.source, pack=pack, clock=watch.house.clock)


def of_rule(report: Report, rule: str = RULE) -> list[str]:
    """The approvals with an open alert of a rule."""
    return [approval for name, approval in open_rules(report) if name == rule]


def in_wallets(count: int) -> World:
    """A world in which so many wallets have approved the same spender."""
    return story([row(1, owner=address(0xA11CE + number)) for number in range(count)])


async def test_what_is_excepted_opens_no_alert_and_all_else_does(tmp_path: Path) -> None:
    clock, days = Clock(), story([row(number, UINT256_MAX, spender=number % 2) for number in range(1, 5)])
    async with watching(tmp_path, days, clock=clock) as watch:
        plain = await watch.scan()
    (tmp_path / "other").mkdir()
    async with watching(
        tmp_path / "other", days, clock=clock, pack=excepting(clock, spender=SPENDER, token=TOKEN)
    ) as watch:
        report = await watch.scan()
        [missing] = {*open_rules(plain)} - {*open_rules(report)}
        [covered] = [one.id for one in report.approvals if one.token.address == TOKEN]
        assert missing == (RULE, covered)
        assert {*open_rules(report)} <= {*open_rules(plain)}
        assert (plain.scan.excepted, report.scan.excepted) == (0, 1)


async def test_an_exception_ends_an_open_alert_at_once_and_only_that_one(tmp_path: Path) -> None:
    clock, days = Clock(), story([row(1, UINT256_MAX), row(2, UINT256_MAX)])
    async with watching(tmp_path, days, clock=clock) as watch:
        before = await watch.scan()
        await under(watch, excepting(clock, spender=SPENDER, token=TOKEN)).judge.again(watch.store)
        kept = (await watch.store.read(lambda c: c.execute(select(tables.alerts)))).mappings().all()
        resolved = {one["approval_id"]: one["reason"] for one in kept if one["state"] == "resolved"}
        [covered] = [one.id for one in before.approvals if one.token.address == TOKEN]
        assert resolved == {covered: "excepted: our own"}

        assert {*open_rules(await watch.scan())} == {*open_rules(before)}, "the rules that were there before are back"


async def test_an_alert_that_tells_of_a_change_ends_by_an_exception_too(tmp_path: Path) -> None:
    clock, days = Clock(), story(rows(1), [row(1, 6), row(2, 7)])
    async with watching(tmp_path, days, clock=clock) as watch:
        await watch.scan()
        watch.sandbox.day = 1
        assert {rule for rule, _ in open_rules(await watch.scan())} >= {"allowance-increased", "new-approval"}
        excepted = excepting(clock, rule="allowance-increased", spender=SPENDER)
        await under(watch, excepted).judge.again(watch.store)
        kept = (await watch.store.read(lambda c: c.execute(select(tables.alerts)))).mappings().all()
        ended = [(one["rule"], one["reason"]) for one in kept if one["state"] == "resolved"]
        assert ended == [("allowance-increased", "excepted: our own")]


async def test_what_is_excepted_is_not_counted_as_undecided(tmp_path: Path) -> None:
    clock, days = Clock(), story(rows(3))
    async with watching(tmp_path, days, clock=clock) as watch:
        undecided = (await watch.scan()).scan.undecided
        excepted = excepting(clock, rule="exposure-to-stranger", spender=SPENDER, token=TOKEN)
        other = under(watch, excepted)
        assert (await other.scan(watch.targets)).scan.undecided == undecided - 1
        assert (await other.scan(watch.targets)).scan.undecided == undecided - 1, "nor where nothing was judged"


async def test_an_alert_opens_when_its_exception_is_over(tmp_path: Path) -> None:
    clock = Clock()
    pack = excepting(clock, spender=SPENDER, token=TOKEN, until=clock.now() + timedelta(days=1))
    async with watching(tmp_path, story([row(1, UINT256_MAX)]), clock=clock, pack=pack) as watch:
        assert of_rule(await watch.scan()) == []
        clock.ahead += timedelta(hours=23)
        assert of_rule(await watch.scan()) == []
        clock.ahead += timedelta(hours=1)
        assert len(of_rule(await watch.scan())) == 1


async def test_an_exception_from_a_rule_over_all_wallets_is_over_in_time_too(tmp_path: Path) -> None:
    clock, rule = Clock(), "spender-in-several-wallets"
    pack = excepting(clock, rule=rule, spender=SPENDER, until=clock.now() + timedelta(days=1))
    async with watching(tmp_path, in_wallets(3), clock=clock, pack=pack) as watch:
        assert of_rule(await watch.scan(), rule) == []
        clock.ahead += timedelta(days=1)
        assert len(of_rule(await watch.scan(), rule)) == 3


async def test_a_lower_threshold_raises_what_the_default_does_not(tmp_path: Path) -> None:
    rule = "spender-in-several-wallets"
    lower = overridden(default_pack(), [Override(rule=rule, params={"owners": "2"})])
    async with watching(tmp_path, in_wallets(2)) as watch:
        assert of_rule(await watch.scan(), rule) == []
        await under(watch, lower).judge.again(watch.store)
        assert len(of_rule(await watch.scan(), rule)) == 2


async def notices(watch: Watch) -> list[tuple[str, str, bool, str]]:
    """What each channel was or was not owed, in order."""
    query = select(tables.notices).order_by(
        tables.notices.c.alert_id, tables.notices.c.created_at, tables.notices.c.channel
    )
    found = await watch.store.read(lambda c: c.execute(query))
    return [(one["channel"], one["what"], one["send"], one["reason"]) for one in found.mappings()]


async def reviewed(watch: Watch, telling: Telling, channel: str) -> int:
    """How many alerts a channel's next regular review counts where nothing is repeated by itself."""
    calm = replace(telling, repeat={})
    for days in (1, 9):
        at = watch.house.clock.now() + timedelta(days=days)
        found = await watch.store.write(partial(review, channel=channel, telling=calm, now=at))
    return len(found)


async def test_a_rule_that_is_told_to_one_channel_names_that_as_the_reason_to_the_other(tmp_path: Path) -> None:
    async with watching(tmp_path, story([row(1, UINT256_MAX)])) as watch:
        telling = Telling(channels=CHANNELS, only={RULE: frozenset({"log"})})
        judge = Judge(default_pack(), telling=telling, now=watch.house.clock.now)
        scanner: Scanner = replace(watch.house.scanner, judge=judge)
        await House(watch.store, judge, scanner, watch.house.clock).scan(watch.targets)
        assert await notices(watch) == [
            ("log", "opened", True, Why.FIRST),
            ("ops", "opened", False, Why.OTHER_CHANNEL),
        ]
        later = watch.house.clock.now() + timedelta(days=30)
        await watch.store.write(lambda c: tell_again(c, telling, later))
        assert len(await notices(watch)) == 2

        assert [await reviewed(watch, telling, channel) for channel in ("log", "ops")] == [1, 0]

        every = Telling(channels=CHANNELS)
        await watch.store.write(lambda c: tell_again(c, every, later))
        assert (await notices(watch))[2:] == [("ops", "reminder", True, Why.MISSED)]
