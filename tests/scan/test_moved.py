"""What a scan moved of what only all wallets together show: as much is judged again as can come out otherwise."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from scanning import WALLET, Clock, address, house, opened, reading, row, story

from scanner.cases import SPENDERS_AT_ONCE, Moved, Part
from scanner.domain.approvals import Allowance, Approval, Spender, Target, Token
from scanner.domain.chains import Chain
from scanner.domain.changes import Change, ChangeKind
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.domain.lists import Entry, ListState
from scanner.policy.loading import load
from scanner.sandbox import UINT256_MAX, Sandbox
from scanner.store import lists
from scanner.store.budgets import StoredLedger

AT = datetime(2026, 1, 1, tzinfo=UTC)
AS_BEFORE = [ChangeKind.INCREASED, ChangeKind.DECREASED, ChangeKind.STATUS]


def change(kind: ChangeKind, token: int = 1, spender: int = 1) -> Change:
    here = Spender(address(spender) if spender else "")
    after = Approval("1", WALLET, Token(address(token)), here, Allowance(token))
    return Change(kind, None, after, AT)


@pytest.mark.parametrize("kind", AS_BEFORE)
def test_an_approval_that_its_spender_has_as_before_is_judged_alone(kind: ChangeKind) -> None:
    moved, one = Moved(), change(kind)
    moved.see(one)
    assert list(moved.parts()) == [Part(approvals=[one.after.id])]


@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind not in AS_BEFORE])
def test_a_spender_that_has_more_or_fewer_than_before_is_judged_wherever_it_is(kind: ChangeKind) -> None:
    moved = Moved()
    moved.see(change(kind))
    assert list(moved.parts()) == [Part(spenders=[address(1)])]
    assert moved.spenders == {address(1): kind is ChangeKind.BASELINE}


def test_nothing_is_judged_twice() -> None:
    moved = Moved()
    moved.see(change(ChangeKind.INCREASED, token=1))
    moved.see(change(ChangeKind.NEW, token=2))
    assert list(moved.parts()) == [Part(spenders=[address(1)])]


def test_a_spender_that_is_not_told_is_nobodys() -> None:
    moved = Moved()
    for kind in ChangeKind:
        moved.see(change(kind, spender=0))
    assert list(moved.parts()) == []


def test_much_is_judged_in_parts() -> None:
    moved = Moved()
    for number in range(SPENDERS_AT_ONCE + 1):
        moved.see(change(ChangeKind.NEW, spender=1 + number))
    sizes = [len(part.spenders) for part in moved.parts()]
    assert sizes == [SPENDERS_AT_ONCE, 1]


def seen(moved: Moved, *tokens: int, kind: ChangeKind = ChangeKind.NEW) -> list[Approval]:
    """Approvals of one spender in which a scan found these changes."""
    found = [change(kind, token=token) for token in tokens]
    for one in found:
        moved.see(one)
    return [one.after for one in found]


def test_a_spender_of_which_all_is_settled_is_not_judged_again() -> None:
    moved = Moved()
    for one in seen(moved, 1, 2):
        assert moved.holds(one)
        moved.settle(one)
    moved.leave_settled({address(1): (2, 1)})
    assert list(moved.parts()) == []


def test_one_approval_that_is_not_settled_has_its_spender_judged() -> None:
    moved = Moved()
    moved.settle(seen(moved, 1, 2)[0])
    moved.leave_settled({address(1): (2, 1)})
    assert list(moved.parts()) == [Part(spenders=[address(1)])]


def test_what_another_wallet_has_of_a_spender_is_not_settled_by_this_one() -> None:
    moved = Moved()
    moved.settle(seen(moved, 1)[0])
    moved.leave_settled({address(1): (2, 2)})
    assert list(moved.parts()) == [Part(spenders=[address(1)])]


def test_a_spender_that_has_nothing_left_is_not_looked_at() -> None:
    moved = Moved()
    seen(moved, 1, kind=ChangeKind.REVOKED)
    moved.leave_settled({})
    assert list(moved.parts()) == []


def test_an_approval_that_moved_alone_is_settled_alone() -> None:
    moved = Moved()
    first, second = seen(moved, 1, 2, kind=ChangeKind.INCREASED)
    moved.settle(first)
    assert (moved.holds(first), moved.holds(second)) == (False, True)
    assert list(moved.parts()) == [Part(approvals=[second.id])]


RULES = """
rules:
  - id: shared-and-unlimited
    title: Several wallets, and no limit
    severity: high
    when: spender.owners >= 2 && allowance.unlimited
    why: It is.
    fix: Revoke it.
    tests:
      - {name: yes, given: {spender.owners: 2, allowance.unlimited: true}, expect: alert}
      - {name: no, given: {spender.owners: 1, allowance.unlimited: true}, expect: quiet}
"""


async def test_an_amount_that_moves_opens_and_ends_what_is_said_of_its_spender(tmp_path: Path) -> None:
    """Nothing else of the spender moves: the other wallets' approvals of it are neither read nor judged again."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(RULES, encoding="utf-8")
    mine, other = Target("1", WALLET), Target("1", address(0xB0))
    days = [[row(1, raw), row(1, 5, owner=other.owner)] for raw in (5, UINT256_MAX, 7)]
    sandbox = Sandbox(story(*days))
    async with opened(tmp_path / "store.db") as store, reading(sandbox, StoredLedger(store)) as source:
        home = house(store, source, pack=load([tmp_path / "rules"]))
        found = []
        for sandbox.day in range(3):
            report = await home.scan([mine, other])
            found.append([alert.state for alert in report.alerts])
    assert found == [[], ["open"], ["resolved"]]


MONEY = """
rules:
  - id: shared-and-held
    title: Several wallets, and something is held
    severity: high
    when: spender.owners >= 2 && balance.amount > 0 && !("known" in spender.labels)
    why: It is.
    fix: Revoke it.
    tests:
      - {name: yes, given: {spender.owners: 2, balance.amount: 1, spender.labels: []}, expect: alert}
      - {name: no, given: {spender.owners: 2, balance.amount: 0, spender.labels: []}, expect: quiet}
"""


@dataclass
class Held:
    """What the far side says that each owner holds of every token that is asked about."""

    clock: Clock
    amounts: dict[str, int]
    name: str = "scripted"
    cost: Cost = field(default_factory=Cost)

    def covers(self, chain: Chain) -> bool:
        return True

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        for one in wanted:
            amount = Decimal(self.amounts[one.target.owner])
            rows = {token: Seen(token, "TKN", amount, risk=False) for token in one.tokens}
            yield BalanceReading(one.target, rows, self.clock.now(), one.tokens)


async def test_what_counts_and_balances_decide_together_is_said_whoever_is_read_first(tmp_path: Path) -> None:
    """An approval is settled by its balance, or by a list, and never where only the count is missing."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(MONEY, encoding="utf-8")
    mine, other, empty = (Target("1", owner) for owner in (WALLET, address(0xB0), address(0xB1)))
    owners = [mine.owner, other.owner, empty.owner]
    apart = [row(3, 5, owner=owner, spender=10 + place) for place, owner in enumerate(owners)]
    everybody = [*apart, *(row(number, 5, owner=owner, spender=number) for owner in owners for number in (1, 2))]
    alone = [*apart, *(one for one in everybody if one.owner == mine.owner)]
    without = [*apart, *(one for one in everybody if one.owner != empty.owner)]
    sandbox = Sandbox(story(alone, everybody, everybody, without, alone))
    clock = Clock()
    held = Held(clock, {})
    first = everybody[len(apart)].spender.address
    listed = ListState(name="ours", label="known", origin="ours.csv")
    found = []
    async with opened(tmp_path / "store.db") as store, reading(sandbox, StoredLedger(store)) as source:
        await store.write(lambda connection: lists.keep(connection, listed, [Entry(first, ("known",))], at=clock.now()))
        home = house(store, source, pack=load([tmp_path / "rules"]), clock=clock, balances=held)
        for sandbox.day in range(5):
            held.amounts |= dict.fromkeys([mine.owner, other.owner], int(sandbox.day < 3))
            held.amounts[empty.owner] = int(sandbox.day == 2)
            clock.ahead += timedelta(hours=2)
            report = await home.scan([mine, other, empty])
            theirs = {one.id: one.owner for one in report.approvals if one.spender.address != first}
            found.append({theirs[one.approval] for one in report.alerts if one.state == "open"})
    both = {mine.owner, other.owner}
    assert found == [set(), both, {*both, empty.owner}, set(), set()]
