"""What a scan moved of what only all wallets together show: as much is judged again as can come out otherwise."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from scanning import WALLET, address, house, opened, reading, row, story

from scanner.cases import SPENDERS_AT_ONCE, Moved, Part
from scanner.domain.approvals import Allowance, Approval, Spender, Target, Token
from scanner.domain.changes import Change, ChangeKind
from scanner.policy.loading import load
from scanner.sandbox import UINT256_MAX, Sandbox
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
