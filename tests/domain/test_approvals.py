"""What an allowance means, what makes an approval the same one, and how readings are put together."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from strategies import EVERY_KIND, START, address, allowances, approval, minutes, reading

from scanner.domain.approvals import (
    UINT256_MAX,
    Allowance,
    Approval,
    End,
    Kind,
    Spender,
    Status,
    Token,
    combine,
    gather,
    stable_id,
)


@pytest.mark.parametrize("raw", [2**96 - 1, 2**128 - 1, 2**128, 2**255, UINT256_MAX])
def test_amounts_that_no_holder_can_use_up_are_unlimited(raw: int) -> None:
    assert Allowance(raw).unlimited() is True


@pytest.mark.parametrize("raw", [0, 1, 2**96 - 2, 2**96, 2**128 - 2, 2**127])
def test_the_neighbours_of_those_amounts_are_limited(raw: int) -> None:
    assert Allowance(raw).unlimited() is False


@pytest.mark.parametrize(("raw", "unlimited"), [(999, False), (1000, True), (1001, True)])
def test_an_amount_of_at_least_the_total_supply_is_unlimited(raw: int, unlimited: bool) -> None:
    assert Allowance(raw).unlimited(supply=1000) is unlimited


def test_a_supply_of_0_makes_nothing_unlimited() -> None:
    assert Allowance(5).unlimited(supply=0) is False


def test_an_approval_knows_its_tokens_supply() -> None:
    limited = approval(amount=1000)
    assert limited.unlimited is False
    assert structs.replace(limited, token=structs.replace(limited.token, supply=1000)).unlimited is True


@pytest.mark.parametrize("kind", [Kind.ERC721, Kind.ERC6909, Kind.ERC777])
def test_one_nft_is_not_unlimited_where_there_is_only_one(kind: Kind) -> None:
    only = approval(amount=1, kind=kind)
    assert structs.replace(only, token=structs.replace(only.token, supply=1)).unlimited is False


def test_words_are_unlimited_without_a_number() -> None:
    said = Allowance(None, in_words=True)
    assert said.unlimited() is True
    assert said.magnitude == UINT256_MAX
    assert not said.is_zero
    assert not Allowance(0, in_words=True).is_zero


@pytest.mark.parametrize("last", [None, 0, 5, UINT256_MAX])
def test_of_an_amount_that_cannot_be_read_nothing_is_claimed(last: int | None) -> None:
    garbled = Allowance(last, unreadable="1e77")
    assert garbled.unlimited() is None
    assert garbled.unlimited(supply=1) is None
    assert not garbled.is_zero
    assert garbled.magnitude == last


def test_where_no_amount_is_given_none_is_made_up() -> None:
    silent = Allowance(None)
    assert silent.unlimited() is None
    assert silent.magnitude is None
    assert not silent.is_zero


@given(st.integers(0, UINT256_MAX))
def test_unlimited_is_exactly_the_contracts_definition(raw: int) -> None:
    assert Allowance(raw).unlimited() is (raw >= 340282366920938463463374607431768211455 or raw == 2**96 - 1)


def test_an_identity_is_the_same_for_ever() -> None:
    assert approval().id == "e6ffa257342edad6964c"
    assert approval(kind=Kind.ERC721_ALL).id == "5d5c45277ca90be923f6"


@given(allowances(), st.sampled_from(Status), st.text(max_size=5), st.text(max_size=5))
def test_what_moves_or_is_a_strangers_word_is_no_part_of_an_identity(
    allowance: Allowance, status: Status, symbol: str, name: str
) -> None:
    one = approval()
    other = structs.replace(
        one,
        allowance=allowance,
        status=status,
        token=Token(one.token.address, symbol, 6, 1000),
        spender=Spender(one.spender.address, name),
        expires_at=START,
        granted_at=START,
        granted_tx="0x1",
    )
    assert other.id == one.id


def test_every_part_of_an_identity_tells_approvals_apart() -> None:
    one = approval()
    different = [
        structs.replace(one, chain="56"),
        structs.replace(one, owner=address(2)),
        structs.replace(one, token=Token(address(3))),
        structs.replace(one, spender=Spender(address(4))),
        structs.replace(one, kind=Kind.PERMIT2),
        structs.replace(one, token_id=0),
        structs.replace(one, token_id=1),
    ]
    assert len({row.id for row in [one, *different]}) == 8


def test_an_id_is_the_short_name_of_an_identity() -> None:
    row = approval()
    parts = (row.chain, row.owner, row.token.address, row.spender.address, row.kind)
    assert row.id == stable_id(*parts, None, length=20)
    one = structs.replace(row, kind=Kind.PERMIT2, token_id=7, via="0x9", id="whatever")
    assert one.id == stable_id(*parts[:4], Kind.PERMIT2, 7, "0x9", length=20)


def test_tokens_without_an_address_are_told_apart_by_their_symbols() -> None:
    one, same, other, silent = (
        structs.replace(approval(), token=Token("", s)) for s in ("TUSD", "TUSD", "TUSDC", None)
    )
    assert one.id == same.id
    assert len({one.id, other.id, silent.id}) == 3


def test_an_id_does_not_run_its_parts_together() -> None:
    assert stable_id("ab", "c") != stable_id("a", "bc")
    assert stable_id("a", None, "b") != stable_id("a", "b")
    assert len(stable_id("a", length=20)) == 20


def test_an_approval_belongs_to_its_owner_on_its_chain() -> None:
    assert approval().target == reading().target


def test_the_same_row_twice_is_one_row() -> None:
    assert gather([approval(1), approval(2), approval(1)]) == {r.id: r for r in (approval(1), approval(2))}


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [(5, 7, 7), (0, 7, 7), ("unlimited", 7, "unlimited"), (2**255, "unlimited", "unlimited"), (5, "1e9", "1e9")],
)
def test_of_two_rows_that_differ_the_one_that_endangers_more_is_kept(
    one: int | str, other: int | str, kept: int | str
) -> None:
    """What cannot be read may be anything, and must not hide behind what can."""
    for rows in ((one, other), (other, one)):
        assert gather(approval(amount=amount) for amount in rows) == {approval().id: approval(amount=kept)}


@given(st.lists(st.builds(approval, st.integers(1, 4), st.integers(0, 9)), max_size=12))
def test_gathering_loses_no_row_and_understates_none(rows: list[Approval]) -> None:
    found = gather(rows)
    assert found.keys() == {row.id for row in rows}
    for row in rows:
        assert (found[row.id].allowance.raw or 0) >= (row.allowance.raw or 0)


def test_two_readings_together_lack_only_what_both_lack() -> None:
    first = reading([approval(1), approval(2)], minutes(0), pages=3)
    second = reading([approval(2), approval(3)], minutes(1), pages=2)
    both = combine(first, second)
    assert both.approvals.keys() == {approval(n).id for n in (1, 2, 3)}
    assert both.pages == 5
    assert both.read_at == minutes(1)


def test_where_two_readings_differ_the_later_one_is_believed() -> None:
    both = combine(reading([approval(amount=5)]), reading([approval(amount=0)], START + timedelta(seconds=1)))
    assert both.approvals[approval().id].allowance == Allowance(0)


@pytest.mark.parametrize("first", End)
@pytest.mark.parametrize("second", End)
def test_two_readings_are_as_proven_as_the_weaker_of_them(first: End, second: End) -> None:
    strength = {End.INCOMPLETE: 0, End.UNPROVEN: 1, End.COMPLETE: 2}
    a, b = reading(end=first, kinds=EVERY_KIND), reading(end=second, kinds=EVERY_KIND)
    both = combine(a, b)
    weaker = min(a, b, key=lambda snapshot: strength[snapshot.end])
    assert both.end is weaker.end
    assert both.trouble == weaker.trouble
