"""What a replay needs beside the changes: how money, lists and the watch itself moved. Written only where they do.

Rows are added and never rewritten, but for the end of a watch. All of it has a time, so that the old can be cut off.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from scanner.store.columns import Exact, Instant, Json, Uint256
from scanner.store.tables.schema import metadata
from scanner.store.tables.watching import targets

__all__ = ["balance_moves", "past_entries", "token_moves", "watches"]

# What an owner held of a token that somebody could take, from `at` on.
balance_moves = Table(
    "balance_moves",
    metadata,
    Column("target_id", ForeignKey(targets.c.id), primary_key=True),
    Column("token", String(128), primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("amount", Exact),
    Column("raw", Uint256),
    sqlite_with_rowid=False,
)

# What was known of a token that somebody could take, from `at` on; null is unknown, as in `tokens`.
token_moves = Table(
    "token_moves",
    metadata,
    Column("chain", String(16), primary_key=True),
    Column("token", String(128), primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("decimals", Integer),
    Column("price_usd", Exact),
    Column("risk", Boolean),
    sqlite_with_rowid=False,
)

# The rows that a list had `since` a time and has no more since `until`. Those that it has stand in `list_entries`.
past_entries = Table(
    "past_entries",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("list", String(64), nullable=False),
    Column("address", String(128), nullable=False),
    Column("chain", String(16)),
    Column("labels", Json, nullable=False),
    Column("name", Text),
    Column("incident", Text),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Index(None, "address"),
    Index(None, "until"),
)

# From when until when a target was watched under the label and the tags that the configuration gave it.
watches = Table(
    "watches",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("target_id", ForeignKey(targets.c.id), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("label", Text),
    Column("tags", Json, nullable=False, default=list),
    Index(None, "target_id", "until"),
)
