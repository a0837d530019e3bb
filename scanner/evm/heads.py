"""New heads as a WebSocket tells them (`eth_subscribe`, newHeads)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp
import msgspec
from yarl import URL

from scanner.domain.chains import Chain
from scanner.evm.faults import Fault, What, judged
from scanner.evm.headers import CHAIN_ID, LATEST, chain_id_of, header_of, other_chain
from scanner.evm.rpc import Ask, written
from scanner.evm.values import Block

__all__ = ["told"]

LARGEST_MESSAGE = 1024 * 1024
"""Bytes of one message: a header is 2 kB at most."""

PING_EVERY = 20.0
GREETED_WITHIN = 10.0
"""Seconds that a connection has to be made, and each question to be answered."""

_SUBSCRIBE = Ask("eth_subscribe", ["newHeads"])


class _Notice(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: object = None
    method: str | None = None
    params: _Notice | None = None


_decode = msgspec.json.Decoder(_Message).decode


async def told(
    session: aiohttp.ClientSession, url: str, chain: Chain, *, quiet: float
) -> AsyncGenerator[Block | Fault | None]:
    """The newest block, then each new one, as one connection tells them. A fault is the last item.

    None says that nothing came for `quiet` seconds: nobody knows whether there is nothing to tell, or it fell silent.
    """
    try:
        async with (
            session.ws_connect(
                URL(url, encoded=True),
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                heartbeat=PING_EVERY,
                max_msg_size=LARGEST_MESSAGE,
            ) as socket,
            aclosing(_heads(socket, chain, quiet)) as heads,
        ):
            async for head in heads:
                yield head
    except aiohttp.WSServerHandshakeError as error:
        yield Fault(What.UNAVAILABLE, f"takes no WebSocket (HTTP {error.status})")
    except TimeoutError:
        yield Fault(What.LATE, "did not answer in time on its WebSocket")
    except (aiohttp.ClientError, OSError) as error:
        # The words of these errors may repeat the URL.
        yield Fault(What.UNAVAILABLE, f"its WebSocket broke off ({type(error).__name__})")


async def _heads(
    socket: aiohttp.ClientWebSocketResponse, chain: Chain, quiet: float
) -> AsyncGenerator[Block | Fault | None]:
    raw = await _answer(socket, CHAIN_ID, 1)
    number = raw if isinstance(raw, Fault) else chain_id_of(raw)
    wrong = number if isinstance(number, Fault) else other_chain(number, chain)
    subscription = wrong or await _answer(socket, _SUBSCRIBE, 2)
    if isinstance(subscription, Fault):
        yield subscription
        return
    # What was mined before the subscription began.
    await socket.send_str(written([LATEST], 3).decode())
    while True:
        try:
            message = await _message(socket, quiet)
        except TimeoutError:
            yield None
            continue
        head = message if isinstance(message, Fault) else _head(message)
        yield head
        if isinstance(head, Fault):
            return


def _head(message: _Message) -> Block | Fault:
    if message.error is not None:
        return Fault(What.NONSENSE, "failed on its WebSocket")
    return header_of(message.result if message.params is None else message.params.result)


async def _answer(socket: aiohttp.ClientWebSocketResponse, ask: Ask, number: int) -> msgspec.Raw | Fault:
    """Ask something, and wait for its answer; raises TimeoutError if none comes."""
    await socket.send_str(written([ask], number).decode())
    while True:
        message = await _message(socket, GREETED_WITHIN)
        if isinstance(message, Fault):
            return message
        if message.id not in (number, str(number)):
            continue
        if message.error is None:
            return message.result
        code = message.error.get("code") if isinstance(message.error, dict) else None
        fault = judged(ask.method, code if isinstance(code, int) else None, "")
        return Fault(fault.what, f"refused {ask.method} on its WebSocket")


async def _message(socket: aiohttp.ClientWebSocketResponse, within: float) -> _Message | Fault:
    got = await socket.receive(timeout=within)
    if got.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        return Fault(What.UNAVAILABLE, "closed its WebSocket")
    try:
        return _decode(got.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Fault(What.NONSENSE, "said something on its WebSocket that is no JSON-RPC")
