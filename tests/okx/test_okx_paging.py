import itertools
from typing import Any

import pytest
from far_side import (
    CLEAN,
    Asked,
    address,
    entry,
    ok,
    owner,
    page_after_page,
    project,
    read_alone,
    rows,
    seen,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.domain.approvals import End, Kind
from scanner.errors import Reason
from scanner.sources.okx_reading import MOST_PAGES


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
