"""What is watched, what was read of it, and who reads."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from scanner.store.columns import Instant, Json, Uint256
from scanner.store.tables.schema import metadata

__all__ = ["approvals", "budgets", "changes", "clocks", "daemons", "requests", "scan_targets", "scans", "targets"]

# An owner on a chain. `version` counts commits; `covered` are the kinds that the last complete reading covered;
# `read_at` and `source` are of the last complete reading; `tried_at` and `error` of the last one of any sort: when it
# ended, and what it lacked. `watched_at` is when its watch began. `balances_at` is when all of its balances were last
# read, `balances_error` what the last reading of them lacked. `fingerprint` stands for the last reading and the rules
# that judged it, where that was complete: another one that shares it moves nothing before `due_at`, when time alone
# may; it begins with a colon where the source has nothing that stands for a reading. `weighed` says that since such
# rules judged all of it, they have judged all of it by its balances, too. `in_force`, `unreadable` and `undecided` are
# what was counted last: approvals, amounts without sense, judgements. `at_stake` is what the owner holds of all that
# somebody may take, in US dollars: a rough number that only orders.
targets = Table(
    "targets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chain", String(16), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("label", Text),
    Column("tags", Json, nullable=False, default=list),
    Column("watched", Boolean, nullable=False, default=True),
    Column("version", Integer, nullable=False, default=0),
    Column("covered", Json, nullable=False, default=list),
    Column("source", String(16)),
    Column("read_at", Instant),
    Column("tried_at", Instant),
    Column("watched_at", Instant),
    Column("error", Text),
    Column("balances_at", Instant),
    Column("balances_error", Text),
    Column("fingerprint", String(64)),
    Column("due_at", Instant),
    Column("weighed", Boolean, nullable=False, default=False, server_default="0"),
    Column("in_force", Integer, nullable=False, default=0, server_default="0"),
    Column("unreadable", Integer, nullable=False, default=0, server_default="0"),
    Column("undecided", Integer, nullable=False, default=0, server_default="0"),
    Column("at_stake", Float),
    Index(None, "chain", "owner", unique=True),
)

# The present state of every approval ever seen. A revoked one stays, so that its return is told as one. `via` is the
# contract through which the spender takes, where that is not the standard's own; `final` says that the block which
# showed it cannot be reorganised away any more. `undecided` counts the rules that could not decide about it as it is.
approvals = Table(
    "approvals",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("target_id", ForeignKey(targets.c.id), nullable=False),
    Column("chain", String(16), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("token", String(128), nullable=False),
    Column("token_id", Uint256),
    Column("symbol", Text),
    Column("decimals", Integer),
    Column("supply", Uint256),
    Column("spender", String(128), nullable=False),
    Column("spender_name", Text),
    Column("status", String(16), nullable=False),
    Column("raw", Uint256),
    Column("in_words", Boolean, nullable=False, default=False),
    Column("unreadable", Text),
    Column("expires_at", Instant),
    Column("granted_at", Instant),
    Column("granted_tx", String(128)),
    Column("via", String(128)),
    Column("final", Boolean, nullable=False, default=True, server_default="1"),
    Column("in_force", Boolean, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("missing_since", Instant),
    Column("version", Integer, nullable=False),
    Column("undecided", Integer, nullable=False, default=0, server_default="0"),
    Index(None, "target_id"),
    # How many a target has is counted without looking at them.
    Index("ix_approvals_in_force", "target_id", sqlite_where=text("in_force = 1")),
    Index(None, "spender"),
    Index(None, "token"),
)

# Every change that was believed, in order; never rewritten. `--at` and `history` are answered from it.
changes = Table(
    "changes",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(16), nullable=False),
    Column("scan_id", String(32), nullable=False),
    Column("approval_id", ForeignKey(approvals.c.id), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("before_status", String(16)),
    Column("before_raw", Uint256),
    Column("before_in_words", Boolean),
    Column("before_unreadable", Text),
    Column("before_expires_at", Instant),
    Column("after_status", String(16), nullable=False),
    Column("after_raw", Uint256),
    Column("after_in_words", Boolean, nullable=False),
    Column("after_unreadable", Text),
    Column("after_expires_at", Instant),
    Index(None, "approval_id", "at"),
    Index(None, "scan_id"),
    Index(None, "at"),
)

# `state` is running, finished, or interrupted; a dry run leaves no line. `worker` names the process that scans.
# `total` is how many targets were asked for; `undecided` counts judgements, `undecided_rules` are the rules that could
# decide nothing at all, `unreadable` the allowances that made no sense. `costs` is what each part of it took.
scans = Table(
    "scans",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("asked_by", String(16), nullable=False),
    Column("worker", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("requests", Integer, nullable=False, default=0),
    Column("context_errors", Json, nullable=False, default=list),
    Column("undecided", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0, server_default="0"),
    Column("undecided_rules", Json, nullable=False, default=list, server_default="[]"),
    Column("unreadable", Integer, nullable=False, default=0, server_default="0"),
    Column("costs", Json, nullable=False, default=dict, server_default="{}"),
    Index(None, "started_at"),
)

scan_targets = Table(
    "scan_targets",
    metadata,
    Column("scan_id", ForeignKey(scans.c.id), primary_key=True),
    Column("target_id", ForeignKey(targets.c.id), primary_key=True),
    Column("complete", Boolean, nullable=False),
    Column("approvals", Integer, nullable=False),
    Column("reason", String(16)),
    Column("error", Text),
)

# Scans that a command asks of the daemon. `scope` is what was asked, `report` the answer until it was fetched.
requests = Table(
    "requests",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("asked_at", Instant, nullable=False),
    Column("scope", Json, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("report", Text),
    Column("error", Text),
)

# Who delivers and scans on this store: at most one row, kept fresh while it lives.
daemons = Table(
    "daemons",
    metadata,
    Column("worker", String(32), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("next_scan_at", Instant),
)

# One paced budget for each API key, shared by all processes on this store. `key` is a fingerprint, never the key;
# `next_at` is the next free slot (seconds since 1970), `interval` the seconds between two, `moved_at` when that moved;
# `refused` is the interval that was too short last, `held` one that was not, 0 where none is known.
budgets = Table(
    "budgets",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("next_at", Float, nullable=False),
    Column("interval", Float, nullable=False),
    Column("moved_at", Float, nullable=False),
    Column("refused", Float, nullable=False, default=0.0, server_default="0"),
    Column("held", Float, nullable=False, default=0.0, server_default="0"),
)

# When something regular was last done: a digest, a drill, a reminder round.
clocks = Table(
    "clocks",
    metadata,
    Column("name", String(96), primary_key=True),
    Column("at", Instant, nullable=False),
)
