"""What belongs together, and when a channel is told of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import START, approval, minutes

from scanner.domain.alerts import Alert, Severity
from scanner.domain.approvals import Allowance, Approval, Spender, Token
from scanner.domain.groups import due_at, group_key
from scanner.domain.telling import GroupBy, Telling

TELLING = Telling(channels={"ops": Severity.LOW})
OWNERS = ["0x" + "a" * 40, "0x" + "b" * 40]


def row(owner: int = 0, chain: str = "1", token: str = "0x" + "c" * 40, spender: str = "0x" + "d" * 40) -> Approval:
    return Approval(chain, OWNERS[owner], Token(token), Spender(spender), Allowance(1))


def key(*by: GroupBy, of: Approval | None = None, rule: str = "r", severity: Severity = Severity.HIGH) -> str:
    of = of or row()
    return group_key(by, Alert("AW-1", rule, "A title", severity, of.id, START), of)


def test_a_spender_groups_over_owners_chains_and_tokens() -> None:
    one = key(GroupBy.SPENDER)
    assert one == key(GroupBy.SPENDER, of=row(1, "56", "0x" + "e" * 40), rule="other", severity=Severity.LOW)
    assert one != key(GroupBy.SPENDER, of=row(spender="0x" + "f" * 40))


@pytest.mark.parametrize(
    ("by", "other"),
    [
        (GroupBy.OWNER, row(1)),
        (GroupBy.CHAIN, row(chain="56")),
        (GroupBy.TOKEN, row(token="0x" + "e" * 40)),
        (GroupBy.TOKEN, row(chain="56")),
    ],
)
def test_each_field_keeps_apart_what_differs_in_it(by: GroupBy, other: Approval) -> None:
    assert key(by) == key(by, rule="other")
    assert key(by) != key(by, of=other)
    assert key(GroupBy.SPENDER) != key(GroupBy.SPENDER, by)
    assert key(GroupBy.SPENDER, by) != key(GroupBy.SPENDER, by, of=other)


def test_rule_and_severity_are_the_alerts_own() -> None:
    assert key(GroupBy.RULE) != key(GroupBy.RULE, rule="other")
    assert key(GroupBy.SEVERITY) != key(GroupBy.SEVERITY, severity=Severity.CRITICAL)


def test_the_order_in_which_fields_are_written_does_not_count() -> None:
    assert key(GroupBy.SPENDER, GroupBy.CHAIN) == key(GroupBy.CHAIN, GroupBy.SPENDER)


def test_an_unknown_spender_is_nobody_elses() -> None:
    unknown = key(GroupBy.SPENDER, of=row(spender=""))
    assert unknown == key(GroupBy.SPENDER, of=row(spender="", token="0x" + "e" * 40))
    for other in (row(1, spender=""), row(chain="56", spender=""), row()):
        assert unknown != key(GroupBy.SPENDER, of=other)


def test_without_any_field_everything_is_one_group() -> None:
    assert key() == key(of=row(1, "56"), rule="other")


@pytest.mark.parametrize(
    ("told", "urgent", "due"),
    [
        (None, False, timedelta(seconds=10)),
        (None, True, timedelta(seconds=10)),
        (timedelta(minutes=-1), False, timedelta(minutes=4)),
        (timedelta(minutes=-1), True, timedelta(seconds=10)),
        (timedelta(minutes=-5), False, timedelta(seconds=10)),
        (timedelta(days=-5), False, timedelta(seconds=10)),
        (timedelta(seconds=-295), False, timedelta(seconds=10)),
        (timedelta(days=5), False, timedelta(minutes=5)),
    ],
    ids=["first", "first, urgent", "soon after", "urgent", "over", "long ago", "nearly over", "clock set back"],
)
def test_when_a_channel_is_told(told: timedelta | None, urgent: bool, due: timedelta) -> None:
    at = minutes(60)
    assert due_at(None if told is None else at + told, TELLING, at, urgent=urgent) == at + due


@given(st.none() | st.timedeltas(timedelta(days=-9), timedelta(days=9)), st.booleans())
def test_nothing_waits_for_longer_than_the_interval_nor_goes_before_the_wait(
    told: timedelta | None, urgent: bool
) -> None:
    due = due_at(None if told is None else START + told, TELLING, START, urgent=urgent)
    assert START + TELLING.group_wait <= due <= START + max(TELLING.group_interval, TELLING.group_wait)


def test_a_key_fits_its_column() -> None:
    assert len(key(*GroupBy, of=approval(1, 2))) <= 32
