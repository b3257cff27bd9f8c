"""Tokens of contractors: what they may see of people, and the secret before a rotation."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_token",
        sa.Column("personal_data", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.execute("UPDATE api_token SET personal_data = false WHERE role = 'contractor'")
    op.add_column("api_token", sa.Column("previous_hash", sa.LargeBinary(), nullable=True))
    op.add_column("api_token", sa.Column("previous_until", sa.BigInteger(), nullable=True))
    op.create_index("ix_api_token_previous_hash", "api_token", ["previous_hash"])
