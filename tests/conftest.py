"""What holds for every test; a real database in a file, and a real node of a chain, for those that ask for one."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anvil
import pytest
import world as chain_world
from blank import blank
from hypothesis import settings

from scanner.store.engine import Store

# How long one example takes says how busy the machine is, not whether the code is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

MEMORY = Path("/dev/shm")
ENOUGH = 2 * 2**30
"""Bytes that have to be free there: many times what all tests write."""


def pytest_configure() -> None:
    """Keep what tests write in memory, where that can be: each transaction waits for the disk, which may be a busy one.

    Nothing is lost by it: whoever is killed loses nothing of a file, and no test cuts the power.
    """
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    if usable and "TMPDIR" not in os.environ and shutil.disk_usage(MEMORY).free > ENOUGH:
        tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    await blank(path := tmp_path / "store.db")
    opened = await Store.open(f"sqlite:///{path}")
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
