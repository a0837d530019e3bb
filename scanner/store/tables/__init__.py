"""The tables. Their history stands in `migrations/`; a test holds the two against each other."""

from scanner.store.tables.chain import chain_blocks, chain_owners, chain_pages, chain_tokens, nodes
from scanner.store.tables.context import balances, list_entries, lists, tokens, unjudged, valuations
from scanner.store.tables.past import balance_moves, past_entries, token_moves, watches
from scanner.store.tables.schema import metadata
from scanner.store.tables.telling import (
    agreements,
    alert_events,
    alerts,
    attempts,
    channel_health,
    conditions,
    groups,
    messages,
    notices,
    silenced,
    silences,
)
from scanner.store.tables.watching import (
    approvals,
    budgets,
    changes,
    clocks,
    daemons,
    requests,
    scan_targets,
    scans,
    targets,
)

__all__ = [
    "agreements",
    "alert_events",
    "alerts",
    "approvals",
    "attempts",
    "balance_moves",
    "balances",
    "budgets",
    "chain_blocks",
    "chain_owners",
    "chain_pages",
    "chain_tokens",
    "changes",
    "channel_health",
    "clocks",
    "conditions",
    "daemons",
    "groups",
    "list_entries",
    "lists",
    "messages",
    "metadata",
    "nodes",
    "notices",
    "past_entries",
    "requests",
    "scan_targets",
    "scans",
    "silenced",
    "silences",
    "targets",
    "token_moves",
    "tokens",
    "unjudged",
    "valuations",
    "watches",
]
