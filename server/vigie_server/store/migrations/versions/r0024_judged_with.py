"""The index of the rules that devices were judged by leaves out devices that are judged no more."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NAME = "ix_device_judged_with"
JUDGED = sa.text("disabled = ''")


def upgrade() -> None:
    op.drop_index(NAME, "device")
    op.create_index(NAME, "device", ["judged_with"], sqlite_where=JUDGED, postgresql_where=JUDGED)
