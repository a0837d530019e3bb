"""A right that logs speak of is found by all that makes it one, and not by a short name for that."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0008"
down_revision = "0007"

TAKEN_OVER = """
    INSERT INTO nominations
        (chain, owner, token, spender, kind, token_id, via,
        amount, block, tx, at, seen, orphaned, heard, denied, due_at)
    SELECT chain, owner, token, spender, kind, coalesce(token_id, ''), coalesce(via, ''),
        amount, block, tx, at, seen, orphaned, heard, denied, due_at
    FROM nominations_before
    ORDER BY 1, 2, 3, 4, 5, 6, 7
"""


def upgrade() -> None:
    """Make the table anew, and take over what it holds."""
    op.rename_table("nominations", "nominations_before")
    for index in ("chain_owner_due_at", "chain_block", "chain_denied", "chain_owner_token"):
        op.drop_index(f"ix_nominations_{index}", "nominations_before")
    key = ("chain", "owner", "token", "spender", "kind", "token_id", "via")
    op.create_table(
        "nominations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("token", sa.String(128), nullable=False),
        sa.Column("spender", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("token_id", sa.String(78), nullable=False),
        sa.Column("via", sa.String(128), nullable=False),
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
        sa.UniqueConstraint(*key, name=f"uq_nominations_{'_'.join(key)}"),
        sqlite_autoincrement=True,
    )
    undated = sa.text("block IS NOT NULL AND at IS NULL")
    denied, permit2 = sa.text("denied IS NOT NULL"), sa.text("kind = 'permit2'")
    op.create_index("ix_nominations_chain_block", "nominations", ["chain", "block"], sqlite_where=undated)
    op.create_index("ix_nominations_chain_denied", "nominations", ["chain", "denied"], sqlite_where=denied)
    op.create_index(
        "ix_nominations_chain_owner_token", "nominations", ["chain", "owner", "token"], sqlite_where=permit2
    )
    op.execute(TAKEN_OVER)
    op.drop_table("nominations_before")
