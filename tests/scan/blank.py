"""A new store without the time that its tables take: it is made once in a process, and copied from then on."""

from pathlib import Path
from tempfile import TemporaryDirectory

from scanner.store.engine import Store

__all__ = ["blank"]

_made: list[bytes] = []


async def blank(path: Path) -> None:
    """Put an empty store at the path, as `Store.open` makes one, unless something is there."""
    if path.exists():
        return
    if not _made:
        with TemporaryDirectory() as folder:
            first = Path(folder) / "store.db"
            await (await Store.open(f"sqlite:///{first}")).close()
            _made.append(first.read_bytes())
    path.write_bytes(_made[0])
