"""When a mail domain is checked next, and since when a rule fails on it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mail_domain", sa.Column("next_check_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_mail_domain_domain", "mail_domain", ["domain"], unique=False)
    op.create_index("ix_mail_domain_next_check_at", "mail_domain", ["next_check_at"], unique=False)
    op.add_column("mail_verdict", sa.Column("failing_since", sa.BigInteger(), nullable=True))
