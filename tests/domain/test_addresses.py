"""Addresses as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.addresses import BadAddressError, checksummed, is_evm, normal_address, short
from scanner.domain.chains import find_chain

ETHEREUM = find_chain("ethereum")

# The vectors of EIP-55.
ALL_UPPER = ["0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"]
ALL_LOWER = ["0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26"]
MIXED = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]

DIGITS = st.text(alphabet="0123456789abcdef", min_size=40, max_size=40)


@pytest.mark.parametrize("address", ALL_UPPER + ALL_LOWER + MIXED)
def test_the_vectors_of_eip_55_hold(address: str) -> None:
    assert checksummed(address.lower()) == address
    assert normal_address(address, ETHEREUM) == address.lower()


@pytest.mark.parametrize("address", MIXED)
def test_one_letter_in_the_wrong_case_is_found(address: str) -> None:
    for place, letter in enumerate(address[2:], 2):
        if letter.isalpha():
            with pytest.raises(BadAddressError, match="EIP-55"):
                normal_address(address[:place] + letter.swapcase() + address[place + 1 :], ETHEREUM)


@pytest.mark.parametrize(
    "text",
    ["", "0x", "0x" + "1" * 39, "0x" + "1" * 41, "0X" + "1" * 40, "1" * 40, "0x" + "g" * 40, "0x" + "１" * 40,
     " 0x" + "1" * 40, "0x" + "1" * 40 + "\n", "vitalik.eth"],
)  # fmt: skip # - as many to a line as fit
def test_what_is_no_evm_address_is_refused(text: str) -> None:
    assert not is_evm(text)
    with pytest.raises(BadAddressError, match="not an EVM address"):
        normal_address(text, ETHEREUM)


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("bitcoin-cash", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
        ("tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        ("solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        ("ton", "EQCxE6mUtQJKFnGfaROTKOt1lZbDiiX1kCixRv7Nw2Id_sDs"),
        ("sui", "0x2"),
    ],
)
def test_other_families_keep_their_addresses_as_written(chain: str, address: str) -> None:
    assert normal_address(address, find_chain(chain)) == address


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("tron", "0x52908400098527886E0F7030069857D2E4169EE7"),
        ("solana", "0OIl" * 10),
        ("sui", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        ("bitcoin", "short"),
        ("ton", "EQ"),
    ],
)
def test_an_address_of_another_family_is_refused(chain: str, address: str) -> None:
    with pytest.raises(BadAddressError, match=find_chain(chain).title):
        normal_address(address, find_chain(chain))


@given(DIGITS)
def test_a_checksummed_address_is_accepted_and_means_the_same(digits: str) -> None:
    address = f"0x{digits}"
    assert normal_address(checksummed(address), ETHEREUM) == address
    assert checksummed(checksummed(address)) == checksummed(address)


@given(st.text(max_size=60), st.sampled_from(["ethereum", "tron", "solana", "ton", "sui", "bitcoin"]))
def test_any_text_is_an_address_or_a_bad_address(text: str, chain: str) -> None:
    with suppress(BadAddressError):
        assert normal_address(text, find_chain(chain)).isascii()


@given(DIGITS)
def test_a_short_address_keeps_both_ends(digits: str) -> None:
    shown = short(f"0x{digits}")
    assert shown.startswith(f"0x{digits[:8]}")
    assert shown.endswith(digits[-8:])
    assert len(shown) < 20


def test_a_short_text_is_not_shortened() -> None:
    assert short("0x2") == "0x2"
