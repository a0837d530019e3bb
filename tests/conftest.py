"""What holds for every test, and a real database in a file for those that ask for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
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
