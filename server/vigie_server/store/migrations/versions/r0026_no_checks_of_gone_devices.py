"""Verdicts on devices that are judged no more have no next check: sweeps came upon it for good."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

LET_GO = """
UPDATE verdict SET next_check_at = NULL
WHERE next_check_at IS NOT NULL
  AND device_key IN (SELECT key FROM device WHERE disabled <> '')
"""


def upgrade() -> None:
    op.execute(LET_GO)
