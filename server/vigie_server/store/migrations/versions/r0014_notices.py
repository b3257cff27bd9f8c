"""Notices: who is told, what was told of, messages and their way."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "notice_recipient",
        sa.Column("key", KEY, nullable=False),
        sa.Column("extent", sa.Text(), nullable=False),
        sa.Column("extent_key", KEY, nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notice_recipient")),
    )
    op.create_table(
        "notice_mark",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_notice_mark_site_key")),
        sa.PrimaryKeyConstraint("site_key", "what", "subject", name=op.f("pk_notice_mark")),
    )
    op.create_table(
        "notice",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_key", KEY, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_notice_site_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notice")),
        sa.UniqueConstraint("id", name=op.f("uq_notice_id")),
    )
    op.create_index("ix_notice_at", "notice", ["at"])
    op.create_table(
        "notice_delivery",
        sa.Column("key", KEY, nullable=False),
        sa.Column("notice_key", KEY, nullable=False),
        sa.Column("recipient_key", KEY, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_key"], ["notice.key"], name=op.f("fk_notice_delivery_notice_key")
        ),
        sa.ForeignKeyConstraint(
            ["recipient_key"],
            ["notice_recipient.key"],
            name=op.f("fk_notice_delivery_recipient_key"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notice_delivery")),
    )
    op.create_index(
        "ix_notice_delivery_state_next_try_at", "notice_delivery", ["state", "next_try_at"]
    )
    op.create_index("ix_notice_delivery_notice_key", "notice_delivery", ["notice_key"])
    op.create_index("ix_notice_delivery_recipient_key", "notice_delivery", ["recipient_key"])
