"""Which rules devices were judged by, rule by rule."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogue",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
    )
