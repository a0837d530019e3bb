"""What ends by itself, through the whole line: told at once, judged, kept, and found again by a replay."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import structs
from pasts import held_against
from scanning import WALLET, Clock, House, Scripted, address, house, opened

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, gather
from scanner.domain.report import Report
from scanner.errors import Reason, Trouble
from scanner.policy.loading import load
from scanner.store import knowledge
from scanner.store.filters import Filter

MINE = Target("1", WALLET)
RULES = """
rules:
  - {id: there, title: There, severity: low, when: allowance.readable}
  - {id: lapsed, title: Lapsed, severity: low, on: [expired], when: "true"}
  - {id: back, title: Back, severity: low, on: [restored], when: "true"}
  - {id: soon, title: Soon over, severity: low, when: approval.expires_in < days(2)}
  - {id: passing, title: May go again, severity: low, when: "!approval.final"}
"""
KINDS = frozenset(Kind)
DAY = timedelta(days=1)


def plain(number: int) -> Approval:
    return Approval("1", WALLET, Token(address(7)), Spender(address(number)), Allowance(5))


@dataclass
class Node:
    """What the far side says: these rows, as a reading that ended so."""

    clock: Clock
    rows: list[Approval] = field(default_factory=list)
    withdrawn: frozenset[str] = frozenset()
    whole: bool = True

    async def answer(self, target: Target) -> Snapshot:
        trouble = None if self.whole else Trouble(Reason.NODE_FAILED, "the node failed")
        end = End.COMPLETE if self.whole else End.INCOMPLETE
        said = Snapshot(target, gather(self.rows), end, KINDS, "scripted", self.clock.now(), trouble=trouble)
        return replace(said, withdrawn=self.withdrawn)


@asynccontextmanager
async def world(folder: Path, *rows: Approval) -> AsyncIterator[tuple[Node, House]]:
    (folder / "own.yaml").write_text(RULES)
    node = Node(Clock(), [*rows])
    async with opened(folder / "store.db") as store:
        yield node, house(store, Scripted(node.answer), clock=node.clock, pack=load([folder]))


async def look(home: House, *, later: timedelta = DAY) -> Report:
    home.clock.ahead += later
    return await home.scan([MINE])


def lasting(home: House, number: int, days: float) -> Approval:
    return structs.replace(plain(number), kind=Kind.PERMIT2, expires_at=home.clock.now() + days * DAY)


def changes(report: Report) -> list[tuple[str, str]]:
    return [(one.kind, one.approval) for one in report.changes]


def ended(report: Report) -> set[tuple[str, str | None]]:
    return {(one.rule, one.reason) for one in report.alerts if one.resolved_at is not None}


def raised(report: Report) -> set[str]:
    return {one.rule for one in report.alerts if one.id in report.raised}


async def in_force_at(home: House, at: datetime) -> set[str]:
    found = await home.store.read(lambda c: knowledge.in_force_at(c, Filter(), at))
    return {kept.held.approval.id for kept in found}


async def test_what_expires_is_told_although_every_reading_says_the_same(tmp_path: Path) -> None:
    async with world(tmp_path) as (node, home):
        since = home.clock.now()
        row, other = lasting(home, 1, 5.5), plain(2)
        node.rows = [row, other]
        reports = [await look(home) for _ in range(7)]
        assert [changes(one) for one in reports[1:5]] == [[]] * 4
        assert "soon" in raised(reports[3])
        assert changes(reports[5]) == [("expired", row.id)]
        assert [one.id for one in reports[5].approvals] == [other.id]
        (change,) = reports[5].changes
        assert change.after is None
        assert reports[5].scan.complete
        assert ended(reports[5]) == {("there", "the approval has expired"), ("soon", "the approval has expired")}
        assert raised(reports[5]) == {"lapsed"}
        assert changes(reports[6]) == []
        assert await in_force_at(home, home.clock.now() - 3 * DAY) == {row.id, other.id}
        assert await in_force_at(home, home.clock.now()) == {other.id}

        node.rows = [structs.replace(row, expires_at=home.clock.now() + 30 * DAY), other]
        again = await look(home)
        assert changes(again) == [("restored", row.id)]
        assert raised(again) == {"there", "back"}
        assert (await held_against(home, home.judge.pack, since)).differences == ()


async def test_an_expiry_that_a_cut_reading_shows_ends_its_alerts_and_no_others(tmp_path: Path) -> None:
    async with world(tmp_path) as (node, home):
        row, other = lasting(home, 1, 1.5), plain(2)
        node.rows = [row, other]
        await look(home)
        node.rows, node.whole = [row], False
        report = await look(home)
        assert changes(report) == [("expired", row.id)]
        assert ended(report) == {("there", "the approval has expired"), ("soon", "the approval has expired")}
        assert [one.id for one in report.approvals] == [other.id]


async def test_a_grant_whose_block_is_gone_is_withdrawn_with_its_alerts(tmp_path: Path) -> None:
    async with world(tmp_path, structs.replace(plain(1), final=False)) as (node, home):
        first = await look(home)
        assert raised(first) == {"there", "passing"}
        [row] = node.rows
        node.rows, node.withdrawn, node.whole = [], frozenset({row.id}), False
        report = await look(home, later=timedelta(seconds=12))
        why = "withdrawn: the block that granted it is no longer part of the chain"
        assert changes(report) == [("revoked", row.id)]
        assert ended(report) == {("there", why), ("passing", why)}


async def test_what_becomes_final_is_judged_as_such_and_is_no_change(tmp_path: Path) -> None:
    async with world(tmp_path, structs.replace(plain(1), final=False)) as (node, home):
        await look(home)
        node.rows = [plain(1)]
        report = await look(home)
        assert changes(report) == []
        assert ended(report) == {("passing", "the rule no longer holds")}
        assert [one.final for one in report.approvals] == [True]
