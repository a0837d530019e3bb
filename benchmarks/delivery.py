"""What a message costs beside the sending."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from apprise import Apprise

from benchmarks.far_side import HOOK, FarSide, far_side
from benchmarks.figures import Figure, Sizes, Spent, against, spend, spend_on
from benchmarks.house import House, configured, opened, wallets_of
from scanner.domain.alerts import Severity
from scanner.domain.messages import Message, MessageKind
from scanner.store import outbox

__all__ = ["figures"]

BODY = "\n".join(f"line {number}: unlimited allowance to a spender on no list" for number in range(20))
ENOUGH = timedelta(hours=1)


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """Messages to one webhook, from the outbox to the store's word that they arrived."""
    taken, floors = [], []
    async with far_side(1) as far:
        url = f"json://127.0.0.1:{far.port}{HOOK}"
        await asyncio.to_thread(_bare, url, 1)
        for _ in range(sizes.runs):
            floors.append(await asyncio.to_thread(spend, lambda: _bare(url, sizes.messages)))
            taken.append(await _delivered(far, url, sizes.messages))
    floor = "a bare apprise loop, as one after the other"
    return [against(f"{sizes.messages:,} messages to one webhook", taken, floor, floors, 1.5)]


def _bare(url: str, messages: int) -> None:
    sender = Apprise()
    sender.add(url)
    for number in range(messages):
        assert sender.notify(title=f"Alert {number}", body=BODY, body_format="text")


async def _delivered(far: FarSide, url: str, messages: int) -> Spent:
    with configured(far, wallets_of(1), f'channels: {{hook: {{url: "{url}"}}}}\n') as file:
        async with opened(file) as house:
            await _put(house, 1)
            await house.works.deliverer.drain(ENOUGH)  # once before, as the loop is let run
            await _put(house, messages)
            await far.told()
            spent = await spend_on(lambda: house.works.deliverer.drain(ENOUGH))
            assert (await far.told())["taken"] == messages
            return spent


async def _put(house: House, messages: int) -> None:
    packed = [_message(number) for number in range(messages)]
    await house.store.write(partial(outbox.enqueue, packed=packed, now=datetime.now(UTC)))


def _message(number: int) -> Message:
    name = secrets.token_hex(8)
    return Message(name, "hook", MessageKind.ALERT, Severity.HIGH, f"Alert {number}", f"{BODY}\nref {name}", ())
