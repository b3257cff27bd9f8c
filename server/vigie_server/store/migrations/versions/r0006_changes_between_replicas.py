"""What replicas tell one another, and where a device's newest session began."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "change",
        sa.Column("key", KEY, nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_change")),
    )
    op.create_index("ix_change_xid_key", "change", ["xid", "key"])
    op.add_column(
        "device",
        sa.Column("session_revision", sa.BigInteger(), nullable=False, server_default="0"),
    )
