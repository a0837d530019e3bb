"""The world on the real node is what the tests that stand on it take it for."""

from anvil import Node, running
from artifacts import MULTICALL3
from calldata import called, number, selector
from handmade import PERMIT2
from story import everything, live
from truth import truth
from world import World, furnished


def test_everything_that_can_be_approved_is_in_force_or_over_as_it_was_told(world: World) -> None:
    held, gone = everything(world)
    now = truth(world, world.arrive())
    assert {right: now.get(right) for right in held} == held
    assert [right for right in gone if right in now] == []
    assert set(now) == set(held)


def test_owners_who_sign_have_never_sent_anything(world: World) -> None:
    everything(world)
    live(world, 1, blocks=2)
    assert [world.node.ask("eth_getTransactionCount", who, "latest") for who in world.signers] == ["0x0"] * 3
    assert world.node.ask("eth_getCode", world.safe, "latest") != "0x"


def test_permit2_and_multicall_stand_where_they_stand_everywhere(world: World) -> None:
    assert world.contracts.permit2[0] == PERMIT2
    assert number(world.node.call(MULTICALL3, called("getChainId()"))) == 1
    assert selector("transfer(address,uint256)") == "a9059cbb"


def test_the_same_seed_is_the_same_world(node: Node) -> None:
    began = node.time()
    ends = []
    for _ in range(2):
        with running(timestamp=began) as other:
            again = furnished(other)
            live(again, 7, blocks=4)
            ends.append(truth(again, other.head))
    assert ends[0] == ends[1]
    assert len(ends[0]) > len(again.owners)


def test_the_past_can_be_asked_and_what_happened_can_be_undone(world: World) -> None:
    before = truth(world, world.node.head)
    with world.node.undone():
        height = world.node.head
        everything(world)
        assert truth(world, height) == before != truth(world, world.node.head)
    assert truth(world, world.node.head) == before
