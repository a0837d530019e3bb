"""Logs nominate every right that they may speak of, once, and nothing that they hold raises."""

from datetime import UTC, datetime

import pytest
from happenings import ELSEWHERE, HAPPENINGS, OWNERS, SPENDERS, TOKENS, Happening, expected, log, logs
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Nomination
from scanner.evm import topics
from scanner.evm.values import Filter, Log
from scanner.sources.evm_logs import MOST_OWNERS, filters, nominations, touched

ALICE, BOB = OWNERS
ROUTER = SPENDERS[0]
TOKEN = TOKENS[0]
WATCHED = frozenset(OWNERS)
ERC20_APPROVAL = "Approval(address,address,uint256)"


def approved(amount: int, owner: str = ALICE, spender: str = ROUTER) -> Happening:
    return Happening(TOKEN, ERC20_APPROVAL, (owner, spender), (amount,))


def matches(asked: Filter, written: Log) -> bool:
    """Whether a node would give this log back."""
    if len(asked.topics) > len(written.topics):
        return False
    return all(values is None or topic in values for values, topic in zip(asked.topics, written.topics, strict=False))


@given(st.lists(HAPPENINGS, max_size=12))
def test_logs_nominate_what_the_standards_say_of_them(happened: list[Happening]) -> None:
    found = nominations(logs(happened), WATCHED)
    assert {one.key: one for one in found} == expected(happened)
    assert len({one.key for one in found}) == len(found)


@given(st.lists(HAPPENINGS, max_size=12), st.integers(0, 12))
def test_logs_that_come_in_two_parts_say_the_same_as_in_one(happened: list[Happening], cut: int) -> None:
    first = {one.key: one for one in nominations(logs(happened[:cut]), WATCHED)}
    second = nominations(logs(happened[cut:], cut), WATCHED, first)
    assert first | {one.key: one for one in second} == expected(happened)


@given(st.lists(HAPPENINGS, max_size=12), st.booleans())
def test_every_log_that_nominates_is_asked_for(happened: list[Happening], live: bool) -> None:
    asked = filters(OWNERS, live=live)
    given_back = [one for one in logs(happened) if any(matches(filter_, one) for filter_ in asked)]
    assert nominations(given_back, WATCHED) == nominations(logs(happened), WATCHED)


def test_many_owners_share_two_queries() -> None:
    owners = [f"0x{number:040x}" for number in range(2 * MOST_OWNERS + 1)]
    asked = filters([*owners, *owners], live=True)
    assert len(asked) == 6
    for place in (1, 2):
        values = [topic for one in asked if len(one.topics) == place + 1 for topic in one.topics[place] or ()]
        assert values == ["0x" + "0" * 24 + owner[2:] for owner in owners]


def test_what_an_owner_sent_is_asked_for_only_live() -> None:
    sent = log(Happening(TOKEN, "Transfer(address,address,uint256)", (ALICE, ROUTER), (5,)))
    one_id = Happening(TOKEN, "Transfer(address,address,address,uint256,uint256)", (ALICE, ROUTER, 7), (ROUTER, 5))
    for written in (sent, log(one_id)):
        assert any(matches(asked, written) for asked in filters(OWNERS, live=True))
        assert not any(matches(asked, written) for asked in filters(OWNERS, live=False))


def test_an_owner_is_touched_by_what_it_approves_holds_sends_or_receives() -> None:
    happened = [
        approved(1, BOB),
        Happening(TOKEN, "AuthorizedOperator(address,address)", (ROUTER, ALICE)),
        Happening(TOKEN, "Transfer(address,address,uint256)", (ROUTER, SPENDERS[1]), (5,)),
    ]
    assert touched(logs(happened[:1]), WATCHED) == {BOB}
    assert touched(logs(happened), WATCHED) == {ALICE, BOB}
    assert touched(logs(happened[2:]), WATCHED) == set()


def test_a_grant_is_the_last_log_that_raised_and_not_a_spend_that_says_approval() -> None:
    [found] = nominations(logs([approved(5), approved(9), approved(7), approved(7)]), WATCHED)
    assert (found.amount, found.block, found.tx) == (7, 1, f"0x{1:064x}")
    assert found.at == datetime.fromtimestamp(1_700_000_001, UTC)


def test_what_is_known_already_counts_as_the_amount_before() -> None:
    known = Nomination(ALICE, Kind.ERC20, TOKEN, ROUTER, amount=100, block=3, tx="0x3")
    [spent] = nominations(logs([approved(60)], 9), WATCHED, {known.key: known})
    assert (spent.amount, spent.block, spent.tx) == (60, 3, "0x3")
    [raised] = nominations(logs([approved(60), approved(80)], 9), WATCHED, {known.key: known})
    assert (raised.amount, raised.block) == (80, 10)


def test_a_permit2_grant_of_the_same_amount_is_a_new_one_since_spends_are_silent_there() -> None:
    again = Happening(
        PERMIT2, "Approval(address,address,address,uint160,uint48)", (ALICE, TOKEN, ROUTER), (5, 1_800_000_000)
    )
    found = {one.kind: one for one in nominations(logs([again, again]), WATCHED)}
    assert found[Kind.PERMIT2].block == 1
    assert found[Kind.PERMIT2].token == TOKEN
    assert found[Kind.PERMIT2].via is None


def test_any_contract_may_be_a_permit2_and_is_named() -> None:
    elsewhere = Happening(ELSEWHERE, "Lockdown(address,address,address)", (ALICE,), (TOKEN, ROUTER))
    found = {one.kind: one for one in nominations(logs([elsewhere]), WATCHED)}
    assert found[Kind.PERMIT2] == Nomination(ALICE, Kind.PERMIT2, TOKEN, ROUTER, None, ELSEWHERE, 0)
    assert found[Kind.ERC20] == Nomination(ALICE, Kind.ERC20, TOKEN, ELSEWHERE)


def test_a_log_that_was_taken_back_nominates_nothing() -> None:
    written = log(approved(5))
    gone = Log(written.address, written.topics, written.data, "0x1", "0x", "0x", "0x0", removed=True)
    assert nominations([gone], WATCHED) == []


def test_what_stands_above_an_address_in_a_topic_is_not_part_of_the_spender() -> None:
    written = log(approved(5))
    dirty = "0x" + "ff" * 12 + ROUTER[2:]
    found = nominations([Log(TOKEN, (*written.topics[:2], dirty), written.data, "0x1", "0x", "0x", "0x0")], WATCHED)
    assert [one.spender for one in found] == [ROUTER]


@pytest.mark.parametrize("data", ["0x", "0x05", "0x" + "0" * 62])
def test_an_approval_whose_amount_is_cut_off_nominates_without_an_amount(data: str) -> None:
    written = log(approved(5))
    [found] = nominations([Log(TOKEN, written.topics, data, "0x1", "0x", "0x", "0x0")], WATCHED)
    assert (found.key, found.amount, found.tx) == ((ALICE, Kind.ERC20, TOKEN, ROUTER, None, None), None, None)


@pytest.mark.parametrize("told", [None, "0x", "soon", "0x" + "f" * 64])
def test_a_block_time_that_no_calendar_has_is_unknown(told: str | None) -> None:
    written = log(approved(5))
    [found] = nominations([Log(TOKEN, written.topics, written.data, "0x1", "0x", "0xaa", "0x0", told)], WATCHED)
    assert (found.block, found.tx, found.at) == (1, "0xaa", None)


_TOPICS = st.sampled_from([value for name, value in vars(topics).items() if name.isupper()])
_OWNER_WORD = "0x" + "0" * 24 + ALICE[2:]
_ANYTHING = st.text("0123456789abcdefxZ", max_size=70) | st.just(_OWNER_WORD)


@given(
    st.lists(
        st.builds(
            Log,
            st.sampled_from(TOKENS),
            st.tuples()
            | st.tuples(_TOPICS)
            | st.lists(_ANYTHING, max_size=4).map(tuple)
            | st.tuples(_TOPICS, st.just(_OWNER_WORD), _ANYTHING)
            | st.tuples(_TOPICS, st.just(_OWNER_WORD), _ANYTHING, _ANYTHING),
            st.just("0x") | _ANYTHING | st.text("0123456789abcdefZ", max_size=300),
            _ANYTHING,
            _ANYTHING,
            _ANYTHING,
            _ANYTHING,
            st.none() | _ANYTHING,
        ),
        max_size=8,
    )
)
def test_nothing_that_a_log_holds_raises(garbage: list[Log]) -> None:
    for one in nominations(garbage, WATCHED):
        assert one.owner in WATCHED
    assert touched(garbage, WATCHED) <= WATCHED


@pytest.mark.parametrize("told", [1_790_000_000, hex(1_790_000_000), "0x0", 0, -1, 2**70, 0.5, "0xzz", None, ["0x1"]])
def test_a_grants_time_is_taken_from_a_log_that_tells_it_readably(told: object) -> None:
    [raised] = [structs.replace(one, block_timestamp=told) for one in logs([approved(5)])]
    [found] = nominations([raised], WATCHED)
    readable = told in (1_790_000_000, hex(1_790_000_000))
    assert found.at == (datetime.fromtimestamp(1_790_000_000, UTC) if readable else None)


@pytest.mark.parametrize(("told", "found"), [(f"0x{7:064x}", 7), ("-0x7", None), ("0xzz", None)])
def test_an_id_that_nobody_could_be_asked_about_is_none(told: str, found: int | None) -> None:
    [plain] = logs([approved(5)])
    one = structs.replace(plain, topics=(topics.ERC6909_APPROVAL, *plain.topics[1:3], told))
    assert [each.token_id for each in nominations([one], WATCHED)] == [found]
