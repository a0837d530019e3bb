"""One approval's past, written by hand, and what rules would have told of it: nothing that moves is overlooked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from scanner.domain.alerts import Move, Severity
from scanner.domain.approvals import Allowance, Approval, Spender, Status, Target, Token
from scanner.domain.changes import Change, ChangeKind
from scanner.domain.past import Balance, Believed, Course, Past, Quotes, TokenState
from scanner.policy.loading import load
from scanner.replay import Replay

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
APPROVAL = Approval("1", f"0x{1:040x}", Token(f"0x{2:040x}"), Spender(f"0x{3:040x}", "Swap"), Allowance(10**30))
SCANS = [(BEGAN + number * DAY, BEGAN + number * DAY + HOUR) for number in range(30)]


def change(kind: ChangeKind, day: float, *, proven: float | None = 0, **now: Any) -> Believed:
    """Something that a scan found on a day, and how many days later it was proven; None for never."""
    at = BEGAN + day * DAY
    before = None if kind in {ChangeKind.BASELINE, ChangeKind.NEW} else APPROVAL
    changed = Change(kind, before, structs.replace(APPROVAL, **now), at)
    return Believed(changed, at + HOUR, None if proven is None else at + proven * DAY)


def past(*believed: Believed, tags: Mapping[float, Sequence[str]] = {0: ()}, **prices: Any) -> Past:
    """What was believed of the approval; since which days its wallet had which tags."""
    watched = {BEGAN + day * DAY: Target("1", APPROVAL.owner, None, tuple(some)) for day, some in tags.items()}
    return Past(believed, Course(tuple(watched), tuple(watched.values())), **prices)


def worth(prices: Mapping[float, str], amount: str = "100") -> dict[str, Any]:
    """What is held from the beginning on, and its price since which days."""
    states = {BEGAN + day * DAY: TokenState(6, Decimal(price), risk=False) for day, price in prices.items()}
    return {
        "balances": Course((BEGAN,), (Balance(Decimal(amount), None),)),
        "quotes": Quotes(Course(tuple(states), tuple(states.values()))),
    }


def told(folder: Path, when: str, lived: Past) -> list[tuple[Move, float]]:
    """The steps that the alerts of one rule take, with the days at which a scan took them."""
    rule = f"{{id: r, title: T, severity: low, when: '{when}', why: W, fix: F}}"
    (folder / "rules.yaml").write_text(f"rules: [{rule}]")
    pack = load([folder])
    assert not pack.problems
    steps = Replay(pack, SCANS).live(lived, BEGAN + 29 * DAY)
    assert all(step.taken.alert.severity is Severity.LOW for step in steps)
    return [(step.taken.move, (step.at - BEGAN) // DAY) for step in steps]


FIRST = change(ChangeKind.BASELINE, 0)


def test_what_is_there_again_is_told_again(tmp_path: Path) -> None:
    lived = past(FIRST, change(ChangeKind.REVOKED, 3), change(ChangeKind.RESTORED, 6), change(ChangeKind.REVOKED, 9))
    assert told(tmp_path, "allowance.readable", lived) == [
        *((Move.OPENED, 0), (Move.RESOLVED, 3)),
        *((Move.OPENED, 6), (Move.RESOLVED, 9)),
    ]


def test_an_alert_waits_for_the_proof_that_its_rule_fails(tmp_path: Path) -> None:
    lived = past(
        change(ChangeKind.BASELINE, 0, status=Status.REVOKING), change(ChangeKind.STATUS, 3, proven=4), tags={0: ()}
    )
    assert told(tmp_path, 'approval.status == "revoking"', lived) == [(Move.OPENED, 0), (Move.RESOLVED, 7)]


def test_a_wallet_is_judged_under_the_name_that_it_had(tmp_path: Path) -> None:
    lived = past(FIRST, tags={0: (), 4: ("cold",), 9: ("hot",)})
    assert told(tmp_path, '"cold" in owner.tags', lived) == [(Move.OPENED, 4), (Move.RESOLVED, 9)]


@pytest.mark.parametrize(
    ("when", "prices", "days"),
    [
        ("exposure.usd > 100", {0: "1", 5: "1.0000001"}, [5]),
        ("exposure.usd >= 100", {0: "1", 5: "0.9999999"}, [0, 5]),
        ("exposure.usd == 100", {0: "1", 5: "0.9999999", 6: "1", 7: "1.0000001"}, [0, 5, 6, 7]),
        ("exposure.usd > 100", {0: "0.5", 5: "1", 6: "1.5", 7: "1", 8: "0.5"}, [6, 7]),
        ("exposure.usd > 100 && exposure.usd < 200", {0: "0.5", 4: "3", 5: "1.5", 8: "2"}, [5, 8]),
        ("token.price_usd >= 2", {0: "1", 3: "2", 4: "1.99"}, [3, 4]),
        ("exposure.usd >= 10.0 * exposure.first_usd", {0: "1", 5: "9.99", 6: "10", 7: "1"}, [6, 7]),
        ("exposure.usd * 2.0 > 250.0", {0: "1", 3: "1.2", 4: "1.3", 5: "1.2"}, [4, 5]),
    ],
)
def test_each_price_that_matters_is_looked_at(
    tmp_path: Path, when: str, prices: Mapping[float, str], days: list[float]
) -> None:
    moves = [(Move.OPENED, Move.RESOLVED)[place % 2] for place in range(len(days))]
    assert told(tmp_path, when, past(FIRST, **worth(prices))) == list(zip(moves, days, strict=True))


def test_what_it_was_first_worth_is_that_of_the_last_change(tmp_path: Path) -> None:
    lived = past(FIRST, change(ChangeKind.DECREASED, 4), **worth({0: "1", 4: "3", 8: "10", 12: "30", 15: "5"}))
    assert told(tmp_path, "exposure.usd >= 10.0 * exposure.first_usd", lived) == [
        (Move.OPENED, 12),
        (Move.RESOLVED, 15),
    ]


def test_time_is_counted_from_the_last_change(tmp_path: Path) -> None:
    lived = past(FIRST, change(ChangeKind.DECREASED, 4), change(ChangeKind.DECREASED, 12))
    steps = told(tmp_path, "approval.unchanged_for > days(5)", lived)
    assert steps == [(Move.OPENED, 10), (Move.RESOLVED, 12), (Move.OPENED, 18)]
