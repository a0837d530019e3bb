"""The tables. Their history stands in `migrations/`; a test holds the two against each other."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

from scanner.store.columns import Instant, Json, Uint256

__all__ = [
    "alert_events",
    "alerts",
    "approvals",
    "attempts",
    "budgets",
    "changes",
    "channel_health",
    "clocks",
    "conditions",
    "daemons",
    "groups",
    "messages",
    "metadata",
    "notices",
    "requests",
    "scan_targets",
    "scans",
    "silenced",
    "silences",
    "targets",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# An owner on a chain. `version` counts commits; `covered` are the kinds that the last complete reading covered;
# `read_at` and `source` are of the last complete reading; `tried_at` and `error` of the last one of any sort: when it
# ended, and what it lacked. `watched_at` is when its watch began.
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
    Index(None, "chain", "owner", unique=True),
)

# The present state of every approval ever seen. A revoked one stays, so that its return is told as one.
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
    Column("in_force", Boolean, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("missing_since", Instant),
    Column("version", Integer, nullable=False),
    Index(None, "target_id"),
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
    Column("after_status", String(16), nullable=False),
    Column("after_raw", Uint256),
    Column("after_in_words", Boolean, nullable=False),
    Column("after_unreadable", Text),
    Index(None, "approval_id", "at"),
    Index(None, "scan_id"),
    Index(None, "at"),
)

# `state` is running, finished, or interrupted; a dry run leaves no line. `worker` names the process that scans.
# `total` is how many targets were asked for; `undecided` counts judgements, `undecided_rules` are the rules that could
# decide nothing at all, `unreadable` the allowances that made no sense.
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

# `why` and `fix` are the rule's words when it opened: they outlive the rule.
alerts = Table(
    "alerts",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("rule", String(128), nullable=False),
    Column("title", Text, nullable=False),
    Column("why", Text, nullable=False, default=""),
    Column("fix", Text, nullable=False, default=""),
    Column("severity", String(16), nullable=False),
    Column("approval_id", ForeignKey(approvals.c.id), nullable=False),
    Column("change_id", String(16)),
    Column("state", String(16), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("baseline", Boolean, nullable=False, default=False),
    Column("reason", Text, nullable=False, default=""),
    Column("values", Json),
    Column("acked_at", Instant),
    Column("acked_by", Text),
    Column("ack_comment", Text),
    Column("opened_by", String(32)),
    Column("resolved_by", String(32)),
    Index(None, "approval_id", "state"),
    Index(None, "state"),
    Index(None, "resolved_by"),
)

# Every step of every alert's life, with its named reason.
alert_events = Table(
    "alert_events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("alert_id", ForeignKey(alerts.c.id), nullable=False),
    Column("at", Instant, nullable=False),
    Column("move", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("scan_id", String(32)),
    Index(None, "alert_id"),
)

# What each channel is owed about an alert, and why it is or is not told: written in the transaction that moved the
# alert. `message_id` is set when it has gone into a message; `due_at` null waits for the end of scan `scan_id`.
notices = Table(
    "notices",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("alert_id", ForeignKey(alerts.c.id), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("what", String(16), nullable=False),
    Column("send", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", Boolean, nullable=False, default=False),
    Column("group_key", String(32), nullable=False, default="", server_default=""),
    Column("scan_id", String(32)),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("message_id", String(32)),
    Index(None, "alert_id", "channel"),
    Index(None, "group_key"),
    Index(None, "message_id"),
    # Only what still waits is ever looked for, and it is a handful.
    Index("ix_notices_waiting", "channel", "due_at", sqlite_where=text("message_id IS NULL AND send")),
)

# The outbox: one row for each message and channel. `state` is waiting, sent, given-up or void. A claim sets `worker`
# and `lease_until` and counts the attempt; `repeat` says that an earlier attempt may have arrived, `recalled` that it
# is composed again before it is sent. Messages of one `thread` belong together where a channel can show that.
messages = Table(
    "messages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("thread", String(64), nullable=False, default="", server_default=""),
    Column("state", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("position", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("repeat", Boolean, nullable=False, default=False),
    Column("recalled", Boolean, nullable=False, default=False, server_default="0"),
    Column("worker", String(32)),
    Column("lease_until", Instant),
    Column("sent_at", Instant),
    Column("error", Text),
    Index(None, "state", "channel", "position"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("message_id", ForeignKey(messages.c.id), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Index(None, "message_id"),
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
# `next_at` is the next free slot (seconds since 1970), `interval` the seconds between two, `moved_at` when that moved.
budgets = Table(
    "budgets",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("next_at", Float, nullable=False),
    Column("interval", Float, nullable=False),
    Column("moved_at", Float, nullable=False),
)

# When a channel was last told of a group of alerts: what follows soon after waits for the group's interval.
groups = Table(
    "groups",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("key", String(32), primary_key=True),
    Column("told_at", Instant, nullable=False),
)

# A silence: who hides what, until when, and why. `matchers` are field to value, all of which have to fit; with
# `future` it also covers alerts that open later. `ended_at` and `end_reason` are set when it ends before its time.
silences = Table(
    "silences",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("matchers", Json, nullable=False),
    Column("future", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("end_reason", Text),
    Index(None, "ends_at"),
)

# The alerts that a silence covers, with the risk as it was then: above that it no longer does.
silenced = Table(
    "silenced",
    metadata,
    Column("silence_id", ForeignKey(silences.c.id), primary_key=True),
    Column("alert_id", ForeignKey(alerts.c.id), primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("magnitude", Uint256),
    Column("unlimited", Boolean),
    Column("ended_at", Instant),
    Column("end_reason", Text),
    Index(None, "alert_id"),
)

# What is wrong with the watch itself, from its beginning to its end. `told` are the channels that know of it.
conditions = Table(
    "conditions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("key", String(160), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("told", Json, nullable=False, default=list),
    Index(None, "key", "ended_at"),
)

# How each channel is: since when it fails, how often in a row, and when it is tried next.
channel_health = Table(
    "channel_health",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("failing_since", Instant),
    Column("failures", Integer, nullable=False, default=0),
    Column("next_at", Instant),
    Column("reason", Text, nullable=False, default=""),
)

# When something regular was last done: a digest, a drill, a reminder round.
clocks = Table(
    "clocks",
    metadata,
    Column("name", String(96), primary_key=True),
    Column("at", Instant, nullable=False),
)
