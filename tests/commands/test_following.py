"""The daemon follows a chain: what is mined reaches people within the block, and what a reorganisation takes goes."""

import time
from pathlib import Path

import acts
from house import house, until
from reports import chain_source, wallets_of
from world import World

NO_KEY = dict.fromkeys(("OKX_API_KEY", "OKX_SECRET_KEY", "OKX_API_PASSPHRASE", "OKX_PROJECT_ID"), "")


async def test_an_approval_is_told_within_two_seconds_of_its_block(tmp_path: Path, world: World) -> None:
    owner, spender, plain = world.owners[4], world.spenders[3], world.contracts.erc20["plain"]
    world.arrive()
    async with (
        house(tmp_path, source=chain_source([world.node.url]), wallets=wallets_of(world.owners)) as home,
        home.daemon(**NO_KEY) as daemon,
    ):
        await daemon.says("chain.followed")
        await daemon.says("scan.finished")
        before = len(home.hook.messages)
        world.does(acts.approve(owner, plain, spender, acts.UINT256_MAX), after=2)
        mined = time.monotonic()
        await until(lambda: len(home.hook.messages) > before, 10, daemon.log.read_text)
        assert time.monotonic() - mined < 2
        assert spender in home.hook.bodies[-1]
        assert await daemon.stop() == 0
