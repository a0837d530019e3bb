"""A real database in a file, and readings to fill it with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scanner.store.engine import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    await opened.close()
