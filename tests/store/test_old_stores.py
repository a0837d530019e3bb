"""What a store of an earlier version holds is there after the upgrade."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from scanner.domain.approvals import UINT256_MAX, Kind, Target
from scanner.domain.nominations import Nomination
from scanner.store import knowledge, migrations, unmoved
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

OWNER, TOKEN, SPENDER, INSTANCE = (f"0x{number:040x}" for number in range(1, 5))


def made_at(revision: str, path: Path) -> None:
    """An empty store as it was at a revision."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


async def test_what_a_chains_logs_spoke_of_is_still_known_and_rests_as_it_did(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    made_at("0007", path)
    plain = ("b" * 24, "1", OWNER, "erc20", TOKEN, SPENDER, None, None)
    told = (f"{7:078d}", 5, "0xaa", 10**15)
    resting = ("a" * 24, "1", OWNER, "erc6909", TOKEN, SPENDER, f"{UINT256_MAX:078d}", INSTANCE)
    lie = ("c" * 24, "56", OWNER, "erc6909", TOKEN, SPENDER, f"-{5:077d}", None)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"INSERT INTO nominations VALUES ({', '.join('?' * 17)})", (*plain, *told, 1, 0, 9, None, 0))
        connection.execute(f"INSERT INTO nominations VALUES ({', '.join('?' * 17)})", (*lie, *told, 0, 0, 9, None, 0))
        connection.execute(
            f"INSERT INTO nominations VALUES ({', '.join('?' * 17)})",
            (*resting, None, None, None, None, 0, 1, 9, 9, 10**15 + 43_200_000_000),
        )
        connection.execute("INSERT INTO chain_owners (chain, owner, since, upto) VALUES ('1', ?, 0, 9)", (OWNER,))

    store = await Store.open(f"sqlite:///{path}")
    index = StoredIndex(store)
    kept = {one.nomination.kind: one for one in (await index.kept("1", [OWNER]))[OWNER]}
    granted, quiet = kept[Kind.ERC20], kept[Kind.ERC6909]
    assert (granted.seen, granted.orphaned, quiet.seen, quiet.orphaned) == (True, False, False, True)
    assert (granted.nomination.token_id, granted.nomination.via, granted.nomination.amount) == (None, None, 7)
    assert quiet.nomination == Nomination(OWNER, Kind.ERC6909, TOKEN, SPENDER, UINT256_MAX, INSTANCE)
    assert granted.nomination.at is not None
    due = await index.kept("1", [OWNER], granted.nomination.at)
    assert [one.nomination.kind for one in due[OWNER]] == [Kind.ERC20]
    await index.keep("1", [OWNER], 0, 10, [granted.nomination, quiet.nomination])
    assert len((await index.kept("1", [OWNER]))[OWNER]) == 2, "no right is there twice"
    await store.close()


async def test_what_an_earlier_version_judged_is_judged_once_more(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    made_at("0006", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO targets (chain, owner, tags, watched, version, covered, fingerprint)"
            " VALUES ('1', ?, '[]', 1, 3, '[\"erc20\"]', 'read:these')",
            (OWNER,),
        )
    store = await Store.open(f"sqlite:///{path}")
    target, at = Target("1", OWNER), datetime(2026, 11, 3, tzinfo=UTC)
    assert await store.read(lambda connection: unmoved.settled(connection, target, "these", at)) is None
    assert (await store.read(lambda connection: knowledge.known(connection, target))).version == 3
    await store.close()
