"""What was read of chains themselves, and what only they tell of an approval."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, and add the columns."""
    op.create_table(
        "chain_owners",
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.BigInteger()),
        sa.Column("proved", sa.BigInteger()),
        sa.PrimaryKeyConstraint("chain", "owner", name="pk_chain_owners"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chain_blocks",
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(66), nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_chain_blocks"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "nominations",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("token", sa.String(128), nullable=False),
        sa.Column("spender", sa.String(128), nullable=False),
        sa.Column("token_id", columns.Uint256(78)),
        sa.Column("via", sa.String(128)),
        sa.Column("amount", columns.Uint256(78)),
        sa.Column("block", sa.BigInteger()),
        sa.Column("tx", sa.String(66)),
        sa.Column("at", columns.Instant()),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.Column("orphaned", sa.Boolean(), nullable=False),
        sa.Column("heard", sa.BigInteger(), nullable=False),
        sa.Column("denied", sa.BigInteger()),
        sa.Column("due_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nominations"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_nominations_chain_owner_due_at", "nominations", ["chain", "owner", "due_at"])
    op.create_index("ix_nominations_chain_block", "nominations", ["chain", "block"])
    denied, permit2 = sa.text("denied IS NOT NULL"), sa.text("kind = 'permit2'")
    op.create_index("ix_nominations_chain_denied", "nominations", ["chain", "denied"], sqlite_where=denied)
    op.create_index(
        "ix_nominations_chain_owner_token", "nominations", ["chain", "owner", "token"], sqlite_where=permit2
    )
    op.create_table(
        "chain_tokens",
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("token", sa.String(128), nullable=False),
        sa.Column("symbol", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("decimals", sa.Integer()),
        sa.Column("supply", columns.Uint256(78)),
        sa.Column("standard", sa.String(16)),
        sa.Column("asked_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "token", name="pk_chain_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "agreements",
        sa.Column("at", columns.Instant(), nullable=False),
        sa.Column("targets", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("example", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_agreements"),
    )
    op.create_table(
        "nodes",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("learned", columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_nodes"),
    )
    op.add_column("approvals", sa.Column("via", sa.String(128)))
    op.add_column("approvals", sa.Column("final", sa.Boolean(), server_default="1", nullable=False))
    op.add_column("changes", sa.Column("before_expires_at", columns.Instant()))
    op.add_column("changes", sa.Column("after_expires_at", columns.Instant()))
