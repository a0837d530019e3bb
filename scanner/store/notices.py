"""What each channel is owed about steps in alerts' lives: looked up, decided by the domain, and written down."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Move, Transition
from scanner.domain.approvals import Approval
from scanner.domain.groups import GroupState, group_key
from scanner.domain.notices import Case, Notice, decide
from scanner.domain.telling import Telling
from scanner.store import silences
from scanner.store.prepared import Command, Query
from scanner.store.rows import APPROVAL, approval_of, given, is_open
from scanner.store.tables import alerts, approvals, groups, notices

__all__ = ["owe", "write"]


async def owe(
    connection: AsyncConnection,
    steps: Sequence[Transition],
    telling: Telling,
    *,
    scan_id: str | None,
    at: datetime,
) -> None:
    """Write what each channel is owed for steps that have been taken, and why it is or is not told."""
    about = await _approvals(connection, {step.alert.approval for step in steps})
    keys = {s.alert.id: group_key(telling.group_by, s.alert, about[s.alert.approval]) for s in steps}
    told = await _told(connection, [step.alert.id for step in steps if step.move is not Move.OPENED])
    hidden = await silences.covering(connection, [step.alert for step in steps], at)
    baseline = [step for step in steps if step.alert.baseline and scan_id is not None]
    born = {step.alert.id for step in baseline if step.move is Move.OPENED}
    fresh = born | await _first_read(connection, [s.alert.id for s in baseline if s.alert.id not in born], scan_id)
    channels = {*telling.channels, *(channel for those in told.values() for channel in those)}
    known = await _Groups.load(connection, steps, keys, about, channels, at - telling.group_interval)
    cases = [
        Case(
            step=step,
            group=keys[step.alert.id],
            wallet=about[step.alert.approval].owner,
            told=told.get(step.alert.id, frozenset()),
            silence=hidden.get(step.alert.id),
            first_reading=step.alert.id in fresh,
            groups=known.states(keys[step.alert.id], {*telling.channels, *told.get(step.alert.id, ())}),
        )
        for step in steps
    ]
    await write(connection, decide(cases, telling, at), scan_id=scan_id, at=at)


async def write(connection: AsyncConnection, owed: Sequence[Notice], *, scan_id: str | None, at: datetime) -> None:
    """Write down what channels are owed."""
    await _OWED(
        connection,
        [
            {
                "alert_id": notice.alert,
                "channel": notice.channel,
                "what": notice.what.value,
                "send": notice.send,
                "reason": notice.reason,
                "digest": notice.digest,
                "group_key": notice.group,
                "scan_id": scan_id,
                "created_at": at,
                "due_at": notice.due_at,
            }
            for notice in owed
        ],
    )


_OWED = Command(
    notices.insert(),
    (
        *("alert_id", "channel", "what", "send", "reason"),
        *("digest", "group_key", "scan_id", "created_at", "due_at"),
    ),
)


async def _approvals(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Approval]:
    return {row[-1]: approval_of(row) for row in await _ABOUT(connection, ids=sorted(ids))}


_ABOUT = Query(select(*APPROVAL, approvals.c.id).where(approvals.c.id.in_(given("ids"))))


async def _told(connection: AsyncConnection, ids: Collection[str]) -> dict[str, frozenset[str]]:
    """For each alert the channels that were sent, or will be sent, that it opened."""
    found: dict[str, set[str]] = {}
    for alert_id, channel in await _TOLD(connection, ids=sorted(ids)) if ids else ():
        found.setdefault(alert_id, set()).add(channel)
    return {alert_id: frozenset(channels) for alert_id, channels in found.items()}


_TOLD = Query(select(notices.c.alert_id, notices.c.channel).where(notices.c.alert_id.in_(given("ids")), notices.c.send))


async def _first_read(connection: AsyncConnection, ids: Sequence[str], scan_id: str | None) -> set[str]:
    """Those of some alerts on first readings that this scan opened: its one digest is still to come."""
    return {id_ for (id_,) in await _BORN(connection, ids=ids, by=scan_id)} if ids and scan_id is not None else set()


_BORN = Query(select(alerts.c.id).where(alerts.c.id.in_(given("ids")), alerts.c.opened_by == bindparam("by")))


@dataclass(frozen=True, slots=True)
class _Groups:
    """What is known of groups, each by its channel and its key."""

    told_at: Mapping[tuple[str, str], datetime]
    opened: frozenset[tuple[str, str]]
    wallets: Mapping[tuple[str, str], frozenset[str]]

    @classmethod
    async def load(
        cls,
        connection: AsyncConnection,
        steps: Sequence[Transition],
        keys: Mapping[str, str],
        about: Mapping[str, Approval],
        channels: Collection[str],
        since: datetime,
    ) -> Self:
        """Look up what the steps' decisions ask for. What opens in a first reading's digest asks for nothing.

        `since` is from when on a channel was just told.
        """
        openings = [s.alert for s in steps if s.move is Move.OPENED and not s.alert.baseline]
        fresh = sorted({keys[alert.id] for alert in openings})
        owners = {about[alert.approval].owner for alert in openings}
        return cls(
            await _told_at(connection, set(keys.values())),
            await _open(connection, fresh, channels),
            await _wallets(connection, fresh, owners, since=since),
        )

    def states(self, key: str, channels: Collection[str]) -> dict[str, GroupState]:
        """What each channel knows of one group."""
        return {
            channel: GroupState(
                told_at=self.told_at.get((channel, key)),
                open=(channel, key) in self.opened,
                wallets=self.wallets.get((channel, key), frozenset()),
            )
            for channel in channels
        }


async def _told_at(connection: AsyncConnection, keys: Collection[str]) -> dict[tuple[str, str], datetime]:
    rows = await _GROUPS(connection, keys=sorted(keys))
    return {(channel, key): told_at for channel, key, told_at in rows}


_GROUPS = Query(select(groups.c.channel, groups.c.key, groups.c.told_at).where(groups.c.key.in_(given("keys"))))


async def _open(
    connection: AsyncConnection, keys: Sequence[str], channels: Collection[str]
) -> frozenset[tuple[str, str]]:
    """Of which groups each channel was told, or is about to be, by an alert that is open.

    One such alert is enough: a group of thousands of wallets is not read for each of them.
    """
    found: set[tuple[str, str]] = set()
    for channel in channels if keys else ():
        found |= {(channel, key) for (key,) in await _TOLD_OF_OPEN(connection, keys=keys, by=channel)}
    return frozenset(found)


_ASKED = given("keys").subquery()
_TOLD_OF_OPEN = Query(
    select(_ASKED.c.value).where(
        exists().where(
            notices.c.group_key == _ASKED.c.value,
            notices.c.channel == bindparam("by"),
            notices.c.send,
            alerts.c.id == notices.c.alert_id,
            is_open(),
        )
    )
)


async def _wallets(
    connection: AsyncConnection, keys: Collection[str], owners: Collection[str], *, since: datetime
) -> dict[tuple[str, str], frozenset[str]]:
    """Which of some owners a channel knows as hit in a group: by what is open, or was just told."""
    found: dict[tuple[str, str], set[str]] = {}
    asked = {"keys": sorted(keys), "owners": sorted(owners), "since": since}
    for channel, key, owner in await _HIT(connection, **asked) if keys else ():
        found.setdefault((channel, key), set()).add(owner)
    return {where: frozenset(hit) for where, hit in found.items()}


_HIT = Query(
    select(notices.c.channel, notices.c.group_key, approvals.c.owner)
    .join(alerts, alerts.c.id == notices.c.alert_id)
    .join(approvals, approvals.c.id == alerts.c.approval_id)
    .where(
        notices.c.group_key.in_(given("keys")),
        notices.c.send,
        approvals.c.owner.in_(given("owners")),
        or_(is_open(), notices.c.created_at > bindparam("since")),
    )
    .distinct()
)
