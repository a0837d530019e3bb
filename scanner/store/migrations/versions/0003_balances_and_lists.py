"""What owners hold, what that was worth, and who is who; and how all of that was before."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("targets", sa.Column("balances_at", columns.Instant(), nullable=True))
    op.add_column("targets", sa.Column("balances_error", sa.Text(), nullable=True))
    op.add_column("targets", sa.Column("fingerprint", sa.String(length=64), nullable=True))
    op.add_column("targets", sa.Column("due_at", columns.Instant(), nullable=True))
    for counted in ("in_force", "unreadable", "undecided"):
        op.add_column("targets", sa.Column(counted, sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "tokens",
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("decimals", sa.Integer(), nullable=True),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("price_usd", columns.Exact(), nullable=True),
        sa.Column("risk", sa.Boolean(), nullable=True),
        sa.Column("read_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "token", name=op.f("pk_tokens")),
    )
    op.create_table(
        "balances",
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("amount", columns.Exact(), nullable=True),
        sa.Column("raw", columns.Uint256(length=78), nullable=True),
        sa.Column("read_at", columns.Instant(), nullable=False),
        sa.Column("missing_since", columns.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_balances_target_id")),
        sa.PrimaryKeyConstraint("target_id", "token", name=op.f("pk_balances")),
    )
    op.create_table(
        "valuations",
        sa.Column("approval_id", sa.String(length=20), nullable=False),
        sa.Column("since", columns.Instant(), nullable=False),
        sa.Column("usd", columns.Exact(), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_valuations_approval_id")),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_valuations")),
    )
    op.create_table(
        "lists",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("as_of", columns.Instant(), nullable=True),
        sa.Column("checked_at", columns.Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("examples", columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lists")),
    )
    op.create_table(
        "list_entries",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("list", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=128), nullable=False),
        sa.Column("chain", sa.String(length=16), nullable=True),
        sa.Column("labels", columns.Json(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("since", columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["list"], ["lists.name"], name=op.f("fk_list_entries_list")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_list_entries")),
    )
    op.create_index(op.f("ix_list_entries_address"), "list_entries", ["address"], unique=False)
    op.create_index(op.f("ix_list_entries_list"), "list_entries", ["list"], unique=False)
    op.create_table(
        "unjudged",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_unjudged")),
        sqlite_autoincrement=True,
    )
    op.add_column("alert_events", sa.Column("severity", sa.String(length=16), nullable=True))
    op.create_table(
        "balance_moves",
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.Column("amount", columns.Exact(), nullable=True),
        sa.Column("raw", columns.Uint256(length=78), nullable=True),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_balance_moves_target_id")),
        sa.PrimaryKeyConstraint("target_id", "token", "at", name=op.f("pk_balance_moves")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "token_moves",
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=True),
        sa.Column("price_usd", columns.Exact(), nullable=True),
        sa.Column("risk", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("chain", "token", "at", name=op.f("pk_token_moves")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "past_entries",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("list", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=128), nullable=False),
        sa.Column("chain", sa.String(length=16), nullable=True),
        sa.Column("labels", columns.Json(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("since", columns.Instant(), nullable=False),
        sa.Column("until", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_past_entries")),
    )
    op.create_index(op.f("ix_past_entries_address"), "past_entries", ["address"], unique=False)
    op.create_index(op.f("ix_past_entries_until"), "past_entries", ["until"], unique=False)
    op.create_table(
        "watches",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("since", columns.Instant(), nullable=False),
        sa.Column("until", columns.Instant(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("tags", columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_watches_target_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_watches")),
    )
    op.create_index(op.f("ix_watches_target_id_until"), "watches", ["target_id", "until"], unique=False)
    # Who is watched already is so since then, under the name of today: nobody wrote down an earlier one.
    op.execute(
        "INSERT INTO watches (target_id, since, label, tags) "
        "SELECT id, watched_at, label, tags FROM targets WHERE watched AND watched_at IS NOT NULL"
    )
