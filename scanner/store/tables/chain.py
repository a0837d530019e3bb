"""What was read of chains themselves: how far their past is known, what it speaks of, what tokens say of themselves.

Nothing here is believed: it says what to ask the state for, and spares reading the past again.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from scanner.store.columns import Instant, Json, Uint256
from scanner.store.tables.schema import metadata

__all__ = ["chain_blocks", "chain_owners", "chain_pages", "chain_tokens", "nodes"]

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

# Rights that logs speak of, up to a hundred of one owner (`store.pages`): `rights` is a JSON list. `names` are short
# names by which pages that may hold a right are found. `seen` has a digit for each right, `denied` is the newest block
# that said no to any; `due_at` is when the first of them is due, null is at once, and always where any was seen. An
# `id` is never given twice: who still has one never means another page.
chain_pages = Table(
    "chain_pages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chain", String(16), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("names", Text, nullable=False),
    Column("seen", String(100), nullable=False),
    Column("denied", BigInteger),
    Column("due_at", Instant),
    Column("rights", Text, nullable=False),
    Index(None, "chain", "owner"),
    Index(None, "chain", "denied", sqlite_where=text("denied IS NOT NULL")),
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
