"""Any weeks of alerts, outages and silences: what is owed is told, in order, and what is not told has its reason."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from days import Days, days, taken
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Move, Severity, Transition
from scanner.domain.silences import Matchers, Silence
from scanner.domain.telling import Digest, Storm, Telling
from scanner.store import acknowledgements, silences
from scanner.store import alerts as kept_alerts
from scanner.store.acknowledgements import Acknowledged
from scanner.store.tables import alerts, messages, notices

MINUTE = timedelta(minutes=1)
TELLING = Telling(channels={"ops": Severity.MEDIUM}, storm=Storm(4, 10 * MINUTE), digest=Digest.OFF)
GRADES = list(Severity)[1:]


class Weeks:
    """Things that happen to alerts, one after another, as chance has it."""

    def __init__(self, watch: Days, chance: random.Random) -> None:
        self.watch = watch
        self.chance = chance
        self.open: dict[str, Alert] = {}
        self.silences = 0

    async def something(self) -> None:
        happenings = [self.opens, self.opens, self.opens, self.ends, self.ends, self.worsens, self.eases]
        await self.chance.choice([*happenings, self.acknowledged, self.silenced])()

    async def opens(self) -> None:
        number, rule = self.chance.randrange(len(self.watch.rows)), self.chance.choice("abc")
        self.watch.now += timedelta(seconds=1)
        found = Alert(
            f"AW-{self.chance.getrandbits(40):010X}",
            rule,
            f"Rule {rule}",
            self.chance.choice(GRADES),
            self.watch.rows[number].id,
            self.watch.now,
        )
        await self._step(Move.OPENED, found)

    async def ends(self) -> None:
        if self.open:
            one = self.open.pop(self.chance.choice(sorted(self.open)))
            over = replace(one, state=AlertState.RESOLVED, resolved_at=self.watch.now, reason="it is over")
            await self._step(self.chance.choice([Move.RESOLVED, Move.RESOLVED, Move.UNWATCHED]), over)

    async def worsens(self) -> None:
        if self.open:
            one = self.open[self.chance.choice(sorted(self.open))]
            worse = max(one.severity, self.chance.choice(GRADES), key=lambda severity: severity.rank)
            await self._step(Move.WORSENED, replace(one, severity=worse, state=AlertState.OPEN))

    async def eases(self) -> None:
        if self.open:
            one = self.open[self.chance.choice(sorted(self.open))]
            if one.severity is not Severity.LOW:
                await self._step(Move.EASED, replace(one, severity=GRADES[one.severity.rank - 2]))

    async def acknowledged(self) -> None:
        if self.open:
            one = self.open[self.chance.choice(sorted(self.open))]
            said = Acknowledged("me", self.watch.now, "")
            after = await self.watch.store.write(lambda c: acknowledgements.record(c, one, said, TELLING))
            self.open[one.id] = after or one

    async def silenced(self) -> None:
        self.silences += 1
        until = self.watch.now + self.chance.randrange(1, 90) * MINUTE
        matchers = Matchers(rule=self.chance.choice("abc"))
        made = Silence(f"S-{self.silences}", matchers, self.chance.random() < 0.5, "me", "known", self.watch.now, until)
        await self.watch.store.write(lambda c: silences.make(c, made))

    async def _step(self, move: Move, alert: Alert) -> None:
        if alert.state is not AlertState.RESOLVED:
            self.open[alert.id] = alert
        step = Transition(move, alert, "chance has it")
        await self.watch.store.write(
            lambda c: kept_alerts.apply(
                c, [step], telling=TELLING, words=lambda _: ("", ""), scan_id=None, at=self.watch.now
            )
        )


def moods(chance: random.Random, received: list[dict[str, Any]]) -> Any:
    """A far side that takes, refuses, or takes without saying so, for a while each."""
    mood = [200, 0]

    def answer(body: dict[str, Any]) -> web.StreamResponse:
        if not mood[1]:
            mood[:] = [chance.choice([200, 200, 503, 503, 504]), chance.randrange(1, 12)]
        mood[1] -= 1
        if mood[0] == 200 or (mood[0] == 504 and chance.random() < 0.5):
            received.append(body)
        return web.Response(status=mood[0])

    return answer


async def rows(connection: AsyncConnection) -> list[RowMapping]:
    query = (
        select(notices, messages.c.state, messages.c.sent_at, messages.c.position, messages.c.body)
        .outerjoin(messages, messages.c.id == notices.c.message_id)
        .order_by(notices.c.seq)
    )
    return list((await connection.execute(query)).mappings())


async def weeks(folder: Path, seed: int, steps: int) -> None:
    chance = random.Random(seed)
    received: list[dict[str, Any]] = []
    async with days(folder, 5, TELLING) as watch:
        happening = Weeks(watch, chance)
        watch.service.answer = moods(chance, received)
        for _ in range(steps):
            await happening.something()
            await watch.go_on(chance.choice([1, 1, 5, 30]) * MINUTE, 5 * MINUTE)
        watch.service.answer = taken
        watch.service.bodies.clear()
        await watch.go_on(timedelta(hours=3), 2 * MINUTE)
        received += watch.received
        assert await watch.outbox() == []
        states = dict((await watch.store.read(lambda c: c.execute(select(alerts.c.id, alerts.c.state)))).all())
        check(await watch.store.read(rows), states, happening.open)

    references = Counter(body["message"].splitlines()[-1] for body in received)
    marked = Counter(body["message"].splitlines()[-1] for body in received if "(possible repeat)" in body["message"])
    assert all(marked[reference] >= times - 1 for reference, times in references.items())


def check(found: list[RowMapping], states: dict[str, str], open_: dict[str, Alert]) -> None:
    assert all(row["reason"] for row in found)
    sent = [row for row in found if row["send"]]
    assert {row["state"] for row in sent} <= {"sent"}, "what is owed was sent"
    by_alert: dict[str, list[RowMapping]] = {}
    for row in sent:
        by_alert.setdefault(row["alert_id"], []).append(row)
    for alert_id, told in by_alert.items():
        times = [(row["sent_at"], row["what"]) for row in told]
        assert [at for at, _ in times] == sorted(at for at, _ in times), f"{alert_id} is told in order: {times}"
        ended = told[-1]["what"] in ("resolved", "unwatched")
        assert ended is (states[alert_id] == "resolved"), "who was told that it opened is told that it ended"
    hidden = {row["alert_id"] for row in found if "silenced" in row["reason"]}
    for alert_id, alert in open_.items():
        if alert.severity is Severity.CRITICAL:
            named = [row for row in by_alert[alert_id] if alert_id in row["body"]]
            assert named, f"{alert_id} is critical and named"
        elif alert.severity.reaches(Severity.MEDIUM) and alert_id not in hidden:
            assert alert_id in by_alert, f"{alert_id} is open and told"


@pytest.mark.parametrize("seed", range(2))
async def test_any_week_ends_with_all_that_is_owed(tmp_path: Path, seed: int) -> None:
    await weeks(tmp_path, seed, steps=40)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 140))
async def test_any_month_ends_with_all_that_is_owed(tmp_path: Path, seed: int) -> None:
    await weeks(tmp_path, seed, steps=150)
