"""Silences in a real store: what each binds, what it withholds, and when it lets go."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from owed import START, WALLET, approval, end, opened, raise_alerts
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Alert, AlertState, Move, Severity, Transition
from scanner.domain.approvals import Approval, End, Kind, Snapshot, gather
from scanner.domain.changes import diff
from scanner.domain.silences import Matchers, Silence, silence_id
from scanner.domain.telling import Telling
from scanner.store import acknowledgements, alerts, knowledge, scans, silences
from scanner.store.engine import Store
from scanner.store.tables import notices, silenced

WEEK = timedelta(days=7)
TELLING = Telling(channels={"ops": Severity.LOW})


def later(**span: float) -> datetime:
    return START + timedelta(**span)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


async def see(store: Store, *rows: Approval, at: datetime = START) -> None:
    """A complete reading that shows these approvals."""
    scan_id = f"scan-{at:%d%H%M%S}"

    async def committing(connection: AsyncConnection) -> None:
        await knowledge.watch(connection, [WALLET], at)
        await scans.begin(connection, scan_id, asked_by="test", worker="1-test", total=1, at=at)
        known = await knowledge.known(connection, WALLET)
        snapshot = Snapshot(WALLET, gather(rows), End.COMPLETE, frozenset({Kind.ERC20}), "okx", at)
        await knowledge.record(connection, scan_id, snapshot, diff(known, snapshot, timedelta()))

    await store.write(committing)


def made(
    *severities: Severity, at: datetime = START, lasting: timedelta = WEEK, future: bool = False, **given: str
) -> Silence:
    matchers = Matchers(**given, severity=frozenset(severities))
    return Silence(silence_id(matchers, "alice", at), matchers, future, "alice", "known", at, at + lasting)


async def silence(store: Store, wanted: Silence) -> silences.Bound:
    return await store.write(lambda connection: silences.make(connection, wanted))


async def covered(store: Store, some: Sequence[Alert], at: datetime) -> dict[str, str]:
    return await store.write(lambda connection: silences.covering(connection, some, at))


async def lifted(store: Store, at: datetime) -> list[str]:
    return [one.id for one in await store.write(lambda connection: silences.uncovered(connection, at))]


async def regrade(store: Store, alert: Alert, severity: Severity, at: datetime) -> Alert:
    """The alert's severity moves, as a judgement moves it."""
    now = replace(alert, severity=severity)
    move = Move.WORSENED if severity.reaches(alert.severity) else Move.EASED
    await store.write(
        lambda connection: alerts.apply(
            connection,
            [Transition(move, now, "regraded")],
            telling=TELLING,
            words=lambda rule: ("", ""),
            scan_id=None,
            at=at,
        )
    )
    return now


async def owed(store: Store) -> list[tuple[str, str, bool, str]]:
    async def reading(connection: AsyncConnection) -> list[Any]:
        return list((await connection.execute(select(notices).order_by(notices.c.seq))).mappings())

    return [(row["alert_id"], row["what"], row["send"], row["reason"]) for row in await store.read(reading)]


async def reasons(store: Store) -> dict[str, str | None]:
    async def reading(connection: AsyncConnection) -> dict[str, str | None]:
        rows = await connection.execute(select(silenced.c.alert_id, silenced.c.end_reason))
        return {row[0]: row[1] for row in rows}

    return await store.read(reading)


async def test_a_silence_binds_the_alerts_that_fit_when_it_is_made_and_no_later_one(store: Store) -> None:
    first, second, third = rows = [approval(number) for number in (1, 2, 3)]
    await see(store, *rows)
    mine, other = await raise_alerts(store, [first, second])
    bound = await silence(store, made(chain="1", spender=first.spender.address))
    assert (list(bound.hidden), bound.critical) == ([mine.id], ())
    (again,) = await raise_alerts(store, [first], rule="another-rule", at=later(minutes=1))
    (elsewhere,) = await raise_alerts(store, [third], at=later(minutes=1))
    assert set(await covered(store, [mine, other, again, elsewhere], later(minutes=2))) == {mine.id}


async def test_what_opens_later_is_bound_only_where_that_was_said(store: Store) -> None:
    row, other = approval(1), approval(2)
    await see(store, row, other)
    wanted = made(spender=row.spender.address, future=True)
    assert (await silence(store, wanted)).hidden == {}
    (fits,) = await raise_alerts(store, [row], at=later(minutes=1))
    (does_not,) = await raise_alerts(store, [other], at=later(minutes=1))
    assert await covered(store, [fits, does_not], later(minutes=2)) == {fits.id: wanted.id}
    assert (fits.id, "opened", False, f"silenced by {wanted.id}") in await owed(store)
    assert (does_not.id, "opened", True) in [entry[:3] for entry in await owed(store)]


async def test_what_was_open_before_and_did_not_fit_is_not_bound_by_a_silence_of_what_is_to_come(store: Store) -> None:
    row = approval(1)
    await see(store, row)
    (alert,) = await raise_alerts(store, [row])
    at = later(minutes=1)
    await silence(store, made(Severity.MEDIUM, chain="1", future=True, at=at))
    eased = await regrade(store, alert, Severity.MEDIUM, later(minutes=2))
    assert await covered(store, [eased], later(minutes=3)) == {}


@pytest.mark.parametrize("future", [True, False])
async def test_a_critical_alert_is_told_unless_critical_was_named(store: Store, future: bool) -> None:
    row = approval(1)
    await see(store, row)
    if not future:
        (critical,) = await raise_alerts(store, [row], Severity.CRITICAL)
    bound = await silence(store, made(chain="1", future=future))
    if future:
        (critical,) = await raise_alerts(store, [row], Severity.CRITICAL, at=later(minutes=1))
    else:
        assert (bound.hidden, bound.critical) == ({}, (critical.id,))
    assert await covered(store, [critical], later(minutes=2)) == {}
    named = made(Severity.CRITICAL, chain="1", at=later(minutes=3))
    assert list((await silence(store, named)).hidden) == [critical.id]
    assert await covered(store, [critical], later(minutes=4)) == {critical.id: named.id}


async def test_a_critical_alert_that_broke_a_silence_does_not_slip_below_it_when_it_eases(store: Store) -> None:
    row = approval(1)
    await see(store, row)
    await silence(store, made(chain="1", future=True))
    (critical,) = await raise_alerts(store, [row], Severity.CRITICAL, at=later(minutes=1))
    eased = await regrade(store, critical, Severity.HIGH, later(minutes=2))
    assert await covered(store, [eased], later(minutes=3)) == {}
    assert "critical" in str((await reasons(store))[critical.id])


async def test_what_was_about_to_be_told_is_withheld_but_never_an_end(store: Store) -> None:
    rows = [approval(1), approval(2)]
    await see(store, *rows)
    mine, other = await raise_alerts(store, rows)
    await end(store, [other])
    wanted = made(chain="1", at=later(seconds=5))
    await silence(store, wanted)
    told = {(alert, what): (send, reason) for alert, what, send, reason in await owed(store)}
    assert told[mine.id, "opened"] == (False, f"silenced by {wanted.id}")
    assert told[other.id, "resolved"][0] is True


@pytest.mark.parametrize("raw", [6, 2**256 - 1])
async def test_a_cover_ends_when_more_can_be_taken_than_when_it_was_made(store: Store, raw: int) -> None:
    row = approval(1, raw=5)
    await see(store, row)
    (alert,) = await raise_alerts(store, [row])
    await silence(store, made(alert=alert.id))
    await see(store, approval(1, raw=4), at=later(hours=1))
    assert list(await covered(store, [alert], later(hours=1))) == [alert.id]
    assert await lifted(store, later(hours=1)) == []
    await see(store, approval(1, raw=raw), at=later(hours=2))
    assert await covered(store, [alert], later(hours=2)) == {}
    assert await lifted(store, later(hours=2)) == [alert.id]
    assert "when it was silenced" in str((await reasons(store))[alert.id])
    await see(store, approval(1, raw=5), at=later(hours=3))
    assert await covered(store, [alert], later(hours=3)) == {}
    assert await lifted(store, later(hours=3)) == []


async def test_a_cover_ends_when_the_severity_rises(store: Store) -> None:
    row = approval(1)
    await see(store, row)
    (alert,) = await raise_alerts(store, [row], Severity.MEDIUM)
    await silence(store, made(rule="a-rule"))
    graver = await regrade(store, alert, Severity.HIGH, later(hours=1))
    assert (alert.id, "worsened", True, "worsened") in await owed(store)
    assert await covered(store, [graver], later(hours=1)) == {}
    assert await lifted(store, later(hours=1)) == [alert.id]
    assert (await reasons(store))[alert.id] == "the severity was medium when it was silenced, and is high"


@pytest.mark.parametrize("early", [True, False])
async def test_what_a_silence_frees_is_named_once_when_it_is_over(store: Store, early: bool) -> None:
    rows = [approval(number) for number in (1, 2, 3)]
    await see(store, *rows)
    still, known, gone = await raise_alerts(store, rows)
    wanted = made(chain="1")
    await silence(store, wanted)
    said = acknowledgements.Acknowledged("bob", later(hours=1), "")
    await store.write(lambda connection: acknowledgements.record(connection, known, said, TELLING))
    await end(store, [gone], at=later(hours=1))
    over = later(hours=2) if early else START + WEEK
    assert await lifted(store, over - timedelta(seconds=1)) == []
    if early:
        assert await store.write(lambda connection: silences.end(connection, wanted.id.lower(), "taken back", over))
        assert not await store.write(lambda connection: silences.end(connection, wanted.id, "again", over))
    assert await lifted(store, over) == [still.id]
    assert await lifted(store, over) == []
    why = "taken back" if early else "its time came"
    assert await reasons(store) == {still.id: why, known.id: why, gone.id: "the alert was resolved"}


async def test_what_another_silence_still_hides_is_not_freed(store: Store) -> None:
    row = approval(1)
    await see(store, row)
    (alert,) = await raise_alerts(store, [row])
    short, long = made(chain="1", lasting=timedelta(hours=1)), made(rule="a-rule")
    await silence(store, short)
    await silence(store, long)
    assert await lifted(store, later(hours=2)) == []
    assert await covered(store, [alert], later(hours=2)) == {alert.id: long.id}
    assert await lifted(store, START + WEEK) == [alert.id]


async def test_a_resolved_alert_is_hidden_by_nothing(store: Store) -> None:
    row = approval(1)
    await see(store, row)
    (alert,) = await raise_alerts(store, [row])
    await silence(store, made(chain="1", future=True))
    over = replace(alert, state=AlertState.RESOLVED, resolved_at=later(hours=1))
    assert await covered(store, [over], later(hours=1)) == {}


async def test_a_channel_hears_what_silences_kept_from_it_in_a_time(store: Store) -> None:
    rows = [approval(number) for number in (1, 2, 3)]
    await see(store, *rows)
    (pending,) = await raise_alerts(store, rows[:1], channels=("ops", "mail"))
    wanted = made(chain="1", future=True, at=later(hours=1))
    await silence(store, wanted)
    (early,) = await raise_alerts(store, rows[1:2], channels=("ops",), at=later(hours=2))
    (late,) = await raise_alerts(store, rows[2:], channels=("ops",), at=later(hours=30))

    async def kept(channel: str, since: datetime, until: datetime) -> list[tuple[str, list[str]]]:
        found = await store.read(lambda connection: silences.hidden(connection, channel, since, until))
        return [(one.silence.id, [alert.id for alert, _, _ in one.alerts]) for one in found]

    assert await kept("ops", START, later(days=1)) == [(wanted.id, [pending.id, early.id])]
    assert await kept("mail", START, later(days=1)) == [(wanted.id, [pending.id])]
    assert await kept("ops", later(days=1), later(days=2)) == [(wanted.id, [late.id])]
    assert await kept("mail", later(days=1), later(days=2)) == []
    assert await kept("ops", later(days=2), later(days=3)) == []


async def test_silences_are_listed_until_they_are_over_and_then_only_on_demand(store: Store) -> None:
    row = approval(1)
    await see(store, row)
    (alert,) = await raise_alerts(store, [row])
    first = made(alert=alert.id, lasting=timedelta(hours=1))
    second = made(Severity.HIGH, chain="1", at=later(minutes=1))
    await silence(store, first)
    await silence(store, second)

    async def listed(at: datetime, *, every: bool = False) -> list[Silence]:
        return [one.silence for one in await store.read(lambda c: silences.listing(c, at, every=every))]

    assert await listed(later(minutes=2)) == [second, first]
    assert await listed(later(hours=2)) == [second]
    assert await listed(later(days=30)) == []
    assert await listed(later(days=30), every=True) == [second, first]
    kept = await store.read(lambda connection: silences.find(connection, first.id.lower()))
    assert kept is not None
    assert [one.alert for one in kept.covered] == [alert.id]
    assert await store.read(lambda connection: silences.find(connection, "S-NOTHING")) is None
