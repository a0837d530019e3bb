"""What is in force is what the state says, by the standard of each kind; a log is never enough."""

from datetime import UTC, datetime, timedelta

import pytest
from far_chain import BLOCK, BURNS, FarChain, called, served, words
from msgspec.structs import replace

from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Kind, Token
from scanner.domain.nominations import PERMIT2, Key, Nomination
from scanner.domain.token_facts import Standard, TokenFacts
from scanner.errors import Trouble
from scanner.evm.index import Kept
from scanner.sources.evm_state import NOTHING_SAID, approval, rights

OWNER, SPENDER, TOKEN, ELSEWHERE, STRANGER = ("0x" + byte * 20 for byte in ("a1", "b1", "c1", "d1", "5a"))
NOW = int(BLOCK.time.timestamp())
UINT160_MAX, UINT48_MAX = 2**160 - 1, 2**48 - 1

ALLOWANCE = called("allowance(address,address)", OWNER, SPENDER)
OPERATOR = called("isApprovedForAll(address,address)", OWNER, SPENDER)
ERC20 = Nomination(OWNER, Kind.ERC20, TOKEN, SPENDER)
NFT = Nomination(OWNER, Kind.ERC721, TOKEN, SPENDER, 7)
PERMITTED = Nomination(OWNER, Kind.PERMIT2, TOKEN, SPENDER)


async def told(
    state: dict[tuple[str, str], str],
    *nominations: Nomination,
    facts: dict[str, TokenFacts] | None = None,
    seen: frozenset[Key] = frozenset(),
) -> list[Approval]:
    """What is said to be in force while the contracts give back this; `facts` are what is known of tokens."""
    kept = [Kept(one, seen=one.key in seen) for one in nominations]
    async with served(FarChain(state)) as nodes:
        found = await rights(nodes, kept, BLOCK)
    assert not isinstance(found, Trouble), found
    known = facts or {}
    granted = [(one, right) for one, right in zip(nominations, found, strict=True) if right is not None]
    return [approval("1", one, right, known.get(one.token, NOTHING_SAID)) for one, right in granted]


def owned(holder: str, approved: str) -> dict[tuple[str, str], str]:
    return {
        (TOKEN, called("ownerOf(uint256)", 7)): words(holder),
        (TOKEN, called("getApproved(uint256)", 7)): words(approved),
    }


def permitted(amount: int, expiration: int, covered: int, instance: str = PERMIT2) -> dict[tuple[str, str], str]:
    return {
        (instance, called("allowance(address,address,address)", OWNER, TOKEN, SPENDER)): words(amount, expiration, 3),
        (TOKEN, called("allowance(address,address)", OWNER, instance)): words(covered),
    }


async def test_an_allowance_is_what_the_token_says_now_with_the_grant_of_its_log() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    nomination = replace(ERC20, amount=UINT256_MAX, block=4, tx="0xaa", at=at)
    facts = TokenFacts("USDC", "USD Coin", 6, 10**15)
    [found] = await told({(TOKEN, ALLOWANCE): words(60)}, nomination, facts={TOKEN: facts})
    assert found == Approval(
        "1", OWNER, Token(TOKEN, "USDC", 6, 10**15), found.spender, Allowance(60), granted_at=at, granted_tx="0xaa"
    )
    assert found.spender.address == SPENDER


async def test_a_spoofed_event_is_refuted_by_the_state() -> None:
    assert await told({(TOKEN, ALLOWANCE): words(0)}, replace(ERC20, amount=UINT256_MAX)) == []


async def test_an_address_without_code_grants_nothing_whatever_was_seen_there() -> None:
    every = [replace(ERC20, kind=kind) for kind in Kind]
    assert await told({}, *every, seen=frozenset(one.key for one in every)) == []


@pytest.mark.parametrize("answer", [None, "00" * 31, "ab"])
async def test_what_reverts_or_talks_nonsense_stays_only_where_it_was_once_in_force(answer: str | None) -> None:
    other = replace(ERC20, spender=STRANGER)
    state = {(TOKEN, called("name()")): words(0)} | ({(TOKEN, ALLOWANCE): answer} if answer else {})
    [found] = await told(state, ERC20, other, seen=frozenset({ERC20.key}))
    assert found.spender.address == SPENDER
    assert found.allowance.raw is None
    assert found.allowance.unreadable
    assert not found.allowance.is_zero


async def test_a_token_that_burns_gas_hides_no_approval_of_another() -> None:
    hostile = replace(ERC20, token=STRANGER)
    state = {(TOKEN, ALLOWANCE): words(5), (STRANGER, ALLOWANCE): BURNS}
    [found] = await told(state, hostile, ERC20)
    assert (found.token.address, found.allowance) == (TOKEN, Allowance(5))


@pytest.mark.parametrize(
    ("holder", "approved", "stands"),
    [(OWNER, SPENDER, True), (STRANGER, SPENDER, False), (OWNER, STRANGER, False), (OWNER, "0x" + "00" * 20, False)],
)
async def test_an_nft_may_be_taken_while_its_owner_owns_it_and_the_spender_is_approved(
    holder: str, approved: str, stands: bool
) -> None:
    found = await told(owned(holder, approved), NFT, facts={TOKEN: TokenFacts("APE", decimals=0, supply=10)})
    assert [(one.allowance, one.token_id, one.token) for one in found] == (
        [(Allowance(1), 7, Token(TOKEN, "APE"))] if stands else []
    )


async def test_an_nft_that_was_burnt_is_no_doubt() -> None:
    state = {(TOKEN, called("getApproved(uint256)", 7)): words(SPENDER)}
    assert await told(state, NFT, seen=frozenset({NFT.key})) == []


async def test_an_nft_whose_approval_alone_reverts_stays_where_it_was_in_force() -> None:
    state = {(TOKEN, called("ownerOf(uint256)", 7)): words(OWNER)}
    assert await told(state, NFT) == []
    [found] = await told(state, NFT, seen=frozenset({NFT.key}))
    assert found.allowance.unreadable


@pytest.mark.parametrize(
    ("standard", "kind"),
    [(Standard.ERC1155, Kind.ERC1155_ALL), (Standard.ERC721, Kind.ERC721_ALL), (None, Kind.ERC721_ALL)],
)
async def test_an_operator_is_of_the_kind_that_the_contract_says(standard: Standard | None, kind: Kind) -> None:
    nomination = replace(ERC20, kind=Kind.ERC721_ALL)
    facts = {TOKEN: TokenFacts("ITEMS", standard=standard)}
    [found] = await told({(TOKEN, OPERATOR): words(1)}, nomination, facts=facts)
    assert (found.kind, found.allowance) == (kind, Allowance(None, in_words=True))
    assert await told({(TOKEN, OPERATOR): words(0)}, nomination, facts=facts) == []


async def test_erc777_asks_for_the_operator_first() -> None:
    nomination = replace(ERC20, kind=Kind.ERC777)
    question = called("isOperatorFor(address,address)", SPENDER, OWNER)
    [found] = await told({(TOKEN, question): words(1)}, nomination, facts={TOKEN: TokenFacts("SVN", supply=9)})
    assert found.unlimited
    assert found.token.supply == 9


async def test_erc6909_knows_amounts_of_an_id_and_operators_of_all() -> None:
    one = replace(ERC20, kind=Kind.ERC6909, token_id=3)
    every = replace(ERC20, kind=Kind.ERC6909)
    state = {
        (TOKEN, called("allowance(address,address,uint256)", OWNER, SPENDER, 3)): words(12),
        (TOKEN, called("isOperator(address,address)", OWNER, SPENDER)): words(1),
    }
    found = await told(state, one, every, facts={TOKEN: TokenFacts("IDS", decimals=18, supply=5)})
    assert [(row.token_id, row.allowance.raw, row.unlimited) for row in found] == [(3, 12, False), (None, None, True)]
    assert {row.token for row in found} == {Token(TOKEN, "IDS")}
    assert len({row.id for row in found}) == 2


@pytest.mark.parametrize(
    ("amount", "covered", "raw"), [(50, 80, 50), (UINT160_MAX, 80, 80), (50, 0, None), (0, 80, None)]
)
async def test_a_permit2_allowance_is_no_more_than_the_token_allows_to_permit2(
    amount: int, covered: int, raw: int | None
) -> None:
    found = await told(permitted(amount, NOW + 60, covered), PERMITTED)
    assert [one.allowance.raw for one in found] == ([] if raw is None else [raw])
    assert all(one.expires_at == BLOCK.time + timedelta(seconds=60) for one in found)


@pytest.mark.parametrize(("expiration", "over"), [(NOW - 1, True), (NOW, True), (NOW + 1, False), (0, True)])
async def test_a_permit2_allowance_that_has_expired_is_shown_with_its_end(expiration: int, over: bool) -> None:
    [found] = await told(permitted(50, expiration, 80), PERMITTED)
    assert found.expired(BLOCK.time) is over


async def test_an_end_beyond_all_dates_is_none() -> None:
    [found] = await told(permitted(50, UINT48_MAX, 80), PERMITTED)
    assert found.expires_at is None
    assert not found.expired(BLOCK.time)


async def test_another_permit2_is_asked_itself_and_is_another_approval() -> None:
    elsewhere = replace(PERMITTED, via=ELSEWHERE)
    found = await told(permitted(50, NOW + 9, 80) | permitted(60, NOW + 9, 55, ELSEWHERE), PERMITTED, elsewhere)
    assert [(one.via, one.allowance.raw) for one in found] == [(None, 50), (ELSEWHERE, 55)]
    assert found[0].id != found[1].id


async def test_a_permit2_allowance_stays_in_doubt_while_its_token_reverts() -> None:
    state = permitted(50, NOW + 9, 80)
    state.pop((TOKEN, called("allowance(address,address)", OWNER, PERMIT2)))
    state[TOKEN, called("name()")] = words(0)
    assert await told(state, PERMITTED) == []
    [found] = await told(state, PERMITTED, seen=frozenset({PERMITTED.key}))
    assert found.allowance.unreadable


async def test_no_facts_hide_nothing() -> None:
    [found] = await told({(TOKEN, ALLOWANCE): words(UINT256_MAX)}, ERC20)
    assert found.token == Token(TOKEN)
    assert found.unlimited


async def test_a_node_that_fails_makes_no_approval_disappear() -> None:
    async with served(FarChain({(TOKEN, ALLOWANCE): words(5)}, fails_after=0)) as nodes:
        assert isinstance(await rights(nodes, [Kept(ERC20)], BLOCK), Trouble)
