from typing import Any

from far_side import (
    WIDE,
    Asked,
    address,
    far_side,
    ok,
    read_all,
    read_alone,
    rows,
    seen,
    source_of,
)

from scanner.domain.approvals import End
from scanner.domain.chains import by_index


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
