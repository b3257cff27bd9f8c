"""Versions of software by site, devices by product, and the day on which an account ends."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "site_software",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_site_software_site_key")),
        sa.PrimaryKeyConstraint(
            "site_key", "platform", "product", "ended", "version", name=op.f("pk_site_software")
        ),
    )
    op.create_index(
        "ix_device_trait_name", "device_trait", ["topic", "name", "device_key", "value"]
    )
    op.add_column("account", sa.Column("expires_at", sa.BigInteger(), nullable=True))
