"""What is known beside the approvals: tokens, what owners hold, and who is who."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from scanner.store.columns import Exact, Instant, Json, Uint256
from scanner.store.tables.schema import metadata
from scanner.store.tables.watching import approvals, targets

__all__ = ["balances", "list_entries", "lists", "tokens", "unjudged", "valuations"]

# What is known of a token, whoever holds it. `decimals` are certain, or null; they are `disputed` where two answers
# made them different ones, and stay null then. `price_usd` is for one token unit, null where the last answer gave none.
# `version` counts how often the decimals, the price or the `risk` moved: what a worth is made of.
tokens = Table(
    "tokens",
    metadata,
    Column("chain", String(16), primary_key=True),
    Column("token", String(128), primary_key=True),
    Column("symbol", Text),
    Column("decimals", Integer),
    Column("disputed", Boolean, nullable=False, default=False),
    Column("price_usd", Exact),
    Column("risk", Boolean),
    Column("read_at", Instant, nullable=False),
    Column("version", Integer, nullable=False, default=1, server_default="1"),
)

# What an owner holds, as it was last read; `token` is "" for the chain's own coin. `missing_since` is when an answer
# first lacked a token that it was asked for. `judged` is the token's version by which rules judged this balance last,
# 0 where nothing was known of the token, null where the balance is another one since.
balances = Table(
    "balances",
    metadata,
    Column("target_id", ForeignKey(targets.c.id), primary_key=True),
    Column("token", String(128), primary_key=True),
    Column("amount", Exact),
    Column("raw", Uint256),
    Column("read_at", Instant, nullable=False),
    Column("missing_since", Instant),
    Column("judged", Integer),
)

# What an approval was worth when it was first valued after its last change, which was `since`.
valuations = Table(
    "valuations",
    metadata,
    Column("approval_id", ForeignKey(approvals.c.id), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("usd", Exact, nullable=False),
)

# A list of addresses: the last good copy, as of when it was read. `origin` is its path or URL, `etag` what the far side
# calls that copy, `checked_at` and `error` tell of the last look at it. `bad` counts the rows that made no sense, and
# `examples` are the first of them, in words.
lists = Table(
    "lists",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("label", String(64), nullable=False),
    Column("origin", Text, nullable=False),
    Column("etag", Text),
    Column("digest", String(64)),
    Column("as_of", Instant),
    Column("checked_at", Instant),
    Column("error", Text),
    Column("entries", Integer, nullable=False, default=0),
    Column("bad", Integer, nullable=False, default=0),
    Column("examples", Json, nullable=False, default=list),
)

# The rows of a list, and since when each is in it. `chain` null means every chain.
list_entries = Table(
    "list_entries",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("list", ForeignKey(lists.c.name), nullable=False),
    Column("address", String(128), nullable=False),
    Column("chain", String(16)),
    Column("labels", Json, nullable=False),
    Column("name", Text),
    Column("incident", Text),
    Column("since", Instant, nullable=False),
    Index(None, "address"),
    Index(None, "list"),
)

# The addresses of which a list says something else now, until what is stored has been judged by it.
unjudged = Table(
    "unjudged",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("address", String(128), nullable=False),
    sqlite_autoincrement=True,  # a number that came back would be taken for judged
)
