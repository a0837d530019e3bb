"""What tokens say of themselves. It is for words and for "unlimited by supply": nothing of it can hide an approval."""

from collections.abc import Sequence

from scanner.domain.holdings import MOST_DECIMALS
from scanner.domain.token_facts import Standard, TokenFacts
from scanner.errors import Trouble
from scanner.evm.abi import WORD, number, text
from scanner.evm.keccak import selector
from scanner.evm.multicall import read_state
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block, Call, Returned

__all__ = ["token_facts"]


def _supports(interface: str) -> str:
    return selector("supportsInterface(bytes4)") + interface.ljust(WORD, "0")


_WORDS = tuple(map(selector, ("symbol()", "name()", "decimals()", "totalSupply()")))
_TELLS_INTERFACES = _supports("01ffc9a7")
_ANY_INTERFACE = _supports("ffffffff")
_ERC721 = _supports("80ac58cd")
_ERC1155 = _supports("d9b67a26")


async def token_facts(nodes: Nodes, tokens: Sequence[str], block: Block) -> dict[str, TokenFacts] | Trouble:
    """What each token (lower case) says of itself after `block`; a trouble where one could not be asked.

    What a contract does not say, or not readably, is None: that is a fact as well, and worth remembering.
    """
    said = await _asked(nodes, tokens, (_TELLS_INTERFACES, *_WORDS), block)
    if isinstance(said, Trouble):
        return said
    of_standards = [token for token, (tells, *_) in said.items() if number(tells) == 1]
    interfaces = await _asked(nodes, of_standards, (_ANY_INTERFACE, _ERC721, _ERC1155), block)
    if isinstance(interfaces, Trouble):
        return interfaces
    return {token: _facts(words, _standard(interfaces.get(token))) for token, (_, *words) in said.items()}


async def _asked(
    nodes: Nodes, tokens: Sequence[str], questions: Sequence[str], block: Block
) -> dict[str, list[Returned]] | Trouble:
    """What each token answers to the same questions."""
    unique = list(dict.fromkeys(tokens))
    answers = await read_state(nodes, [Call(token, question) for token in unique for question in questions], block)
    if isinstance(answers, Trouble):
        return answers
    count = len(questions)
    return {token: answers[place * count : (place + 1) * count] for place, token in enumerate(unique)}


def _standard(interfaces: Sequence[Returned] | None) -> Standard | None:
    """By ERC-165, who says yes to the interface 0xffffffff says yes to anything. ERC-1155 comes before ERC-721."""
    if interfaces is None:
        return None
    anything, erc721, erc1155 = map(number, interfaces)
    if anything != 0:
        return None
    return Standard.ERC1155 if erc1155 == 1 else Standard.ERC721 if erc721 == 1 else None


def _facts(words: Sequence[Returned], standard: Standard | None) -> TokenFacts:
    symbol, name, decimals, supply = words
    if standard is not None:
        return TokenFacts(text(symbol), text(name), standard=standard)
    places = number(decimals)
    bearable = places if places is not None and places <= MOST_DECIMALS else None
    return TokenFacts(text(symbol), text(name), bearable, number(supply))
