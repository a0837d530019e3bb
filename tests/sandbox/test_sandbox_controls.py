"""A person can play over HTTP: let days pass, break things, choose a dialect, and look at the truth."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sandbox_client import OWNER, Client, Reply, talking

from scanner.errors import ConfigError, UsageError
from scanner.sandbox import FAULTS_AT, Endpoint, EndStyle, Sandbox, Server, bundled_world, serve_forever


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(bundled_world())


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with talking(sandbox) as client:
        yield client


async def test_days_pass_one_at_a_time_and_the_last_one_lasts(client: Client) -> None:
    assert (await client.send("GET", "/sandbox")).json["day"] == 0
    days = [(await client.send("POST", "/sandbox/advance")).json["day"] for _ in range(4)]
    assert days == [1, 2, 2, 2]


async def test_one_can_go_back_to_a_day(sandbox: Sandbox, client: Client) -> None:
    sandbox.day = 2
    assert (await client.send("POST", "/sandbox/advance", json={"day": 0})).json["today"] == sandbox.world.days[0].title
    wrong = await client.send("POST", "/sandbox/advance", json={"day": 3})
    assert (wrong.status, wrong.json) == (400, {"error": "this world has days 0 to 2"})
    assert sandbox.day == 0


async def test_the_truth_follows_the_days(sandbox: Sandbox, client: Client) -> None:
    def counted(truth: list[dict[str, list[object]]]) -> list[int]:
        return [len(target["approvals"]) for target in truth]

    for day in sandbox.world.days:
        shown = (await client.send("GET", "/sandbox/truth")).json["targets"]
        assert counted(shown) == [len(rows) for rows in day.rows.values()]
        sandbox.advance()


async def test_faults_are_listed_armed_and_healed(sandbox: Sandbox, client: Client) -> None:
    assert "half-body" in (await client.send("GET", "/sandbox/faults")).json
    wish = {"fault": "http-502", "times": None, "page": "later", "target": ["1", OWNER]}
    state = (await client.send("POST", "/sandbox/faults", json=wish)).json
    assert state["faults"] == [{**wish, "endpoint": "approvals", "request": None}]
    assert sandbox.armed[0].target == ("1", OWNER)
    assert (await client.send("DELETE", "/sandbox/faults")).json["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "/sandbox/faults", '{"fault": "flood"}', "no fault is called 'flood'"),
        ("POST", "/sandbox/faults", '{"fault": "html", "page": "last"}', "page has to be"),
        ("POST", "/sandbox/faults", '{"fault": "html", "time": 3}', "unknown field `time`"),
        ("POST", "/sandbox/faults", "html", "malformed"),
        (
            "POST",
            "/sandbox/faults",
            '{"fault": "endless", "endpoint": "balances"}',
            "?endpoint=balances names them all",
        ),
        ("POST", "/sandbox/faults", '{"fault": "html", "endpoint": "trades"}', "Invalid enum value 'trades'"),
        ("GET", "/sandbox/faults?endpoint=trades", "", "'trades' is not a valid Endpoint"),
        ("POST", "/sandbox/advance", '{"days": 3}', "unknown field `days`"),
        ("PUT", "/sandbox/quirks", '{"ende": "same"}', "no quirk is called ende"),
        ("PUT", "/sandbox/quirks", '{"end": "never"}', "Invalid enum value 'never'"),
        ("PUT", "/sandbox/quirks", '{"largest_page": 0}', "largest_page has to be 1 or more"),
    ],
)
async def test_a_wish_that_cannot_be_is_answered_in_words(
    method: str, path: str, body: str, said: str, client: Client
) -> None:
    reply = await client.send(method, path, data=body)
    assert reply.status == 400
    assert said in reply.json["error"]


async def test_a_dialect_can_be_chosen(sandbox: Sandbox, client: Client) -> None:
    wish = {"end": "same", "chain_as_number": True}
    assert (await client.send("PUT", "/sandbox/quirks", json=wish)).json["quirks"]["end"] == "same"
    assert (sandbox.quirks.end, sandbox.quirks.chain_as_number) == (EndStyle.SAME, True)


async def test_what_was_asked_is_shown(client: Client) -> None:
    await client.ask(("1", OWNER))
    (entry,) = (await client.send("GET", "/sandbox/requests")).json
    assert (entry["entries"], entry["code"]) == ([["1", OWNER]], "0")


async def test_the_list_of_exploited_spenders_grows_and_is_sent_only_when_it_did(
    sandbox: Sandbox, client: Client
) -> None:
    before = await client.send("GET", "/lists/exploited.csv")
    assert before.text == "address,chain,name,label,incident\n"
    known = {"If-None-Match": before.headers["Etag"]}
    assert (await client.send("GET", "/lists/exploited.csv", headers=known)).status == 304
    sandbox.day = 2
    after = await client.send("GET", "/lists/exploited.csv", headers=known)
    spender = sandbox.today.exploited[0]
    assert (
        after.text.splitlines()[1] == f"{spender.address},,{spender.name},exploited,Lantern Bridge signer keys stolen"
    )
    log = [(entry.endpoint, entry.path) for entry in sandbox.requests]
    assert log == [(Endpoint.LISTS, "/lists/exploited.csv")] * 3


@pytest.mark.parametrize("fault", sorted(FAULTS_AT[Endpoint.LISTS].keys() - {"hang", "drip", "closed", "half-body"}))
async def test_the_list_goes_wrong_when_it_is_told_to_and_is_sound_again(
    fault: str, sandbox: Sandbox, client: Client
) -> None:
    sandbox.day = 2
    sound = await client.send("GET", "/lists/exploited.csv")
    await client.send("POST", "/sandbox/faults", json={"fault": fault, "endpoint": "lists"})
    try:
        spoilt: Reply | None = await client.send("GET", "/lists/exploited.csv")
    except (aiohttp.ClientError, UnicodeDecodeError):
        spoilt = None
    assert spoilt is None or (spoilt.status, spoilt.text) != (sound.status, sound.text)
    assert await client.send("GET", "/lists/exploited.csv") == sound
    assert [entry.fault for entry in sandbox.requests] == [None, fault, None]


async def test_a_broken_row_stands_behind_the_sound_ones_and_an_empty_list_has_none(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.day = 2
    sound = (await client.send("GET", "/lists/exploited.csv")).text
    sandbox.fail("rows-broken", endpoint="lists")
    littered = (await client.send("GET", "/lists/exploited.csv")).text
    assert littered.startswith(sound)
    assert len(littered.splitlines()) == len(sound.splitlines()) + 3
    sandbox.fail("list-empty", endpoint="lists")
    assert (await client.send("GET", "/lists/exploited.csv")).text.splitlines() == sound.splitlines()[:1]


async def test_a_taken_port_is_said_in_words(client: Client) -> None:
    port = int(client.url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"cannot listen on port {port}"):
        async with Sandbox(bundled_world()).serve(port):
            pass


async def test_the_demo_is_served_until_it_is_stopped() -> None:
    ready: asyncio.Future[tuple[Sandbox, Server]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_forever(on_ready=lambda sandbox, server: ready.set_result((sandbox, server))))
    sandbox, server = await ready
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert sandbox.world == bundled_world()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_broken_world_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text("days: []")
    with pytest.raises(ConfigError, match="at least one day"):
        await serve_forever(path)
