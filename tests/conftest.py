"""What holds for every test; a real database in a file, and a real node of a chain, for those that ask for one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anvil
import pytest
import world as chain_world
from hypothesis import settings

from scanner.store.engine import Store

# How long one example takes says how busy the machine is, not whether the code is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def node() -> Iterator[anvil.Node]:
    """A fresh chain of its own, without a block but the first."""
    if reason := anvil.missing():
        pytest.skip(reason)
    with anvil.running() as running:
        yield running


@pytest.fixture
def world(node: anvil.Node) -> chain_world.World:
    """That chain with contracts and owners on it, and no approval yet."""
    return chain_world.furnished(node)
