"""Messages into the outbox: what they tell is marked, what was composed again takes up the place that it had."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Severity
from scanner.domain.bundles import Plan, Traffic
from scanner.domain.messages import Message, MessageKind
from scanner.domain.telling import Storm
from scanner.store import health
from scanner.store.outbox.states import SENT, VOID, WAITING
from scanner.store.rows import parts
from scanner.store.tables import attempts, groups, messages, notices

__all__ = ["carry_out", "enqueue", "traffic", "void_recalled"]


async def traffic(connection: AsyncConnection, channel: str, storm: Storm, now: datetime) -> Traffic:
    """What a channel carries now, but for messages that were recalled."""
    waits = (messages.c.state == WAITING) & ~messages.c.recalled
    mine = messages.c.channel == channel
    recent = (messages.c.state == SENT) & (messages.c.sent_at > now - storm.per) & (messages.c.sent_at <= now)
    count = await connection.scalar(select(func.count()).where(mine, or_(waits, recent)))
    summaries = (messages.c.kind == MessageKind.SUMMARY.value) & or_(waits, messages.c.state == SENT)
    last = func.max(func.coalesce(messages.c.sent_at, messages.c.created_at))
    return Traffic(count or 0, await connection.scalar(select(last).where(mine, summaries)))


async def carry_out(connection: AsyncConnection, plan: Plan) -> None:
    """Write down what a plan says of notices that go into no message, or for another reason than they were written."""
    for seqs, reason in _by_reason(plan.dropped):
        await _change(connection, seqs, send=False, reason=reason)
    for seqs, reason in _by_reason(plan.renamed):
        await _change(connection, seqs, reason=reason)
    await _change(connection, [due.seq for due in plan.later], message_id=None, due_at=plan.until)


def _by_reason(reasons: Mapping[int, str]) -> list[tuple[list[int], str]]:
    return [([seq for seq in reasons if reasons[seq] == one], one) for one in sorted(set(reasons.values()))]


async def _change(connection: AsyncConnection, seqs: Sequence[int], **values: object) -> None:
    for part in parts(seqs):
        await connection.execute(update(notices).where(notices.c.seq.in_(part)).values(**values))


async def enqueue(connection: AsyncConnection, packed: Sequence[Message], now: datetime) -> None:
    """Put messages into the outbox, in this order, and mark the notices that they tell or count.

    A message that takes up what was recalled keeps the id, the place, the age and the attempts of the eldest such.
    """
    if not packed:
        return
    waits = messages.c.state == WAITING
    position = await connection.scalar(select(func.max(messages.c.position)).where(waits)) or 0
    # Most of the time nothing was recalled and nobody is kept waiting: then no message has to ask for itself.
    recalled = await connection.scalar(select(exists().where(messages.c.recalled)))
    put_off = set(
        await connection.scalars(select(messages.c.channel).where(waits, messages.c.next_at > now).distinct())
    )
    probed: set[str] = set()
    for message in packed:
        elders = await _elders(connection, message) if recalled else ()
        message_id = elders[0]["id"] if elders else message.id
        values = {
            "channel": message.channel,
            "kind": message.kind.value,
            "severity": message.severity.value,
            "title": message.title,
            "body": message.body.removesuffix(message.id) + message_id,
            "thread": message.thread,
        }
        if elders:
            await _succeed(connection, elders, values, now)
        else:
            position += 1
            born = {"id": message_id, "state": WAITING, "created_at": now, "next_at": now, "position": position}
            await connection.execute(messages.insert().values(**born, **values))
        await _change(connection, message.notices, message_id=message_id)
        if message.severity is Severity.CRITICAL and message.channel in put_off:
            await _hurry(connection, message_id, message.channel, now)
        graver = not elders or elders[0]["severity"] != Severity.CRITICAL.value
        if message.severity is Severity.CRITICAL and graver and message.channel not in probed:
            await _probe(connection, message.channel, now)
            probed.add(message.channel)
        await _tell_groups(connection, message, now)


async def _elders(connection: AsyncConnection, message: Message) -> Sequence[RowMapping]:
    """The recalled messages that a message takes up, the eldest first."""
    found: dict[str, RowMapping] = {}
    for part in parts(message.notices):
        inside = select(notices.c.message_id).where(notices.c.seq.in_(part))
        rows = await connection.execute(select(messages).where(messages.c.recalled, messages.c.id.in_(inside)))
        found |= {row["id"]: row for row in rows.mappings()}
    return sorted(found.values(), key=lambda row: row["position"])


async def _succeed(
    connection: AsyncConnection, elders: Sequence[RowMapping], values: Mapping[str, object], now: datetime
) -> None:
    """Let the eldest message speak the new words; the attempts of the others become its own."""
    eldest, *others = elders
    graver = values["severity"] == Severity.CRITICAL.value != eldest["severity"]
    await connection.execute(
        update(messages)
        .where(messages.c.id == eldest["id"])
        .values(**values, recalled=False, next_at=now if graver else eldest["next_at"])
    )
    gone = [row["id"] for row in others]
    await connection.execute(update(attempts).where(attempts.c.message_id.in_(gone)).values(message_id=eldest["id"]))
    await connection.execute(update(notices).where(notices.c.message_id.in_(gone)).values(message_id=eldest["id"]))
    await connection.execute(delete(messages).where(messages.c.id.in_(gone)))


async def _hurry(connection: AsyncConnection, message_id: str, channel: str, now: datetime) -> None:
    """What has to go before a critical message, since it speaks of the same alert, is not to keep it waiting."""
    mine = select(notices.c.alert_id).where(notices.c.message_id == message_id)
    theirs = select(notices.c.message_id).where(notices.c.alert_id.in_(mine), notices.c.message_id != message_id)
    here = (messages.c.channel == channel) & (messages.c.state == WAITING)
    before = here & messages.c.worker.is_(None) & (messages.c.next_at > now)
    await connection.execute(update(messages).where(before, messages.c.id.in_(theirs)).values(next_at=now))


async def _probe(connection: AsyncConnection, channel: str, now: datetime) -> None:
    """Something critical has come up: a channel that is only probed is probed now, and may have come back.

    What is critical goes in its order, so what is ahead is due, too; what may have arrived is not sent again for that.
    """
    if (await health.of(connection, [channel]))[channel].broken:
        await health.probe_at_once(connection, now, [channel])
        mine = (messages.c.channel == channel) & (messages.c.state == WAITING) & messages.c.worker.is_(None)
        ahead = (messages.c.severity == Severity.CRITICAL.value) & (messages.c.next_at > now) & ~messages.c.repeat
        await connection.execute(update(messages).where(mine, ahead).values(next_at=now))


async def _tell_groups(connection: AsyncConnection, message: Message, now: datetime) -> None:
    """Note when the channel is told of the groups that a message speaks of."""
    keys: set[str] = set()
    for part in parts(message.notices):
        query = select(notices.c.group_key).where(notices.c.seq.in_(part)).distinct()
        keys.update(await connection.scalars(query))
    rows = [{"channel": message.channel, "key": key, "told_at": now} for key in sorted(keys - {""})]
    if rows:
        new = insert(groups)
        told = new.on_conflict_do_update(
            index_elements=[groups.c.channel, groups.c.key], set_={"told_at": new.excluded.told_at}
        )
        await connection.execute(told, rows)


async def void_recalled(connection: AsyncConnection, channels: Collection[str]) -> None:
    """Close the recalled messages of which nothing is left to tell. They are kept, for their attempts."""
    left = messages.c.recalled & messages.c.channel.in_(channels)
    said = "nothing in it was left to tell when it was composed again"
    await connection.execute(update(messages).where(left).values(recalled=False, state=VOID, error=said))
