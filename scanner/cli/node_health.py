"""What `doctor` says of the nodes of chains that are read themselves: each is tried alone."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

from scanner.cli.doctor import Health, Sign
from scanner.clock import now
from scanner.config import Config
from scanner.domain.plain import lasting
from scanner.errors import ConfigError, Trouble
from scanner.evm.failover import LAG
from scanner.evm.multicall import MULTICALL3
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block, Call
from scanner.readers import Single, single_nodes
from scanner.sources.evm_logs import filters

__all__ = ["nodes_of"]

OLD = timedelta(minutes=10)
"""Few chains make blocks so seldom that the newest one is older than this."""

SOME_BLOCKS = 10
"""Blocks whose logs are asked for."""


async def nodes_of(config: Config) -> AsyncIterator[Sign]:
    """Try every node: its chain, its newest block, the state and the logs there, and Multicall3."""
    try:
        async with single_nodes(config) as chains:
            for singles in chains.values():
                heads = {single: await single.nodes.head() for single in singles if not single.announces}
                newest = max((head.number for head in heads.values() if isinstance(head, Block)), default=0)
                for single in singles:
                    yield await (_announcing(single) if single.announces else _node(single, heads[single], newest))
    except ConfigError as error:
        for problem in error.problems:
            yield Sign("node", Health.BROKEN, problem.message, problem.hint)


async def _announcing(single: Single) -> Sign:
    """A node that only tells new blocks is told by `check` in any case that it takes no requests."""
    wrong, *_ = [*(await single.nodes.check())[:-1], None]
    if wrong is not None:
        return _broken(single, wrong)
    return Sign(_part(single), Health.GOOD, "it announces new blocks")


async def _node(single: Single, head: Block | Trouble, newest: int) -> Sign:
    if isinstance(head, Trouble):
        return _broken(single, head)
    state = await single.nodes.call([Call(MULTICALL3, _BLOCK_NUMBER)], head)
    logs = await _logs(single.nodes, head)
    for wrong in (state, logs):
        if isinstance(wrong, Trouble):
            return _broken(single, wrong)
    age = max(now() - head.time, timedelta())
    said = f"block {head.number:,}, {lasting(age)} old; state and logs can be read"
    if newest - head.number > LAG:
        return Sign(_part(single), Health.WORRYING, f"{said}; it is {newest - head.number} blocks behind", _OTHERS)
    if age > OLD:
        return Sign(_part(single), Health.WORRYING, f"{said}; does it still follow the chain?", _OTHERS)
    if isinstance(state, list) and not state[0]:
        return Sign(_part(single), Health.GOOD, f"{said}, one call at a time: there is no Multicall3 on this chain")
    return Sign(_part(single), Health.GOOD, said)


_BLOCK_NUMBER = "0x42cbb15c"
"""Multicall3's getBlockNumber()."""

_OTHERS = "Another node is asked meanwhile, where there is one; name several below rpc"


async def _logs(nodes: Nodes, head: Block) -> Trouble | None:
    """What keeps the logs of the newest blocks from being read."""
    wanted = filters([MULTICALL3], live=False)
    async with aclosing(nodes.logs(wanted, max(0, head.number - SOME_BLOCKS), head.number)) as stretches:
        async for stretch in stretches:
            if isinstance(stretch, Trouble):
                return stretch
    return None


def _part(single: Single) -> str:
    return f"node {single.name} of {single.nodes.chain.name}"


def _broken(single: Single, trouble: Trouble) -> Sign:
    return Sign(_part(single), Health.BROKEN, trouble.message, trouble.hint)
