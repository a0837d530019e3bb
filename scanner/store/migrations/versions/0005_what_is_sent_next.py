"""What is sent next is found without looking at all that waits."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the indexes."""
    critical = sa.text("state = 'waiting' AND severity = 'critical'")
    op.create_index("ix_messages_critical", "messages", ["channel", "position"], sqlite_where=critical)
    op.create_index("ix_messages_claimed", "messages", ["worker"], sqlite_where=sa.text("worker IS NOT NULL"))
