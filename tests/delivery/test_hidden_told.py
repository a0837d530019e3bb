"""Once a day a channel is told what silences kept from it, and only if they did."""

from datetime import datetime, timedelta
from pathlib import Path

from days import Days, alerts_in, days
from owed import START

from scanner.domain.alerts import Severity
from scanner.domain.silences import Matchers, Silence, silence_id
from scanner.domain.telling import Digest, Telling
from scanner.store import silences

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUIET = Telling(channels={"ops": Severity.LOW}, group_wait=timedelta(), repeat={}, digest=Digest.OFF)


async def silence(watch: Days, at: datetime, lasting: timedelta) -> Silence:
    matchers = Matchers(chain="1")
    made = Silence(silence_id(matchers, "alice", at), matchers, True, "alice", "moving house", at, at + lasting)
    await watch.store.write(lambda connection: silences.make(connection, made))
    return made


async def test_what_was_hidden_is_told_the_next_day_once(tmp_path: Path) -> None:
    async with days(tmp_path, 2, QUIET) as watch:
        made = await silence(watch, START, 10 * DAY)
        await watch.go_on(HOUR, HOUR)
        alert = await watch.open(0)
        await watch.go_on(23 * HOUR, HOUR)
        assert watch.received == []
        await watch.go_on(2 * HOUR, HOUR)
        [message] = watch.received
        assert message["title"] == "Silences hid 1 alert"
        assert f"{made.id}, until 2026-11-30 08:00 UTC, by alice: moving house" in message["message"]
        assert alerts_in([message]) == [alert.id]
        await watch.go_on(3 * DAY, HOUR)
        assert watch.received == []
        other = await watch.open(1)
        await watch.go_on(2 * DAY, HOUR)
        assert alerts_in(watch.received) == [other.id]
        await watch.go_on(5 * DAY, HOUR)
        [freed] = watch.received[:1]
        assert not freed["title"].startswith("Silences hid")


async def test_where_nothing_was_hidden_nothing_is_said(tmp_path: Path) -> None:
    async with days(tmp_path, 1, QUIET) as watch:
        alert = await watch.open(0)
        await watch.go_on(HOUR, HOUR)
        assert alerts_in(watch.received) == [alert.id]
        await silence(watch, watch.now, 5 * DAY)
        await watch.go_on(4 * DAY, HOUR)
        assert watch.received == []
