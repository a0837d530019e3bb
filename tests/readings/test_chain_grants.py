"""When a right was granted, where no log tells the time of its block."""

from datetime import UTC, datetime, timedelta

from chain_reader import chain_reader, last_of, of, one
from far_node import BORN, Entry, FarNode, serving, word
from far_node import log as some_log

from scanner.domain.approvals import Kind, Snapshot, Target
from scanner.domain.changes import ChangeKind, Known, diff
from scanner.domain.nominations import PERMIT2
from scanner.evm.keccak import selector
from scanner.evm.topics import APPROVAL, PERMIT2_APPROVAL
from scanner.store.engine import Store

OWNER, SPENDER, TOKEN = (f"0x{number:040x}" for number in (0xA, 0xB, 7))
PERMITTED = selector("allowance(address,address,address)")


def approval(block: int, amount: int) -> Entry:
    topics = [APPROVAL, word(int(OWNER, 16)), word(int(SPENDER, 16))]
    return {**some_log(block, 0, 1), "topics": topics, "data": word(amount)}


def allowing(amount: int) -> FarNode:
    """A node on whose chain every contract answers every question with this number."""
    return FarNode(head=100, returns=lambda data: word(amount))


async def test_the_time_of_a_grant_is_asked_for_once(store: Store) -> None:
    node = allowing(5)
    node.logs = [approval(40, 5)]
    async with serving(node), chain_reader(store, node.url) as source:
        for expected in (1, 1):
            [found] = of(await one(source, OWNER), TOKEN)
            assert found.granted_at == datetime.fromtimestamp(BORN + 12 * 40, UTC)
            asked = [entry["params"][0] for request in node.requests for entry in request if "Block" in entry["method"]]
            assert asked.count(hex(40)) == expected


async def test_what_is_not_in_force_costs_no_question_for_its_time(store: Store) -> None:
    node = allowing(0)
    node.logs = [approval(40, 5)]
    async with serving(node), chain_reader(store, node.url) as source:
        assert (await one(source, OWNER)).approvals == {}
    asked = [entry["params"][0] for request in node.requests for entry in request if "Block" in entry["method"]]
    assert hex(40) not in asked


async def test_a_grant_is_dated_by_the_log_that_raised_it_whenever_that_was_read(store: Store) -> None:
    node = allowing(5)
    node.logs = [approval(40, 9)]
    async with serving(node), chain_reader(store, node.url) as source:
        await one(source, OWNER)
        node.logs.append(approval(110, 5))
        node.head = 120
        [spent] = of(await one(source, OWNER), TOKEN)
        node.logs.append(approval(130, 6))
        node.head = 140
        [raised] = of(await one(source, OWNER), TOKEN)
    assert [each.granted_at and each.granted_at.timestamp() for each in (spent, raised)] == [
        BORN + 12 * 40,
        BORN + 12 * 130,
    ]


async def test_a_grants_time_is_up_when_the_chain_says_so_whatever_this_machine_says(store: Store) -> None:
    until = BORN + 12 * 100 + 5
    node = FarNode(head=100)
    node.returns = lambda data: word(5) + f"{until:064x}{0:064x}" if data.startswith(PERMITTED) else word(5)
    topics = [PERMIT2_APPROVAL, *(word(int(each, 16)) for each in (OWNER, TOKEN, SPENDER))]
    node.logs = [{**some_log(40, 0, 1), "address": PERMIT2, "topics": topics, "data": word(5)}]
    ahead = datetime.fromtimestamp(until, UTC) + timedelta(days=1)
    target = Target("1", OWNER)
    known, told, signs = Known(target), [], dict[Target, str]()
    async with serving(node), chain_reader(store, node.url, now=lambda: ahead) as source:
        for head in (100, 101):
            node.head = head
            snapshot = (await last_of(source, [OWNER], signs))[OWNER]
            assert isinstance(snapshot, Snapshot), "a state in which time alone has moved is another one"
            signs[target] = snapshot.fingerprint or ""
            assert snapshot.as_of == datetime.fromtimestamp(BORN + 12 * head, UTC)
            outcome = diff(known, snapshot, timedelta())
            known = outcome.known
            told.append([change.kind for change in outcome.changes if change.after.kind is Kind.PERMIT2])
    assert told == [[ChangeKind.BASELINE], [ChangeKind.EXPIRED]]


async def test_what_is_spent_in_a_later_stretch_of_one_past_is_no_grant(store: Store) -> None:
    node = FarNode(head=100, logs=[approval(10, 9), approval(70, 5)], most_blocks=30, returns=lambda data: word(5))
    async with serving(node), chain_reader(store, node.url) as source:
        [spent] = of(await one(source, OWNER), TOKEN)
    assert spent.granted_at is not None
    assert spent.granted_at.timestamp() == BORN + 12 * 10
