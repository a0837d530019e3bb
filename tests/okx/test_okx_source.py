import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from far_side import Asked, Clock, address, entry, error, far_side, ok, owner, project, read_all, source_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.domain.approvals import End, Kind, Snapshot, Target
from scanner.domain.chains import CHAINS, by_index
from scanner.errors import Reason, StoreError
from scanner.okx.client import MOST_IN_FLIGHT
from scanner.okx.pacing import MemoryLedger
from scanner.sources.okx_reading import MOST_PAGES

ALONE = Target("1", owner(1))
EVM = [chain.index for chain in CHAINS if chain.eip155 is not None]


def seen(snapshot: Snapshot) -> set[tuple[str, str]]:
    return {(row.spender.address, row.token.address) for row in snapshot.approvals.values()}


def rows(count: int, first: int = 1) -> set[tuple[str, str]]:
    return {(address(9), address(token)) for token in range(first, first + count)}


async def read_alone(script: Callable[[Asked], Any], **options: Any) -> Snapshot:
    async with far_side(script) as far, source_of(far.url, clock=Clock(), **options) as source:
        return (await read_all(source, [ALONE]))[ALONE]


def page_after_page(*answers: Any) -> Callable[[Asked], Any]:
    return lambda asked: answers[min(asked.number, len(answers)) - 1]


CLEAN = [{}, {"cursor": None}, {"cursor": ""}, {"cursor": "0"}, {"cursor": 0}, {"cusor": ""}, {"cusor": 0}]


@pytest.mark.parametrize("end", CLEAN)
@pytest.mark.parametrize("cursor", ["100", 100, "opaque/+=", "a\u00e9\u4e2d", 2**70])
async def test_a_clean_end_after_pages_is_complete(end: dict[str, Any], cursor: Any) -> None:
    def script(asked: Asked) -> dict[str, Any]:
        if asked.cursor is None:
            return ok(entry("1", project(9, 1, 2), cursor=cursor))
        assert asked.cursor == cursor
        assert type(asked.cursor) is type(cursor)
        return ok(entry("1", project(9, 3), **end))

    snapshot = await read_alone(script)
    assert (snapshot.end, snapshot.pages, snapshot.trouble) == (End.COMPLETE, 2, None)
    assert seen(snapshot) == rows(3)


async def test_no_cursor_is_sent_for_the_first_page_and_a_hundred_are_asked_for() -> None:
    def script(asked: Asked) -> dict[str, Any]:
        assert asked.target == "/api/v5/wallet/security/approvals"
        assert asked.headers["OK-ACCESS-PROJECT"] == "the-project"
        assert asked.json == {"addressList": [{"chainIndex": "1", "address": owner(1)}], "limit": "100"}
        return ok(entry("1"))

    assert (await read_alone(script)).end is End.COMPLETE


async def test_an_empty_list_under_code_0_is_an_empty_wallet() -> None:
    snapshot = await read_alone(lambda _: ok())
    assert (snapshot.end, dict(snapshot.approvals)) == (End.COMPLETE, {})
    assert snapshot.kinds == frozenset({Kind.ERC20})


@pytest.mark.parametrize(
    "last",
    [ok(entry("1", cursor="300")), ok(), ok(entry("1", project(9, 3), cursor="200")), ok(entry("1", cursor=200))],
)
async def test_an_end_that_proves_nothing_is_unproven(last: dict[str, Any]) -> None:
    snapshot = await read_alone(page_after_page(ok(entry("1", project(9, 1, 2), cursor="200")), last))
    assert snapshot.end is End.UNPROVEN
    assert snapshot.trouble is not None
    assert snapshot.trouble.reason is Reason.UNPROVEN_END
    assert rows(2) <= seen(snapshot)


async def test_cursors_that_go_round_are_incomplete() -> None:
    pages = itertools.cycle([ok(entry("1", project(9, n), cursor=str(n))) for n in (1, 2, 3)])
    snapshot = await read_alone(lambda _: next(pages))
    assert (snapshot.end, snapshot.pages) == (End.INCOMPLETE, 4)
    assert seen(snapshot) == rows(3)


async def test_a_list_without_end_stops_at_the_page_cap() -> None:
    snapshot = await read_alone(lambda asked: ok(entry("1", project(9, asked.number), cursor=f"c{asked.number}")))
    assert (snapshot.end, snapshot.pages) == (End.INCOMPLETE, MOST_PAGES)
    assert seen(snapshot) == rows(MOST_PAGES)


async def test_a_list_of_just_the_page_cap_is_complete() -> None:
    def script(asked: Asked) -> dict[str, Any]:
        return ok(
            entry("1", project(9, asked.number), **({} if asked.number == MOST_PAGES else {"cursor": asked.number}))
        )

    assert (await read_alone(script)).end is End.COMPLETE


async def test_a_short_page_is_no_end() -> None:
    script = page_after_page(
        ok(entry("1", project(9, 1), cursor="1")),
        ok(entry("1", {**project(9), "tokens": []}, cursor="2")),
        ok(entry("1", project(9, 2))),
    )
    snapshot = await read_alone(script)
    assert (snapshot.end, snapshot.pages) == (End.COMPLETE, 3)


async def test_the_same_row_twice_is_one_row_with_the_larger_amount() -> None:
    script = page_after_page(
        ok(entry("1", project(9, 1, amount="5"), cursor="1")), ok(entry("1", project(9, 1, amount="8")))
    )
    [row] = (await read_alone(script)).approvals.values()
    assert row.allowance.raw == 8


@pytest.mark.parametrize("chain", ["1", 1, None, ""])
async def test_a_chain_may_come_as_a_number_or_not_at_all(chain: Any) -> None:
    snapshot = await read_alone(lambda _: ok(entry(chain, project(9, 1))))
    assert (snapshot.end, seen(snapshot)) == (End.COMPLETE, rows(1))


@pytest.mark.parametrize("chain", ["56", 56, "01", "ethereum"])
async def test_an_entry_for_a_chain_that_was_not_asked_for_is_a_protocol_error(chain: Any) -> None:
    snapshot = await read_alone(lambda _: ok(entry("1", project(9, 1)), entry(chain, project(9, 2))))
    assert snapshot.end is End.INCOMPLETE
    assert snapshot.trouble is not None
    assert snapshot.trouble.reason is Reason.PROTOCOL
    assert seen(snapshot) == rows(1)


async def test_several_entries_of_the_asked_chain_are_one_list_if_their_cursors_agree() -> None:
    agreeing = await read_alone(lambda _: ok(entry("1", project(9, 1)), entry("1", project(9, 2))))
    assert (agreeing.end, seen(agreeing)) == (End.COMPLETE, rows(2))
    differing = await read_alone(lambda _: ok(entry("1", project(9, 1)), entry("1", project(9, 2), cursor="7")))
    assert (differing.end, seen(differing)) == (End.INCOMPLETE, rows(2))


async def test_an_unknown_spender_is_kept_and_makes_the_reading_incomplete() -> None:
    twice = project(9, 1, spenderAddress=address(8))
    snapshot = await read_alone(lambda _: ok(entry("1", twice, project(9, 2))))
    assert snapshot.end is End.INCOMPLETE
    assert snapshot.trouble is not None
    assert snapshot.trouble.reason is Reason.UNKNOWN_SPENDER
    assert seen(snapshot) == {("", address(1)), (address(9), address(2))}


async def test_a_malformed_row_makes_the_reading_incomplete_and_costs_no_other() -> None:
    broken = {**project(9, 1), "tokens": [*project(9, 1, 2)["tokens"], None]}
    snapshot = await read_alone(page_after_page(ok(entry("1", broken, cursor="1")), ok(entry("1", project(9, 3)))))
    assert (snapshot.end, snapshot.pages) == (End.INCOMPLETE, 2)
    assert seen(snapshot) == rows(3)


async def test_an_unreadable_amount_is_flagged_and_the_reading_stays_complete() -> None:
    snapshot = await read_alone(lambda _: ok(entry("1", project(9, 1, amount="rather a lot"))))
    [row] = snapshot.approvals.values()
    assert snapshot.end is End.COMPLETE
    assert row.allowance.unreadable == "rather a lot"


FAULTS: dict[str, Any] = {
    "html": b"<!doctype html><title>Just a moment",
    "empty": b"",
    "blank": b"  \n",
    "half": b'{"code":"0","msg":"","data":[{"chainIndex":"1","approvalPro',
    "no code": b'{"data":[]}',
    "null code": b'{"code":null,"data":[]}',
    "no data": b'{"code":"0","msg":""}',
    "null data": b'{"code":"0","data":null}',
    "object data": b'{"code":"0","data":{}}',
    "text data": b'{"code":"0","data":"[]"}',
    "number": b"17",
    "bare list": b"[]",
    "deep": b'{"code":"0","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep half": b"[" * 500_000,
    "ten megabytes": b'{"code":"0","data":["' + b"x" * 10_000_000 + b'"]}',
    "null entry": b'{"code":"0","data":[null]}',
    "no list": b'{"code":"0","data":[{"chainIndex":"1"}]}',
    "null list": b'{"code":"0","data":[{"chainIndex":"1","approvalProjects":null}]}',
    "text list": b'{"code":"0","data":[{"chainIndex":"1","approvalProjects":"none"}]}',
    "null project": b'{"code":"0","data":[{"chainIndex":"1","approvalProjects":[null]}]}',
    "null tokens": b'{"code":"0","data":[{"chainIndex":"1","approvalProjects":[{"tokens":null}]}]}',
    "other chain": ok(entry("56")),
    "list chain": ok(entry(["1"])),
    "true cursor": ok(entry("1", cursor=True)),
    "list cursor": ok(entry("1", cursor=["1"])),
    "object cursor": ok(entry("1", cursor={})),
    "huge cursor": ok(entry("1", cursor="c" * 100_000)),
    "binary": bytes(range(256)),
    "not found": lambda: web.Response(status=404),
    "forbidden": lambda: web.Response(status=403, text="no"),
    "payment": lambda: web.Response(status=402),
    "redirect": lambda: web.Response(status=302, headers={"Location": "/"}),
    "too many": lambda: web.Response(status=429),
    "bad gateway": lambda: web.Response(status=502, text="<html>"),
    "no content": lambda: web.Response(status=204),
    **{code: error(code, "words") for code in ("50001", "50011", "50102", "50111", "51000", "80001")},
    **{code: error(code, "words") for code in ("81104", "81107", "81159", "81451", "99999", "xyz")},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("page", [1, 3])
async def test_a_fault_is_an_incomplete_reading_with_all_that_was_seen(fault: str, page: int) -> None:
    def script(asked: Asked) -> Any:
        told = 0 if asked.cursor is None else int(asked.cursor)
        if told + 1 == page:
            answer = FAULTS[fault]
            return answer() if callable(answer) else answer
        return ok(entry("1", project(9, told + 1), cursor=str(told + 1)))

    snapshot = await read_alone(script)
    assert snapshot.end is End.INCOMPLETE
    assert snapshot.trouble is not None
    assert snapshot.trouble.message
    assert seen(snapshot) == rows(page - 1)


@pytest.mark.parametrize("page", [1, 2])
async def test_a_connection_that_breaks_is_an_incomplete_reading(page: int) -> None:
    async def script(asked: Asked) -> web.StreamResponse:
        if (asked.cursor is None) == (page == 1):
            response = web.StreamResponse(headers={"Content-Length": "5000"})
            await response.prepare(asked.request)
            await response.write(b'{"code":"0"')
            assert asked.request.transport is not None
            asked.request.transport.close()
            return response
        return web.json_response(ok(entry("1", project(9, 1), cursor="1")))

    snapshot = await read_alone(script)
    assert snapshot.end is End.INCOMPLETE
    assert snapshot.trouble is not None
    assert snapshot.trouble.reason is Reason.UNAVAILABLE
    assert seen(snapshot) == rows(page - 1)


async def test_a_later_page_that_recovers_is_complete() -> None:
    script = page_after_page(
        ok(entry("1", project(9, 1), cursor="1")), error("50001"), b"", error("50011"), ok(entry("1", project(9, 2)))
    )
    async with far_side(script) as far, source_of(far.url, clock=Clock()) as source:
        snapshot = (await read_all(source, [ALONE]))[ALONE]
        assert (snapshot.end, seen(snapshot)) == (End.COMPLETE, rows(2))
        assert (source.cost.requests, source.cost.retries) == (5, 3)
        assert source.cost.waited > 0


page_texts = st.lists(st.lists(st.integers(1, 50), max_size=6), min_size=1, max_size=8)


@given(page_texts, st.sampled_from(CLEAN), st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
async def test_any_arrangement_into_pages_is_read_as_its_rows(
    pages: list[list[int]], end: dict[str, Any], numbers: bool
) -> None:
    def script(asked: Asked) -> dict[str, Any]:
        at = int(asked.cursor or 0)
        last = at + 1 == len(pages)
        cursor: Any = at + 1 if numbers else str(at + 1)
        # A page without a row still names its project: an empty page under another cursor is an end of its own.
        return ok(entry("1", project(9, *pages[at]), **(end if last else {"cursor": cursor})))

    snapshot = await read_alone(script)
    assert (snapshot.end, snapshot.pages) == (End.COMPLETE, len(pages))
    assert seen(snapshot) == {(address(9), address(token)) for page in pages for token in page}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["0", "1", 0, 1]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "data", "chainIndex", "approvalProjects", "tokens", "cursor", "approvalAddress"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
async def test_garbage_is_an_incomplete_reading_and_nothing_is_raised(body: bytes) -> None:
    snapshot = await read_alone(lambda _: body)
    assert snapshot.end is End.INCOMPLETE
    assert snapshot.trouble is not None


@given(json_values)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
async def test_no_data_under_code_0_make_it_raise(value: Any) -> None:
    snapshot = await read_alone(lambda _: json.dumps({"code": "0", "data": [value]}).encode())
    assert snapshot.target == ALONE
    assert not (snapshot.end is End.COMPLETE and not isinstance(value, dict))


def one_page_each(asked: Asked) -> dict[str, Any]:
    """Every target has one approval, of a token that belongs to its chain."""
    return ok(*(entry(chain, project(9, int(chain)), cursor="") for chain, _ in asked.addresses))


@pytest.mark.parametrize(
    ("owners", "chains", "requests"), [(1, 20, 1), (4, 5, 4), (20, 1, 20), (2, 3, 3 - 1), (3, 20, 3)]
)
async def test_packs_are_as_few_as_attribution_allows(owners: int, chains: int, requests: int) -> None:
    targets = [Target(chain, owner(n)) for n in range(owners) for chain in EVM[:chains]]
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        found = await read_all(source, targets)
    assert len(far.asked) == requests
    for target, snapshot in found.items():
        assert snapshot.end is End.COMPLETE
        assert {row.token.address for row in snapshot.approvals.values()} == {address(int(target.chain))}
        assert all(row.target == target for row in snapshot.approvals.values())


WIDE = [Target(chain, owner(1)) for chain in EVM[:4]]


def packed(asked: Asked) -> bool:
    return len(asked.addresses) > 1


@pytest.mark.parametrize(
    "unsound",
    [
        lambda entries: entries[:-1],
        lambda entries: [*entries, entries[-1]],
        lambda entries: [*entries[:-1], {**entries[-1], "cursor": "1"}],
        lambda entries: [*entries[:-1], {**entries[-1], "approvalProjects": [None]}],
        lambda entries: [*entries[:-1], entry(EVM[3], cursor="7")],
    ],
)
async def test_a_packed_target_that_is_not_provably_finished_is_asked_alone(unsound: Any) -> None:
    def script(asked: Asked) -> dict[str, Any]:
        answer = one_page_each(asked)
        return ok(*unsound(answer["data"])) if packed(asked) else answer

    async with far_side(script) as far, source_of(far.url) as source:
        found = await read_all(source, WIDE)
    assert [asked.addresses for asked in far.asked[1:]] == [[(EVM[3], owner(1))]]
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
    assert seen(found[WIDE[3]]) == {(address(9), address(int(EVM[3])))}


@pytest.mark.parametrize(
    "answer",
    [
        lambda entries: ok(*entries, entry("999999", project(9, 1))),
        lambda entries: ok({**entries[0], "chainIndex": None}, *entries[1:]),
        lambda entries: ok(),
        lambda entries: {"code": "0", "data": None},
        lambda entries: error("81104"),
        lambda entries: error("81107"),
        lambda entries: error("51000"),
        lambda entries: error("50001"),
        lambda entries: error("81159"),
        lambda entries: error("99999"),
        lambda entries: {"code": "0", "data": [None]},
    ],
)
async def test_a_pack_that_fails_is_asked_one_by_one(answer: Any) -> None:
    def script(asked: Asked) -> dict[str, Any]:
        sound = one_page_each(asked)
        told: dict[str, Any] = answer(sound["data"]) if packed(asked) else sound
        return told

    async with far_side(script) as far, source_of(far.url, clock=Clock()) as source:
        found = await read_all(source, WIDE)
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
    assert Counter(asked.addresses[0][0] for asked in far.asked if not packed(asked)) == Counter(EVM[:4])


async def test_a_service_that_takes_no_packs_is_soon_asked_for_single_targets_only() -> None:
    targets = [Target(chain, owner(n)) for n in range(200) for chain in EVM[:2]]

    def script(asked: Asked) -> dict[str, Any]:
        return error("81107") if packed(asked) else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url) as source:
        found = await read_all(source, targets)
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
    assert sum(packed(asked) for asked in far.asked) < 150


async def test_one_unsupported_chain_fails_alone_and_is_packed_no_more() -> None:
    def script(asked: Asked) -> dict[str, Any]:
        return error("81104") if any(chain == EVM[2] for chain, _ in asked.addresses) else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url) as source:
        for expected in (1 + 4, 2):
            before = source.cost.requests
            found = await read_all(source, WIDE)
            assert source.cost.requests - before == expected
            failed = {target: snapshot for target, snapshot in found.items() if snapshot.end is not End.COMPLETE}
            assert set(failed) == {WIDE[2]}
            trouble = failed[WIDE[2]].trouble
            assert trouble is not None
            assert trouble.reason is Reason.NOT_COVERED


async def test_one_targets_failure_touches_no_other() -> None:
    targets = [Target("1", owner(n)) for n in range(12)]

    def script(asked: Asked) -> Any:
        return b"<html>" if asked.addresses[0][1] in (owner(3), owner(7)) else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url, patience=0.2) as source:
        found = await read_all(source, targets)
    assert {t.owner for t, s in found.items() if s.end is not End.COMPLETE} == {owner(3), owner(7)}


async def test_a_refused_key_stops_at_once_and_says_why() -> None:
    targets = [Target("1", owner(n)) for n in range(200)]
    async with (
        far_side(lambda _: error("50111", "Invalid OK-ACCESS-KEY")) as far,
        source_of(far.url) as source,
    ):
        found = await read_all(source, targets)
    assert len(far.asked) <= 5 + MOST_IN_FLIGHT  # what was on its way when the fifth was refused
    reasons = Counter(snapshot.trouble.reason for snapshot in found.values() if snapshot.trouble)
    assert set(reasons) == {Reason.REFUSED_KEY, Reason.NOT_ASKED}
    assert reasons[Reason.REFUSED_KEY] == 5
    for snapshot in found.values():
        assert "source.okx.key" in str(snapshot.trouble)
        assert "50111" in str(snapshot.trouble)


async def test_a_pack_whose_key_is_refused_is_not_asked_one_by_one() -> None:
    async with far_side(lambda _: error("50111")) as far, source_of(far.url) as source:
        found = await read_all(source, WIDE)
    assert len(far.asked) == 1
    assert {s.trouble.reason for s in found.values() if s.trouble} == {Reason.REFUSED_KEY}


async def test_a_dead_source_is_probed_with_one_target_and_reopened_when_it_answers() -> None:
    dead = True

    def script(asked: Asked) -> dict[str, Any]:
        return error("50111") if dead else one_page_each(asked)

    targets = [Target("1", owner(n)) for n in range(30)]
    async with far_side(script) as far, source_of(far.url) as source:
        await read_all(source, targets)
        before = source.cost.requests
        found = await read_all(source, targets)
        assert source.cost.requests == before + 1
        assert sum(s.trouble.reason is Reason.NOT_ASKED for s in found.values() if s.trouble) == 29
        dead = False
        found = await read_all(source, targets)
        assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}


async def test_failures_for_different_reasons_do_not_stop_the_round() -> None:
    targets = [Target("1", owner(n)) for n in range(40)]

    def script(asked: Asked) -> Any:
        return error("50111") if asked.number % 4 else error("80001")

    async with far_side(script) as far, source_of(far.url, requests_per_second=200) as source:
        found = await read_all(source, targets)
    assert not any(s.trouble.reason is Reason.NOT_ASKED for s in found.values() if s.trouble)


async def test_failures_that_are_not_in_a_row_do_not_stop_the_round() -> None:
    targets = [Target("1", owner(n)) for n in range(40)]

    def script(asked: Asked) -> Any:
        return error("50111") if int(asked.addresses[0][1][-1], 16) % 2 else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url, requests_per_second=200) as source:
        found = await read_all(source, targets)
    assert sum(snapshot.end is End.COMPLETE for snapshot in found.values()) == 20


@pytest.mark.parametrize("chains", [1, 20])
async def test_a_far_side_that_hangs_ends_a_thousand_targets_soon(chains: int) -> None:
    async def hang(asked: Asked) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    # A second here stands for a minute at the default rate and timeout.
    targets = [Target(chain, owner(n)) for n in range(1000 // chains) for chain in EVM[:chains]]
    began = time.monotonic()
    async with (
        far_side(hang) as far,
        source_of(far.url, requests_per_second=60, timeout=20 / 60, patience=20 / 60) as source,
    ):
        found = await read_all(source, targets)
        assert time.monotonic() - began < 1.0
    assert len(found) == 1000
    assert all(snapshot.end is End.INCOMPLETE for snapshot in found.values())


@pytest.mark.soak
@pytest.mark.timeout(120)
@pytest.mark.parametrize("chains", [1, 3, 20])
@pytest.mark.parametrize("dead", ["refuses", "hangs", "fails"])
async def test_a_dead_far_side_ends_a_thousand_targets_within_a_minute(dead: str, chains: int) -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(100 if dead == "hangs" else 0)
        return web.json_response(error("50001"))

    targets = [Target(chain, owner(n)) for n in range(1000 // chains) for chain in EVM[:chains]]
    began = time.monotonic()
    async with far_side(script) as far:
        url = "http://127.0.0.1:1" if dead == "refuses" else far.url
        async with source_of(url, requests_per_second=1, timeout=20) as source:
            found = await read_all(source, targets)
            assert time.monotonic() - began < 60
    assert {snapshot.end for snapshot in found.values()} == {End.INCOMPLETE}


async def test_rows_that_were_seen_survive_when_the_source_is_given_up() -> None:
    slow = Target("1", owner(99))

    async def script(asked: Asked) -> web.Response:
        if asked.addresses[0][1] != slow.owner:
            await asyncio.sleep(0.05)
            return web.json_response(error("50111"))
        if asked.cursor is None:
            return web.json_response(ok(entry("1", project(9, 1), cursor="1")))
        await asyncio.sleep(30)
        return web.Response()

    async with far_side(script) as far, source_of(far.url) as source:
        found = await read_all(source, [slow, *(Target("1", owner(n)) for n in range(10))])
    assert (found[slow].end, seen(found[slow])) == (End.INCOMPLETE, rows(1))


async def test_a_slow_answer_does_not_stop_the_others() -> None:
    async def script(asked: Asked) -> web.Response:
        await asyncio.sleep(0.2)
        return web.json_response(one_page_each(asked))

    began = time.monotonic()
    async with far_side(script) as far, source_of(far.url, requests_per_second=200) as source:
        await read_all(source, [Target("1", owner(n)) for n in range(40)])
    assert time.monotonic() - began < 1.5


async def test_closing_the_reading_cancels_what_is_in_flight() -> None:
    async def script(asked: Asked) -> web.Response:
        if asked.number > 1:
            await asyncio.sleep(30)
        return web.json_response(one_page_each(asked))

    async with far_side(script) as far, source_of(far.url) as source:
        before = asyncio.all_tasks()
        reading = source.read([Target("1", owner(n)) for n in range(20)])
        await anext(reading)
        assert len(asyncio.all_tasks() - before) > 1
        await reading.aclose()
        assert source.cost.requests >= 1
        assert not {task for task in asyncio.all_tasks() - before if "_work" in repr(task.get_coro())}


async def test_two_readings_at_once_do_not_disturb_each_other() -> None:
    mine, theirs = [Target("1", owner(n)) for n in range(10)], [Target("1", owner(n)) for n in range(5, 15)]
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        one, other = await asyncio.gather(read_all(source, mine), read_all(source, theirs))
    assert {snapshot.end for snapshot in (*one.values(), *other.values())} == {End.COMPLETE}


async def test_a_target_that_is_named_twice_is_read_once() -> None:
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        assert len([snapshot async for snapshot in source.read([ALONE, ALONE])]) == 1
        assert [snapshot async for snapshot in source.read([])] == []


async def test_what_is_not_covered_is_said_without_asking() -> None:
    bitcoin = Target("0", "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh")
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        assert source.covers(by_index("1")) == source.covers(by_index("195")) == frozenset({Kind.ERC20})
        assert source.covers(by_index("0")) == source.covers(by_index("501")) == frozenset()
        found = await read_all(source, [bitcoin, ALONE])
    trouble = found[bitcoin].trouble
    assert trouble is not None
    assert trouble.reason is Reason.NOT_COVERED
    assert found[ALONE].end is End.COMPLETE
    assert len(far.asked) == 1


async def test_base58_addresses_are_sent_as_they_are() -> None:
    tron = Target("195", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t")
    async with far_side(lambda _: ok()) as far, source_of(far.url) as source:
        await read_all(source, [tron])
    assert far.asked[0].addresses == [("195", tron.owner)]


async def test_a_store_that_fails_is_said_in_its_own_words() -> None:
    class Broken(MemoryLedger):
        async def apply(self, key: Any, step: Any) -> Any:
            raise StoreError("the store is locked", "Wait, or look at who holds it")

    async with far_side(one_page_each) as far, source_of(far.url, ledger=Broken()) as source:
        found = await read_all(source, [ALONE])
    assert "the store is locked" in str(found[ALONE].trouble)


async def test_path_key_and_page_size_can_be_set() -> None:
    async with (
        far_side(lambda _: ok()) as far,
        source_of(far.url, path="/api/v5/waas/list", address_key="addresses", page_size=50) as source,
    ):
        await read_all(source, [ALONE])
    [asked] = far.asked
    assert asked.target == "/api/v5/waas/list"
    assert asked.json == {"addresses": [{"chainIndex": "1", "address": owner(1)}], "limit": "50"}


def flat(token: int, **more: Any) -> dict[str, Any]:
    return {
        "symbol": f"T{token}",
        "tokenAddress": address(token),
        "approvalAddress": address(9),
        "protocolName": "P",
        "remainAmount": str(2**256 - 1),
        "chainIndex": 1,
        **more,
    }


async def test_the_successor_is_read_page_by_page() -> None:
    def script(asked: Asked) -> dict[str, Any]:
        assert asked.target == "/api/v6/security/approval-mng"
        assert "OK-ACCESS-PROJECT" not in asked.headers
        assert asked.json["nested"] is False
        if asked.cursor is None:
            return ok({"cursor": 20, "dataList": [flat(1), flat(2)], "total": 3})
        assert asked.cursor == 20
        return ok({"cursor": 0, "dataList": [flat(3)], "total": 3})

    snapshot = await read_alone(script, api="v6")
    assert (snapshot.end, seen(snapshot)) == (End.COMPLETE, rows(3))
    assert all(row.unlimited for row in snapshot.approvals.values())


async def test_a_successor_that_ends_short_of_its_total_is_unproven() -> None:
    snapshot = await read_alone(lambda _: ok({"cursor": 0, "dataList": [flat(1)], "total": 2}), api="v6")
    assert (snapshot.end, seen(snapshot)) == (End.UNPROVEN, rows(1))


async def test_successor_rows_of_another_chain_are_a_protocol_error() -> None:
    answer = ok({"cursor": 0, "dataList": [flat(1), flat(2, chainIndex=56)], "total": 2})
    snapshot = await read_alone(lambda _: answer, api="v6")
    assert (snapshot.end, seen(snapshot)) == (End.INCOMPLETE, rows(1))


async def test_the_successor_is_never_asked_for_several() -> None:
    def script(asked: Asked) -> dict[str, Any]:
        [(chain, _)] = asked.addresses
        return ok({"cursor": 0, "dataList": [flat(1, chainIndex=int(chain))], "total": 1})

    async with far_side(script) as far, source_of(far.url, api="v6") as source:
        found = await read_all(source, WIDE)
        assert source.covers(by_index("195")) == frozenset()
    assert len(far.asked) == 4
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
