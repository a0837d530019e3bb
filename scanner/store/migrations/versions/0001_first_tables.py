"""The first tables."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first version."""
    op.create_table(
        "budgets",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("interval", sa.Float(), nullable=False),
        sa.Column("moved_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_budgets")),
    )
    op.create_table(
        "daemons",
        sa.Column("worker", sa.String(length=32), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", columns.Instant(), nullable=False),
        sa.Column("seen_at", columns.Instant(), nullable=False),
        sa.Column("next_scan_at", columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_daemons")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("next_at", columns.Instant(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("repeat", sa.Boolean(), nullable=False),
        sa.Column("worker", sa.String(length=32), nullable=True),
        sa.Column("lease_until", columns.Instant(), nullable=True),
        sa.Column("sent_at", columns.Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(
        op.f("ix_messages_state_channel_position"), "messages", ["state", "channel", "position"], unique=False
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", columns.Instant(), nullable=False),
        sa.Column("scope", columns.Json(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_table(
        "scans",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", columns.Instant(), nullable=False),
        sa.Column("finished_at", columns.Instant(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("context_errors", columns.Json(), nullable=False),
        sa.Column("undecided", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
    )
    op.create_index(op.f("ix_scans_started_at"), "scans", ["started_at"], unique=False)
    op.create_table(
        "targets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("tags", columns.Json(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("covered", columns.Json(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=True),
        sa.Column("read_at", columns.Instant(), nullable=True),
        sa.Column("tried_at", columns.Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targets")),
    )
    op.create_index(op.f("ix_targets_chain_owner"), "targets", ["chain", "owner"], unique=True)
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("token_id", columns.Uint256(length=78), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("decimals", sa.Integer(), nullable=True),
        sa.Column("supply", columns.Uint256(length=78), nullable=True),
        sa.Column("spender", sa.String(length=128), nullable=False),
        sa.Column("spender_name", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("raw", columns.Uint256(length=78), nullable=True),
        sa.Column("in_words", sa.Boolean(), nullable=False),
        sa.Column("unreadable", sa.Text(), nullable=True),
        sa.Column("expires_at", columns.Instant(), nullable=True),
        sa.Column("granted_at", columns.Instant(), nullable=True),
        sa.Column("granted_tx", sa.String(length=128), nullable=True),
        sa.Column("in_force", sa.Boolean(), nullable=False),
        sa.Column("first_seen", columns.Instant(), nullable=False),
        sa.Column("since", columns.Instant(), nullable=False),
        sa.Column("changed_at", columns.Instant(), nullable=False),
        sa.Column("missing_since", columns.Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_approvals_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_spender"), "approvals", ["spender"], unique=False)
    op.create_index(op.f("ix_approvals_target_id"), "approvals", ["target_id"], unique=False)
    op.create_index(op.f("ix_approvals_token"), "approvals", ["token"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_attempts_message_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_message_id"), "attempts", ["message_id"], unique=False)
    op.create_table(
        "scan_targets",
        sa.Column("scan_id", sa.String(length=32), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("approvals", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_scan_targets_scan_id")),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_scan_targets_target_id")),
        sa.PrimaryKeyConstraint("scan_id", "target_id", name=op.f("pk_scan_targets")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("approval_id", sa.String(length=20), nullable=False),
        sa.Column("change_id", sa.String(length=16), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", columns.Instant(), nullable=False),
        sa.Column("resolved_at", columns.Instant(), nullable=True),
        sa.Column("baseline", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("values", columns.Json(), nullable=True),
        sa.Column("opened_by", sa.String(length=32), nullable=True),
        sa.Column("resolved_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_alerts_approval_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_approval_id_state"), "alerts", ["approval_id", "state"], unique=False)
    op.create_index(op.f("ix_alerts_resolved_by"), "alerts", ["resolved_by"], unique=False)
    op.create_index(op.f("ix_alerts_state"), "alerts", ["state"], unique=False)
    op.create_table(
        "changes",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("scan_id", sa.String(length=32), nullable=False),
        sa.Column("approval_id", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.Column("before_status", sa.String(length=16), nullable=True),
        sa.Column("before_raw", columns.Uint256(length=78), nullable=True),
        sa.Column("before_in_words", sa.Boolean(), nullable=True),
        sa.Column("before_unreadable", sa.Text(), nullable=True),
        sa.Column("after_status", sa.String(length=16), nullable=False),
        sa.Column("after_raw", columns.Uint256(length=78), nullable=True),
        sa.Column("after_in_words", sa.Boolean(), nullable=False),
        sa.Column("after_unreadable", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_changes_approval_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_approval_id_at"), "changes", ["approval_id", "at"], unique=False)
    op.create_index(op.f("ix_changes_at"), "changes", ["at"], unique=False)
    op.create_index(op.f("ix_changes_scan_id"), "changes", ["scan_id"], unique=False)
    op.create_table(
        "alert_events",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.String(length=16), nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.Column("move", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scan_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_events_alert_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_alert_events")),
    )
    op.create_index(op.f("ix_alert_events_alert_id"), "alert_events", ["alert_id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("send", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("scan_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("due_at", columns.Instant(), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_notices_alert_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_alert_id_channel"), "notices", ["alert_id", "channel"], unique=False)
    op.create_index(
        "ix_notices_waiting",
        "notices",
        ["channel", "due_at"],
        unique=False,
        sqlite_where=sa.text("message_id IS NULL AND send"),
    )
