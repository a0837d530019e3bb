"""Whatever the dialect, the pages of a list add up to the truth, and end as the dialect says."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import OTHER, OWNER, Client, small_world, spender, talking, token

from scanner.sandbox import (
    UINT256_MAX,
    AmountForm,
    CursorForm,
    EndStyle,
    LimitCounts,
    Packing,
    Quirks,
    Row,
    RowForm,
    Sandbox,
    SpenderField,
    Status,
    SymbolForm,
    World,
    big_world,
    day_of,
)
from scanner.sandbox.checks import check_body
from scanner.sandbox.pages import approvals

SUCCESSOR = "/api/v6/security/approval-mng"
Seen = tuple[str, str, str, str]


def truth(sandbox: Sandbox, chain: str, owner: str) -> Counter[Seen]:
    rows = sandbox.truth()[chain, owner]
    return Counter((row.spender.address, row.token.address, str(row.raw), row.status.value) for row in rows)


def shown(entry: dict[str, Any]) -> list[Seen]:
    return [
        (project["approvalAddress"], token["tokenAddress"], token["approvalNum"], token["status"])
        for project in entry["approvalProjects"]
        for token in project["tokens"]
    ]


async def read(client: Client, limit: str, key: str = "cursor") -> tuple[list[Seen], list[Any]]:
    """All rows, and the cursors of the pages, until a clean end or a page without a row."""
    rows: list[Seen] = []
    cursors: list[Any] = []
    cursor: Any = None
    while True:
        data = (await client.ask(("1", OWNER), cursor=cursor, limit=limit)).data
        if not data:
            return rows, [*cursors, "no data"]
        rows += shown(data[0])
        cursor = data[0].get(key, "none")
        cursors.append(cursor)
        if cursor in (None, "none", "", "0", 0) or not data[0]["approvalProjects"]:
            return rows, cursors


ENDINGS = {
    EndStyle.MISSING: ["3", "6", "none"],
    EndStyle.NULL: ["3", "6", None],
    EndStyle.EMPTY: ["3", "6", ""],
    EndStyle.ZERO: ["3", "6", "0"],
    EndStyle.ZERO_NUMBER: ["3", "6", 0],
    EndStyle.EMPTY_PAGE: ["3", "6", "9", "12"],
    EndStyle.NO_DATA: ["3", "6", "9", "no data"],
}


def test_every_ending_is_tried() -> None:
    assert {*ENDINGS, EndStyle.SAME} == set(EndStyle)


@pytest.mark.parametrize(("end", "cursors"), ENDINGS.items())
async def test_each_ending_shows_as_it_should_and_loses_nothing(end: EndStyle, cursors: list[Any]) -> None:
    sandbox = Sandbox(small_world(7), quirks=Quirks(end=end))
    async with talking(sandbox) as client:
        assert await read(client, "3") == (list(truth(sandbox, "1", OWNER)), cursors)


async def test_the_same_cursor_again_stands_on_the_last_page() -> None:
    async with talking(Sandbox(small_world(7), quirks=Quirks(end=EndStyle.SAME))) as client:
        last = (await client.ask(("1", OWNER), cursor="6", limit="3")).data[0]
        only = (await client.ask(("1", OWNER))).data[0]
        after = (await client.ask(("1", OWNER), cursor=only["cursor"])).data[0]
    assert (last["cursor"], len(shown(last))) == ("6", 1)
    assert (len(shown(only)), after["cursor"], after["approvalProjects"]) == (7, only["cursor"], [])


@pytest.mark.parametrize("end", EndStyle)
async def test_a_wallet_without_approvals_is_one_empty_answer(end: EndStyle) -> None:
    async with talking(Sandbox(small_world(), quirks=Quirks(end=end))) as client:
        (entry,) = (await client.ask(("1", OTHER))).data
    assert entry["approvalProjects"] == []


@pytest.mark.parametrize("form", CursorForm)
async def test_cursors_of_every_form_are_echoed_with_their_type(form: CursorForm) -> None:
    sandbox = Sandbox(small_world(7), quirks=Quirks(cursor=form, cursor_key="cusor"))
    async with talking(sandbox) as client:
        rows, cursors = await read(client, "3", "cusor")
        other: Any = 3 if form is not CursorForm.NUMBER else "3"
        assert (await client.ask(("1", OWNER), cursor=other)).code == "51000"
    assert Counter(rows) == truth(sandbox, "1", OWNER)
    assert [type(cursor) for cursor in cursors[:2]] == [int if form is CursorForm.NUMBER else str] * 2


rows_of_a_wallet = st.integers(0, 12).flatmap(
    lambda count: st.tuples(
        *(
            st.builds(
                Row,
                st.just(OWNER),
                st.just(token(number)),
                st.integers(0, 3).map(spender),
                st.sampled_from([0, 1, 10**30, UINT256_MAX]),
                st.sampled_from(Status),
            )
            for number in range(count)
        )
    )
)


@given(
    rows=rows_of_a_wallet,
    limit=st.integers(1, 6),
    largest=st.integers(1, 6),
    overlap=st.integers(0, 2),
    end=st.sampled_from(EndStyle),
    form=st.sampled_from(CursorForm),
    counts=st.sampled_from(LimitCounts),
    shuffled=st.booleans(),
)
def test_for_any_world_page_size_and_dialect_the_pages_add_up_to_the_truth(
    rows: tuple[Row, ...],
    limit: int,
    largest: int,
    overlap: int,
    end: EndStyle,
    form: CursorForm,
    counts: LimitCounts,
    shuffled: bool,
) -> None:
    quirks = Quirks(largest_page=largest, overlap=overlap, end=end, cursor=form, limit_counts=counts, shuffled=shuffled)
    day = day_of(rows)
    found: set[Seen] = set()
    count = 0
    cursor: Any = None
    for page in range(20):
        more = {} if cursor is None else {"cursor": cursor}
        body = {"addressList": [{"chainIndex": "1", "address": OWNER}], "limit": str(limit), **more}
        asked = check_body(json.dumps(body).encode(), "application/json", quirks)
        data = approvals(day, asked, quirks, seed=page)
        seen = shown(data[0]) if data else []
        found.update(seen)
        count += len(seen)
        before, cursor = cursor, data[0].get("cursor") if data else None
        if not seen or cursor == before or (end.clean and cursor in (None, "", "0", 0)):
            break
    else:
        pytest.fail("the list has no end")
    expected = {(row.spender.address, row.token.address, str(row.raw), row.status.value) for row in rows}
    assert found == expected
    assert overlap or count == len(rows)


@pytest.mark.parametrize("named", SpenderField)
async def test_the_spender_stands_where_the_dialect_has_it(named: SpenderField) -> None:
    async with talking(Sandbox(small_world(1), quirks=Quirks(spender=named))) as client:
        project = (await client.ask(("1", OWNER))).data[0]["approvalProjects"][0]
    fields = {name: value for name, value in project.items() if name.endswith("Address")}
    match named:
        case SpenderField.NONE:
            assert fields == {}
        case SpenderField.DIFFERENT:
            assert len(set(fields.values())) == 2
        case SpenderField.ALL:
            assert set(fields.values()) == {spender(0).address}
            assert len(fields) == 3
        case _:
            assert fields == {named.value: spender(0).address}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (SymbolForm.TEXT, "TKN0"),
        (SymbolForm.LIST, ["TKN0"]),
        (SymbolForm.NULL, None),
        (SymbolForm.MISSING, "missing"),
    ],
)
async def test_the_symbol_has_the_form_of_the_dialect(form: SymbolForm, expected: Any) -> None:
    async with talking(Sandbox(small_world(1), quirks=Quirks(symbol=form))) as client:
        (project,) = (await client.ask(("1", OWNER))).data[0]["approvalProjects"]
    assert project["tokens"][0].get("symbol", "missing") == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (AmountForm.TEXT, [str(UINT256_MAX), "1"]),
        (AmountForm.WORD, ["unlimited", "1"]),
        (AmountForm.MINUS_ONE, ["-1", "1"]),
        (AmountForm.NUMBER, [UINT256_MAX, 1]),
    ],
)
async def test_an_amount_has_the_form_of_the_dialect(form: AmountForm, expected: list[Any]) -> None:
    async with talking(Sandbox(small_world(2), quirks=Quirks(amount=form))) as client:
        (project,) = (await client.ask(("1", OWNER))).data[0]["approvalProjects"]
    assert [shown["approvalNum"] for shown in project["tokens"]] == expected


async def test_an_amount_can_be_garbage_and_a_code_and_a_chain_numbers() -> None:
    quirks = Quirks(amount=AmountForm.GARBAGE, code_as_number=True, chain_as_number=True)
    async with talking(Sandbox(small_world(1), quirks=quirks)) as client:
        reply = await client.ask(("1", OWNER))
    assert reply.code == 0
    assert reply.data[0]["chainIndex"] == 1
    with pytest.raises(ValueError, match="invalid literal"):
        int(reply.data[0]["approvalProjects"][0]["tokens"][0]["approvalNum"])


def two_owners() -> World:
    tokens = (OWNER, token(1)), (OTHER, token(2)), (OTHER, token(3, "56"))
    return World("two", (day_of(Row(owner, what, spender(1), raw) for raw, (owner, what) in enumerate(tokens, 5)),))


@pytest.mark.parametrize(
    ("packing", "expected"),
    [
        (Packing.EACH, [("1", ["5"]), ("1", ["6"]), ("56", ["7"])]),
        (Packing.REVERSED, [("56", ["7"]), ("1", ["6"]), ("1", ["5"])]),
        (Packing.MISSING, [("1", ["5"]), ("1", ["6"])]),
        (Packing.TWICE, [("1", ["5"]), ("1", ["5"]), ("1", ["6"]), ("56", ["7"])]),
        (Packing.PER_CHAIN, [("1", ["5", "6"]), ("56", ["7"])]),
    ],
)
async def test_what_comes_back_for_several_addresses_is_the_dialects(packing: Packing, expected: list[Any]) -> None:
    async with talking(Sandbox(two_owners(), quirks=Quirks(packing=packing))) as client:
        data = (await client.ask(("1", OWNER), ("1", OTHER), ("56", OTHER))).data
        alone = (await client.ask(("56", OTHER))).data
    assert [(entry["chainIndex"], [row[2] for row in shown(entry)]) for entry in data] == expected
    assert len(alone) == 1


async def test_a_shuffled_page_holds_the_same_rows_in_another_order_every_time() -> None:
    sandbox = Sandbox(small_world(40), quirks=Quirks(shuffled=True))
    async with talking(sandbox) as client:
        pages = [shown((await client.ask(("1", OWNER), limit="30")).data[0]) for _ in range(3)]
    assert len({tuple(page) for page in pages}) == 3
    assert len({frozenset(page) for page in pages}) == 1


async def test_overlapping_pages_show_the_last_rows_of_a_page_again() -> None:
    async with talking(Sandbox(small_world(7), quirks=Quirks(overlap=2, largest_page=4))) as client:
        first, second = [shown((await client.ask(("1", OWNER), cursor=cursor)).data[0]) for cursor in (None, "4")]
    assert (len(first), len(second)) == (4, 5)
    assert second[:2] == first[2:]


async def test_a_project_is_never_divided_where_the_limit_counts_projects() -> None:
    async with talking(Sandbox(small_world(7), quirks=Quirks(limit_counts=LimitCounts.PROJECTS))) as client:
        (entry,) = (await client.ask(("1", OWNER), limit="3")).data
    assert [len(project["tokens"]) for project in entry["approvalProjects"]] == [2, 2, 2]
    assert entry["cursor"] == "3"


async def test_no_answer_names_an_owner() -> None:
    async with talking(Sandbox(two_owners())) as client:
        reply = await client.ask(("1", OWNER), ("1", OTHER))
    assert OWNER not in reply.text
    assert OTHER not in reply.text


async def test_a_thousand_approvals_come_in_the_pages_that_were_asked_for() -> None:
    sandbox = Sandbox(big_world(1, 250))
    owner = sandbox.world.owners[0].address
    async with talking(sandbox) as client:
        sizes = []
        cursor = None
        while cursor != "":
            (entry,) = (await client.ask(("1", owner), cursor=cursor)).data
            sizes.append(len(shown(entry)))
            cursor = entry["cursor"]
        usual = (await client.post({"addressList": [{"chainIndex": "1", "address": owner}]})).data[0]
    assert sizes == [100, 100, 50]
    assert len(shown(usual)) == 50


@pytest.mark.parametrize("end", EndStyle)
async def test_the_successors_pages_add_up_to_the_truth_and_its_total(end: EndStyle) -> None:
    sandbox = Sandbox(small_world(7), quirks=Quirks(end=end))
    rows: list[dict[str, Any]] = []
    cursor: Any = None
    async with talking(sandbox) as client:
        for _ in range(10):
            more = {} if cursor is None else {"cursor": cursor}
            body = {"nested": False, "limit": 3, "addressList": [{"chainIndex": "1", "address": OWNER}], **more}
            data = (await client.post(body, SUCCESSOR, change=lambda headers: headers.pop("OK-ACCESS-PROJECT"))).data
            if not data or not data[0]["dataList"]:
                break
            assert data[0]["total"] == 7
            rows += data[0]["dataList"]
            before, cursor = cursor, data[0].get("cursor")
            if not cursor or cursor == before:
                break
    assert Counter((row["approvalAddress"], row["tokenAddress"], row["remainAmount"], "1") for row in rows) == truth(
        sandbox, "1", OWNER
    )
    assert rows[1]["remainAmtPrecise"] == "0.000000000000000001"


async def test_the_successor_answers_an_empty_wallet_as_it_was_seen() -> None:
    async with talking(Sandbox(small_world())) as client:
        body = {"nested": False, "limit": 20, "addressList": [{"chainIndex": "1", "address": OTHER}]}
        assert (await client.post(body, SUCCESSOR)).data == [{"cursor": 0, "dataList": [], "total": 0}]


async def test_the_successors_other_rows_say_unlimited_in_words() -> None:
    async with talking(Sandbox(small_world(2), quirks=Quirks(row_form=RowForm.APPROVAL_LIST))) as client:
        body = {"nested": False, "limit": 20, "addressList": [{"chainIndex": "1", "address": OWNER}]}
        rows = (await client.post(body, SUCCESSOR)).data[0]["approvalList"]
    assert [row["allowance"] for row in rows] == ["unlimited", "1"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"limit": "20"}, "51000"),
        ({"limit": True}, "51000"),
        ({"cursor": "3"}, "51000"),
        ({"nested": "no"}, "51000"),
        ({"addressList": [{"chainIndex": "195", "address": f"T{'a' * 33}"}]}, "81150"),
    ],
)
async def test_the_successor_is_strict_in_its_own_way(change: dict[str, Any], code: str) -> None:
    body = {"limit": 20, "addressList": [{"chainIndex": "1", "address": OWNER}], **change}
    async with talking(Sandbox(small_world())) as client:
        assert (await client.post(body, SUCCESSOR)).code == code


def test_quirks_that_would_never_end_are_refused() -> None:
    with pytest.raises(ValueError, match="largest_page"):
        Quirks(largest_page=0)
