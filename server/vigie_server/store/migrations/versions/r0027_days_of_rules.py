"""What rules came to at the end of each day."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTS = ("passing", "failing", "waived", "unknown", "not_applicable")


def upgrade() -> None:
    op.create_table(
        "rule_day",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("site_key", "rule", "day", name=op.f("pk_rule_day")),
        sqlite_with_rowid=False,
    )
