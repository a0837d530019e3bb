"""Time alone moves a rule at the moments that its durations name, and at no others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.domain.approvals import Allowance, Approval, Spender, Token
from scanner.domain.changes import Held
from scanner.policy.loading import load
from scanner.policy.moments import due_again
from scanner.policy.rules import Exemption, Pack

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
APPROVAL = Approval("1", f"0x{1:040x}", Token(f"0x{2:040x}"), Spender(f"0x{3:040x}"), Allowance(5))
HELD = Held(APPROVAL, first_seen=AT, since=AT, changed_at=AT + DAY)


def pack(folder: Path, *conditions: str) -> Pack:
    rules = "".join(
        f"  - {{id: r{number}, title: T, severity: low, when: '{text}', why: W, fix: F}}\n"
        for number, text in enumerate(conditions)
    )
    (folder / "rules.yaml").write_text(f"rules:\n{rules}")
    found = load([folder])
    assert found.problems == ()
    return found


@pytest.mark.parametrize(
    ("condition", "later"),
    [
        ("approval.age > days(180)", [180 * DAY]),
        ("approval.unchanged_for > days(1)", [1 * DAY, 2 * DAY]),
        ('approval.age > duration("36h30m")', [timedelta(hours=36.5)]),
        ("approval.age > days(2) && approval.unchanged_for < days(3)", [2 * DAY, 3 * DAY, 4 * DAY]),
        ("allowance.unlimited", []),
    ],
)
def test_each_duration_is_a_moment(tmp_path: Path, condition: str, later: list[timedelta]) -> None:
    rules, at, met = pack(tmp_path, condition), AT + DAY / 2, []
    while (due := due_again(rules, [HELD], at)) is not None:
        met.append(due)
        at = due
    assert {one - SECOND - AT for one in met} >= set(later)
    assert len(met) <= 2 * len(set(later))


def test_a_rule_that_reckons_otherwise_is_asked_every_hour(tmp_path: Path) -> None:
    rules = pack(tmp_path, "approval.age.getHours() > 5")
    assert due_again(rules, [HELD], AT) == AT + timedelta(hours=1)


def test_an_exception_ends_at_its_time(tmp_path: Path) -> None:
    rules = replace(
        pack(tmp_path, "allowance.unlimited"),
        exemptions=(Exemption(rule="r0", reason="for now", spender=APPROVAL.spender.address, until=AT + DAY),),
    )
    assert due_again(rules, [HELD], AT) == AT + DAY
    assert due_again(rules, [HELD], AT + DAY) is None


def test_packs_that_say_the_same_share_their_digest(tmp_path: Path) -> None:
    first, second = pack(tmp_path, "allowance.unlimited"), pack(tmp_path, "allowance.unlimited")
    assert first.digest == second.digest != pack(tmp_path, "!allowance.unlimited").digest
