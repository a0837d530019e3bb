import json
from typing import Any

import pytest
from aiohttp import web
from far_side import (
    ALONE,
    Asked,
    Clock,
    entry,
    error,
    far_side,
    ok,
    page_after_page,
    project,
    read_all,
    read_alone,
    rows,
    seen,
    source_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.domain.approvals import End
from scanner.errors import Reason

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
    assert snapshot.trouble.message.startswith("page 2: ") is (page == 2)
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


def sound_envelope(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and str(value.get("code")) == "0" and isinstance(value.get("data"), list)


bodies = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())


@given(bodies.filter(lambda body: not sound_envelope(body)))
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
