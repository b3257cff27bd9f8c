"""What is rolled out to agents, and how devices fare with it."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "update_rollout",
        sa.Column("site_key", KEY, nullable=False, autoincrement=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_key", name=op.f("pk_update_rollout")),
    )
    op.create_table(
        "device_update",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_device_update_device_key")
        ),
        sa.PrimaryKeyConstraint("device_key", name=op.f("pk_device_update")),
    )
