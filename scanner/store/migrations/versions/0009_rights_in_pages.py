"""Rights that logs speak of are kept in pages, many of one owner at a time, and not each in a row of its own."""

import sqlalchemy as sa
from alembic import op

from scanner.store import columns

revision = "0009"
down_revision = "0008"

IN_A_PAGE = 100
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"

# Of digits with zeros before them. A lying node could have had negative ids kept, which nobody can be asked about.
_INTEGER = "json(iif({0} >= '0', coalesce(nullif(ltrim({0}, '0'), ''), '0'), NULL))"
_INSTANT = "strftime('%Y-%m-%dT%H:%M:%S', {0} / 1000000, 'unixepoch') || printf('.%06dZ', {0} % 1000000)"
_BOOLEAN = "json(iif({0}, 'true', 'false'))"

TAKEN_OVER = f"""
    INSERT INTO chain_pages (chain, owner, names, seen, denied, due_at, rights)
    SELECT
        chain,
        owner,
        group_concat(
            substr(token, -8) || substr(spender, -8)
            || iif(kind = 'permit2', ' ' || substr(token, -8) || substr(iif(via = '', '{PERMIT2}', via), -8), ''),
            ' '
        ),
        group_concat(seen, ''),
        max(denied),
        iif(min(due_at) = 0 OR max(seen), NULL, min(due_at)),
        json_group_array(json_array(
            json_array(
                owner, kind, token, spender, {_INTEGER.format("token_id")}, nullif(via, ''),
                {_INTEGER.format("amount")}, block, tx, {_INSTANT.format("at")}
            ),
            heard,
            {_BOOLEAN.format("orphaned")},
            denied,
            iif(due_at = 0, NULL, {_INSTANT.format("due_at")})
        ))
    FROM (
        SELECT *, (row_number() OVER (PARTITION BY chain, owner ORDER BY id) - 1) / {IN_A_PAGE} AS page
        FROM nominations
    )
    GROUP BY chain, owner, page
    ORDER BY chain, owner, page
"""  # noqa: S608 - put together of what stands above


def upgrade() -> None:
    """Put all rights into pages."""
    op.create_table(
        "chain_pages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("seen", sa.String(100), nullable=False),
        sa.Column("denied", sa.BigInteger()),
        sa.Column("due_at", columns.Instant()),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chain_pages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chain_pages_chain_owner", "chain_pages", ["chain", "owner"])
    denied = sa.text("denied IS NOT NULL")
    op.create_index("ix_chain_pages_chain_denied", "chain_pages", ["chain", "denied"], sqlite_where=denied)
    # As text for the driver: colons in it are no parameters.
    op.get_bind().exec_driver_sql(TAKEN_OVER)
    op.drop_table("nominations")
