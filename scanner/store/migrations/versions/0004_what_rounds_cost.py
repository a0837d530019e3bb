"""What each scan cost, and what each target has at stake, so that the next round knows where to begin."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("scans", sa.Column("costs", columns.Json(), server_default="{}", nullable=False))
    op.add_column("targets", sa.Column("at_stake", sa.Float(), nullable=True))
