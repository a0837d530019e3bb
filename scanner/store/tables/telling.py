"""Alerts, what each channel is owed about them, how telling goes, and how the watch itself is."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from scanner.store.columns import Instant, Json, Uint256
from scanner.store.tables.schema import metadata
from scanner.store.tables.watching import approvals

__all__ = [
    "agreements",
    "alert_events",
    "alerts",
    "attempts",
    "channel_health",
    "conditions",
    "groups",
    "messages",
    "notices",
    "silenced",
    "silences",
]

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

# Every step of every alert's life, with its named reason. `severity` is how bad it was afterwards.
alert_events = Table(
    "alert_events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("alert_id", ForeignKey(alerts.c.id), nullable=False),
    Column("at", Instant, nullable=False),
    Column("move", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("scan_id", String(32)),
    Column("severity", String(16)),
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
    # What is claimed next is found without looking at all that waits, and what is claimed is a handful.
    Index("ix_messages_waiting", "severity", "channel", "position", sqlite_where=text("state = 'waiting'")),
    Index("ix_messages_claimed", "worker", sqlite_where=text("worker IS NOT NULL")),
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

# What the last comparison of two sources came to: one row. Of so many `targets`, `unread` were not read completely;
# `example` is one of the approvals that differ, in words.
agreements = Table(
    "agreements",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("targets", Integer, nullable=False),
    Column("unread", Integer, nullable=False),
    Column("differences", Integer, nullable=False),
    Column("example", Text, nullable=False),
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
