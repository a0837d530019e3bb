"""Two readings held against each other: differences are told, and from what is unread nothing follows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from strategies import ERC20, EVERY_KIND, OWNER, START, address

from scanner.domain.approvals import (
    UINT256_MAX,
    Allowance,
    Approval,
    End,
    Kind,
    Snapshot,
    Spender,
    Status,
    Token,
    gather,
)
from scanner.domain.reconciliation import EXPECTED, Cause, Evidence, Row, Verdict, compare, in_question

READ, HEAD, TOLD = 1_000, 1_005, 700


def right(raw: int | None = 5, spender: int = 1, kind: Kind = Kind.ERC20, **more: object) -> Approval:
    token = Token(address(100), "TKN", 6)
    made = Approval(OWNER.chain, OWNER.owner, token, Spender(address(spender)), Allowance(raw), kind)
    return structs.replace(made, **more)


def chain(*rows: Approval, end: End = End.COMPLETE) -> Snapshot:
    return Snapshot(OWNER, gather(rows), end, EVERY_KIND, "evm", START, block=READ)


def api(*rows: Approval, end: End = End.COMPLETE) -> Snapshot:
    return Snapshot(OWNER, gather(rows), end, ERC20, "okx", START)


def said(about: Approval, held: Approval | None, known: Approval | None, /, **more: object) -> dict[str, Evidence]:
    return {about.id: replace(Evidence(HEAD, held, known), **more)}  # type: ignore[arg-type]  # - fields of many types


def row(evm: Snapshot, okx: Snapshot, evidence: dict[str, Evidence] | None = None) -> tuple[Verdict, Cause | None, int]:
    [found] = compare(evm, okx, evidence or {})
    assert found.block is not None
    return found.verdict, found.cause, found.block


IN_WORDS, HUGE = Allowance(None, in_words=True), Allowance(UINT256_MAX)
ODD = Allowance(5, unreadable="lots")


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "cause"),
    [
        (Allowance(5), Allowance(5), Verdict.EQUAL, None),
        (Allowance(5), Allowance(6), Verdict.AMOUNTS_DIFFER, None),
        (HUGE, IN_WORDS, Verdict.EQUAL, None),
        (IN_WORDS, HUGE, Verdict.EQUAL, None),
        (Allowance(2**96 - 1), IN_WORDS, Verdict.EQUAL, None),
        (Allowance(5), IN_WORDS, Verdict.AMOUNTS_DIFFER, None),
        (HUGE, Allowance(UINT256_MAX - 1), Verdict.AMOUNTS_DIFFER, None),
        (ODD, Allowance(5), Verdict.UNPROVEN, Cause.UNREADABLE),
        (Allowance(5), ODD, Verdict.UNPROVEN, Cause.UNREADABLE),
    ],
)
def test_amounts_are_equal_to_the_last_unit_and_words_say_no_number(
    ours: Allowance, theirs: Allowance, verdict: Verdict, cause: Cause | None
) -> None:
    evm, okx = chain(structs.replace(right(), allowance=ours)), api(structs.replace(right(), allowance=theirs))
    assert row(evm, okx) == (verdict, cause, READ)


def test_unlimited_by_supply_is_unlimited_in_words() -> None:
    ours = right(10**20, token=Token(address(100), "TKN", 6, supply=10**20))
    assert row(chain(ours), api(structs.replace(right(), allowance=IN_WORDS)))[0] is Verdict.EQUAL
    assert row(chain(structs.replace(ours, allowance=IN_WORDS)), api(right(10**20)))[0] is Verdict.EQUAL


def test_what_is_zero_or_over_is_shown_by_nobody() -> None:
    ended = right(kind=Kind.PERMIT2, expires_at=START - timedelta(seconds=1))
    assert compare(chain(ended), api(right(0))) == []


@pytest.mark.parametrize(
    ("their", "ours", "verdict", "cause"),
    [
        (right(), [], Verdict.ONLY_OKX, None),
        (right(token=Token("", "TKN")), [], Verdict.ONLY_OKX, Cause.NO_ADDRESS),
        (right(status=Status.GRANTING), [], Verdict.ONLY_OKX, Cause.PENDING),
        (right(), [right(kind=Kind.PERMIT2, expires_at=START)], Verdict.ONLY_OKX, Cause.EXPIRED),
    ],
)
def test_what_only_the_api_shows(their: Approval, ours: list[Approval], verdict: Verdict, cause: Cause | None) -> None:
    assert row(chain(*ours), api(their)) == (verdict, cause, READ)


def test_what_goes_through_permit2_is_told_on_both_sides() -> None:
    rows = compare(chain(right(kind=Kind.PERMIT2)), api(right()))
    assert {(one.verdict, one.cause) for one in rows} == {
        (Verdict.ONLY_EVM, Cause.NOT_COVERED),
        (Verdict.ONLY_OKX, Cause.THROUGH_PERMIT2),
    }


def test_what_only_the_chain_shows() -> None:
    assert row(chain(right()), api()) == (Verdict.ONLY_EVM, None, READ)
    assert row(chain(right(kind=Kind.ERC721_ALL)), api()) == (Verdict.ONLY_EVM, Cause.NOT_COVERED, READ)


@pytest.mark.parametrize("end", [End.UNPROVEN, End.INCOMPLETE])
def test_from_what_was_not_read_nothing_follows(end: End) -> None:
    assert row(chain(right()), api(end=end)) == (Verdict.UNPROVEN, Cause.UNREAD, READ)
    assert row(chain(end=end), api(right())) == (Verdict.UNPROVEN, Cause.UNREAD, READ)
    assert row(chain(right(), end=end), api(right(), end=end)) == (Verdict.EQUAL, None, READ)


@pytest.mark.parametrize(
    ("more", "cause", "block"),
    [
        ({}, Cause.NOT_IN_STATE, HEAD),
        ({"logged": True, "amount": 0, "told_block": TOLD}, Cause.ENDED, HEAD),
        ({"logged": True, "amount": 5, "told_block": TOLD, "then": 0}, Cause.SPOOFED, TOLD),
        ({"logged": True, "amount": 5, "told_block": TOLD, "then": 5}, Cause.SPENT, TOLD),
        ({"logged": True, "amount": 5, "told_block": TOLD, "seen": True}, Cause.SPENT, TOLD),
        ({"logged": True, "amount": 5, "told_block": TOLD}, Cause.NOT_IN_STATE, HEAD),
        ({"logged": True, "amount": 0, "before": right(), "remembers": True}, Cause.BEHIND, HEAD),
        ({"logged": True, "amount": 0, "remembers": True}, Cause.ENDED, HEAD),
        ({"logged": True, "amount": 5, "read": right()}, Cause.BEHIND, HEAD),
    ],
)
def test_the_state_says_why_it_does_not_grant_what_the_api_shows(
    more: dict[str, object], cause: Cause, block: int
) -> None:
    evidence = said(right(), None, None, **more)
    evm = chain(right()) if "read" in more else chain()
    assert row(evm, api(right()), evidence) == (Verdict.ONLY_OKX, cause, block)
    assert row(replace(evm, end=End.INCOMPLETE), api(right()), evidence) == (Verdict.ONLY_OKX, cause, block)


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"logged": True, "amount": 5}, None),
        ({"logged": True, "amount": 5, "remembers": True}, Cause.BEHIND),
        ({"logged": True, "amount": 5, "remembers": True, "before": right(2)}, None),
        ({"logged": True, "amount": None}, Cause.NO_LOG),
    ],
)
def test_the_state_says_why_the_api_may_lack_something(more: dict[str, object], cause: Cause | None) -> None:
    assert row(chain(right()), api(), said(right(), right(), right(), **more)) == (Verdict.ONLY_EVM, cause, HEAD)


@pytest.mark.parametrize(
    ("now", "more", "verdict", "cause", "block"),
    [
        (right(3), {"amount": 9, "told_block": TOLD}, Verdict.AMOUNTS_DIFFER, None, HEAD),
        (right(3), {"amount": 5, "told_block": TOLD}, Verdict.AMOUNTS_DIFFER, Cause.SPENT, TOLD),
        (right(3), {"amount": 5, "before": right(5), "remembers": True}, Verdict.AMOUNTS_DIFFER, Cause.BEHIND, HEAD),
        (right(5), {"amount": 5}, Verdict.EQUAL, None, HEAD),
    ],
)
def test_the_state_says_why_amounts_differ(
    now: Approval, more: dict[str, object], verdict: Verdict, cause: Cause | None, block: int
) -> None:
    evidence = said(right(), now, right(3), logged=True, **more)
    assert row(chain(right(3)), api(right(5)), evidence) == (verdict, cause, block)


def test_a_state_is_asked_about_what_differs_or_is_unread_for_no_known_reason() -> None:
    odd, nft, other = structs.replace(right(), allowance=ODD), right(spender=2, kind=Kind.ERC721), right(spender=3)
    assert in_question(compare(chain(right(), nft), api(odd, right(5, 4), end=End.INCOMPLETE))) == [right(5, 4)]
    assert in_question(compare(chain(other), api(end=End.INCOMPLETE))) == [other]
    assert in_question(compare(chain(right()), api(right()))) == []


def test_a_reading_that_lacks_what_its_own_block_grants_is_told() -> None:
    evidence = said(right(), right(), right())
    assert row(chain(), api(right()), evidence) == (Verdict.ONLY_OKX, Cause.NO_LOG, HEAD)
    assert row(chain(end=End.INCOMPLETE), api(right()), evidence) == (Verdict.EQUAL, None, HEAD)
    assert row(chain(), api(right()), said(right(), right(), None)) == (Verdict.EQUAL, None, HEAD), "it came later"


def test_what_is_gone_by_now_and_shown_by_nobody_else_is_left_out() -> None:
    assert compare(chain(right()), api(), said(right(), None, right())) == []


rights = st.lists(
    st.builds(
        right,
        st.sampled_from([0, 1, 5, UINT256_MAX]),
        st.integers(1, 4),
        st.sampled_from([Kind.ERC20, Kind.ERC721_ALL, Kind.PERMIT2]),
    ),
    max_size=6,
)
of_api = st.lists(st.builds(right, st.sampled_from([0, 1, 5, UINT256_MAX]), st.integers(1, 4)), max_size=6)
ends = st.sampled_from(list(End))


@given(rights, of_api, ends, ends, st.data())
def test_each_approval_is_told_once_and_as_the_last_word_of_the_state_has_it(
    ours: list[Approval], theirs: list[Approval], evm_end: End, okx_end: End, data: st.DataObject
) -> None:
    evm = chain(*(one for one in ours if one.allowance.raw), end=evm_end)
    okx = api(*theirs, end=okx_end)
    first = compare(evm, okx)
    asked = in_question(first)
    words = {
        one.id: Evidence(
            HEAD,
            held=data.draw(st.sampled_from([None, one])),
            read=evm.approvals.get(one.id),
            amount=data.draw(st.sampled_from([None, 0, 5])),
            logged=True,
        )
        for one in asked
    }
    shown = {id_ for id_, one in okx.approvals.items() if one.allowance.raw}
    for rows, said_ in ((first, {}), (compare(evm, okx, words), words)):
        granted = {
            id_: said_[id_].held if id_ in said_ else evm.approvals.get(id_) for id_ in evm.approvals.keys() | shown
        }
        assert len({one.approval.id for one in rows}) == len(rows)
        assert {one.approval.id for one in rows} == {id_ for id_ in granted if granted[id_] or id_ in shown}
        for one in rows:
            _holds(one, granted[one.approval.id], okx, evm, told=one.approval.id in said_)


def _holds(one: Row, granted: Approval | None, okx: Snapshot, evm: Snapshot, *, told: bool) -> None:
    their = okx.approvals.get(one.approval.id)
    their = None if their is None or their.allowance.is_zero else their
    assert (one.evm, one.okx) == (granted, their)
    if granted is not None and their is not None:
        same = granted.allowance.raw == their.allowance.raw
        assert one.verdict is (Verdict.EQUAL if same else Verdict.AMOUNTS_DIFFER)
    elif granted is not None:
        proven = okx.end is End.COMPLETE or one.approval.kind is not Kind.ERC20
        assert one.verdict is (Verdict.ONLY_EVM if proven else Verdict.UNPROVEN)
        assert (one.cause is Cause.NOT_COVERED) == (one.approval.kind is not Kind.ERC20)
    else:
        aside = one.cause is Cause.THROUGH_PERMIT2
        proven = told or aside or evm.end is End.COMPLETE
        assert one.verdict is (Verdict.ONLY_OKX if proven else Verdict.UNPROVEN)
    assert one.differs is (one.verdict not in (Verdict.EQUAL, Verdict.UNPROVEN) and one.cause not in EXPECTED)
