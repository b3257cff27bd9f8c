"""Devices of some sites in the order of their ids, without reading each of them."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_device_site_key_id", "device", ["site_key", "id"])
