"""What is at stake: read after the approvals, by its own interval, and judged by; what is not known moves nothing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from scanning import WALLET, Clock, Watch, address, all_rows, watching

from scanner.domain.report import ApprovalEntry, Report
from scanner.sandbox import UINT256_MAX, Day, Endpoint, PriceForm, Quirks, RawForm, Row, Spender, Token, World, day_of
from scanner.scan import Job
from scanner.store.conditions import unread_balances

USDT = Token("1", address(0xD701), "USDT", 6, Decimal("0.9998"))
DAI = Token("1", address(0xD702), "DAI", 18, Decimal("1.0001"))
STRANGER = Spender(address(0xBAD), "Some Swap")
OTHER = Spender(address(0xBAE), "Other Swap")
UNLIMITED = Row(WALLET, USDT, STRANGER, UINT256_MAX)
HOUR = timedelta(hours=1)


def day(
    *rows: Row, holding: Mapping[Token, str] | None = None, prices: Mapping[Token, Decimal | None] | None = None
) -> Day:
    """A day on which the wallet holds so many whole tokens."""
    held = {(WALLET, token): Decimal(amount) for token, amount in (holding or {}).items()}
    return replace(day_of(rows), balances=held, prices=prices or {})


@asynccontextmanager
async def weighing(folder: Path, *days: Day, **how: Any) -> AsyncIterator[Watch]:
    async with watching(folder, World("money", days), balances=True, clock=Clock(), **how) as watch:
        yield watch


def only(report: Report) -> ApprovalEntry:
    (entry,) = report.approvals
    return entry


def severities(report: Report) -> dict[str, str]:
    """The open alerts of states, with their severities."""
    return {one.rule: one.severity for one in report.alerts if one.state == "open" and not one.event}


def asked_for_balances(watch: Watch) -> int:
    return sum(one.endpoint is Endpoint.BALANCES for one in watch.sandbox.requests)


async def by_command(watch: Watch, **how: Any) -> Report:
    job = Job(watch.targets, frozenset(watch.targets), "command", **how)
    return await watch.house.scanner.scan(job)


async def test_the_report_is_exact_to_the_last_digit(tmp_path: Path) -> None:
    limited = Row(WALLET, DAI, OTHER, 5 * 10**17 + 1)
    async with weighing(tmp_path, day(UNLIMITED, limited, holding={USDT: "1234.567891", DAI: "2"})) as watch:
        report = await watch.scan()
        money = {one.token.symbol: one for one in report.approvals}
        assert money["USDT"].exposure.usd == str(Decimal("1234.567891") * Decimal("0.9998"))
        assert (money["USDT"].exposure.balance, money["USDT"].exposure.price_usd) == ("1234.567891", "0.9998")
        assert (money["USDT"].token.decimals, money["USDT"].token.risk) == (6, False)
        assert money["USDT"].exposure.covers_balance is True
        assert money["DAI"].exposure.amount == money["DAI"].allowance.amount == "0.500000000000000001"
        assert money["DAI"].exposure.covers_balance is False
        worth = sum(Decimal(one.exposure.usd or "nan") for one in report.approvals)
        assert Decimal(report.scan.exposure_usd or "nan") == worth
        assert report.scan.unvalued == 0


async def test_a_token_of_an_owner_is_counted_once_whoever_may_take_it(tmp_path: Path) -> None:
    also = Row(WALLET, USDT, OTHER, 3_000_000)
    async with weighing(tmp_path, day(UNLIMITED, also, holding={USDT: "10"})) as watch:
        assert (await watch.scan()).scan.exposure_usd == "9.998"


async def test_money_that_arrives_under_an_old_approval_is_told_at_the_next_reading_of_balances(tmp_path: Path) -> None:
    async with weighing(tmp_path, day(UNLIMITED), day(UNLIMITED, holding={USDT: "250000"})) as watch:
        await watch.scan()
        watch.house.clock.ahead += timedelta(days=730)
        before = severities(await watch.scan())
        assert "critical" not in before.values()
        watch.sandbox.advance()
        watch.house.clock.ahead += HOUR / 2
        assert severities(await watch.scan()) == before
        watch.house.clock.ahead += HOUR
        report = await watch.scan()
        assert report.changes == ()
        assert "critical" in severities(report).values()


async def test_a_price_that_nobody_knows_any_more_neither_opens_nor_resolves(tmp_path: Path) -> None:
    rich = {USDT: "250000"}
    days = [day(UNLIMITED, holding=rich, prices=prices) for prices in ({}, {USDT: None}, {})]
    async with weighing(tmp_path, *days) as watch:
        first = await by_command(watch)
        watch.sandbox.advance()
        blind = await by_command(watch)
        assert only(blind).exposure.usd is None
        assert only(blind).exposure.balance == "250000"
        assert (blind.scan.exposure_usd, blind.scan.unvalued) == (None, 1)
        assert severities(blind) == severities(first)
        assert blind.raised == ()
        watch.sandbox.advance()
        again = await by_command(watch)
        assert severities(again) == severities(first)
        assert again.raised == ()


async def test_a_price_of_zero_is_no_price(tmp_path: Path) -> None:
    quirks = Quirks(price=PriceForm.ZERO)
    free = day(UNLIMITED, holding={USDT: "10"}, prices={USDT: None})
    async with weighing(tmp_path, free, sandbox={"quirks": quirks}) as watch:
        assert only(await watch.scan()).exposure.usd is None


async def test_what_is_missing_is_unknown_first_and_nothing_the_second_time(tmp_path: Path) -> None:
    async with weighing(tmp_path, day(UNLIMITED)) as watch:
        assert only(await by_command(watch)).exposure.balance is None
        watch.house.clock.ahead += HOUR
        second = only(await by_command(watch))
        assert (second.exposure.balance, second.exposure.usd) == ("0", "0")


async def test_decimals_that_nothing_makes_certain_stay_unknown(tmp_path: Path) -> None:
    limited = Row(WALLET, USDT, STRANGER, 5_000_000)
    quirks = Quirks(raw=RawForm.EMPTY)
    async with weighing(tmp_path, day(limited, holding={USDT: "10"}), sandbox={"quirks": quirks}) as watch:
        entry = only(await watch.scan())
        assert (entry.token.decimals, entry.allowance.amount, entry.exposure.usd) == (None, None, None)
        assert entry.exposure.balance == "10"


async def test_balances_that_cannot_be_read_stop_no_approval_and_keep_what_was_known(tmp_path: Path) -> None:
    new = Row(WALLET, DAI, OTHER, 7)
    days = [day(UNLIMITED, holding={USDT: "250000"}), day(UNLIMITED, new, holding={USDT: "1"})]
    async with weighing(tmp_path, *days) as watch:
        first = await by_command(watch)
        watch.sandbox.advance()
        watch.sandbox.fail("http-502", endpoint=Endpoint.BALANCES, times=None)
        report = await by_command(watch)
        assert report.scan.complete
        assert [change.kind for change in report.changes] == ["new"]
        (said,) = report.scan.context_errors
        assert said.startswith("balances: ")
        kept = {one.token.symbol: one.exposure for one in report.approvals}
        assert kept["USDT"].balance == "250000"
        assert kept["DAI"].balance is None
        assert severities(report).items() >= severities(first).items()
        assert (await watch.store.read(unread_balances))[:2] == (1, 1)
        watch.sandbox.heal()
        well = await by_command(watch)
        assert well.scan.context_errors == ()
        assert (await watch.store.read(unread_balances))[:2] == (0, 1)


async def test_balances_are_read_again_only_when_due_or_where_something_changed(tmp_path: Path) -> None:
    raised = Row(WALLET, USDT, STRANGER, 9)
    days = [day(Row(WALLET, USDT, STRANGER, 5), holding={USDT: "10"}), day(raised, holding={USDT: "10"})]
    async with weighing(tmp_path, *days) as watch:
        await watch.scan()
        once = asked_for_balances(watch)
        await watch.scan()
        assert asked_for_balances(watch) == once == 1
        watch.sandbox.advance()
        await watch.scan()
        assert asked_for_balances(watch) == 2
        watch.house.clock.ahead += HOUR
        await watch.scan()
        assert asked_for_balances(watch) == 3
        await by_command(watch)
        assert asked_for_balances(watch) == 4


async def test_a_dry_run_reads_balances_and_leaves_no_trace_of_them(tmp_path: Path) -> None:
    async with weighing(tmp_path, day(UNLIMITED, holding={USDT: "250000"})) as watch:
        before = await all_rows(watch.store)
        report = await by_command(watch, dry_run=True)
        assert only(report).exposure.usd == "249950"
        assert "critical" in severities(report).values()
        after = await all_rows(watch.store)
        assert {name: rows for name, rows in after.items() if name != "budgets"} == {
            name: rows for name, rows in before.items() if name != "budgets"
        }
        assert severities(await by_command(watch)) == severities(report)


async def test_what_a_first_reading_is_worth_belongs_into_its_digest(tmp_path: Path) -> None:
    async with weighing(tmp_path, day(UNLIMITED, holding={USDT: "250000"})) as watch:
        await watch.scan()
        owed = (await all_rows(watch.store))["notices"]
        assert owed
        assert {one["digest"] for one in owed if one["send"]} == {True}


async def test_a_dead_far_side_is_not_asked_for_balances_too(tmp_path: Path) -> None:
    async with weighing(tmp_path, day(UNLIMITED, holding={USDT: "1"})) as watch:
        watch.sandbox.fail("http-502", times=None)
        report = await watch.scan()
        assert asked_for_balances(watch) == 0
        assert report.scan.context_errors == ("balances were not asked for: the approvals could not be read either",)
