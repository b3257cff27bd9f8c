"""A verdict is told from another by its digest: nearly all stand, and need not be read."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("verdict", sa.Column("digest", sa.BigInteger()))
