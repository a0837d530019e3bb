"""Silences, acknowledgement, groups, and the watch over the watcher."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns."""
    op.create_table(
        "channel_health",
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("failing_since", columns.Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", columns.Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_health")),
    )
    op.create_table(
        "clocks",
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_clocks")),
    )
    op.create_table(
        "conditions",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("since", columns.Instant(), nullable=False),
        sa.Column("ended_at", columns.Instant(), nullable=True),
        sa.Column("told", columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_conditions")),
    )
    op.create_index(op.f("ix_conditions_key_ended_at"), "conditions", ["key", "ended_at"], unique=False)
    op.create_table(
        "groups",
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("told_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_groups")),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("matchers", columns.Json(), nullable=False),
        sa.Column("future", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("ends_at", columns.Instant(), nullable=False),
        sa.Column("ended_at", columns.Instant(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index(op.f("ix_silences_ends_at"), "silences", ["ends_at"], unique=False)
    op.create_table(
        "silenced",
        sa.Column("silence_id", sa.String(length=16), nullable=False),
        sa.Column("alert_id", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("magnitude", columns.Uint256(length=78), nullable=True),
        sa.Column("unlimited", sa.Boolean(), nullable=True),
        sa.Column("ended_at", columns.Instant(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_silenced_alert_id")),
        sa.ForeignKeyConstraint(["silence_id"], ["silences.id"], name=op.f("fk_silenced_silence_id")),
        sa.PrimaryKeyConstraint("silence_id", "alert_id", name=op.f("pk_silenced")),
    )
    op.create_index(op.f("ix_silenced_alert_id"), "silenced", ["alert_id"], unique=False)
    op.add_column("alerts", sa.Column("acked_at", columns.Instant(), nullable=True))
    op.add_column("alerts", sa.Column("acked_by", sa.Text(), nullable=True))
    op.add_column("alerts", sa.Column("ack_comment", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("thread", sa.String(length=64), server_default="", nullable=False))
    op.add_column("messages", sa.Column("recalled", sa.Boolean(), server_default="0", nullable=False))
    op.add_column("notices", sa.Column("group_key", sa.String(length=32), server_default="", nullable=False))
    op.create_index(op.f("ix_notices_group_key"), "notices", ["group_key"], unique=False)
    op.create_index(op.f("ix_notices_message_id"), "notices", ["message_id"], unique=False)
    op.add_column("scans", sa.Column("total", sa.Integer(), server_default="0", nullable=False))
    op.add_column("scans", sa.Column("undecided_rules", columns.Json(), server_default="[]", nullable=False))
    op.add_column("scans", sa.Column("unreadable", sa.Integer(), server_default="0", nullable=False))
    op.add_column("targets", sa.Column("watched_at", columns.Instant(), nullable=True))
