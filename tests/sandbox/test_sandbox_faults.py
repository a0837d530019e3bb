"""Everything that can go wrong does go wrong when it is told to, and only then."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from sandbox_client import OTHER, OWNER, Client, Reply, small_world, talking

from scanner.sandbox import CODES, FAULTS, Quirks, Sandbox

ENDLESS = {"hang", "drip"}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(small_world(7))


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with talking(sandbox) as client:
        yield client


def test_there_are_more_than_thirty_five_ways_to_go_wrong_and_each_says_what_it_does() -> None:
    assert len(FAULTS) > 35
    assert all(fault.title and name == fault.name for name, fault in FAULTS.items())


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - ENDLESS))
@pytest.mark.parametrize("page", ["first", "later"])
async def test_a_fault_spoils_one_answer_and_the_next_is_sound(
    fault: str, page: str, sandbox: Sandbox, client: Client
) -> None:
    cursor = "3" if page == "later" else None
    sound = await client.ask(("1", OWNER), cursor=cursor, limit="3")
    sandbox.fail(fault, page=page)
    try:
        spoilt: Reply | None = await client.ask(("1", OWNER), cursor=cursor, limit="3")
    except (aiohttp.ClientError, UnicodeDecodeError):
        spoilt = None
    assert spoilt is None or (spoilt.status, spoilt.text) != (sound.status, sound.text)
    assert await client.ask(("1", OWNER), cursor=cursor, limit="3") == sound
    assert [entry.fault for entry in sandbox.requests] == [None, fault, None]


@pytest.mark.parametrize("code", CODES)
async def test_every_documented_code_can_be_had(code: str, sandbox: Sandbox, client: Client) -> None:
    sandbox.fail(f"code-{code}")
    reply = await client.ask(("1", OWNER))
    assert (reply.status, reply.code, reply.data) == (CODES[code][0], code, [])
    assert sandbox.requests[-1].code == code


async def test_a_rate_limit_says_how_long_to_wait(sandbox: Sandbox, client: Client) -> None:
    for name in ("code-50011", "http-429-retry-after"):
        sandbox.fail(name)
        reply = await client.ask(("1", OWNER))
        assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
    sandbox.fail("http-429")
    assert "Retry-After" not in (await client.ask(("1", OWNER))).headers


@pytest.mark.parametrize("name", sorted(ENDLESS))
async def test_a_server_that_does_not_come_to_an_end_is_given_up(name: str, sandbox: Sandbox, client: Client) -> None:
    sandbox.fail(name)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.ask(("1", OWNER)), 0.3)
    assert (await client.ask(("1", OWNER))).code == "0"


async def test_a_broken_body_is_shorter_than_it_says(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("half-body")
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask(("1", OWNER))


async def test_a_fault_happens_so_many_times(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("http-502", times=2)
    assert [(await client.ask(("1", OWNER))).status for _ in range(4)] == [502, 502, 200, 200]
    assert sandbox.armed == []


async def test_a_fault_can_last_until_it_is_healed(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("http-503", times=None)
    assert [(await client.ask(("1", OWNER))).status for _ in range(3)] == [503, 503, 503]
    sandbox.heal()
    assert (await client.ask(("1", OWNER))).status == 200


async def test_a_fault_can_wait_for_a_request_a_page_or_a_target(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("http-500", request=2)
    assert [(await client.ask(("1", OWNER))).status for _ in range(3)] == [200, 500, 200]
    sandbox.fail("http-502", page=3)
    pages = [(await client.ask(("1", OWNER), cursor=cursor, limit="3")).status for cursor in (None, "3", "6")]
    assert pages == [200, 200, 502]
    sandbox.fail("http-504", target=("1", OTHER))
    assert [(await client.ask(("1", who))).status for who in (OWNER, OTHER)] == [200, 504]


async def test_pages_are_counted_by_what_they_really_hold() -> None:
    sandbox = Sandbox(small_world(7), quirks=Quirks(largest_page=2))
    sandbox.fail("http-502", page=3)
    async with talking(sandbox) as client:
        pages = [(await client.ask(("1", OWNER), cursor=cursor)).status for cursor in (None, "2", "4", "6")]
    assert pages == [200, 200, 502, 200]


async def test_faults_strike_in_the_order_in_which_they_were_armed(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("http-500")
    sandbox.fail("http-502")
    assert [(await client.ask(("1", OWNER))).status for _ in range(3)] == [500, 502, 200]


async def test_a_refused_request_uses_no_fault_up(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("http-500")
    assert (await client.post({})).code == "50014"
    assert (await client.ask(("1", OWNER))).status == 500


def test_a_fault_that_could_never_happen_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="page has to be"):
        sandbox.fail("http-500", page="last")
    with pytest.raises(ValueError, match="times has to be"):
        sandbox.fail("http-500", times=0)
    with pytest.raises(KeyError):
        sandbox.fail("no-such-fault")


async def test_a_cycle_leads_back_to_a_page_that_was_read(sandbox: Sandbox, client: Client) -> None:
    sandbox.fail("cursor-cycle", times=None)
    cursors: list[str] = []
    for _ in range(4):
        asked = cursors[-1] if cursors else None
        (entry,) = (await client.ask(("1", OWNER), cursor=asked)).data
        assert entry["approvalProjects"]
        cursors.append(entry["cursor"])
    assert cursors == ["1", "2", "1", "2"]


@pytest.mark.parametrize("key", ["cursor", "cusor"])
async def test_an_endless_list_shows_a_new_row_on_every_page(key: str) -> None:
    sandbox = Sandbox(small_world(), quirks=Quirks(cursor_key=key))
    sandbox.fail("endless", times=None)
    spenders: set[str] = set()
    cursor = None
    async with talking(sandbox) as client:
        for _ in range(5):
            (entry,) = (await client.ask(("1", OWNER), cursor=cursor)).data
            cursor = entry[key]
            spenders.add(entry["approvalProjects"][-1]["approvalAddress"])
    assert len(spenders) == 5


async def test_a_row_that_slips_is_on_neither_page_and_back_on_the_next_reading(
    sandbox: Sandbox, client: Client
) -> None:
    async def read() -> list[str]:
        pages = [(await client.ask(("1", OWNER), cursor=cursor, limit="4")).data[0] for cursor in (None, "4")]
        return [
            token["symbol"] for page in pages for project in page["approvalProjects"] for token in project["tokens"]
        ]

    sandbox.fail("row-slips", page="later")
    missing = await read()
    assert len(missing) == 6
    assert len(await read()) == 7
    assert "TKN4" not in missing


async def test_a_bent_answer_is_the_sound_one_but_for_what_is_bent(sandbox: Sandbox, client: Client) -> None:
    sound = await client.ask(("1", OWNER))
    sandbox.fail("wrong-chain")
    spoilt = await client.ask(("1", OWNER))
    expected = json.loads(sound.text)
    expected["data"][0]["chainIndex"] = "999999"
    assert spoilt.json == expected


async def test_the_successor_goes_wrong_as_well(sandbox: Sandbox, client: Client) -> None:
    body = {"limit": 20, "addressList": [{"chainIndex": "1", "address": OWNER}]}
    for name, expected in (("rows-null", None), ("row-null", [None])):
        sandbox.fail(name)
        reply = await client.post(body, "/api/v6/security/approval-mng")
        assert reply.data[0]["dataList"] == expected
    sandbox.fail("endless")
    reply = await client.post(body, "/api/v6/security/approval-mng")
    assert reply.data[0]["cursor"] == 20
