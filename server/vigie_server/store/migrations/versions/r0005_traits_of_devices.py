"""What a site compares its devices by, taken from their answers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "trait_source",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_trait_source_device_key")
        ),
        sa.PrimaryKeyConstraint("device_key", "topic", name=op.f("pk_trait_source")),
    )
    op.create_table(
        "device_trait",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_device_trait_device_key")
        ),
        sa.PrimaryKeyConstraint(
            "device_key", "topic", "name", "value", name=op.f("pk_device_trait")
        ),
    )
