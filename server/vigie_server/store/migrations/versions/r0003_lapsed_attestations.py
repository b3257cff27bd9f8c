"""When the expiry of an attestation was noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attestation", sa.Column("lapsed_at", sa.BigInteger(), nullable=True))
