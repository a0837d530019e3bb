from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.approvals import UINT256_MAX, Allowance, Status, Target
from scanner.domain.chains import by_index
from scanner.okx.shapes import LONGEST_TEXT
from scanner.sources.okx_rows import Flaw, allowance_of, approval_of
from scanner.sources.okx_wire import Row

TOKEN, SPENDER = "0x" + "ab" * 20, "0x" + "cd" * 20
TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
HERE = Target("1", "0x" + "11" * 20)


def row(**changes: Any) -> Row:
    plain = Row(TOKEN, "USDT", (SPENDER, None, None), "Uniswap", "5", "1")
    return plain._replace(**changes)


@given(st.integers(0, UINT256_MAX))
def test_an_amount_is_exact_as_text_and_as_a_number(amount: int) -> None:
    assert allowance_of(str(amount)) == allowance_of(amount) == Allowance(amount)


@pytest.mark.parametrize("words", ["unlimited", "UNLIMITED", " Unlimited ", "-1", -1])
def test_words_for_unlimited(words: object) -> None:
    allowance = allowance_of(words)
    assert allowance.in_words
    assert allowance.unlimited() is True


@pytest.mark.parametrize(
    "garbage",
    [
        *("", "1e18", "1.5", "0x10", "-2", "+5", "1_000", "٣", "rather a lot"),
        *(1.5, 1e77, True, None, [], {"a": 1}, -5),
        *(UINT256_MAX + 1, str(UINT256_MAX + 1), "9" * 5000, 10**90),
    ],
)
def test_what_is_no_amount_is_kept_as_unreadable(garbage: object) -> None:
    allowance = allowance_of(garbage)
    assert allowance.raw is None
    assert allowance.unreadable is not None
    assert len(allowance.unreadable) <= LONGEST_TEXT
    assert allowance.unlimited() is None
    assert not allowance.is_zero


@pytest.mark.parametrize(
    "spenders",
    [
        (SPENDER, None, None),
        (None, SPENDER, ""),
        (None, None, SPENDER.upper().replace("0X", "0x")),
        (SPENDER, SPENDER, "0x" + "CD" * 20),
    ],
)
def test_whichever_field_names_the_spender_counts(spenders: tuple[object, ...]) -> None:
    approval, flaw = approval_of(row(spenders=spenders), HERE, by_index("1"))
    assert approval.spender.address == SPENDER
    assert flaw is Flaw.NONE


@pytest.mark.parametrize(
    "spenders", [(), (None, "", None), (SPENDER, TOKEN), (SPENDER, "nonsense"), ("0x12",), (7,), ([SPENDER],), ({},)]
)
def test_a_spender_that_is_not_told_or_told_in_two_ways_is_unknown(spenders: tuple[object, ...]) -> None:
    approval, flaw = approval_of(row(spenders=spenders), HERE, by_index("1"))
    assert approval.spender.address == ""
    assert approval.allowance == Allowance(5)
    assert flaw is Flaw.SPENDER


@pytest.mark.parametrize("token", ["0x12", "not an address", 5, ["0x"], "0x" + "g" * 40])
def test_a_malformed_token_is_kept_without_an_address(token: object) -> None:
    approval, flaw = approval_of(row(token=token), HERE, by_index("1"))
    assert approval.token.address == ""
    assert approval.token.symbol == "USDT"
    assert flaw is Flaw.TOKEN


def test_a_row_that_names_no_token_at_all_is_flawed() -> None:
    approval, flaw = approval_of(row(token=None, symbol=None), HERE, by_index("1"))
    assert approval.spender.address == SPENDER
    assert flaw is Flaw.TOKEN


@pytest.mark.parametrize("token", ["", None])
def test_a_token_without_an_address_is_told_apart_by_its_symbol(token: object) -> None:
    one, flaw = approval_of(row(token=token), HERE, by_index("1"))
    other, _ = approval_of(row(token=token, symbol="DAI"), HERE, by_index("1"))
    assert flaw is Flaw.NONE
    assert one.token.address == ""
    assert one.id != other.id


@pytest.mark.parametrize(
    ("told", "symbol"),
    [("DAI", "DAI"), (["DAI"], "DAI"), (["A", "B", 3], "A/B"), (None, None), ("", None), ([], None), (5, None)],
)
def test_a_symbol_is_a_text_or_a_list_of_texts(told: object, symbol: str | None) -> None:
    approval, _ = approval_of(row(symbol=told), HERE, by_index("1"))
    assert approval.token.symbol == symbol


@pytest.mark.parametrize(
    ("told", "status"),
    [
        *[("1", Status.GRANTED), (1, Status.GRANTED), ("2", Status.REVOKING), (2, Status.REVOKING)],
        *[("3", Status.GRANTING), (3, Status.GRANTING), ("9", Status.GRANTED), (None, Status.GRANTED)],
        *[([], Status.GRANTED), (2.0, Status.GRANTED)],
    ],
)
def test_an_unknown_status_counts_as_granted(told: object, status: Status) -> None:
    assert approval_of(row(status=told), HERE, by_index("1"))[0].status is status


def test_evm_addresses_are_lower_case_and_others_are_left_as_they_are() -> None:
    shouted = row(token="0x" + "AB" * 20, spenders=("0x" + "Cd" * 20,))
    approval, _ = approval_of(shouted, HERE, by_index("1"))
    assert (approval.token.address, approval.spender.address) == (TOKEN, SPENDER)
    approval, flaw = approval_of(row(token=TRON, spenders=(TRON,)), Target("195", TRON), by_index("195"))
    assert (approval.token.address, approval.spender.address) == (TRON, TRON)
    assert flaw is Flaw.NONE


@pytest.mark.parametrize(("told", "name"), [("Router", "Router"), ("", ""), (None, None), (7, None)])
def test_a_spender_that_has_no_name_is_told_from_one_whose_name_is_not_told(told: object, name: str | None) -> None:
    approval, _ = approval_of(row(name=told), HERE, by_index("1"))
    assert approval.spender.name == name


def test_long_texts_are_cut() -> None:
    approval, _ = approval_of(row(symbol="s" * 10_000, name="n" * 10_000), HERE, by_index("1"))
    assert approval.token.symbol == "s" * LONGEST_TEXT
    assert approval.spender.name == "n" * LONGEST_TEXT


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(anything, anything, anything, anything, anything, anything)
def test_any_row_becomes_an_approval(
    token: Any, symbol: Any, spender: Any, name: Any, amount: Any, status: Any
) -> None:
    approval, _ = approval_of(Row(token, symbol, (spender,), name, amount, status), HERE, by_index("1"))
    assert approval.target == HERE
    assert len(approval.id) == 20
