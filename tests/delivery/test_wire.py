"""Listening to requests and smtplib: only while a message is sent, and without changing what they do otherwise."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import requests
from aiohttp import web
from services import Web, web_server

from scanner.delivery.verdicts import Heard
from scanner.delivery.wire import overheard


@pytest.fixture
async def moved() -> AsyncIterator[Web]:
    async with web_server() as one:
        answers = iter([web.Response(status=307, headers={"Location": f"{one.url}/there"}), web.Response()])
        one.answer = lambda _: next(answers)
        yield one


def post(url: str) -> int:
    return requests.post(url, json={}, timeout=5).status_code


async def test_a_redirect_ends_there_while_somebody_listens(moved: Web) -> None:
    def listening() -> list[Heard]:
        with overheard() as heard:
            assert post(moved.url) == 307
        return heard

    assert await asyncio.to_thread(listening) == [Heard(307, "")]
    assert moved.paths == ["/"]


async def test_nobody_else_notices(moved: Web) -> None:
    def before_and_after() -> list[Heard]:
        with overheard() as heard:
            pass
        assert post(moved.url) == 200
        return heard

    assert await asyncio.to_thread(before_and_after) == []
    assert moved.paths == ["/", "/there"]


async def test_two_that_listen_hear_each_their_own() -> None:
    async with web_server() as one, web_server() as other:
        one.answer, other.answer = lambda _: web.Response(text="one"), lambda _: web.Response(text="other")
        one.delay = 0.1

        def listening(service: Web) -> list[str]:
            with overheard() as heard:
                post(service.url)
            return [each.text for each in heard]

        said = await asyncio.gather(*(asyncio.to_thread(listening, service) for service in (one, other)))
        assert said == [["one"], ["other"]]
