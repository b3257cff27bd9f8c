"""People who sign in by an identity provider: whom it means, and its sessions' ID tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("web_session", sa.Column("id_token", sa.Text(), nullable=True))
    op.create_table(
        "account_link",
        sa.Column("key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.key"], name=op.f("fk_account_link_account_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_account_link")),
        sa.UniqueConstraint(
            "issuer", "claim", "value", name=op.f("uq_account_link_issuer_claim_value")
        ),
    )
    op.create_index("ix_account_link_account_key", "account_link", ["account_key"])
