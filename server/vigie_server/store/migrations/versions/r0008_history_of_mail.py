"""How verdicts on mail domains changed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mail_transition",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_key"], ["site.key"], name=op.f("fk_mail_transition_site_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_mail_transition")),
    )
    op.create_index(
        "ix_mail_transition_site_key_domain_key", "mail_transition", ["site_key", "domain", "key"]
    )
    op.create_index("ix_mail_transition_at", "mail_transition", ["at"])
