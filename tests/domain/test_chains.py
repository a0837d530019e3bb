"""The table of chains: each row can be named in every way, and no name means two."""

import re
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.chains import CHAINS, Chain, Family, UnknownChainError, by_eip155, by_index, find_chain

# The chainIndexes that the provider's documents list.
NOT_EVM = {0, 2, 3, 5, 145, 195, 501, 607, 784, 70000061}
EVM = {
    1, 10, 14, 25, 50, 56, 61, 66, 100, 130, 137, 143, 146, 169, 196, 204, 223, 250, 255, 288, 321, 324, 369, 999, 1030,
    1088, 1101, 1116, 1284, 1285, 1329, 1625, 2020, 2222, 4200, 4326, 5000, 7000, 8217, 8453, 9745, 13371, 33139, 34443,
    42161, 42170, 42220, 43114, 57073, 59144, 60808, 80094, 81457, 167000, 200901, 534352, 747474, 7777777, 11155111,
}  # fmt: skip # - as many to a line as fit


def test_the_table_holds_every_chain_of_the_provider_and_no_other() -> None:
    assert {int(chain.index) for chain in CHAINS} == NOT_EVM | EVM
    assert len(CHAINS) == len(NOT_EVM | EVM)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_a_chain_is_found_by_each_of_its_names(chain: Chain) -> None:
    for text in (chain.index, chain.name, chain.title, *chain.aliases):
        assert find_chain(text) is chain
        assert find_chain(f"  {text.upper()} ") is chain
    assert by_index(chain.index) is chain


def test_no_name_means_two_chains() -> None:
    spellings = sorted(
        (text, chain.index)
        for chain in CHAINS
        for text in {chain.index, chain.name, chain.title.casefold(), *chain.aliases}
    )
    assert [(one, two) for one, two in pairwise(spellings) if one[0] == two[0]] == []


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_a_row_is_fit_for_links_and_for_machines(chain: Chain) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", chain.name)
    assert not chain.name.isdigit()
    assert re.fullmatch(r"https://[a-z0-9.-]+(/[a-z0-9-]+)*", chain.explorer)
    assert chain.address_url("0x1").startswith(f"{chain.explorer}/")
    assert not any(alias.isdigit() for alias in chain.aliases)
    assert (chain.eip155 is not None) == (chain.family is Family.EVM)


def test_a_chain_index_is_an_eip155_id_on_evm_chains_alone() -> None:
    for chain in CHAINS:
        if chain.family is Family.EVM:
            assert by_eip155(int(chain.index)) is chain
    assert by_eip155(501) is None
    assert by_eip155(5) is None


@pytest.mark.parametrize(
    ("text", "index"),
    [("eth", "1"), ("Ethereum", "1"), ("bsc", "56"), ("56", "56"), ("BNB smart  chain", "56"),
     ("polygon_zkevm", "1101"), ("Arbitrum One", "42161"), ("x-layer", "196"), ("X Layer", "196"), ("sol", "501")],
)  # fmt: skip # - as many to a line as fit
def test_people_find_the_chain_they_mean(text: str, index: str) -> None:
    assert find_chain(text).index == index


@pytest.mark.parametrize(
    ("text", "meant"), [("etherum", "ethereum"), ("Arbitrun", "arbitrum"), ("avalance", "avalanche")]
)
def test_a_mistyped_chain_is_answered_with_the_one_that_was_meant(text: str, meant: str) -> None:
    with pytest.raises(UnknownChainError, match=f"did you mean '{meant}'"):
        find_chain(text)


@pytest.mark.parametrize("text", ["", " ", "999999", "-1", "01", "1.0", "0x1", "ethereum mainnet chain", "\0", "١"])
def test_what_stands_for_no_chain_is_refused(text: str) -> None:
    with pytest.raises(UnknownChainError):
        find_chain(text)


def test_an_unknown_index_is_refused_and_an_unknown_eip155_id_is_not() -> None:
    with pytest.raises(UnknownChainError):
        by_index("ethereum")
    assert by_eip155(123456789) is None


@given(st.text(max_size=40))
def test_any_text_is_a_chain_or_an_unknown_chain(text: str) -> None:
    with suppress(UnknownChainError):
        assert find_chain(text) in CHAINS
