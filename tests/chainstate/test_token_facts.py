"""What tokens say of themselves: misses are facts, and nothing that they say does harm."""

import pytest
from far_chain import BLOCK, BURNS, FarChain, called, served, string, words

from scanner.domain.token_facts import Standard, TokenFacts
from scanner.errors import Trouble
from scanner.sources.evm_metadata import token_facts

TOKEN, OTHER, NO_CODE = ("0x" + byte * 20 for byte in ("c1", "c2", "c9"))
SELF, ANY, ERC721, ERC1155 = "01ffc9a7", "ffffffff", "80ac58cd", "d9b67a26"


def token(address: str = TOKEN, supports: tuple[str, ...] = (), **says: str) -> dict[tuple[str, str], str]:
    """A contract that says this, and answers all of ERC-165 if it supports anything."""
    state = {(address, called(f"{name}()")): answer for name, answer in says.items()}
    for interface in (SELF, ANY, ERC721, ERC1155) if supports else ():
        question = called("supportsInterface(bytes4)") + interface.ljust(64, "0")
        state[address, question] = words(int(interface in supports))
    return state


async def said(state: dict[tuple[str, str], str], *tokens: str) -> dict[str, TokenFacts]:
    async with served(FarChain(state)) as nodes:
        found = await token_facts(nodes, tokens or (TOKEN,), BLOCK)
    assert not isinstance(found, Trouble), found
    return found


async def test_an_ordinary_token_says_all() -> None:
    state = token(symbol=string("USDC"), name=string("USD Coin"), decimals=words(6), totalSupply=words(10**15))
    assert await said(state, TOKEN, TOKEN) == {TOKEN: TokenFacts("USDC", "USD Coin", 6, 10**15)}


async def test_a_symbol_may_be_32_bytes() -> None:
    state = token(symbol=b"MKR".ljust(32, b"\0").hex(), decimals=words(18))
    assert await said(state) == {TOKEN: TokenFacts("MKR", None, 18)}


async def test_what_a_token_does_not_say_is_a_fact_as_well() -> None:
    assert await said(token(OTHER, other=words(1)), OTHER, NO_CODE) == {OTHER: TokenFacts(), NO_CODE: TokenFacts()}


@pytest.mark.parametrize(("told", "decimals"), [(0, 0), (77, 77), (78, None), (2**255, None)])
async def test_decimals_that_no_amount_can_use_are_unknown(told: int, decimals: int | None) -> None:
    assert await said(token(decimals=words(told))) == {TOKEN: TokenFacts(decimals=decimals)}


@pytest.mark.parametrize(
    ("supports", "standard"),
    [
        ((SELF, ERC721), Standard.ERC721),
        ((SELF, ERC1155), Standard.ERC1155),
        ((SELF, ERC721, ERC1155), Standard.ERC1155),
        ((SELF,), None),
        ((ERC721,), None),
        ((SELF, ANY, ERC721, ERC1155), None),
    ],
)
async def test_a_standard_is_believed_by_the_rules_of_erc165(
    supports: tuple[str, ...], standard: Standard | None
) -> None:
    state = token(supports=supports, symbol=string("APE"), decimals=words(0), totalSupply=words(10_000))
    [facts] = (await said(state)).values()
    assert facts.standard is standard
    assert (facts.decimals, facts.supply) == ((None, None) if standard else (0, 10_000))


async def test_a_symbol_of_a_megabyte_or_one_that_burns_gas_spoils_no_other() -> None:
    tokens = [f"0x{number:040x}" for number in range(1, 60)]
    state = {key: told for address in tokens for key, told in token(address, symbol=string(address)).items()}
    state |= token(OTHER, symbol=string("x" * 1_000_000), name=BURNS, decimals=words(3))
    found = await said(state, *tokens[:30], OTHER, *tokens[30:])
    assert found[OTHER] == TokenFacts("x" * 256, None, 3)
    assert {address: facts.symbol for address, facts in found.items() if address != OTHER} == dict(
        zip(tokens, tokens, strict=True)
    )


async def test_a_node_that_fails_teaches_no_miss() -> None:
    async with served(FarChain(token(symbol=string("USDC")), fails_after=1)) as nodes:
        assert isinstance(await token_facts(nodes, [TOKEN], BLOCK), Trouble)
