"""The outbox as SQL: notices become messages once, claims are exclusive, what is written back is fenced."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from owed import START, end, grant, opened, raise_alerts
from sqlalchemy import Connection, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Move, Severity
from scanner.domain.changes import ChangeKind
from scanner.domain.messages import Claim, FirstReading, Message, MessageKind, Outcome, Result
from scanner.store import outbox, scans
from scanner.store.engine import Store
from scanner.store.tables import attempts

LEASE = timedelta(minutes=1)
LATER = START + timedelta(minutes=5)
SENT = Outcome(Result.DELIVERED)
DOWN = Outcome(Result.TRANSIENT, "could not connect")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as one:
        yield one


def message(name: str, *notices: int, severity: Severity = Severity.HIGH, channel: str = "ops") -> Message:
    return Message(name, channel, MessageKind.ALERT, severity, f"Title {name}", f"Body\nref {name}", notices)


async def put(store: Store, *packed: Message) -> None:
    await store.write(lambda c: outbox.enqueue(c, packed, START))


async def claim(store: Store, now: datetime = START, worker: str = "me", *channels: str) -> list[Claim]:
    return await store.write(lambda c: outbox.claim(c, worker, now, LEASE, channels or ("ops",)))


async def settle(
    store: Store, claimed: Claim, outcome: Outcome, next_at: datetime | None = None, now: datetime = START
) -> bool:
    return await store.write(lambda c: outbox.settle(c, claimed, outcome, now, next_at))


async def states(store: Store) -> dict[str, str]:
    rows = await store.read(lambda c: outbox.listing(c, ("waiting", "sent", "given-up")))
    return {row.id: row.state for row in rows}


async def test_a_due_notice_carries_all_that_its_message_says(store: Store) -> None:
    (row,) = await grant(store, 1)
    (alert,) = await raise_alerts(store, [row])
    (due,) = await store.write(lambda c: outbox.take_up(c, START, ["ops"]))
    assert (due.channel, due.what, due.alert.id, due.held.approval) == ("ops", Move.OPENED, alert.id, row)
    assert (due.target.label, due.why, due.fix) == ("treasury", "It can all be taken.", "Revoke it.")
    assert due.change is not None
    assert (due.change.kind, due.change.at, due.reading) == (ChangeKind.BASELINE, START, None)


async def test_a_notice_is_not_due_before_its_time_nor_for_a_channel_that_is_not_there(store: Store) -> None:
    rows = await grant(store, 1)
    await raise_alerts(store, rows, at=LATER)
    assert await store.write(lambda c: outbox.take_up(c, START, ["ops"])) == []
    assert await store.write(lambda c: outbox.take_up(c, LATER, ["mail"])) == []
    assert not await store.read(lambda c: outbox.anything_due(c, LATER, ["mail"]))
    assert await store.read(lambda c: outbox.anything_due(c, LATER, ["ops"]))


async def test_the_notices_of_a_first_reading_wait_for_the_end_of_its_scan(store: Store) -> None:
    rows = await grant(store, 3)
    await raise_alerts(store, rows, baseline=True)
    assert await store.write(lambda c: outbox.take_up(c, LATER, ["ops"])) == []
    await store.write(lambda c: scans.finish(c, "scan-1", at=LATER, requests=1, undecided=0))
    due = await store.write(lambda c: outbox.take_up(c, LATER, ["ops"]))
    assert [one.reading for one in due] == ["scan-1"] * 3
    readings = await store.read(lambda c: outbox.first_readings(c, {"scan-1"}))
    assert readings == {"scan-1": FirstReading(approvals=3, wallets=1)}


async def test_a_notice_goes_into_one_message_only(store: Store) -> None:
    await raise_alerts(store, await grant(store, 2))
    due = await store.write(lambda c: outbox.take_up(c, START, ["ops"]))
    await put(store, message("a", due[0].seq))
    assert [one.seq for one in await store.write(lambda c: outbox.take_up(c, START, ["ops"]))] == [due[1].seq]


async def test_one_message_of_each_channel_is_claimed_in_order(store: Store) -> None:
    await put(store, message("a"), message("b"), message("c", channel="mail"))
    first = await claim(store, START, "me", "ops", "mail")
    assert [(one.id, one.attempt, one.repeat) for one in first] == [("a", 1, False), ("c", 1, False)]
    assert await claim(store, START, "me", "ops", "mail") == []
    assert await settle(store, first[0], SENT)
    assert [one.id for one in await claim(store)] == ["b"]


async def test_critical_messages_go_first(store: Store) -> None:
    await put(store, message("a"), message("b", severity=Severity.CRITICAL))
    assert [one.id for one in await claim(store)] == ["b"]


async def test_what_waits_to_be_tried_again_holds_the_channel_but_for_what_is_critical(store: Store) -> None:
    await put(store, message("a"), message("b"))
    (first,) = await claim(store)
    await settle(store, first, DOWN, LATER)
    assert await claim(store) == []
    await put(store, message("c", severity=Severity.CRITICAL))
    (critical,) = await claim(store)
    assert critical.id == "c"
    await settle(store, critical, SENT)
    assert [one.id for one in await claim(store, LATER)] == ["a"]


@pytest.mark.parametrize("result", [Result.PERMANENT, Result.UNKNOWN])
async def test_a_message_that_is_refused_or_never_answered_lets_the_others_pass(store: Store, result: Result) -> None:
    await put(store, message("a", severity=Severity.CRITICAL), message("b"))
    (first,) = await claim(store)
    await settle(store, first, Outcome(result, "no"), LATER)
    assert [one.id for one in await claim(store)] == ["b"]


async def test_nothing_passes_an_earlier_message_about_the_same_alert(store: Store) -> None:
    rows = await grant(store, 2)
    told = await raise_alerts(store, rows)
    await end(store, told[:1])
    due = await store.write(lambda c: outbox.take_up(c, START, ["ops"]))
    assert [one.what for one in due] == [Move.OPENED, Move.OPENED, Move.RESOLVED]
    await put(store, message("open-1", due[0].seq), message("end-1", due[2].seq), message("open-2", due[1].seq))
    (first,) = await claim(store)
    await settle(store, first, Outcome(Result.UNKNOWN, "no answer"), LATER)
    assert [one.id for one in await claim(store)] == ["open-2"]


async def test_a_message_is_sent_only_after_the_channel_took_it(store: Store) -> None:
    await put(store, message("a"))
    (mine,) = await claim(store)
    assert await states(store) == {"a": "waiting"}
    await settle(store, mine, SENT)
    assert await states(store) == {"a": "sent"}


async def test_no_next_attempt_means_given_up(store: Store) -> None:
    await put(store, message("a"), message("b"))
    (mine,) = await claim(store)
    await settle(store, mine, Outcome(Result.PERMANENT, "chat not found"))
    (lost, _) = sorted(await store.read(outbox.listing), key=lambda one: one.id)
    assert (lost.id, lost.state, lost.attempts, lost.error) == ("a", "given-up", 1, "chat not found")
    assert await store.read(outbox.waiting) == {"ops": 1}
    assert [one.id for one in await claim(store)] == ["b"]


async def test_an_expired_lease_is_taken_up_again_as_a_possible_repeat(store: Store) -> None:
    await put(store, message("a"))
    (lost,) = await claim(store)
    assert await claim(store, START + LEASE / 2, "other") == []
    (found,) = await claim(store, START + LEASE, "other")
    assert (found.id, found.attempt, found.repeat) == ("a", 2, True)
    assert not await settle(store, lost, SENT), "the first worker is fenced off"
    assert await states(store) == {"a": "waiting"}
    assert await settle(store, found, SENT)


async def test_a_late_word_of_an_earlier_attempt_does_not_count_for_the_next(store: Store) -> None:
    await put(store, message("a"))
    (slow,) = await claim(store)
    (again,) = await claim(store, START + LEASE)
    assert again.worker == slow.worker
    assert not await settle(store, slow, Outcome(Result.PERMANENT, "no"))
    assert await states(store) == {"a": "waiting"}


async def test_a_claim_cannot_be_settled_twice(store: Store) -> None:
    await put(store, message("a"))
    (mine,) = await claim(store)
    assert await settle(store, mine, DOWN, START)
    assert not await settle(store, mine, SENT)
    assert await states(store) == {"a": "waiting"}


async def test_what_the_dead_held_is_free_at_once(store: Store) -> None:
    await put(store, message("a"), message("b", channel="mail"))
    await claim(store, START, "dead")
    await claim(store, START, "alive", "mail")
    assert await store.read(outbox.workers) == {"dead", "alive"}
    assert await store.write(lambda c: outbox.take_back(c, ["dead"], START)) == 1
    assert await store.read(outbox.workers) == {"alive"}
    (again,) = await claim(store, START, "heir", "ops", "mail")
    assert (again.id, again.repeat) == ("a", True)


async def test_every_attempt_is_on_record_with_its_outcome(store: Store) -> None:
    await put(store, message("a"))
    (first,) = await claim(store)
    await settle(store, first, DOWN, START)
    await claim(store, START, "dead")
    await store.write(lambda c: outbox.take_back(c, ["dead"], START))
    (third,) = await claim(store)
    await settle(store, third, SENT)

    async def kept(connection: AsyncConnection) -> list[tuple[int, str]]:
        rows = await connection.execute(select(attempts.c.number, attempts.c.outcome).order_by(attempts.c.seq))
        return [(row.number, row.outcome) for row in rows]

    assert await store.read(kept) == [(1, "transient"), (2, "unknown"), (3, "delivered")]


async def test_an_unknown_outcome_makes_the_next_attempt_a_possible_repeat(store: Store) -> None:
    await put(store, message("a"))
    (first,) = await claim(store)
    assert await settle(store, first, Outcome(Result.UNKNOWN, "no answer"), START)
    (second,) = await claim(store)
    assert second.repeat


async def test_two_workers_never_hold_the_same_claim(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as other:
        await put(one, *(message(f"m{number}") for number in range(5)))
        seen: list[str] = []
        while True:
            here, there = await claim(one, START, "one"), await claim(other, START, "other")
            assert len(here) + len(there) <= 1
            if not here + there:
                break
            seen += [found.id for found in here + there]
            for found in here + there:
                assert await settle(one, found, SENT)
        assert seen == [f"m{number}" for number in range(5)]


async def test_a_look_at_the_outbox_reads_only_what_waits(store: Store) -> None:
    seen: list[str] = []

    async def looking(connection: AsyncConnection) -> None:
        driver = await connection.run_sync(lambda here: here.connection.driver_connection)
        assert driver is not None
        driver.set_trace_callback(seen.append)
        await outbox.anything_due(connection, START, ["ops"])
        driver.set_trace_callback(None)
        plan = await connection.run_sync(lambda here: here.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[-1]}"))
        steps = [str(row.detail) for row in plan]
        assert not [step for step in steps if step in ("SCAN notices", "SCAN messages")], steps

    await store.read(looking)


async def steps_of_a_claim(store: Store) -> int:
    """How many instructions SQLite carries out to claim what is next; the claim is taken back."""

    async def claiming(connection: AsyncConnection) -> int:
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        def watched(here: Connection) -> None:
            raw = here.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.set_progress_handler(count, 1)

        await connection.run_sync(watched)
        assert await outbox.claim_next(connection, "me", START, LEASE, "ops")
        return counted

    return await store.rehearse(claiming)


async def test_a_claim_does_not_look_at_all_that_waits(store: Store) -> None:
    await put(store, *[message(f"{number}") for number in range(5)])
    few = await steps_of_a_claim(store)
    await put(store, *[message(f"{number}") for number in range(5, 100)])
    assert await steps_of_a_claim(store) < 1.2 * few
