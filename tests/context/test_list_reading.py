"""Where lists come from: files, folders and the web, and what stays in force when one of them fails."""

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from scanner.config import ListConfig
from scanner.context.lists import ListReader, Look, is_due
from scanner.domain.lists import ListState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=7)
ROWS = [f"0x{number:040x}" for number in range(1, 11)]


class FarSide:
    """A web server with one list. `answer` may be set to answer anything else."""

    def __init__(self) -> None:
        self.content = "\n".join(ROWS).encode()
        self.asked: list[str | None] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("If-None-Match"))
        if self.answer is not None:
            return await self.answer(request)
        tag = f'"{hash(self.content)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(body=self.content, headers={"ETag": tag})


@pytest.fixture
async def far() -> AsyncIterator[FarSide]:
    side = FarSide()
    app = web.Application()
    app.router.add_get("/{path:.*}", side.serve)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    side.url = f"http://127.0.0.1:{runner.addresses[0][1]}/list"
    yield side
    await runner.cleanup()


@pytest.fixture
async def reader() -> AsyncIterator[ListReader]:
    async with aiohttp.ClientSession() as session:
        yield ListReader(session, within=timedelta(seconds=1), largest=100_000)


async def look(
    reader: ListReader, source: str | Path, kept: ListState | None = None, label: str = "known", **how: bool
) -> Look:
    return await reader.look("ours", ListConfig(from_=source, label=label), kept, LATER if kept else NOW, **how)


def answering(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


# The web.


async def test_a_list_from_the_web_is_kept_with_its_time_and_its_tag(reader: ListReader, far: FarSide) -> None:
    found = await look(reader, far.url)
    assert found.entries is not None
    assert [entry.address for entry in found.entries] == ROWS
    assert (found.state.entries, found.state.as_of, found.state.checked_at, found.state.error) == (10, NOW, NOW, None)


async def test_what_has_not_changed_is_not_sent_again(reader: ListReader, far: FarSide) -> None:
    first = await look(reader, far.url)
    again = await look(reader, far.url, first.state)
    assert far.asked == [None, first.state.etag]
    assert (again.entries, again.state.as_of, again.state.entries) == (None, LATER, 10)


async def test_the_same_content_under_another_tag_is_no_news(reader: ListReader, far: FarSide) -> None:
    first = await look(reader, far.url)
    far.answer = answering(body=far.content, ETag='"another"')
    again = await look(reader, far.url, first.state)
    assert (again.entries, again.state.etag, again.state.as_of) == (None, '"another"', LATER)


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(ROWS[0].encode())
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(404), "answered HTTP 404"),
        (answering(500, b"oops"), "answered HTTP 500"),
        (answering(302, b"", Location="https://elsewhere.example/"), "sends elsewhere (HTTP 302)"),
        (answering(304), "answered HTTP 304"),
        (answering(200, b""), "it is empty"),
        (answering(200, b"<!doctype html>\n<p>Sorry</p>"), "it is a web page"),
        (answering(200, b"Sorry!\nCome back later."), "none of its 2 rows makes sense"),
        (answering(200, b"\n".join(row.encode() for row in ROWS[:5])), "it has shrunk from 10 entries to 5"),
        (answering(200, b"x" * 100_001), "larger than 0 MB"),
        (answering(200, gzip.compress(b"0" * 3_000_000), **{"Content-Encoding": "gzip"}), "larger than 0 MB"),
        (answering(200, b"no gzip", **{"Content-Encoding": "gzip"}), "cannot be read"),
        (cut, "cannot be read"),
    ],
    ids=["404", "500", "302", "304", "empty", "html", "words", "shrunk", "large", "bomb", "no-gzip", "cut"],
)
async def test_what_is_no_better_copy_leaves_the_last_good_one_in_force_and_is_said(
    reader: ListReader,
    far: FarSide,
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    said: str,
) -> None:
    first = await look(reader, far.url)
    far.answer = answer
    # Nobody asked whether it had changed: that it has not is no answer.
    kept = replace(first.state, etag=None)
    again = await look(reader, far.url, kept)
    assert again.entries is None
    assert again.state.error is not None
    assert said in again.state.error
    assert (again.state.as_of, again.state.checked_at, again.state.entries) == (NOW, LATER, 10)
    far.answer = None
    healed = await look(reader, far.url, again.state)
    assert (healed.state.error, healed.state.as_of) == (None, LATER)


async def test_a_list_that_does_not_come_in_time_is_given_up(far: FarSide) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    far.answer = hang
    async with aiohttp.ClientSession() as session:
        found = await look(ListReader(session, within=timedelta(seconds=0.2)), far.url)
    assert found.state.error == "it was not there within 0.2 s"


async def test_nobody_there_is_said_in_words(reader: ListReader, unused_tcp_port: int) -> None:
    found = await look(reader, f"http://127.0.0.1:{unused_tcp_port}/")
    assert found.state.error is not None
    assert found.state.error.startswith("127.0.0.1 cannot be read: ")
    assert (found.state.as_of, found.state.entries) == (None, 0)


async def test_a_copy_that_has_shrunk_is_taken_where_somebody_says_so(reader: ListReader, far: FarSide) -> None:
    first = await look(reader, far.url)
    far.content = ROWS[0].encode()
    assert "lists update ours --accept" in str((await look(reader, far.url, first.state)).state.error)
    taken = await look(reader, far.url, first.state, accept=True)
    assert taken.entries is not None
    assert (len(taken.entries), taken.state.error) == (1, None)


async def test_losing_less_than_half_is_an_edit(reader: ListReader, far: FarSide) -> None:
    first = await look(reader, far.url)
    far.content = "\n".join(ROWS[:6]).encode()
    again = await look(reader, far.url, first.state)
    assert again.entries is not None
    assert len(again.entries) == 6


async def test_another_label_reads_the_list_anew(reader: ListReader, far: FarSide) -> None:
    first = await look(reader, far.url)
    again = await look(reader, far.url, first.state, label="exploited")
    assert far.asked == [None, None]
    assert again.entries is not None
    assert {entry.labels for entry in again.entries} == {("exploited",)}


async def test_a_list_that_cannot_be_read_has_its_new_label_and_is_read_anew_when_it_can_be(
    reader: ListReader, far: FarSide
) -> None:
    first = await look(reader, far.url)
    far.answer, sound = answering(500), far.answer
    failed = await look(reader, far.url, first.state, label="exploited")
    assert (failed.state.label, failed.state.entries, failed.entries) == ("exploited", 10, None)
    assert "HTTP 500" in str(failed.state.error)
    far.answer = sound
    again = await look(reader, far.url, failed.state, label="exploited")
    assert far.asked == [None, None, None]
    assert again.entries is not None
    assert {entry.labels for entry in again.entries} == {("exploited",)}


async def test_a_list_that_comes_from_elsewhere_now_may_be_of_any_size(
    reader: ListReader, far: FarSide, tmp_path: Path
) -> None:
    first = await look(reader, far.url)
    small = tmp_path / "small.txt"
    small.write_text(ROWS[0])
    again = await look(reader, small, first.state)
    assert (again.state.origin, again.state.entries, again.state.error) == (str(small), 1, None)


async def test_a_list_that_cannot_be_read_from_elsewhere_keeps_what_it_was(
    reader: ListReader, far: FarSide, tmp_path: Path
) -> None:
    first = await look(reader, far.url)
    again = await look(reader, tmp_path / "none.txt", first.state, label="exploited")
    assert again.entries is None
    assert (again.state.origin, again.state.label, again.state.entries) == (far.url, "known", 10)
    assert "there is no" in str(again.state.error)


# Files and folders.


def write(path: Path, text: str, age: float = 60) -> Path:
    path.write_text(text)
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


async def test_a_file_whose_time_and_size_have_not_moved_is_not_read(reader: ListReader, tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", ROWS[0])
    first = await look(reader, path)
    state = path.stat()
    path.write_text(ROWS[1])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    again = await look(reader, path, first.state)
    assert (again.entries, again.state.error, again.state.as_of) == (None, None, LATER)


async def test_a_file_of_the_same_size_that_moved_is_read(reader: ListReader, tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", ROWS[0])
    first = await look(reader, path)
    write(path, ROWS[1], age=30)
    again = await look(reader, path, first.state)
    assert again.entries is not None
    assert again.entries[0].address == ROWS[1]


async def test_a_file_that_was_written_just_now_is_read_again_whatever_its_time_says(
    reader: ListReader, tmp_path: Path
) -> None:
    path = write(tmp_path / "list.txt", ROWS[0], age=0)
    first = await look(reader, path)
    state = path.stat()
    with path.open("r+") as opened:
        opened.write(ROWS[1])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    again = await look(reader, path, first.state)
    assert again.entries is not None
    assert again.entries[0].address == ROWS[1]


async def test_a_folder_is_its_json_files(reader: ListReader, tmp_path: Path) -> None:
    for number, row in enumerate(ROWS[:3]):
        write(tmp_path / f"{number}.json", json.dumps({"name": f"Hack {number}", "date": "2026", "addresses": [row]}))
    write(tmp_path / "LICENSE", "MIT")
    (tmp_path / "more.json").mkdir()
    first = await look(reader, tmp_path, label="exploited")
    assert first.entries is not None
    assert [entry.incident for entry in first.entries] == ["Hack 0 (2026)", "Hack 1 (2026)", "Hack 2 (2026)"]
    assert first.state.bad == 0
    assert (await look(reader, tmp_path, first.state, label="exploited")).state.digest == first.state.digest
    (tmp_path / "0.json").unlink()
    again = await look(reader, tmp_path, first.state, label="exploited")
    assert again.entries is not None
    assert len(again.entries) == 2


@pytest.mark.parametrize("make", ["nothing", "folder", "pipe", "large", "many"])
async def test_what_is_no_list_on_the_disk_is_said(reader: ListReader, tmp_path: Path, make: str) -> None:
    path = tmp_path / "list"
    match make:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "large":
            path.write_text("#" * 100_001)
        case "many":
            path.mkdir()
            for number in range(3):
                (path / f"{number}.json").write_text(f'["{"x" * 40_000}"]')
    said = {
        "nothing": f"there is no {path}",
        "folder": "there is no JSON file in the folder",
        "pipe": "is neither a file nor a folder",
        "large": "it is larger",
        "many": "it is larger",
    }[make]
    found = await look(reader, path)
    assert said in str(found.state.error)
    assert found.state.as_of is None


# When.


def state(checked: datetime, error: str | None = None) -> ListState:
    return ListState(name="ours", label="known", origin="https://lists.example/", checked_at=checked, error=error)


@pytest.mark.parametrize(
    ("kept", "minutes", "due"),
    [
        (None, 0, True),
        (state(NOW), 359, False),
        (state(NOW), 360, True),
        (state(NOW), -1, True),
        (state(NOW, "answered HTTP 500"), 4, False),
        (state(NOW, "answered HTTP 500"), 5, True),
    ],
)
def test_a_list_from_the_web_is_due_after_its_time_or_soon_after_it_failed(
    kept: ListState | None, minutes: int, due: bool
) -> None:
    config = ListConfig(from_="https://lists.example/", label="known")
    assert is_due(config, kept, NOW + timedelta(minutes=minutes)) is due


def test_a_list_whose_label_changed_is_due_and_a_file_always_is() -> None:
    assert is_due(ListConfig(from_="https://lists.example/", label="exploited"), state(NOW), NOW)
    assert is_due(ListConfig(from_=Path("/x"), label="known"), state(NOW), NOW)
