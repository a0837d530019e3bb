"""What a test would take to come out otherwise, in words."""

from datetime import timedelta

import pytest

from scanner.policy.demands import demand
from scanner.policy.engine import Condition, compile_condition

FACTS = {
    "exposure.usd": 4210.0,
    "exposure.first_usd": 500.0,
    "spender.labels": ["known"],
    "owner.tags": [],
    "spender.name": "",
    "spender.owners": 12_000,
    "allowance.unlimited": False,
    "approval.age": timedelta(days=89, hours=5, minutes=7),
    "chain.name": "bsc",
    "token.symbol": "evil.com",
}


def words(text: str, *, wanted: bool) -> str:
    test = compile_condition(text)
    assert isinstance(test, Condition), test
    return demand(test, wanted, FACTS)


@pytest.mark.parametrize(
    ("text", "to_hold", "to_fail"),
    [
        ("exposure.usd >= 10000", "exposure.usd is 4,210; it would have to be 10,000 or more", "less than 10,000"),
        ("exposure.usd > 10000", "it would have to be more than 10,000", "10,000 or less"),
        ("10000 > exposure.usd", "exposure.usd is 4,210; it would have to be less than 10,000", "10,000 or more"),
        ("10000 == exposure.usd", "exposure.usd is 4,210; it would have to be 10,000", "anything but 10,000"),
        ("spender.owners <= 3", "spender.owners is 12,000; it would have to be 3 or less", "more than 3"),
        (
            "exposure.usd >= 10.0 * exposure.first_usd",
            "exposure.usd is 4,210; it would have to be `10.0 * exposure.first_usd` (5,000) or more",
            "less than `10.0 * exposure.first_usd` (5,000)",
        ),
        (
            "balance.amount > 1",
            "balance.amount is not known; it would have to be more than 1",
            "balance.amount is not known; it would have to be 1 or less",
        ),
        ("allowance.unlimited", "allowance.unlimited is no; it would have to be yes", "it would have to be no"),
        ("spender.labels.size() == 0", "spender.labels is “known”; it would have to be empty", "have an entry"),
        ("owner.tags.size() > 0", "owner.tags is empty; it would have to have an entry", "be empty"),
        ("owner.tags.size() > 2", "owner.tags.size() is 0; it would have to be more than 2", "2 or less"),
        ('"cold" in owner.tags', "owner.tags is empty; it would have to hold “cold”", "be without “cold”"),
        (
            'chain.name in ["base", "ethereum"]',
            "chain.name is “bsc”; it would have to be one of “base”, “ethereum”",
            "none of “base”, “ethereum”",
        ),
        ('spender.name == ""', "spender.name is empty; it would have to be empty", "anything but empty"),
        (
            "approval.age > days(90)",
            "approval.age is 89 days 5 hours; it would have to be more than 90 days",
            "90 days or less",
        ),
        (
            'token.symbol.contains("x")',
            'token.symbol is “evil[.]com”; `token.symbol.contains("x")` would have to hold',
            "would have to fail",
        ),
    ],
)
def test_a_demand_holds_the_value_beside_the_threshold(text: str, to_hold: str, to_fail: str) -> None:
    assert words(text, wanted=True).endswith(to_hold)
    assert words(text, wanted=False).endswith(to_fail)
