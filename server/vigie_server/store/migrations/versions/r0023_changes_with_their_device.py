"""Changes are passed over for their device by the index that orders them, without being read."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

GONE = ("ix_transition_at_key", "ix_transition_rule_at_key")
MADE = (["at", "key", "device_key"], ["rule", "at", "key", "device_key"])


def upgrade() -> None:
    for columns in MADE:
        op.create_index(f"ix_transition_{'_'.join(columns)}", "transition", columns)
    for name in GONE:
        op.drop_index(name, "transition")
