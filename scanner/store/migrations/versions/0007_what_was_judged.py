"""What approvals were judged by: so that of a wallet only what moved is judged again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns. What is known by now counts as not judged, but for the wallets as a whole."""
    op.add_column("targets", sa.Column("weighed", sa.Boolean(), server_default="0", nullable=False))
    op.add_column("approvals", sa.Column("undecided", sa.Integer(), server_default="0", nullable=False))
    op.add_column("tokens", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("balances", sa.Column("judged", sa.Integer()))
    # How many judgements of each approval are undecided was not kept: they are judged once more.
    op.execute("UPDATE targets SET fingerprint = NULL")
