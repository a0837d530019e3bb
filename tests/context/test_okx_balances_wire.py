"""Numbers on the wire: exact, or unknown, and never through a float."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from bank import ANN, MINT, SOL, asset, token, told
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.context.okx_balances_wire import Answer, amount_of, held, held_of, raw_of, read_answer
from scanner.domain.approvals import UINT256_MAX
from scanner.domain.chains import by_index
from scanner.domain.holdings import EXACT, Seen
from scanner.okx.shapes import LONGEST_TEXT, MalformedError

ETHEREUM, SOLANA = by_index("1"), by_index("501")


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def answer(*assets: Any) -> Answer:
    return read_answer(raw(json.dumps(told(*assets)["data"])), ANN, {"1": ETHEREUM})


def seen(**fields: Any) -> Seen:
    return answer(asset("1", token(1), **fields)).rows["1"][token(1)]


decimals = st.decimals(
    min_value=0, max_value=Decimal(10) ** 30, allow_nan=False, allow_infinity=False, places=None
) | st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places, context=EXACT),
    st.integers(0, 10**78),
    st.integers(0, 77),
)


@given(decimals, st.booleans())
@example(Decimal("115792089237316195423570985008687907853269984665640564039457.584007913129639935"), True)
@example(Decimal("0.000000000000000001"), False)
def test_a_number_is_read_to_its_last_digit_as_text_and_as_a_number(number: Decimal, quoted: bool) -> None:
    text = f"{number:f}"
    found = amount_of(raw(f'"{text}"' if quoted else text))
    if len(text.partition(".")[2]) > 80:
        assert found is None
    else:
        assert found == number
        assert found is not None
        assert not found or found.as_tuple() == Decimal(text).as_tuple()  # trailing zeros tell where it was cut


@given(st.text() | st.from_regex(r"[-+]?[0-9_.,]*([eE][-+]?[0-9]*)?", fullmatch=True))
def test_whatever_is_written_is_an_exact_finite_number_or_unknown(text: str) -> None:
    found = amount_of(raw(json.dumps(text)))
    if found is not None:
        assert found.is_finite()
        assert found >= 0
        assert found == Decimal(text.strip())
        assert int(found.as_tuple().exponent) >= -80
        assert found.adjusted() < 80


@pytest.mark.parametrize(
    "written",
    [
        "",
        "null",
        "true",
        "{}",
        "[1]",
        "-1",
        '"-0"',
        '""',
        '"  "',
        '"NaN"',
        '"Infinity"',
        '"1e999999999"',
        '"1e99"',
        "1e999999999",
        "1e-99",
        '"1,5"',
        '"1_000"',
        '"0x10"',
        '"١٢"',
        '"$5"',
        f'"{"9" * 81}"',
        f'"0.{"9" * 81}"',
        '"' + "9" * 100_000 + '"',
        r'"\x"',
    ],
)
def test_what_is_no_sound_number_is_unknown(written: str) -> None:
    assert amount_of(raw(written)) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ('"0"', "0"),
        ("0", "0"),
        ('"0.000"', "0"),
        ('"0e5"', "0"),
        ('" 1.5 "', "1.5"),
        ("1.5", "1.5"),
        ('"1.500"', "1.500"),
        ('"5."', "5"),
        ('"1E-7"', "0.0000001"),
        ('"1.2e+3"', "1200"),
        (r'"1\u0035"', "15"),
        ("0.1", "0.1"),
        ("9007199254740993", "9007199254740993"),
        ("0.12345678901234567890123456789", "0.12345678901234567890123456789"),
    ],
)
def test_what_is_a_number_is_read_as_it_is_written(written: str, number: str) -> None:
    assert amount_of(raw(written)) == Decimal(number)


@given(st.integers(0, UINT256_MAX), st.booleans())
@example(UINT256_MAX, False)
def test_a_raw_balance_is_exact(number: int, quoted: bool) -> None:
    assert raw_of(raw(f'"{number}"' if quoted else f"{number}")) == number


@pytest.mark.parametrize("written", ["", '""', "null", '"-5"', '"1.0"', '"1e18"', "1e18", f'"{UINT256_MAX + 1}"', "{}"])
def test_what_is_no_raw_balance_is_none(written: str) -> None:
    assert raw_of(raw(written)) is None


@pytest.mark.parametrize(
    "price", ["0", "", "0.0", 0, 0.0, None, "-1", "NaN", "?", False, "1e999999999", [], {"usd": 1}]
)
def test_a_price_that_is_zero_or_makes_no_sense_is_unknown(price: Any) -> None:
    assert seen(tokenPrice=price).price_usd is None


def test_a_missing_field_is_unknown() -> None:
    row = {"chainIndex": "1", "tokenContractAddress": token(1)}
    assert answer(row).rows["1"][token(1)] == Seen(token(1))


@pytest.mark.parametrize(
    ("balance", "raw_balance", "amount", "exact"),
    [
        ("1.5", "1500", Decimal("1.5"), 1500),
        ("1.5", "", Decimal("1.5"), None),
        ("", "1500", None, 1500),
        ("0", "", Decimal(0), None),
        ("0", "0", Decimal(0), 0),
        ("", "0", Decimal(0), 0),
        ("1.5", "0", Decimal("1.5"), None),
        ("0", "3", None, 3),
        ("1.5", "7", Decimal("1.5"), None),
        ("1.5", "15001", Decimal("1.5"), 15001),
        ("0.015", "15001", Decimal("0.015"), 15001),
        ("1500", "15", Decimal(1500), 15),
        ("1.500", "15", Decimal("1.5"), 15),
        ("1.23", "12", Decimal("1.23"), None),
        ("?", "?", None, None),
    ],
)
def test_a_balance_and_its_raw_form_are_held_against_each_other(
    balance: str, raw_balance: str, amount: Decimal | None, exact: int | None
) -> None:
    found = seen(balance=balance, rawBalance=raw_balance)
    assert (found.amount, found.raw) == (amount, exact)


@pytest.mark.parametrize(
    ("told_risk", "risk"),
    [
        (True, True),
        (False, False),
        ("1", True),
        ("0", False),
        (1, True),
        (0, False),
        ("true", True),
        ("False", False),
        (None, None),
        ("", None),
        ("maybe", None),
        (2, None),
        ([], None),
    ],
)
def test_a_risk_is_told_in_many_ways_or_not_at_all(told_risk: Any, risk: bool | None) -> None:
    assert seen(isRiskToken=told_risk).risk is risk


def test_a_symbol_is_a_strangers_text_and_cut() -> None:
    assert seen(symbol="***").symbol == "***"
    assert seen(symbol="s" * 1000).symbol == "s" * LONGEST_TEXT
    assert seen(symbol=["a"]).symbol is None
    assert seen(symbol="").symbol is None


def test_the_address_of_a_token_is_lower_case_on_evm_chains_alone() -> None:
    data = raw(json.dumps(told(asset("501", MINT), asset("501", ""), asset("501", "m" * 200))["data"]))
    found = read_answer(data, SOL, {"501": SOLANA})
    assert found.rows["501"].keys() == {MINT, ""}
    assert found.broken == 1
    assert answer(asset("1", token(0xAB).upper().replace("0X", "0x"))).rows["1"].keys() == {token(0xAB)}


def test_an_owners_capitals_are_the_same_owner_on_evm_chains_alone() -> None:
    data = raw(json.dumps(told(asset("501", MINT, address=SOL.lower()))["data"]))
    with pytest.raises(MalformedError, match="another owner"):
        read_answer(data, SOL, {"501": SOLANA})


def test_an_answer_that_is_nested_too_deeply_is_malformed() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    with pytest.raises(MalformedError):
        read_answer(raw(f'[{{"tokenAssets": {deep}}}]'), ANN, {"1": ETHEREUM})


NAMES = ["tokenAssets", "chainIndex", "tokenContractAddress", "address", "balance", "rawBalance", "isRiskToken"]
anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["1", "", token(1)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@given(anything)
def test_any_data_at_all_are_read_or_refused(data: Any) -> None:
    try:
        found = read_answer(msgspec.Raw(msgspec.json.encode([data])), ANN, {"1": ETHEREUM})
    except MalformedError:
        return
    assert all(row.token == key for rows in found.rows.values() for key, row in rows.items())


def test_the_requests_are_as_documented() -> None:
    upper = ANN.upper().replace("0X", "0x")
    asked = held("/api/v5/dex/balance", upper, ["1", "8453"])
    assert (asked.method, asked.body, asked.project) == ("GET", b"", False)
    assert asked.target == (
        f"/api/v5/dex/balance/all-token-balances-by-address?address={ANN}&chains=1%2C8453&excludeRiskToken=1"
    )
    asked = held_of("/api/v6/dex/balance", SOL, [("501", ""), ("501", MINT)])
    assert (asked.method, asked.target) == ("POST", "/api/v6/dex/balance/token-balances-by-address")
    assert json.loads(asked.body) == {
        "address": SOL,
        "tokenContractAddresses": [
            {"chainIndex": "501", "tokenContractAddress": ""},
            {"chainIndex": "501", "tokenContractAddress": MINT},
        ],
        "excludeRiskToken": "1",
    }
