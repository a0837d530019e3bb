"""Who hears what over days and outages: once, in order, as it is by then, and no more than anybody can read."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from days import Days, alerts_in, days, refused, taken
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.silences import Matchers, Silence
from scanner.domain.telling import Digest, Storm, Telling
from scanner.store import alerts as kept_alerts
from scanner.store import silences
from scanner.store.tables import alerts

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def test_what_has_one_cause_is_one_message_and_what_follows_soon_waits(tmp_path: Path) -> None:
    async with days(tmp_path, 2) as watch:
        first = [await watch.open(0, rule=rule) for rule in ("one", "two")]
        other = await watch.open(1)
        await watch.go_on(MINUTE)
        assert [alerts_in([body]) for body in watch.received] == [[alert.id for alert in first], [other.id]]

        third = await watch.open(0, rule="three")
        await watch.go_on(3 * MINUTE)
        assert watch.received == []
        await watch.go_on(2 * MINUTE)
        assert alerts_in(watch.received) == [third.id]
        assert [await watch.reasons(alert) for alert in (*first, third)] == [
            [("opened", True, "first")],
            [("opened", True, "new in group")],
            [("opened", True, "new in group")],
        ]


async def test_what_is_critical_does_not_wait_and_takes_what_waits_along(tmp_path: Path) -> None:
    async with days(tmp_path, 1) as watch:
        await watch.open(0, rule="one")
        await watch.go_on(MINUTE)
        watch.received.clear()
        second = await watch.open(0, rule="two")
        critical = await watch.open(0, Severity.CRITICAL, rule="three")
        await watch.go_on(MINUTE)
        (body,) = watch.received
        assert alerts_in([body]) == [critical.id, second.id]


async def test_an_open_alert_is_repeated_by_its_severity_until_somebody_knows(tmp_path: Path) -> None:
    async with days(tmp_path, 3) as watch:
        critical, high, medium = [
            await watch.open(number, severity)
            for number, severity in enumerate((Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM))
        ]
        await watch.go_on(MINUTE)
        assert len(watch.received) == 3
        await watch.go_on(23 * HOUR, HOUR)
        assert watch.received == []
        await watch.go_on(HOUR, MINUTE)
        (body,) = watch.received
        assert body["title"].startswith("Still open, CRITICAL: ")
        assert "STILL OPEN, CRITICAL: A danger\n" in body["message"]
        assert "\nOpen since: 2026-11-20 08:00 UTC\n" in body["message"]
        assert alerts_in([body]) == [critical.id]

        await acknowledge(watch, critical)
        await watch.go_on(7 * DAY, HOUR)
        named = sorted((body["title"].split(":")[0], alerts_in([body])) for body in watch.received)
        assert named == [("Still open, HIGH", [high.id]), ("Weekly review", [medium.id])]
        assert await watch.reasons(critical) == [
            ("opened", True, "first"),
            ("reminder", True, "reminder due"),
            ("reminder", False, "acknowledged"),
        ]


async def acknowledge(watch: Days, alert: Alert) -> None:
    async def acknowledging(connection: AsyncConnection) -> None:
        known = await kept_alerts.find_alert(connection, alert.id)
        assert known is not None
        values = {"state": AlertState.ACKNOWLEDGED.value}
        await connection.execute(alerts.update().where(alerts.c.id == alert.id).values(**values))

    await watch.store.write(acknowledging)


async def test_reminders_of_one_hour_are_one_message(tmp_path: Path) -> None:
    async with days(tmp_path, 5) as watch:
        for number in range(5):
            await watch.open(number, Severity.CRITICAL)
            await watch.go_on(10 * MINUTE)
        assert len(watch.received) == 5
        await watch.go_on(2 * DAY, 30 * MINUTE)
        assert [len(alerts_in([body])) for body in watch.received] == [5, 5]


async def test_the_review_counts_what_is_not_repeated_and_comes_only_if_there_is_something(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.MEDIUM}, digest=Digest.DAILY)
    async with days(tmp_path, 8, telling) as watch:
        await watch.go_on(3 * DAY, HOUR)
        assert watch.received == []
        found = [await watch.open(number, Severity.MEDIUM) for number in range(4)]
        await watch.open(4, Severity.LOW)
        await watch.open(5, Severity.HIGH)
        await acknowledge(watch, found[0])
        await watch.go_on(MINUTE)
        watch.received.clear()
        await watch.go_on(DAY, HOUR)
        (body,) = watch.received
        assert body["title"] == "Daily review: 3 alerts still open"
        assert body["message"].splitlines()[:3] == [
            "Open, and not told again one by one: 3 alerts (3 medium).",
            "3 × A danger (medium)",
            "The worst:",
        ]
        assert "See them all: approval-watch alerts list\nref " in body["message"]
        assert set(alerts_in([body])) == {alert.id for alert in found[1:]}
        await watch.end(*found)
        await watch.go_on(MINUTE, MINUTE)
        watch.received.clear()
        await watch.go_on(3 * DAY, HOUR)
        assert watch.received == []


async def test_a_new_channel_hears_once_of_what_is_open_and_of_its_end(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.HIGH}, digest=Digest.OFF)
    async with days(tmp_path, 6, telling) as watch:
        grades = [Severity.CRITICAL, Severity.HIGH, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
        first, known, hidden, mild, _ = [await watch.open(number, grade) for number, grade in enumerate(grades)]
        await watch.go_on(MINUTE)
        await acknowledge(watch, known)
        made = Silence("S-1", Matchers(alert=hidden.id), False, "me", "known", watch.now, watch.now + DAY)
        await watch.store.write(lambda c: silences.make(c, made))
        watch.received.clear()

        watch.telling = replace(telling, channels={"ops": Severity.MEDIUM, "new": Severity.HIGH})
        await watch.go_on(HOUR)
        told = dict(zip(watch.service.paths[-2:], watch.received, strict=True))
        assert alerts_in([told["/ops"]]) == [mild.id], "it wants to know more than before"
        assert (told["/new"]["title"][:20], alerts_in([told["/new"]])) == ("Still open, CRITICAL", [first.id])

        await watch.end(first)
        await watch.go_on(HOUR)
        assert [alerts_in([body]) for body in watch.received] == [[first.id], [first.id]]
        watch.service.paths.clear()
        await watch.go_on(DAY, HOUR)
        told = dict(zip(watch.service.paths, watch.received, strict=True))
        assert alerts_in([told["/new"]]) == [hidden.id], "its silence is over"
        assert await watch.reasons(mild) == [
            ("opened", False, "below the channel's severity"),
            ("reminder", True, "open before the channel wanted it"),
        ]


async def test_a_storm_is_one_summary_and_nothing_critical_is_held_back(tmp_path: Path) -> None:
    telling = Telling(channels={"ops": Severity.LOW}, storm=Storm(5, timedelta(minutes=10)))
    async with days(tmp_path, 40, telling) as watch:
        quiet = [await watch.open(number, Severity.MEDIUM) for number in range(30)]
        loud = [await watch.open(number, Severity.CRITICAL) for number in range(30, 40)]
        await watch.go_on(MINUTE)
        bodies = watch.received
        assert [alerts_in([body]) for body in bodies[:10]] == [[alert.id] for alert in loud]
        (summary,) = bodies[10:]
        assert summary["title"] == "Too much at once: 30 alerts in one message"
        assert summary["message"].startswith(
            "More than 5 messages in 10 min: what is not critical is only counted here.\n30 alerts: 30 medium.\n"
        )
        assert summary["message"].splitlines()[-2] == "See them all: approval-watch alerts list"
        assert {tuple(await watch.reasons(alert)) for alert in quiet} == {(("opened", True, "rate-capped"),)}

        await watch.end(*quiet)
        await watch.go_on(8 * MINUTE)
        assert watch.received == [], "there is one summary in a stretch"
        await watch.go_on(12 * MINUTE)
        bodies = watch.received
        told = [body for body in bodies if "Too much" not in body["title"]]
        assert len(told) == 5
        (second,) = [body for body in bodies if "Too much" in body["title"]]
        assert "\n25 alerts: 25 ended.\n" in second["message"]
        assert "alerts list --all" in second["message"]


async def test_what_a_silence_hides_waits_for_its_end_and_the_end_of_an_alert_does_not(tmp_path: Path) -> None:
    async with days(tmp_path, 3) as watch:
        told = await watch.open(0)
        await watch.go_on(MINUTE)
        watch.received.clear()
        made = Silence("S-1", Matchers(rule="a-rule"), True, "me", "known", watch.now, watch.now + DAY)
        await watch.store.write(lambda c: silences.make(c, made))
        stays, goes = await watch.open(1), await watch.open(2)
        await watch.go_on(MINUTE)
        await watch.end(told, goes)
        await watch.go_on(10 * MINUTE)
        (body,) = watch.received
        assert ("RESOLVED" in body["message"], alerts_in([body])) == (True, [told.id])
        await watch.go_on(DAY, 5 * MINUTE)
        freed = [body for body in watch.received if not body["title"].startswith("Silences hid")]
        assert alerts_in(freed) == [stays.id]
        assert await watch.reasons(goes) == [("opened", False, "silenced by S-1")]
        assert await watch.reasons(stays) == [("opened", False, "silenced by S-1"), ("opened", True, "silence ended")]


async def test_a_silence_that_comes_while_the_channel_is_down_hides_what_waits(tmp_path: Path) -> None:
    async with days(tmp_path, 2) as watch:
        watch.service.answer = refused
        hidden = await watch.open(0, rule="noise")
        await watch.go_on(MINUTE)
        made = Silence("S-1", Matchers(rule="noise"), False, "me", "known", watch.now, watch.now + DAY)
        await watch.store.write(lambda c: silences.make(c, made))
        shown = await watch.open(0, rule="danger")
        await watch.go_on(10 * MINUTE)
        watch.received.clear()
        watch.service.answer = taken
        await watch.go_on(HOUR)
        assert alerts_in(watch.received) == [shown.id]
        assert await watch.reasons(hidden) == [("opened", False, "silenced by S-1")]
