"""What goes wrong with balances: it costs what it spoils, is said, and is never taken for "nothing there"."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from bank import ANN, SOL, Bank, asset, listed, read, read_one, reader_of, token, told
from far_side import EVM, Asked, Clock, error, owner
from structlog.testing import capture_logs

from scanner.domain.approvals import Target
from scanner.domain.holdings import BalanceReading, Wanted
from scanner.errors import Reason
from scanner.okx.breaker import STRIKES
from scanner.okx.client import MOST_IN_FLIGHT

ETH, BSC = Target("1", ANN), Target("56", ANN)
BOTH = [Wanted(ETH, frozenset({token(1)})), Wanted(BSC, frozenset({token(1)}))]
ROWS = {ANN: [asset(chain, token(1)) for chain in EVM]}


def chains_of(asked: Asked) -> list[str]:
    if listed(asked):
        return parse_qs(urlsplit(asked.target).query)["chains"][0].split(",")
    return [one["chainIndex"] for one in asked.json["tokenContractAddresses"]]


def reason(reading: BalanceReading) -> Reason | None:
    return None if reading.trouble is None else reading.trouble.reason


def lists_fail(code: str) -> Callable[[Asked], Any]:
    """The list fails, and the other endpoint is well."""
    bank = Bank(ROWS)
    return lambda asked: error(code) if listed(asked) else bank(asked)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"code": "0", "data": None}, Reason.PROTOCOL),
        ({"code": "0", "data": {"tokenAssets": []}}, Reason.PROTOCOL),
        ({"code": "0"}, Reason.PROTOCOL),
        ({"code": "0", "data": ["text"]}, Reason.PROTOCOL),
        ({"code": "0", "data": [{"tokenAssets": {}}]}, Reason.PROTOCOL),
        ({"code": "0", "data": [{"tokenAssets": None}]}, Reason.PROTOCOL),
        ({"code": "0", "data": [{"tokenAssets": "none"}]}, Reason.PROTOCOL),
        (b"<html>sorry</html>", Reason.PROTOCOL),
        (b"", Reason.PROTOCOL),
        (told(asset("56", token(1))), Reason.PROTOCOL),
        (told(asset(None, token(1))), Reason.PROTOCOL),
        (told(asset({}, token(1))), Reason.PROTOCOL),
        (told(asset("1", token(1), address=owner(2))), Reason.PROTOCOL),
        (told(asset("1", token(1), address=7)), Reason.PROTOCOL),
        (error("50111"), Reason.REFUSED_KEY),
        (error("50001"), Reason.UNAVAILABLE),
        (error("81159"), Reason.CACHING),
        (error("81451"), Reason.NODE_FAILED),
        (error("51000"), Reason.BAD_REQUEST),
        (error("81104"), Reason.NOT_COVERED),
        (error("80001"), Reason.REGION),
    ],
)
async def test_a_failure_is_said_and_claims_nothing(answer: Any, expected: Reason) -> None:
    reading = await read_one(lambda _: answer, token(1))
    assert reason(reading) is expected
    assert not reading.rows
    assert not reading.asked


@pytest.mark.parametrize("code", ["51000", "99999"])
async def test_where_the_list_fails_the_wanted_tokens_are_asked_for_all_the_same(code: str) -> None:
    reading = await read_one(lists_fail(code), token(1), token(2))
    assert reading.rows.keys() == {token(1)}
    assert reading.asked == {token(1), token(2)}
    assert reading.trouble is not None


async def test_where_the_second_request_fails_the_list_counts_and_nothing_is_missing() -> None:
    bank = Bank(ROWS)
    reading = await read_one(lambda asked: bank(asked) if listed(asked) else error("51000"), token(1), token(2))
    assert reading.rows.keys() == {token(1)}
    assert not reading.asked
    assert reason(reading) is Reason.BAD_REQUEST


@pytest.mark.parametrize(
    "bad", [None, "text", 7, [], {"chainIndex": "1"}, asset("1", None), asset("1", 7), asset("1", "0x12")]
)
async def test_a_row_that_makes_no_sense_costs_no_other_and_leaves_nothing_missing(bad: Any) -> None:
    reading = await read_one(lambda _: told(asset("1", token(1)), bad), token(1), token(2))
    assert reading.rows.keys() == {token(1)}
    assert not reading.asked
    assert reason(reading) is Reason.PROTOCOL


@pytest.mark.parametrize("answer", [error("51000"), error("99999"), told(asset("424242", token(1)))])
async def test_what_no_chain_can_have_spoilt_is_asked_once_for_all_chains(answer: Any) -> None:
    async with reader_of(lambda _: answer) as (reader, far):
        found = await read(reader, [Wanted(Target(chain, ANN)) for chain in EVM[:10]])
    assert len(far.asked) == 1
    assert all(reading.trouble for reading in found.values())


@pytest.mark.parametrize("code", ["50111", "80001", "50125"])
async def test_where_every_request_must_fail_alike_an_owner_costs_one(code: str) -> None:
    async with reader_of(lambda _: error(code)) as (reader, far):
        await read(reader, BOTH)
    assert len(far.asked) == 1


async def test_of_two_failures_the_first_is_told() -> None:
    reading = await read_one(lambda asked: error("51000" if listed(asked) else "80001"), token(1))
    assert reason(reading) is Reason.BAD_REQUEST


async def test_a_source_that_answers_some_requests_is_not_given_up() -> None:
    bank = Bank({owner(n): [asset("1", token(1))] for n in range(20)})
    wanted = [Wanted(Target("1", owner(n)), frozenset({token(2)})) for n in range(20)]
    async with reader_of(lambda asked: bank(asked) if listed(asked) else error("50111")) as (reader, _):
        found = await read(reader, wanted)
    assert {reason(reading) for reading in found.values()} == {Reason.REFUSED_KEY}
    assert all(reading.rows for reading in found.values())


async def test_after_a_probe_that_was_answered_owners_are_read_at_the_same_time_again() -> None:
    dead, busy, peak = True, 0, 0

    async def script(asked: Asked) -> web.Response:
        nonlocal busy, peak
        if dead:
            return web.json_response(error("50111"))
        busy += 1
        peak = max(peak, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        return web.json_response(told())

    wanted = [Wanted(Target("1", owner(n))) for n in range(10)]
    async with reader_of(script) as (reader, _):
        await read(reader, wanted)
        dead = False
        await read(reader, wanted)
    assert peak > 1


async def test_an_answer_about_a_token_that_was_not_asked_for_leaves_nothing_missing() -> None:
    reading = await read_one(lambda asked: told() if listed(asked) else told(asset("1", token(9))), token(1))
    assert not reading.asked
    assert reason(reading) is Reason.PROTOCOL


@pytest.mark.parametrize("unknown", [{"56"}, {"1"}, {"137", "8453", "42161"}, set(EVM[:10])], ids=len)
async def test_a_chain_that_the_service_does_not_know_costs_only_itself_and_only_once(
    unknown: set[str],
) -> None:
    wanted = [Wanted(Target(chain, ANN), frozenset({token(1)})) for chain in EVM[:50]]
    async with reader_of(Bank(ROWS, unknown=unknown)) as (reader, far):
        found = await read(reader, wanted)
        for target, reading in found.items():
            covered = target.chain not in unknown
            assert bool(reading.rows) is covered
            assert reason(reading) is (None if covered else Reason.NOT_COVERED)
        assert len(far.asked) <= 1 + 12 * len(unknown)
        far.asked.clear()
        found = await read(reader, wanted)
    assert len(far.asked) == 1
    assert {target.chain for target, reading in found.items() if reading.trouble} == unknown


async def test_a_chain_that_only_the_list_knows_is_read_as_far_as_that_goes() -> None:
    bank = Bank(ROWS)

    def script(asked: Asked) -> Any:
        return error("81104") if not listed(asked) and "56" in chains_of(asked) else bank(asked)

    wanted = [Wanted(one.target, frozenset({token(1), token(2)})) for one in BOTH]
    async with reader_of(script) as (reader, far):
        for _ in range(2):
            found = await read(reader, wanted)
            assert found[ETH].trouble is None
            assert found[ETH].asked == {token(2)}
            assert found[BSC].rows.keys() == {token(1)}
            assert reason(found[BSC]) is Reason.NOT_COVERED
            assert not found[BSC].asked
    assert [chains_of(asked) for asked in far.asked[4:]] == [["1", "56"], ["1"]]


async def test_an_address_that_fits_no_chain_is_no_reason_to_forget_the_chain() -> None:
    bank = Bank({owner(1): [asset("1", token(1))]})

    def script(asked: Asked) -> Any:
        return error("81105") if ANN in asked.target else bank(asked)

    async with reader_of(script) as (reader, _):
        found = await read(reader, [Wanted(ETH, frozenset({token(1)})), Wanted(Target("1", owner(1)))])
    assert reason(found[ETH]) is Reason.NOT_COVERED
    assert found[Target("1", owner(1))].rows


@pytest.mark.parametrize("down", ["1", "10", "56", "137"])
@pytest.mark.parametrize("code", ["81451", "81159", "50001"])
async def test_one_chain_whose_node_is_down_does_not_cost_the_others(code: str, down: str) -> None:
    bank = Bank(ROWS)

    def script(asked: Asked) -> Any:
        return error(code) if down in chains_of(asked) else bank(asked)

    targets = [Target(chain, ANN) for chain in ("1", "10", "56", "137")]
    clock = Clock()
    began = clock.now()
    async with reader_of(script, clock=clock) as (reader, _):
        found = await read(reader, [Wanted(target, frozenset({token(1), token(2)})) for target in targets])
    assert clock.now() - began <= 20
    for target, reading in found.items():
        well = target.chain != down
        assert (reading.trouble is None) is well
        assert reading.rows.keys() == ({token(1)} if well else set())
        assert reading.asked == ({token(2)} if well else set())


async def test_a_far_side_that_fails_for_everything_ends_within_an_owners_patience() -> None:
    clock = Clock()
    began = clock.now()
    wanted = [Wanted(Target(chain, ANN), frozenset({token(1)})) for chain in EVM[:50]]
    async with reader_of(lambda _: error("50001"), clock=clock) as (reader, far):
        found = await read(reader, wanted)
    assert clock.now() - began <= 20.1
    assert len(far.asked) <= 30
    assert {reason(reading) for reading in found.values()} == {Reason.UNAVAILABLE}
    assert len(found) == 50


async def test_a_failure_that_passes_is_no_trouble() -> None:
    bank = Bank(ROWS)
    reading = await read_one(lambda asked: error("50001") if asked.number % 2 else bank(asked), token(1), token(2))
    assert reading.rows.keys() == {token(1)}
    assert reading.asked == {token(2)}
    assert reading.trouble is None


async def test_a_refused_key_stops_at_once_and_one_success_opens_it_again() -> None:
    dead = True
    bank = Bank({owner(n): [asset("1", token(1))] for n in range(100)})
    wanted = [Wanted(Target(chain, owner(n))) for n in range(100) for chain in ("1", "56")]
    async with reader_of(lambda asked: error("50111") if dead else bank(asked)) as (reader, far):
        found = await read(reader, wanted)
        assert len(far.asked) <= STRIKES + MOST_IN_FLIGHT
        reasons = Counter(reason(reading) for reading in found.values())
        assert reasons == {Reason.REFUSED_KEY: 2 * STRIKES, Reason.NOT_ASKED: 200 - 2 * STRIKES}
        assert all("source.okx.key" in str(reading.trouble) for reading in found.values())
        far.asked.clear()
        await read(reader, wanted)
        assert len(far.asked) == 1
        dead = False
        found = await read(reader, wanted)
    assert not any(reading.trouble for reading in found.values())
    assert sum(bool(reading.rows) for reading in found.values()) == 100


async def test_a_probe_that_only_finds_an_unknown_chain_asks_no_further_for_it() -> None:
    dead = True
    bank = Bank(unknown={"56"})
    wanted = [Wanted(Target("56", owner(n))) for n in range(20)]
    async with reader_of(lambda asked: error("50111") if dead else bank(asked)) as (reader, far):
        await read(reader, wanted)
        dead = False
        far.asked.clear()
        found = await read(reader, wanted)
    assert {reason(reading) for reading in found.values()} == {Reason.NOT_COVERED}
    assert len(far.asked) == 1


async def test_what_was_read_of_an_owner_survives_when_the_source_is_given_up() -> None:
    async def script(asked: Asked) -> Any:
        if ANN not in asked.target + asked.body.decode():
            await asyncio.sleep(0.05)
            return web.json_response(error("50111"))
        if listed(asked):
            return web.json_response(told(asset("1", token(1))))
        await asyncio.sleep(30)
        return web.Response()

    async with reader_of(script) as (reader, _):
        others = [Wanted(Target("1", owner(n))) for n in range(10)]
        found = await read(reader, [Wanted(ETH, frozenset({token(1), token(2)})), *others])
    assert found[ETH].rows.keys() == {token(1)}
    assert not found[ETH].asked
    assert reason(found[ETH]) is Reason.NOT_ASKED


async def test_a_far_side_that_hangs_ends_many_owners_soon() -> None:
    async def hang(asked: Asked) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    wanted = [Wanted(Target(chain, owner(n)), frozenset({token(1)})) for n in range(50) for chain in EVM[:5]]
    began = time.monotonic()
    async with reader_of(hang, clock=_Real(), timeout=0.3, patience=0.5) as (reader, _):
        found = await read(reader, wanted)
    assert time.monotonic() - began < 2
    assert {reason(reading) for reading in found.values()} == {
        Reason.UNAVAILABLE,
        Reason.NOT_ASKED,
    }


class _Real(Clock):
    """The time as it passes."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_closing_the_reading_stops_what_is_in_flight() -> None:
    arrived = asyncio.Event()

    async def script(asked: Asked) -> web.Response:
        if SOL in asked.target:
            return web.json_response(told())
        arrived.set()
        await asyncio.sleep(30)
        return web.Response()

    async with reader_of(script) as (reader, _):
        readings = reader.read([Wanted(ETH), Wanted(Target("501", SOL))])
        assert (await anext(readings)).target.owner == SOL
        await arrived.wait()
        began = time.monotonic()
        await readings.aclose()
        assert time.monotonic() - began < 1
        assert reader.cost.requests == 2


async def test_a_defect_in_one_owners_reading_stays_its_own() -> None:
    bank = Bank({owner(1): [asset("1", token(1))]})
    async with reader_of(bank) as (reader, _):
        # A surrogate cannot be signed: as an address it stands for what nobody thought of.
        odd = Target("501", "\ud800" * 40)
        with capture_logs() as logged:
            found = await read(reader, [Wanted(odd), Wanted(Target("1", owner(1)))])
    assert [line["event"] for line in logged] == ["balances.broke_off"]
    assert found[Target("1", owner(1))].rows
    trouble = found[odd].trouble
    assert trouble is not None
    assert "please report it" in trouble.hint
