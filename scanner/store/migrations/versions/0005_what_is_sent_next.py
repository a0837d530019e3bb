"""What is sent next, and how many approvals are in force, is found without looking at all; a pace remembers more."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indexes and columns."""
    for interval in ("refused", "held"):
        op.add_column("budgets", sa.Column(interval, sa.Float(), server_default="0", nullable=False))
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_messages_waiting", "messages", ["severity", "channel", "position"], sqlite_where=waiting)
    op.create_index("ix_messages_claimed", "messages", ["worker"], sqlite_where=sa.text("worker IS NOT NULL"))
    op.create_index("ix_approvals_in_force", "approvals", ["target_id"], sqlite_where=sa.text("in_force = 1"))
