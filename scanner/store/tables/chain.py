"""What was read of chains themselves: how far their past is known, what it speaks of, what tokens say of themselves.

Nothing here is believed: it says what to ask the state for, and spares reading the past again.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint, text

from scanner.store.columns import Instant, Json, Uint256
from scanner.store.tables.schema import metadata

__all__ = ["chain_blocks", "chain_owners", "chain_tokens", "nodes", "nominations"]

# From which block on up to which one the past of an owner is read without a gap. `heard` is the newest block that spoke
# of the owner, `proved` the one at whose state all of its approvals were read last: what lies between is due.
chain_owners = Table(
    "chain_owners",
    metadata,
    Column("chain", String(16), primary_key=True),
    Column("owner", String(128), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("heard", BigInteger),
    Column("proved", BigInteger),
    sqlite_with_rowid=False,
)

# What blocks were called when logs up to them were read: another name means that the chain was reorganised.
chain_blocks = Table(
    "chain_blocks",
    metadata,
    Column("chain", String(16), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("hash", String(66), nullable=False),
    sqlite_with_rowid=False,
)

# A right that logs speak of; `token_id` and `via` are empty where there is none, so that each right is there once.
# `amount` is what the last log told; `block`, `tx` and `at` are of the last one that raised it. `seen`: the state
# showed it in force once. `orphaned`: the block that told of it last is no longer part of the chain, and none has
# since. Logs spoke of it up to block `heard`. What was never seen rests when the state has said no to it: after block
# `denied`, until `due_at` (1970 is at once). An `id` is never given twice: who still has one never means another right.
nominations = Table(
    "nominations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chain", String(16), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("token", String(128), nullable=False),
    Column("spender", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("token_id", String(78), nullable=False),
    Column("via", String(128), nullable=False),
    Column("amount", Uint256),
    Column("block", BigInteger),
    Column("tx", String(66)),
    Column("at", Instant),
    Column("seen", Boolean, nullable=False),
    Column("orphaned", Boolean, nullable=False),
    Column("heard", BigInteger, nullable=False),
    Column("denied", BigInteger),
    Column("due_at", Instant, nullable=False),
    UniqueConstraint("chain", "owner", "token", "spender", "kind", "token_id", "via"),
    Index(None, "chain", "block", sqlite_where=text("block IS NOT NULL AND at IS NULL")),
    Index(None, "chain", "denied", sqlite_where=text("denied IS NOT NULL")),
    Index(None, "chain", "owner", "token", sqlite_where=text("kind = 'permit2'")),
    sqlite_autoincrement=True,
)

# What a token contract said of itself when it was asked; null is that it said nothing, which is kept, too.
chain_tokens = Table(
    "chain_tokens",
    metadata,
    Column("chain", String(16), primary_key=True),
    Column("token", String(128), primary_key=True),
    Column("symbol", Text),
    Column("name", Text),
    Column("decimals", Integer),
    Column("supply", Uint256),
    Column("standard", String(16)),
    Column("asked_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

# What was learned of a node's limits, under a fingerprint of its address, never the address.
nodes = Table(
    "nodes",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("learned", Json, nullable=False),
)
