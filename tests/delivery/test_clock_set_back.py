"""A clock that is set back holds nothing up until the old time comes round again."""

from datetime import timedelta
from pathlib import Path

import pytest
from days import Days, alerts_in, days, refused, taken

from scanner.domain.alerts import Severity
from scanner.domain.messages import Outcome, Result
from scanner.domain.telling import Storm, Telling
from scanner.store import health

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def back(watch: Days, far: timedelta) -> None:
    watch.now -= far
    watch.received.clear()
    watch.service.answer = taken


async def test_what_waits_for_its_group_is_told(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        await watch.go_on(MINUTE)
        alert = await watch.open(0)
        await back(watch, DAY)
        await watch.go_on(MINUTE)
        assert alerts_in(watch.received) == [alert.id]


async def test_what_waits_for_its_next_attempt_is_tried(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        watch.service.answer = refused
        alert = await watch.open(0)
        await watch.go_on(20 * MINUTE)
        await back(watch, DAY)
        await watch.go_on(MINUTE)
        assert alerts_in(watch.received) == [alert.id]


async def test_a_channel_that_asked_to_be_left_alone_by_the_old_time_is_tried(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        await watch.go_on(MINUTE)
        limited = Outcome(Result.RATE_LIMITED, "429", timedelta(hours=20))
        await watch.store.write(lambda c: health.note(c, "ops", limited, watch.now))
        alert = await watch.open(0)
        await back(watch, DAY)
        await watch.go_on(MINUTE)
        assert alerts_in(watch.received) == [alert.id]


async def test_a_storm_of_the_old_time_caps_nothing_now(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, storm=Storm(1, 10 * MINUTE))
    async with days(tmp_path, 4, telling) as watch:
        for number in range(3):
            await watch.open(number)
        await watch.go_on(2 * MINUTE)
        assert len(watch.received) == 2, "one message and a summary"
        alert = await watch.open(3)
        await watch.go_on(MINUTE)
        await back(watch, DAY)
        await watch.go_on(MINUTE)
        assert alerts_in(watch.received) == [alert.id]


@pytest.mark.parametrize("far", [timedelta(), timedelta(seconds=30)])
async def test_a_clock_that_is_only_put_right_hastens_nothing(tmp_path: Path, far: timedelta) -> None:
    async with days(tmp_path, 1) as watch:
        watch.service.answer = refused
        await watch.open(0)
        while not (waiting := await watch.outbox()) or waiting[0].next_at < watch.now + MINUTE:
            await watch.go_on(MINUTE)
        await back(watch, far)
        await watch.deliverer().remind()
        assert await watch.outbox() == waiting
