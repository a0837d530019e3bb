"""Words of the ABI: what is written is what stands there, and nothing that strangers write raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.evm import topics
from scanner.evm.abi import LONGEST_TEXT, calldata, number, text, word
from scanner.evm.keccak import selector, topic

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
UINTS = st.integers(0, 2**256 - 1)


def string(raw: bytes, *, offset: int = 32, length: int | None = None) -> str:
    """ABI's `string`, written the slow way; offset and length may lie."""
    padded = raw + bytes(-len(raw) % 32)
    return (offset.to_bytes(32) + (len(raw) if length is None else length).to_bytes(32) + padded).hex()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("APPROVAL", "0x8c5be1e5"),
        ("APPROVAL_FOR_ALL", "0x17307eab"),
        ("TRANSFER", "0xddf252ad"),
        ("AUTHORIZED_OPERATOR", "0xf4caeb2d"),
        ("REVOKED_OPERATOR", "0x50546e66"),
        ("ERC6909_APPROVAL", "0xb3fd5071"),
        ("ERC6909_OPERATOR_SET", "0xceb576d9"),
        ("ERC6909_TRANSFER", "0x1b3d7edb"),
        ("PERMIT2_APPROVAL", "0xda9fa7c1"),
        ("PERMIT2_LOCKDOWN", "0x89b1add1"),
        ("PERMIT2_NONCE_INVALIDATION", "0x55eb90d8"),
        ("PERMIT2_PERMIT", "0xc6a377bf"),
    ],
)
def test_events_have_the_topics_that_chains_show(name: str, begins: str) -> None:
    found = getattr(topics, name)
    assert found.startswith(begins)
    assert len(found) == 66


def test_a_hash_is_keccak_and_not_the_standardised_sha3() -> None:
    assert topic("") == "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert selector("transfer(address,uint256)") == "0xa9059cbb"


@given(UINTS, ADDRESSES)
def test_calldata_hold_each_argument_in_32_bytes(value: int, address: str) -> None:
    data = calldata("0xdd62ed3e", address, value)
    raw = bytes.fromhex(data[2:])
    assert raw[:4].hex() == "dd62ed3e"
    assert raw[4:36] == bytes(12) + bytes.fromhex(address[2:])
    assert int.from_bytes(raw[36:]) == value


@given(st.lists(UINTS, max_size=5), st.integers(0, 6))
def test_a_number_is_read_from_its_own_word(values: list[int], index: int) -> None:
    data = "".join(value.to_bytes(32).hex() for value in values)
    assert number(data, index) == (values[index] if index < len(values) else None)


@given(st.text(max_size=LONGEST_TEXT))
def test_a_string_is_read_as_it_was_written_but_for_zero_bytes(written: str) -> None:
    assert text(string(written.encode())) == (written.replace("\0", "") or None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"MKR".ljust(32, b"\0").hex(), "MKR"),
        (bytes(32).hex(), None),
        (string(b""), None),
        (string(b"USDC", length=2**256 - 1), "USDC"),
        (string(b"USDC", length=3), "USD"),
        (string(b"USDC", offset=2**255), None),
        (string(b"USDC", offset=4096), None),
        (string(b"\xff\xfeA"), "��A"),
        ("", None),
        (None, None),
        ("zz" * 64, None),
        (string(b"USDC")[:-58], "USD"),
    ],
)
def test_a_text_that_lies_about_itself_is_read_as_far_as_it_is_there(data: str | None, said: str | None) -> None:
    assert text(data) == said


def test_a_name_of_a_megabyte_is_cut_without_being_decoded_whole() -> None:
    assert text(string("€".encode() * 350_000)) == "€" * LONGEST_TEXT


@given(st.none() | st.text("0123456789abcdefxZ", max_size=400) | st.binary(max_size=200).map(bytes.hex))
def test_nothing_that_a_contract_answers_raises(data: str | None) -> None:
    said = text(data)
    assert said is None or 0 < len(said) <= LONGEST_TEXT
    value = number(data)
    assert value is None or word(value) == (data or "")[:64].rjust(64, "0") or "_" in (data or "")
