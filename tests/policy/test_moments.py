"""Time alone moves a rule at the moments at which an age is what the rule holds it against, and at no others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from scanner.domain.approvals import Allowance, Approval, Spender, Target, Token
from scanner.domain.changes import Held
from scanner.policy.fields import ages_began, facts
from scanner.policy.loading import load
from scanner.policy.moments import Moments
from scanner.policy.rules import Exemption, Pack

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
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


def moments(rules: Pack, held: Held = HELD) -> list[datetime]:
    """Every moment at which an approval is due again, from half a day on."""
    at, met = AT + DAY / 2, []
    while (due := Moments(rules).due_again(iter([held]), at)) is not None:
        met.append(due)
        at = due
    return met


def says(rules: Pack, at: datetime) -> list[object]:
    return [verdict.judgement for _, verdict in rules.judge(known(at))]


def known(at: datetime) -> dict[str, object]:
    return facts(HELD, target=Target("1", APPROVAL.owner), spender_approvals=None, spender_owners=None, at=at)


@pytest.mark.parametrize(
    ("condition", "later"),
    [
        ("approval.age > days(180)", [180 * DAY]),
        ("days(180) <= approval.age", [180 * DAY]),
        ("approval.unchanged_for > days(1)", [2 * DAY]),
        ('approval.age > duration("36h30m")', [36.5 * HOUR]),
        ("approval.age > days(2) + days(1) + days(30 * 2)", [63 * DAY]),
        ("approval.age > days(2) && approval.unchanged_for < days(3)", [2 * DAY, 4 * DAY]),
        ("token.risk ? approval.age > days(2) : !(approval.age < days(3))", [2 * DAY, 3 * DAY]),
        ('spender.name == "days(7)" && approval.age > days(3)', [3 * DAY]),
        ("approval.age > days(3500000) || approval.age > days(2)", [2 * DAY]),
        ('approval.age > duration("-48h")', []),
        ("allowance.unlimited", []),
    ],
)
def test_what_an_age_is_held_against_makes_a_moment(tmp_path: Path, condition: str, later: list[timedelta]) -> None:
    assert moments(pack(tmp_path, condition)) == [AT + one + tick for one in later for tick in (timedelta(0), TICK)]


@pytest.mark.parametrize(
    "condition",
    [
        "approval.age.getHours() > 5",
        "approval.age + days(1) > days(5)",
        "approval.age > days(3) || approval.age - approval.unchanged_for > days(2)",
        "approval.age > (exposure.usd > 9 ? days(1) : days(2))",
        "owner.tags.exists(tag, approval.age > days(3))",
    ],
)
def test_a_rule_that_reckons_otherwise_is_asked_every_hour(tmp_path: Path, condition: str) -> None:
    assert Moments(pack(tmp_path, condition)).due_again([HELD], AT + DAY / 2) == AT + DAY / 2 + HOUR


def test_between_two_moments_rules_say_the_same(tmp_path: Path) -> None:
    rules = pack(
        tmp_path,
        'approval.age > days(1) && approval.age < duration("40h")',
        "days(2) > approval.unchanged_for",
        "approval.age >= days(1) + days(2) ? approval.unchanged_for < days(3) : approval.age == days(2)",
    )
    met, at = moments(rules), AT + DAY / 2
    while at < AT + 6 * DAY:
        if not any(at < moment <= at + HOUR for moment in met):
            assert says(rules, at) == says(rules, at + HOUR), at
        at += HOUR
    assert len({tuple(says(rules, moment)) for moment in met}) > 2


def test_ages_are_counted_from_where_they_are_said_to_begin() -> None:
    granted = replace(HELD, approval=structs.replace(APPROVAL, granted_at=AT - DAY))
    assert ages_began(HELD) == {"approval.age": AT, "approval.unchanged_for": AT + DAY}
    assert ages_began(granted)["approval.age"] == AT - DAY
    assert {name: AT + 2 * DAY - began for name, began in ages_began(HELD).items()}.items() <= known(
        AT + 2 * DAY
    ).items()


def test_what_the_time_that_is_left_is_held_against_makes_a_moment_and_so_does_the_end(tmp_path: Path) -> None:
    lasting = replace(HELD, approval=structs.replace(APPROVAL, expires_at=AT + 9 * DAY))
    ending = AT + 9 * DAY
    assert moments(pack(tmp_path, "allowance.unlimited"), lasting) == [ending]
    rules = pack(tmp_path, "approval.expires_in < days(2) || approval.expires_in > days(20)")
    assert moments(rules, lasting) == [AT + 7 * DAY, AT + 7 * DAY + TICK, ending]
    assert moments(rules) == []
    assert moments(pack(tmp_path, "approval.expires_in < days(700000)"), lasting) == [ending]


def test_an_exception_ends_at_its_time(tmp_path: Path) -> None:
    rules = replace(
        pack(tmp_path, "allowance.unlimited"),
        exemptions=(Exemption(rule="r0", reason="for now", spender=APPROVAL.spender.address, until=AT + DAY),),
    )
    assert moments(rules) == [AT + DAY]


def test_packs_that_say_the_same_share_their_digest(tmp_path: Path) -> None:
    first, second = pack(tmp_path, "allowance.unlimited"), pack(tmp_path, "allowance.unlimited")
    assert first.digest == second.digest != pack(tmp_path, "!allowance.unlimited").digest
