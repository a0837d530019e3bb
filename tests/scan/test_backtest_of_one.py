"""One wallet's past, lived through again under the rules that were in force: a backtest finds nothing to tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pasts import held_against
from scanning import WALLET, Clock, House, Scripted, address, house, opened

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Status, Target, Token, gather
from scanner.errors import Reason, Trouble
from scanner.policy.loading import load

MINE, OTHER = Target("1", WALLET), Target("1", address(0xF))
RULES = """
rules:
  - {id: there, title: There, severity: low, when: allowance.readable}
  - {id: moving, title: Moving, severity: low, when: approval.status != "granted"}
"""


@dataclass
class Far:
    """What the far side says of every wallet: two approvals, the first of this status, or not there at all."""

    clock: Clock
    status: Status | None = Status.GRANTED
    whole: bool = True

    async def answer(self, target: Target) -> Snapshot:
        statuses = [status for status in (self.status, Status.GRANTED) if status is not None]
        found = gather(
            Approval("1", target.owner, Token(address(7)), Spender(address(9 - place)), Allowance(5), status=status)
            for place, status in enumerate(reversed(statuses))
        )
        trouble = None if self.whole else Trouble(Reason.NODE_FAILED, "the node failed")
        end, kinds = (End.COMPLETE, frozenset({Kind.ERC20})) if self.whole else (End.INCOMPLETE, frozenset[Kind]())
        return Snapshot(target, found, end, kinds, "scripted", self.clock.now(), trouble=trouble)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[tuple[Far, House, datetime]]:
    """The far side, a house that looks at it, and when it all began."""
    (folder / "own.yaml").write_text(RULES)
    far = Far(Clock())
    async with opened(folder / "store.db") as store:
        home = house(store, Scripted(far.answer), clock=far.clock, pack=load([folder]), confirm_after=timedelta())
        yield far, home, far.clock.now()


async def look(home: House, *targets: Target) -> None:
    """A day later, watch and scan these wallets and no others."""
    home.clock.ahead += timedelta(days=1)
    await home.judge.tidy(home.store, targets, certain=True)
    await home.scan(targets)


async def test_what_an_incomplete_reading_shows_for_a_moment_ends_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as (far, home, since):
        for far.status, far.whole in ((Status.REVOKING, True), (Status.GRANTED, False), (Status.REVOKING, True)):
            await look(home, MINE)
        outcome = await held_against(home, home.judge.pack, since)
        assert outcome.differences == ()
        assert [one.would for one in outcome.rules if one.rule == "moving"] == [1]


async def test_what_was_revoked_while_nobody_watched_is_not_told_when_the_wallet_comes_back(tmp_path: Path) -> None:
    async with world(tmp_path) as (far, home, since):
        await look(home, MINE, OTHER)
        await look(home, OTHER)
        far.status = None
        await look(home, MINE, OTHER)
        outcome = await held_against(home, home.judge.pack, since)
        assert outcome.differences == ()
        assert [one.would for one in outcome.rules if one.rule == "there"] == [5]
