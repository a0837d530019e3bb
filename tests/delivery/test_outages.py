"""What an outage ends with: all that is true by then, in order, and nothing that may have arrived as if it were new."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from days import alerts_in, days, refused, taken
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, Move, Severity, Transition, unwatched
from scanner.domain.telling import Digest, Storm, Telling
from scanner.store import alerts as kept_alerts
from scanner.store import outbox
from scanner.store.tables import messages

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def test_a_day_of_outage_ends_with_all_that_is_true_in_order_and_no_storm(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, storm=Storm(10, timedelta(minutes=10)))
    async with days(tmp_path, 73, telling) as watch:
        known = await watch.open(72, Severity.CRITICAL)
        await watch.go_on(MINUTE)
        assert alerts_in(watch.received) == [known.id]

        watch.service.answer = refused
        open_: dict[str, Alert] = {}
        over: dict[str, Alert] = {}
        for number in range(72):
            severity = Severity.CRITICAL if number % 12 == 0 else Severity.HIGH
            alert = await watch.open(number, severity)
            open_[alert.id] = alert
            if number % 3 == 2:
                ended = list(open_.values())[-2]
                await watch.end(ended)
                over[ended.id] = open_.pop(ended.id)
            await watch.go_on(20 * MINUTE, 10 * MINUTE)
        await watch.end(known)
        await watch.go_on(timedelta(minutes=10))
        watch.received.clear()
        waiting = await watch.outbox("waiting")

        watch.service.answer = taken
        await watch.go_on(HOUR)
        bodies = watch.received
        assert await watch.outbox() == []
        assert len(bodies) <= 10 + 6 + 3, "the cap, what is critical, the summary, what is moot, an end"
        assert len({body["message"].splitlines()[-1] for body in bodies}) == len(bodies)
        assert {message.id for message in waiting} <= {body["message"].splitlines()[-1][4:] for body in bodies}

        (moot,) = [body for body in bodies if body["title"].startswith("Opened and ended: ")]
        named = set(alerts_in([moot]))
        assert named <= over.keys()
        more = len(over) - len(named)
        assert not more or f"and {more} more ({more} ended): approval-watch alerts list" in moot["message"]
        assert not named & set(alerts_in([body for body in bodies if body is not moot]))

        critical = [alert.id for alert in open_.values() if alert.severity is Severity.CRITICAL]
        told = [name for name in alerts_in(bodies) if name in critical]
        assert told == critical, "each once, in the order in which they opened"
        first_other = next(place for place, body in enumerate(bodies) if not set(alerts_in([body])) & set(critical))
        assert not set(alerts_in(bodies[first_other:])) & set(critical), "critical ones come first"

        (last,) = [body for body in bodies if known.id in body["message"]]
        assert last["title"].startswith("Resolved: ")
        assert not [body for body in bodies if "possible repeat" in body["message"]]
        for alert in over.values():
            assert await watch.reasons(alert) == [
                ("opened", True, "moot: opened and ended while the channel could not be reached"),
                ("resolved", True, "moot: opened and ended while the channel could not be reached"),
            ]


async def test_what_may_have_arrived_is_never_composed_again(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        watch.service.answer = lambda _: web.Response(status=504)
        alert = await watch.open(0)
        await watch.go_on(MINUTE)
        (first, *_) = watch.received
        await watch.end(alert)
        watch.service.answer = taken
        await watch.go_on(HOUR)
        again, ended = watch.received
        assert again["message"].splitlines()[:-2] == first["message"].splitlines()[:-1]
        assert again["message"].splitlines()[-2:] == ["(possible repeat)", first["message"].splitlines()[-1]]
        assert "RESOLVED (HIGH)" in ended["message"]


async def test_an_outage_makes_one_message_of_a_group_under_its_first_id(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        watch.service.answer = refused
        first = await watch.open(0, rule="one")
        await watch.go_on(MINUTE)
        (waiting,) = await watch.outbox()
        second = await watch.open(0, Severity.CRITICAL, rule="two")
        await watch.go_on(10 * MINUTE)
        (later,) = await watch.outbox()
        assert (later.id, later.created_at) == (waiting.id, waiting.created_at)
        assert later.attempts > waiting.attempts > 0
        watch.received.clear()
        watch.service.answer = taken
        await watch.go_on(HOUR)
        (body,) = watch.received
        assert alerts_in([body]) == [second.id, first.id]
        assert body["message"].endswith(f"\nref {waiting.id}")
        story = await watch.store.read(lambda c: kept_alerts.story(c, first.id))
        assert [tried.outcome for tried in story.attempts] == ["transient"] * later.attempts + ["delivered"]


async def test_what_was_given_up_is_composed_again_when_a_person_asks(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, give_up_after=HOUR)
    async with days(tmp_path, 3, telling) as watch:
        watch.service.answer = lambda _: web.Response(status=403)
        stays, goes, ends = [await watch.open(number) for number in range(3)]
        await watch.go_on(6 * HOUR, 10 * MINUTE)
        given_up = await watch.outbox("given-up")
        assert len(given_up) == 3
        await watch.end(goes)
        watch.received.clear()
        watch.service.answer = taken
        await watch.go_on(10 * MINUTE)
        (moot,) = watch.received
        assert ("OPENED AND ENDED" in moot["message"], alerts_in([moot])) == (True, [goes.id])

        await watch.store.write(lambda c: outbox.retry(c, [message.id for message in given_up], watch.now))
        await watch.go_on(MINUTE)
        assert alerts_in(watch.received) == [stays.id, ends.id]
        assert await watch.outbox() == []
        assert await watch.reasons(goes) == [
            ("opened", False, "moot: it ended before it could be told"),
            ("resolved", True, "moot: opened and ended while the channel could not be reached"),
        ]
        assert len(await watch.outbox("sent")) == 3
        assert len(await watch.outbox("void")) == 1


async def test_what_may_have_arrived_is_not_sent_again_after_its_end_was_told(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, give_up_after=HOUR)
    async with days(tmp_path, 2, telling) as watch:
        watch.service.answer = lambda _: web.Response(status=504)
        goes, stays, both = await watch.open(0), await watch.open(1), await watch.open(0, rule="another")
        await watch.go_on(6 * HOUR, 10 * MINUTE)
        await watch.end(goes)
        watch.service.answer = taken
        watch.received.clear()
        await watch.go_on(HOUR)
        (ended,) = watch.received
        assert (alerts_in([ended]), "RESOLVED" in ended["message"]) == ([goes.id], True)

        undelivered = [message.id for message in await watch.outbox()]
        await watch.store.write(lambda c: outbox.retry(c, undelivered, watch.now))
        await watch.go_on(MINUTE)
        again, anew = sorted(watch.received, key=lambda body: "(possible repeat)" not in body["message"])
        assert (alerts_in([again]), "(possible repeat)" in again["message"]) == ([stays.id], True)
        assert (alerts_in([anew]), "(possible repeat)" in anew["message"]) == ([both.id], False)
        (void,) = await watch.outbox("void")
        assert (void.error or "").startswith("part of it has ended since")


async def test_a_retry_of_one_message_leaves_the_others(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, give_up_after=HOUR)
    async with days(tmp_path, 2, telling) as watch:
        watch.service.answer = lambda _: web.Response(status=403)
        await watch.open(0)
        await watch.open(1)
        await watch.go_on(6 * HOUR, 10 * MINUTE)
        first, second = await watch.outbox("given-up")
        await watch.store.write(lambda c: outbox.retry(c, {first.id, "nonsense"}, watch.now))
        watch.service.answer = taken
        await watch.go_on(MINUTE)
        assert [message.id for message in await watch.outbox("given-up")] == [second.id]
        assert [message.id for message in await watch.outbox("sent")] == [first.id]


async def test_what_waits_for_a_channel_that_was_taken_away_is_given_up_and_its_ends_are_kept(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW, "old": Severity.LOW})
    async with days(tmp_path, 3, telling) as watch:
        told = await watch.open(0, channels=("ops", "old"))
        await watch.go_on(MINUTE)
        watch.service.answer = refused
        waits = await watch.open(1)
        await watch.go_on(MINUTE)
        missed = await watch.open(2)
        await watch.store.write(lambda c: outbox.abandon(c, ["ops"]))
        (lost,) = await watch.outbox("given-up")
        assert (lost.channel, lost.error) == ("old", "the channel is no longer configured")

        watch.telling = Telling(channels={"ops": Severity.LOW})
        watch.service.answer = taken
        await watch.end(told, waits)
        await watch.go_on(HOUR)
        assert set(watch.service.paths[-1:]) == {"/ops"}
        watch.received.clear()

        watch.telling = telling
        await watch.go_on(MINUTE)
        found = {body["message"].split(maxsplit=1)[0]: body for body in watch.received}
        moot, ended, still = found["OPENED"], found["RESOLVED"], found["STILL"]
        assert (alerts_in([ended]), "RESOLVED (HIGH)" in ended["message"]) == ([told.id], True)
        assert (alerts_in([moot]), "OPENED AND ENDED" in moot["message"]) == ([waits.id], True)
        assert (alerts_in([still]), "STILL OPEN, HIGH" in still["message"]) == ([missed.id], True)


async def test_what_nobody_watches_is_told_as_such_after_an_outage_and_never_as_moot(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        watch.service.answer = refused
        alert = await watch.open(0)
        await watch.go_on(MINUTE)

        async def dropping(connection: AsyncConnection) -> None:
            known = await kept_alerts.find_alert(connection, alert.id)
            assert known is not None
            steps = unwatched([known.alert], "the wallet is no longer in the configuration", watch.now)
            await kept_alerts.apply(
                connection, steps, telling=watch.telling, words=lambda _: ("", ""), scan_id=None, at=watch.now
            )

        await watch.store.write(dropping)
        await watch.go_on(10 * MINUTE)
        watch.received.clear()
        watch.service.answer = taken
        await watch.go_on(HOUR)
        (body,) = watch.received
        assert "NO LONGER WATCHED (HIGH)" in body["message"]
        assert "may still be in force" in body["message"]


async def test_a_critical_message_is_not_told_before_what_came_first_of_the_same_alert(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        watch.service.answer = lambda _: web.Response(status=504)
        alert = await watch.open(0)
        await watch.go_on(30 * MINUTE, MINUTE)
        (waiting,) = await watch.outbox()
        assert waiting.next_at > watch.now + 2 * MINUTE
        watch.service.answer = taken
        watch.received.clear()
        worse = Transition(Move.WORSENED, replace(alert, severity=Severity.CRITICAL), "its severity rose")

        async def worsening(connection: AsyncConnection) -> None:
            await kept_alerts.apply(
                connection, [worse], telling=watch.telling, words=lambda _: ("", ""), scan_id=None, at=watch.now
            )

        await watch.store.write(worsening)
        await watch.go_on(16 * MINUTE)  # the channel fails, and is only probed
        first, second = watch.received
        assert first["message"].endswith(f"(possible repeat)\nref {waiting.id}")
        assert "WORSE, NOW CRITICAL" in second["message"]


@pytest.mark.parametrize("hours", [1, 71, 73])
async def test_what_is_not_critical_is_given_up_after_its_time(tmp_path: Path, hours: int) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, give_up_after=timedelta(hours=72), digest=Digest.OFF, repeat={})
    async with days(tmp_path, 2, telling) as watch:
        watch.service.answer = refused
        await watch.open(0)
        await watch.open(1, Severity.CRITICAL)
        await watch.go_on(timedelta(hours=hours), timedelta(hours=1))
        states = {message.severity: message.state for message in await watch.outbox()}
        assert states == {Severity.CRITICAL: "waiting", Severity.HIGH: "waiting" if hours < 72 else "given-up"}


async def test_an_outage_does_not_make_the_store_grow(tmp_path: Path) -> None:
    async def rows(connection: AsyncConnection) -> int:
        return await connection.scalar(select(func.count()).select_from(messages)) or 0

    async with days(tmp_path, 40) as watch:
        watch.service.answer = refused
        for number in range(40):
            alert = await watch.open(number)
            await watch.go_on(MINUTE)
            await watch.end(alert)
            await watch.go_on(MINUTE)
        assert await watch.store.read(rows) <= 3
